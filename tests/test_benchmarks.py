"""The benchmark suite: what is pure in it, and that every library does the work that it is said to do. Nothing is timed."""

import dataclasses
import json
import re

import numpy as np
import pytest

from benchmarks import measure, peers, report, run, works
from benchmarks.measure import Timing

# Libraries that are measured beside ours warn of their own affairs while they load and run.
pytestmark = pytest.mark.filterwarnings("default")

SIDE = 32
IMAGES = [work for work in works.WORKS if work.kind == "image"]
BY_KIND = {kind: [work for work in works.WORKS if work.kind == kind] for kind in ("many", "threads")}


def timing(*seconds, repeats=1, slower=1.0):
    return Timing(repeats, seconds, tuple(one * slower for one in seconds))


@pytest.fixture(scope="module")
def libraries():
    loaded, missing = peers.installed()
    assert set(loaded) | set(missing) == set(peers.NAMES)
    return loaded


@pytest.fixture(scope="module")
def small():
    """A photo and a few small images, so that every work is quick."""
    return {
        "image": works.photo(SIDE),
        "many": {channels: works.small_images(SIDE, channels, 6) for channels in (1, 3)},
        "threads": np.stack([works.photo(SIDE)] * 4),
    }


def images_of(work, small):
    return small["many"][work.channels] if work.kind == "many" else small[work.kind]


# --- ratios ------------------------------------------------------------------------------------------------------------


def test_a_ratio_is_formed_within_each_round():
    # Each round is disturbed by another factor; the ratio of the medians would be 2 / 3.
    ours, theirs = timing(1, 2, 30, 4, 5), timing(2, 4, 60, 8, 3)
    assert measure.ratio(ours, theirs) == measure.Ratio(0.5, 0.5, 0.5)


def test_a_ratio_tells_the_quartiles_and_can_go_by_the_wall():
    ours, theirs = timing(1, 2, 3, 4, 5, slower=3), timing(1, 1, 1, 1, 1)
    assert measure.ratio(ours, theirs) == measure.Ratio(3, 2, 4)
    assert measure.ratio(ours, theirs, "wall") == measure.Ratio(9, 6, 12)


def test_rounds_that_do_not_belong_together_are_refused():
    with pytest.raises(ValueError, match="same rounds; got 2 and 3"):
        measure.ratio(timing(1, 2), timing(1, 2, 3))


def test_every_round_measures_every_side_once_and_in_changing_order():
    called = []
    calls = {name: lambda name=name: called.append(name) for name in "abc"}
    timings = measure.interleaved(calls, 6, np.random.default_rng(0), target=0.0)
    assert set(timings) == set("abc")
    assert all(len(one.cpu) == len(one.wall) == 6 for one in timings.values())
    measurements = called[-sum(6 * one.repeats for one in timings.values()) :]
    assert {name: measurements.count(name) for name in "abc"} == {
        name: 6 * one.repeats for name, one in timings.items()
    }
    assert all(one.repeats == 1 for one in timings.values())
    orders = {tuple(measurements[start : start + 3]) for start in range(0, 18, 3)}
    assert len(orders) > 1
    assert all(set(order) == set("abc") for order in orders)


def test_long_works_get_fewer_rounds_but_all_sides_the_same(monkeypatch):
    monkeypatch.setattr(measure, "LONG_ROUND", 0.0)
    timings = measure.interleaved({"a": int, "b": int}, 50, np.random.default_rng(0), target=0.0)
    assert {len(one.cpu) for one in timings.values()} == {measure.FEW}


def test_a_quick_call_is_repeated_and_a_long_one_made_once(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(measure.time, "perf_counter", lambda: clock[0])

    def taking(seconds):
        def call():
            clock[0] += seconds

        return call

    assert measure.calibrated(taking(1e-4), 0.01) == 100
    assert measure.calibrated(taking(3.0), 0.01) == 1


# --- works -------------------------------------------------------------------------------------------------------------


def test_every_work_has_a_name_of_its_own_and_known_libraries():
    assert len({work.name for work in works.WORKS}) == len(works.WORKS)
    assert {name for work in works.WORKS for name in work.peers} == set(peers.NAMES)
    assert {work.goal.text for work in works.WORKS if work.goal} == {goal.text for goal in works.GOALS}
    for work in works.WORKS:
        if work.goal is not None:
            assert "Albumentations" in work.peers
            assert set(work.goal.limits) <= set(work.sides), work.name
    names = {work.name for work in works.WORKS}
    assert set(works.NOTES) <= names
    assert {key[0] if isinstance(key, tuple) else key for key in works.EXPLANATIONS} <= names


def test_the_goal_depends_on_stringzilla_where_it_says_so():
    assert works.TABLES.limit(256, stringzilla=False) == 3.0
    assert works.TABLES.limit(256, stringzilla=True) == 1.3
    assert works.MOVES.limit(512, stringzilla=True) == 0.75
    assert works.MOVES.limit(2048, stringzilla=True) is None


@pytest.mark.parametrize("side", [16, 512, 600])
def test_the_photo_has_the_side_that_was_asked_for(side):
    image = works.photo(side)
    assert image.shape == (side, side, 3)
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous
    assert image.std() > 30


def test_small_images_differ():
    images = works.small_images(28, 1, 50)
    assert images.shape == (50, 28, 28)
    assert len(np.unique(images.reshape(50, -1), axis=0)) == 50


@pytest.mark.parametrize("work", works.WORKS, ids=lambda work: work.name)
def test_ours_runs_and_changes_the_image(work, small):
    images = images_of(work, small)
    call = run.calls_of(work, SIDE, {}, images)[peers.OURS]
    result = call()
    assert work.kind == "image" or len(result) == len(images)
    assert result.flags.c_contiguous
    assert result.ndim == images.ndim
    assert result.dtype.name in {"uint8", "float32"}
    assert any(not np.array_equal(call(), images) for _ in range(8))  # a quarter turn may be by 0


@pytest.mark.parametrize("name", peers.NAMES)
def test_a_library_gives_the_same_kind_of_result_as_ours(name, libraries, small):
    if name not in libraries:
        pytest.skip(f"{name} is not installed")
    (peer,) = (one for one in peers.PEERS if one.name == name)
    for work in (*IMAGES, *BY_KIND["many"]):
        if name not in work.peers:
            continue
        images = images_of(work, small)
        calls = run.calls_of(work, SIDE, {name: libraries[name]}, images)
        ours, theirs = calls[peers.OURS](), peer.array(calls[name]())
        if work.name != "Rescale, growing":  # its size is drawn
            assert theirs.shape == ours.shape, work.name
        if name != "Kornia":  # always float
            assert theirs.dtype == ours.dtype, work.name
        assert np.isfinite(theirs).all(), work.name


def test_threads_are_measured_with_one_and_with_two(libraries, small):
    for work in BY_KIND["threads"]:
        calls = run.calls_of(work, SIDE, libraries, small["threads"])
        assert {peers.OURS, peers.OURS + run.TWO} <= set(calls)
        np.testing.assert_array_equal(*(call().shape for name, call in calls.items() if name.startswith(peers.OURS)))


def test_each_call_draws_anew_with_one_generator_and_with_a_stream_each(small):
    (work,) = (one for one in works.WORKS if one.name == "Rotate")
    calls = run.calls_of(work, SIDE, {}, small["image"])
    assert set(calls) == {peers.OURS, peers.OURS + run.STREAMS}
    assert not any(np.array_equal(call(), call()) for call in calls.values())
    again = run.calls_of(work, SIDE, {}, small["image"])[peers.OURS + run.STREAMS]
    np.testing.assert_array_equal(again(), work.ours(SIDE)(small["image"], rng=(0, 0, 0)))


# --- libraries that are not there --------------------------------------------------------------------------------------


def test_a_library_that_is_not_installed_is_left_out_by_name(monkeypatch):
    def missing():
        raise ModuleNotFoundError("No module named 'rare'", name="rare")

    monkeypatch.setattr(peers, "PEERS", tuple(dataclasses.replace(one, load=missing) for one in peers.PEERS))
    loaded, left_out = peers.installed()
    assert loaded == {}
    assert left_out == dict.fromkeys(peers.NAMES, "rare is not installed")


def test_a_library_that_fails_is_left_out_with_its_words_and_ours_is_not():
    def fails():
        raise RuntimeError("no such operator\nmore of it")

    working, failed = run.warmed_up({peers.OURS: int, "Kornia": fails})
    assert working == {peers.OURS: int}
    assert failed == {"Kornia": "RuntimeError: no such operator"}
    with pytest.raises(RuntimeError, match="no such operator"):
        run.warmed_up({peers.OURS: fails})


# --- reports -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def made_up():
    ours = timing(1.0, 2.0, 3.0)
    results = (
        run.Result("Eight steps", 128, {"augmentlab": ours, "Albumentations": timing(10, 20, 30)}, {}),
        run.Result("Eight steps", 256, {"augmentlab": timing(4, 8, 12), "Albumentations": timing(8, 16, 24)}, {}),
        run.Result(
            "Rotate",
            256,
            {
                "augmentlab": ours,
                "augmentlab, a stream for each image": timing(1.5, 3.0, 4.0),
                "Albumentations": timing(2, 4, 5),
                "Pillow": ours,
            },
            {},
        ),
        run.Result("D4", 256, {"augmentlab": ours}, {"Albumentations": "RuntimeError: broken"}),
        run.Result(
            "Eight steps, two threads",
            256,
            {
                "augmentlab": timing(1, 1, 1, slower=3.4),
                "augmentlab, two threads": timing(1, 1, 1, slower=2),
                "Albumentations": timing(1, 1, 1, slower=4),
                "Albumentations, two threads": timing(1, 1, 1, slower=4),
            },
            {},
        ),
    )
    return run.Run(
        "2026-01-02",
        "python -m benchmarks --write-docs",
        {"CPU": "abacus"},
        {"augmentlab": "0.1.0"},
        {"Kornia": "kornia is not installed"},
        True,
        results,
    )


def test_the_page_tells_goals_met_and_missed(made_up):
    text = report.page(made_up)
    assert "2 of 4 are met" not in text
    assert "3 of 4 are met" in text
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in text.splitlines() if row.startswith("|")]
    goals = {(row[1], row[2]): row[3:8] for row in rows if len(row) == 9 and row[2].isdigit()}
    assert goals == {
        ("Eight steps", "128"): ["≤ 0.2", "0.10", "0.10 to 0.10", "", "met"],
        ("Eight steps", "256"): ["≤ 0.25", "0.50", "0.50 to 0.50", "", "**not met**"],
        ("Rotate", "256"): ["≤ 0.5", "0.50", "0.50 to 0.55", "0.75", "met"],
        ("Eight steps, two threads", "256"): ["≥ 1.6", "1.7", "1.7 to 1.7", "", "met"],
    }


def test_the_page_holds_what_one_needs_to_judge_it(made_up):
    text = report.page(made_up)
    for word in (
        "python -m benchmarks --write-docs",
        "2026-01-02",
        "abacus",
        "0.1.0",
        "Kornia (kornia is not installed)",
        "Albumentations at D4, 256 px (RuntimeError: broken)",
        "_static/benchmarks.png",
        works.NOTES["Eight steps"],
    ):
        assert word in text
    widths = [row.count("|") for block in re.split(r"\n\n", text) for row in block.splitlines() if row.startswith("|")]
    assert min(widths) >= 3
    for block in text.split("\n\n"):
        lines = block.splitlines()
        if lines[0].startswith("|"):
            assert len({row.count("|") for row in lines}) == 1


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0996, "0.10"), (0.1234, "0.12"), (0.3, "0.30"), (0.996, "1.0"), (1.26, "1.3"), (9.96, "10"), (123.4, "123")],
)
def test_figures_have_two_digits(value, text):
    assert report.figure(value) == text


def test_growth_is_told_per_pixel(made_up):
    growth = report.page(made_up).partition("## Growth")[2].partition("## ")[0]
    # 2 s at 128 px and 8 s at 256 px are the same for a pixel.
    assert [row.split("|")[2].strip() for row in growth.splitlines() if row.startswith(("| 128", "| 256"))] == [
        "1.0",
        "1.0",
    ]


def test_explanations_stand_beside_their_figures(made_up, monkeypatch):
    monkeypatch.setitem(works.EXPLANATIONS, ("Eight steps", 256), "half of it is noise")
    (row,) = (one for one in report.page(made_up).splitlines() if "half of it is noise" in one)
    assert "not met" in row


def test_json_comes_back_as_it_went(made_up):
    text = report.to_json(made_up)
    assert json.loads(text)["results"][0]["timings"]["augmentlab"]["cpu"] == [1.0, 2.0, 3.0]
    assert report.from_json(text) == made_up
    with pytest.raises(ValueError, match="schema_version"):
        report.from_json("{}")


def test_a_line_tells_the_goal_and_what_failed(made_up):
    lines = [report.line(result, stringzilla=True) for result in made_up.results]
    assert "<=0.2 met" in lines[0]
    assert "<=0.25 no" in lines[1]
    assert "Albumentations left out: RuntimeError: broken" in lines[3]
    assert ">=1.6 met" in lines[4]
    assert "3400000 us" in lines[4]


def test_the_plot_has_a_dot_for_each_work_and_side(made_up, tmp_path):
    report.write(made_up, tmp_path)
    assert (tmp_path / "_static" / "benchmarks.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "benchmarks.md").read_text(encoding="utf-8") == report.page(made_up)
    (axes,) = report.plot(made_up).axes
    dots = sorted(float(one.get_xdata()[0]) for one in axes.lines if one.get_marker() == "o" and len(one.get_xdata()))
    np.testing.assert_allclose(dots, [0.1, 0.5, 0.5])
    goals = sorted(float(one.get_xdata()[0]) for one in axes.lines if one.get_marker() == "|" and len(one.get_xdata()))
    np.testing.assert_allclose(goals, [0.2, 0.25, 0.5])


def test_a_page_without_albumentations_shows_the_others(made_up):
    results = tuple(
        dataclasses.replace(one, timings={name: value for name, value in one.timings.items() if "Alb" not in name})
        for one in made_up.results
    )
    text = report.page(dataclasses.replace(made_up, results=results))
    assert "benchmarks.png" not in text
    assert "| Rotate | 256 | 1.0 |" in text


def test_the_machine_is_described_and_not_named():
    told = run.machine()
    assert set(told) == {"CPU", "Cores", "RAM", "System", "Python"}
    assert all(told.values())
    assert run.platform.node() not in " ".join(told.values()).split()


def test_paths_are_left_out_of_the_command(monkeypatch):
    typed = ["benchmarks", "--only", "Rotate", "--json", "/tmp/a.json", "--docs=/tmp/docs", "--write-docs"]
    monkeypatch.setattr(run.sys, "argv", typed)
    assert run.command() == "python -m benchmarks --only Rotate --write-docs"
