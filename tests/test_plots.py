"""Figures: what they show is what was computed."""

import io

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from augmentlab import (
    Affine,
    Compose,
    Gamma,
    HorizontalFlip,
    Invert,
    Posterize,
    Rotate,
    Sample,
    Solarize,
    plots,
    study,
    uniform,
)
from augmentlab.data import photos, scattered_digits
from augmentlab.models import knn
from augmentlab.study import Study

PHOTO = np.arange(48 * 32 * 3, dtype=np.uint32).reshape(48, 32, 3).astype(np.uint8)


def shown(axis):
    (image,) = axis.get_images()
    return np.asarray(image.get_array())


def titles(figure):
    return [axis.get_title() for axis in figure.axes if axis.get_visible()]


def test_grid_shows_originals_and_the_draws_of_its_seed():
    pipeline = Compose([HorizontalFlip(p=0.5), Gamma(gamma=uniform(0.5, 2))])
    figure = plots.grid(pipeline, [PHOTO, PHOTO[::-1]], seed=3, draws=2)
    assert isinstance(figure, Figure)
    assert len(figure.axes) == 6
    original, first = shown(figure.axes[0]), shown(figure.axes[1])
    scale = original.shape[0] // PHOTO.shape[0]
    assert (original[::scale, ::scale] == PHOTO).all()
    assert (first[::scale, ::scale] == pipeline(PHOTO, rng=(3, 0, 1))).all()
    assert titles(figure)[:3] == ["original", "draw 1", "draw 2"]


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda: plots.grid(Invert(), np.zeros((51, 8, 8, 3), np.uint8)), ValueError, "images must be 1 to 50 images"),
        (lambda: plots.grid(Invert(), []), ValueError, "images must be 1 to 50 images, one row each; got 0"),
        (lambda: plots.grid(3, PHOTO), TypeError, "a Transform is needed; got 3"),
        (lambda: plots.sweep(3, PHOTO), TypeError, "a Transform is needed; got 3"),
        (lambda: plots.comparison(3), TypeError, r"study must be a Study or the frame of its compare\(\); got int"),
    ],
)
def test_figures_say_what_is_wrong(call, error, sentence):
    with pytest.raises(error, match=sentence):
        call()


def test_grid_draws_the_targets_of_a_sample():
    plain = plots.grid(Invert(), Sample(PHOTO), draws=1)
    boxed = plots.grid(Invert(), Sample(PHOTO, boxes=[[4, 4, 20, 20]]), draws=1)
    assert (shown(plain.axes[0]) != shown(boxed.axes[0])).any()
    without = plots.grid(Invert(), Sample(PHOTO, boxes=[[4, 4, 20, 20]]), draws=1, overlays=False)
    assert (shown(plain.axes[0]) == shown(without.axes[0])).all()


def test_sweep_shows_one_row_a_parameter_and_its_values_across():
    figure = plots.sweep(Affine, PHOTO, ["angle", "scale"], values=3)
    assert titles(figure) == ["-15 deg", "0 deg", "15 deg", "0.8", "1", "1.25"]
    assert (shown(figure.axes[0]) == Affine(angle=-15.0)(PHOTO)).all()
    assert (shown(figure.axes[1]) == PHOTO).all()
    assert figure.axes[3].get_ylabel() == "scale"


def test_sweep_of_all_parameters_keeps_what_is_given():
    figure = plots.sweep(Rotate(border="reflect"), PHOTO, values=3)
    assert (shown(figure.axes[2]) == Rotate(angle=45.0, border="reflect")(PHOTO)).all()


def test_sweep_of_integers_choices_and_given_values():
    assert titles(plots.sweep(Posterize, PHOTO, values=9)) == ["3 bit", "4 bit", "5 bit", "6 bit"]
    assert titles(plots.sweep(Rotate(angle=30), PHOTO, "border"))[:2] == ["constant", "edge"]
    assert titles(plots.sweep(Solarize, PHOTO, "threshold", values=[0.25, 0.5])) == ["0.25", "0.5"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((Invert, PHOTO), "Invert has no parameter with a typical range to sweep"),
        ((Rotate, PHOTO, "agle"), "Rotate has no field 'agle'; its fields are angle, border, fill, p"),
        ((Rotate, PHOTO, "angle", 0), "values must be 1 or more; got 0"),
    ],
)
def test_sweep_says_what_is_wrong(arguments, sentence):
    *rest, values = (*arguments, 7) if len(arguments) < 4 else arguments
    with pytest.raises(ValueError, match=sentence):
        plots.sweep(*rest, values=values)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    data = scattered_digits().subset(range(0, 1797, 4))
    arms = study.combinations({"shift": Affine(translate_x=uniform(-0.19, 0.19)), "flip": HorizontalFlip(p=0.5)})
    path = tmp_path_factory.mktemp("study") / "study.db"
    return Study(data, knn(), arms, draws=3, train_size=60, copies=1, storage=path).run(progress=False)


def test_comparison_shows_every_arm_with_its_interval_in_the_order_of_the_table(finished):
    figure = plots.comparison(finished)
    (axis,) = figure.axes
    table = finished.compare().sort_values("role", kind="stable")  # the second control stands below
    assert [label.get_text() for label in axis.get_yticklabels()] == table["arm"].tolist()
    spans = [tuple(line.get_xdata()) for line in axis.get_lines() if len(line.get_xdata()) == 2]
    for low, high in table[["low", "high"]].to_numpy():
        assert any(np.allclose(span, (low, high)) for span in spans)
    words = [text.get_text() for text in axis.texts]
    assert [word.split()[-1] for word in words] == table["verdict"].tolist()


def test_comparison_of_a_loaded_study_is_the_same(finished):
    loaded = Study.open(finished._storage)
    first, second = plots.comparison(finished), plots.comparison(loaded)
    assert [t.get_text() for t in first.axes[0].texts] == [t.get_text() for t in second.axes[0].texts]


def test_a_notebook_shows_a_figure_by_itself_and_keeps_a_small_one(finished):
    photograph = plots.grid(Invert(), photos().images[0], draws=1)
    for figure, mime in [(plots.comparison(finished), "image/png"), (photograph, "image/jpeg")]:
        whole = io.BytesIO()
        figure.savefig(whole, format="png")
        bundle, sizes = figure._repr_mimebundle_()
        assert list(bundle) == [mime, "text/plain"]
        assert len(bundle[mime]) < whole.tell() / 2
        assert sizes[mime]["width"] > sizes[mime]["height"] / 2
        small, large = (np.asarray(Image.open(one).convert("RGB"), int) for one in (io.BytesIO(bundle[mime]), whole))
        assert np.abs(small - large).mean() < 5, "it looks as the whole one does"


def test_verdicts_differ_without_colour():
    marks = {(style["marker"], style["markerfacecolor"] == "white") for style in plots.VERDICT_STYLE.values()}
    assert len(marks) == len(plots.VERDICT_STYLE)
