"""Figures of studies: what they draw is what the frame says. The numbers are made up."""

import importlib.util
import io
import itertools
import re
import warnings
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from augmentlab import plots

DOCS = Path(__file__).parents[1] / "docs"


def load(name):
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


gallery = load("gallery")
STEPS = gallery.MadeUp(dict.fromkeys(gallery.ONE_STEP, (False, True)))
LADDER = gallery.MadeUp({"step": ("Rotate", "Gamma"), "strength": (0.2, 0.4, 0.6, 0.8, 1.0)})
GRID = gallery.MadeUp({"Rotate.angle": (5, 15, 45), "Rotate.p": (0.25, 0.5, 1.0), "Affine.border": ("edge", "wrap")})
MANY = gallery.MadeUp({f"step{k}": (False, True) for k in range(8)})
# Each plot and the method whose frame it reads.
METHODS = {
    plots.comparison: "compare",
    plots.effects: "effects",
    plots.interactions: "effects",
    plots.shapley: "effects",
    plots.learning_curve: "learning_curve",
    plots.strength: "compare",
    plots.robustness: "robustness",
    plots.parallel: "compare",
    plots.cost: "compare",
}
BY_NAME = {plot.__name__: plot for plot in METHODS}
every_plot = pytest.mark.parametrize("name", BY_NAME)


def frame_for(name, study=None):
    """The frame that a plot takes, its factors beside it where it needs them."""
    study = study or (LADDER if name == "strength" else STEPS)
    frame = getattr(study, METHODS[BY_NAME[name]])()
    if name not in {"strength", "parallel"}:
        return frame
    levels = study.to_frame().drop_duplicates("arm").set_index("arm")[list(study.factors)]
    joined = frame.join(levels, on="arm")
    joined.attrs = frame.attrs
    return joined[joined["step"] != "Gamma"] if "step" in joined else joined


def drawn(plot, *arguments, **options):
    """A figure, once it has been laid out and drawn without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = plot(*arguments, **options)
        figure.draw_without_rendering()
    return figure


def sections(axis):
    """Ends of the lines of two points, other than those across the whole axis."""
    data = axis.transData
    return [
        line.get_xdata() for line in axis.get_lines() if len(line.get_xdata()) == 2 and line.get_transform() == data
    ]


def dots(axis):
    return [line.get_xdata()[0] for line in axis.get_lines() if len(line.get_xdata()) == 1]


def words(axis):
    return [text.get_text() for text in axis.texts]


def labels(axis):
    return [label.get_text() for label in axis.get_yticklabels()]


def numbers(texts):
    return [float(text.split()[0].replace("\N{MINUS SIGN}", "-")) for text in texts]


def title(figure):
    return figure.get_suptitle().replace("\n", " ")


# --- all of them ---------------------------------------------------------------------------------------------------


@every_plot
def test_a_study_and_the_frame_that_it_gives_make_one_figure(name):
    study = LADDER if name == "strength" else STEPS
    options = {"by": "step"} if name == "strength" else {}
    frame = getattr(study, METHODS[BY_NAME[name]])()
    if name in {"strength", "parallel"}:
        attrs = frame.attrs
        frame = frame.join(study.to_frame().drop_duplicates("arm").set_index("arm")[list(study.factors)], on="arm")
        frame.attrs = attrs
    of_study, of_frame = BY_NAME[name](study, **options), BY_NAME[name](frame, **options)
    assert isinstance(of_study, Figure)
    for first, second in zip(of_study.axes, of_frame.axes, strict=True):
        assert words(first) == words(second)
        pairs = zip(first.get_lines(), second.get_lines(), strict=True)
        assert all(np.array_equal(a.get_xydata(), b.get_xydata(), equal_nan=True) for a, b in pairs)
    assert title(of_study) == title(of_frame)


@every_plot
def test_what_is_neither_study_nor_frame_is_refused(name):
    method = METHODS[BY_NAME[name]]
    with pytest.raises(TypeError, match=re.escape(f"study must be a Study or the frame of its {method}(); got list")):
        BY_NAME[name]([1, 2])
    with pytest.raises(ValueError, match=re.escape(f"the frame of its {method}(), with the columns")):
        BY_NAME[name](pd.DataFrame({"x": [1]}))
    with pytest.raises(ValueError, match="with one row or more; got an empty one"):
        BY_NAME[name](frame_for(name).iloc[:0])


@every_plot
def test_missing_numbers_leave_gaps(name):
    frame = frame_for(name)
    half = frame.index % 2 == 1
    for column in {"mean", "difference", "effect", "low", "high", "p", "seconds"} & set(frame):
        frame.loc[half, column] = np.nan
    drawn(BY_NAME[name], frame)
    for column in {"mean", "difference", "effect", "low", "high", "p", "seconds"} & set(frame):
        frame[column] = np.nan
    drawn(BY_NAME[name], frame)


@every_plot
def test_a_frame_of_one_row_is_drawn(name):
    kind = "shapley" if name == "shapley" else "main"
    frame = frame_for(name)
    frame = frame[frame["kind"] == kind] if "kind" in frame else frame
    drawn(BY_NAME[name], frame.iloc[:1])


@pytest.mark.parametrize("name", [name for name in BY_NAME if name not in {"strength", "learning_curve", "robustness"}])
def test_many_rows_make_no_endless_figure(name):
    figure = drawn(BY_NAME[name], frame_for(name, MANY))
    assert figure.get_figheight() < 17
    assert figure.get_figwidth() < 17


@every_plot
def test_a_frame_without_attributes_is_one_of_accuracies(name):
    frame = frame_for(name)
    frame.attrs = {}
    figure = BY_NAME[name](frame)
    text = " ".join(axis.get_xlabel() + axis.get_ylabel() for axis in figure.axes)
    assert "accuracy" in text


@every_plot
def test_another_metric_keeps_its_numbers_and_its_name(name):
    frame = frame_for(name)
    frame.attrs = {**frame.attrs, "metric": "log loss", "unit": "nats", "control_mean": -1.25}
    figure = BY_NAME[name](frame)
    text = " ".join(axis.get_xlabel() + axis.get_ylabel() for axis in figure.axes)
    assert "nats" in text
    assert "log loss" in text
    assert "%" not in text
    if name == "learning_curve":
        (line,) = (line for line in figure.axes[0].get_lines() if line.get_label() == "control")
        assert np.allclose(line.get_ydata(), frame.loc[frame["arm"] == "control", "mean"])


# --- comparison ----------------------------------------------------------------------------------------------------


def test_comparison_draws_the_differences_their_intervals_and_the_verdicts():
    table = STEPS.compare()
    (axis,) = plots.comparison(table.sample(frac=1, random_state=0)).axes
    table = pd.concat([table[table["role"] == "arm"], table[table["role"] == "control"]])  # the control comes last
    assert labels(axis) == table["arm"].tolist()
    assert np.allclose(dots(axis), table["difference"])
    assert np.allclose(sections(axis), table[["low", "high"]])
    assert [word.split()[-1] for word in words(axis)] == table["verdict"].tolist()
    assert np.allclose(numbers(words(axis)), table["difference"], atol=0.05)
    assert axis.get_xlabel() == "difference to the control in points of accuracy (control 44.1 %)"


def test_hollow_is_undecided_and_nothing_else():
    table = STEPS.compare()
    table.loc[0, "verdict"], table.loc[1, "verdict"] = "undecided", "identical"
    for figure in (plots.comparison(table), plots.cost(table)):
        drawn = [line for line in figure.axes[0].get_lines() if line.get_marker() in line.filled_markers]
        hollow = sum(len(line.get_xdata()) for line in drawn if line.get_markerfacecolor() == "white")
        assert hollow == (table["verdict"] == "undecided").sum()


def test_the_second_control_stands_below_a_rule():
    (axis,) = plots.comparison(STEPS).axes
    (rule,) = (line.get_ydata()[0] for line in axis.get_lines() if line.get_color() == "#BBBBBB")
    heights = axis.get_yticks()
    assert heights[-2] < rule < heights[-1]


def test_of_many_arms_the_first_and_the_last_are_shown():
    table = MANY.compare()
    table["arm"] = [label.replace("step", "s") for label in table["arm"]]  # all on one line
    (axis,) = plots.comparison(table, most=10).axes
    arms = table.loc[table["role"] == "arm", "arm"].tolist()
    assert labels(axis) == [*arms[:5], f"… and {len(arms) - 10} more", *arms[-5:], "TrivialAugment"]
    first, last = table.loc[table["arm"].isin([arms[5], arms[-6]]), "difference"]
    assert np.allclose(
        [float(word.replace("\N{MINUS SIGN}", "-")) for word in words(axis)[5].split(" to ")], [first, last], atol=0.05
    )
    with pytest.raises(ValueError, match="most must be an int >= 2; got 1"):
        plots.comparison(table, most=1)


def test_an_arm_without_a_result_says_so_and_comes_last():
    table = STEPS.compare()
    table.loc[0, ["mean", "difference", "low", "high", "p"]] = np.nan
    (axis,) = plots.comparison(table).axes
    at = labels(axis).index(table["arm"][0])
    assert at == len(labels(axis)) - 2  # before the second control
    assert words(axis)[at] == "no result"


# --- effects -------------------------------------------------------------------------------------------------------


def test_effects_are_drawn_in_two_groups_largest_first():
    table = STEPS.effects()
    (axis,) = plots.effects(table).axes
    groups = [table[table["kind"] == kind].sort_values("effect", ascending=False) for kind in ("main", "interaction")]
    names = [group["term"].str.replace(":", " \N{MULTIPLICATION SIGN} ").tolist() for group in groups]
    assert labels(axis) == ["main effects", *names[0], "interactions", *names[1]]
    shown = pd.concat(groups)
    assert np.allclose(dots(axis), shown["effect"])
    assert np.allclose(sections(axis), shown[["low", "high"]])
    markers = [line.get_marker() for line in axis.get_lines() if len(line.get_xdata()) == 1]
    filled = [line.get_markerfacecolor() != "white" for line in axis.get_lines() if len(line.get_xdata()) == 1]
    assert filled == (shown["p"] < 0.05).tolist()
    sure = shown["p"].to_numpy() < 0.05
    assert [marker for marker, one in zip(markers, sure, strict=True) if one] == [
        "o" if effect > 0 else "s" for effect in shown.loc[sure, "effect"]
    ]


def test_an_effect_of_exactly_nothing_is_marked_as_identical():
    table = STEPS.effects()
    table.loc[0, ["effect", "low", "high", "p"]] = [0.0, 0.0, 0.0, np.nan]
    (axis,) = plots.effects(table).axes
    (line,) = (line for line in axis.get_lines() if line.get_marker() == plots.VERDICT_STYLE["identical"]["marker"])
    assert line.get_marker() in line.filled_markers  # a stroke would be lost in the line at zero


def test_interactions_hold_each_pair_once_and_the_main_effects_on_the_diagonal():
    table = STEPS.effects().set_index("term")
    axis = plots.interactions(STEPS).axes[0]
    (image,) = axis.get_images()
    values = np.ma.filled(image.get_array(), np.nan)
    names = labels(axis)
    for row, one in enumerate(names):
        for column, other in enumerate(names):
            if column > row:
                assert np.isnan(values[row, column])
            elif column == row:
                assert values[row, row] == table[table["kind"] == "main"].loc[one, "effect"]
            else:
                assert values[row, column] == table.loc[f"{other}:{one}", "effect"]
    assert image.norm.vmin == -image.norm.vmax == -np.nanmax(np.abs(values))
    assert np.allclose(numbers(words(axis)), values[np.isfinite(values)], atol=0.05)
    bold = [text.get_text() for text in axis.texts if text.get_fontweight() == "bold"]
    assert len(bold) == (table.loc[table["kind"] != "shapley", "p"] < 0.05).sum()


def test_shapley_shares_are_bars_with_intervals_and_their_total_is_in_the_title():
    table = STEPS.effects()
    figure = plots.shapley(table)
    (axis,) = figure.axes
    shares = table[table["kind"] == "shapley"].sort_values("effect", ascending=False)
    assert np.allclose([bar.get_width() for bar in axis.patches], shares["effect"])
    assert np.allclose(sections(axis), shares[["low", "high"]])
    assert labels(axis) == shares["term"].tolist()
    assert f"{table.attrs['total']:+.1f} points" in title(figure)


@pytest.mark.parametrize(("name", "kind"), [("effects", "shapley"), ("interactions", "shapley"), ("shapley", "main")])
def test_effects_of_the_wrong_kind_are_refused(name, kind):
    table = STEPS.effects()
    with pytest.raises(ValueError, match="study must have effects of kind"):
        BY_NAME[name](table[table["kind"] == kind])


# --- learning curve ------------------------------------------------------------------------------------------------


def curve(**attrs):
    frame = STEPS.learning_curve()
    frame.attrs = {**frame.attrs, **attrs}
    return frame


def test_a_learning_curve_reaches_as_far_as_the_rate_says():
    frame = curve()
    (axis,) = plots.learning_curve(frame).axes
    control = frame[frame["arm"] == "control"]
    lines = {line.get_label(): line for line in axis.get_lines()}
    assert np.allclose(lines["control"].get_xydata(), np.column_stack([control["n"], 100 * control["mean"]]))
    assert lines["shift"].get_xydata().tolist() == [[300, 100 * frame["mean"].iloc[-1]]]
    ends = [line.get_xdata().tolist() for line in axis.get_lines() if len(line.get_xdata()) == 2]
    assert np.allclose(sorted(ends), [[300, 780], [660, 900]])
    band = axis.collections[0].get_paths()[0].vertices
    assert {*np.round(100 * control["low"], 6), *np.round(100 * control["high"], 6)} <= {*np.round(band[:, 1], 6)}
    assert words(axis) == ["worth 2.6\N{MULTIPLICATION SIGN} the data"]
    assert axis.get_xaxis().get_transform().base == 2


def test_the_title_of_a_learning_curve_is_its_sentence():
    assert title(plots.learning_curve(curve())) == curve().attrs["sentence"]


def test_a_curve_that_is_never_reached_says_how_far_it_goes():
    (axis,) = plots.learning_curve(curve(rate=np.inf, rate_high=np.inf)).axes
    assert words(axis) == ["worth more than 4\N{MULTIPLICATION SIGN} the data"]
    ends = [line.get_xdata()[1] for line in axis.get_lines() if len(line.get_xdata()) == 2]
    assert ends == [axis.get_xlim()[1]] * 2


def test_an_arm_that_is_worth_less_than_its_data_reaches_back():
    (axis,) = drawn(plots.learning_curve, curve(rate=0.7, rate_low=0.0, rate_high=0.9)).axes
    assert words(axis) == ["worth 0.7\N{MULTIPLICATION SIGN} the data"]
    ends = sorted(line.get_xdata().tolist() for line in axis.get_lines() if len(line.get_xdata()) == 2)
    assert np.allclose(ends, [[axis.get_xlim()[0], 270], [300, 210]])


def test_without_a_rate_there_is_no_reach():
    (axis,) = drawn(plots.learning_curve, curve(rate=np.nan)).axes
    assert words(axis) == []


# --- strength ------------------------------------------------------------------------------------------------------


def test_each_level_has_its_difference_and_its_interval():
    figure = plots.strength(LADDER, by="step")
    table = LADDER.compare().merge(LADDER.to_frame().drop_duplicates("arm")[["arm", "step", "strength"]], on="arm")
    axis = figure.axes[0]
    lines = {line.get_label(): line for line in axis.get_lines()}
    bands = axis.collections
    for step, band in zip(("Gamma", "Rotate"), bands, strict=True):
        part = table[table["step"] == step].sort_values("strength")
        assert np.allclose(lines[f"step {step}"].get_xydata(), part[["strength", "difference"]])
        edge = band.get_paths()[0].vertices[:, 1]
        assert {*np.round(part["low"], 6), *np.round(part["high"], 6)} <= {*np.round(edge, 6)}
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["step Gamma", "step Rotate"]


@pytest.mark.parametrize(
    ("study", "arguments", "sentence"),
    [
        (LADDER, ("strenth",), "factor must be a factor of the study, one of: step, strength; got 'strenth'"),
        (STEPS, (), "factor must be a factor of the study, one of: shift, rotate, noise, erase; got 'strength'"),
        (LADDER, ("strength", "p"), "by must be a factor of the study, one of: step, strength; got 'p'"),
        (LADDER, ("strength",), r"by must name what else differs where strength is 0.2: step"),
        (LADDER, ("step",), "factor must have numbers as levels; 'step' has 'Rotate'"),
        (STEPS, ("shift",), "factor must have numbers as levels; 'shift' has True"),
        (
            gallery.MadeUp({"strength": (0.5, 1.0), "kind": tuple(map(str, range(40)))}),
            ("strength", "kind"),
            "by must make 32 lines or fewer; kind make 40",
        ),
    ],
)
def test_strength_says_what_is_wrong(study, arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        plots.strength(study, *arguments)


# --- robustness ----------------------------------------------------------------------------------------------------


def test_robustness_shows_each_model_on_one_scale():
    frame = STEPS.robustness()
    figure = plots.robustness(frame.sample(frac=1, random_state=1))
    shown = {axis.get_title(): axis for axis in figure.axes if axis.get_images()}
    assert list(shown) == ["control", "shift"]
    names = labels(figure.axes[0])
    strengths = sorted(set(frame["strength"]))
    scales = set()
    for model, axis in shown.items():
        (image,) = axis.get_images()
        wide = frame[frame["model"] == model].pivot_table(index="transform", columns="strength", values="mean")
        assert np.allclose(image.get_array(), 100 * wide.loc[names, strengths])
        assert words(axis) == [f"{value:.0f}" for value in np.ravel(image.get_array())]
        scales.add(image.get_clim())
    frame.attrs = {"metric": "log loss", "unit": "nats"}
    negative = plots.robustness(frame.assign(mean=-frame["mean"]))
    assert words(negative.axes[0])[0] == "\N{MINUS SIGN}0.44"
    assert scales == {(100 * frame["mean"].min(), 100 * frame["mean"].max())}


# --- parallel ------------------------------------------------------------------------------------------------------


def strands(axis):
    """Heights of each strand on the axes."""
    return np.array(axis.collections[0].get_segments())[:, :, 1]


def test_strands_end_at_their_differences_and_pass_their_levels():
    axis, right = plots.parallel(GRID).axes
    table = GRID.compare().merge(GRID.to_frame().drop_duplicates("arm")[["arm", *GRID.factors]], on="arm")
    table = table[table["role"] == "arm"].sort_values("difference")
    shown = strands(axis)
    shown = shown[np.argsort(shown[:, -1])]
    pixels = axis.transData.transform(np.column_stack([np.zeros(len(shown)), shown[:, -1]]))
    assert np.allclose(right.transData.inverted().transform(pixels)[:, 1], table["difference"])
    for place, (name, levels) in enumerate(GRID.factors.items()):
        groups = [shown[(table[name] == level).to_numpy(), place] for level in levels]
        for lower, upper in itertools.pairwise(groups):
            assert lower.max() < upper.min()
        for group in groups:
            assert (np.diff(group) > 0).all()  # within a level by the difference
    assert [label.get_text() for label in axis.get_xticklabels()] == [*GRID.factors, "difference"]
    assert {"5", "15", "45", "0.25", "0.5", "1", "edge", "wrap"} == set(words(axis))


def test_the_best_strand_is_the_thickest_and_the_bluest():
    (strand,) = plots.parallel(GRID).axes[0].collections
    thickest = np.argmax(strand.get_linewidths())
    ends = [segment[-1, 1] for segment in strand.get_segments()]
    assert np.argmax(ends) == thickest
    red, _, blue, _ = strand.get_colors()[thickest]
    assert blue > red


def test_a_factor_of_many_numbers_is_an_axis_of_numbers():
    angles = tuple(np.random.default_rng(0).uniform(5, 45, 20))
    study = gallery.MadeUp({"Rotate.angle": angles, "Rotate.p": (0.5, 1.0)})
    axis = plots.parallel(study).axes[0]
    heights = sorted(set(np.round(strands(axis)[:, 0], 9)))
    assert np.allclose(heights, (np.sort(angles) - min(angles)) / np.ptp(angles))


def test_parallel_takes_the_factors_that_are_named():
    axis = plots.parallel(GRID, ["Rotate.p"]).axes[0]
    assert [label.get_text() for label in axis.get_xticklabels()] == ["Rotate.p", "difference"]
    with pytest.raises(ValueError, match=r"factors must be factors of the study, some of: .*; got 'angle'"):
        plots.parallel(GRID, ["angle"])
    with pytest.raises(ValueError, match="factors must be one or more; got none"):
        plots.parallel(STEPS.compare())


# --- cost ----------------------------------------------------------------------------------------------------------


def front(axis):
    (line,) = (line for line in axis.get_lines() if line.get_label() == "front")
    return line.get_xydata()


def test_cost_draws_seconds_differences_and_the_front():
    table = STEPS.compare()
    (axis,) = plots.cost(table, labels=0).axes
    points = [point for line in axis.get_lines() if line.get_marker() != "None" for point in line.get_xydata().tolist()]
    assert sorted(points) == sorted(table[["seconds", "difference"]].to_numpy().tolist())
    beaten = [
        ((table["seconds"] < row["seconds"]) & (table["difference"] > row["difference"])).any()
        or row["difference"] <= 0
        for _, row in table.iterrows()
    ]
    expected = table[~np.array(beaten)].sort_values("seconds")
    assert np.allclose(front(axis), expected[["seconds", "difference"]])
    ends = [segment[:, 1].tolist() for lines in axis.collections for segment in lines.get_segments()]
    assert sorted(ends) == sorted(table[["low", "high"]].to_numpy().tolist())


def test_a_front_has_no_arm_that_is_worse_than_the_control():
    table = STEPS.compare().assign(difference=-1.0)
    (axis,) = plots.cost(table, labels=0).axes
    assert len(front(axis)) == 0


def test_names_of_points_do_not_cover_each_other():
    figure = drawn(plots.cost, MANY)
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    assert 1 < len(boxes) <= 12
    assert not any(one.overlaps(other) for at, one in enumerate(boxes) for other in boxes[:at])
    assert not plots.cost(MANY, labels=0).axes[0].texts


def test_costs_of_different_orders_have_a_logarithmic_axis():
    table = STEPS.compare()
    assert plots.cost(table, labels=0).axes[0].get_xscale() == "linear"
    table.loc[0, "seconds"] = 100.0
    assert plots.cost(table, labels=0).axes[0].get_xscale() == "log"


# --- the page ------------------------------------------------------------------------------------------------------


def test_the_page_has_a_picture_of_every_plot():
    page = (DOCS / "plots.md").read_text(encoding="utf-8")
    blocks = [(block["call"], block["path"]) for block in gallery.BLOCK.finditer(page)]
    names = [name for name in plots.__all__ if callable(getattr(plots, name))]
    assert sorted(re.match(r"plots\.(\w+)\(", call)[1] for call, _ in blocks) == sorted(names)
    assert sorted(path for _, path in blocks) == sorted(f"figures/{name}.png" for name in names)
    assert page.count("```python") == page.count("```{image}") == len(blocks)


@pytest.mark.slow
def test_each_call_on_the_page_makes_a_figure():
    assert all(isinstance(figure, Figure) for _, figure in gallery.figures(DOCS / "plots.md"))


@pytest.mark.parametrize("name", ["a$b^$", "$a$ $b^$", "cost $5 vs $10", "bell \x07 and \x1b[31m"])
def test_names_are_text_and_no_mathematics(name):
    table = STEPS.compare()
    table.loc[table.index[0], "arm"] = name
    table.attrs["name"] = name
    for plot in (plots.comparison, plots.cost):
        stream = io.BytesIO()
        plot(table).savefig(stream, format="svg")
        ET.fromstring(stream.getvalue().decode())
