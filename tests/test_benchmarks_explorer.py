"""The benchmark of the explorer: what is pure in it, and that both grids beside each other show the same. Nothing is timed."""

import base64
import dataclasses
import io
import json

import numpy as np
import pytest

from augmentlab import render
from benchmarks import explorer_report as report
from benchmarks import parts, run
from benchmarks.explorer_report import Cancel, Drag, Growth, Run, Spread
from benchmarks.lab import Lab

pytest.importorskip("psutil")
explorer = pytest.importorskip("benchmarks.explorer")
explorer_long = explorer.explorer_long
Point = explorer_long.Point
kernel = explorer.kernel


def drag(pipeline="one", **changed):
    values = {"seconds": 5.0, "events": 60, "submitted": 50, "rendered": 40, "cancelled": 3, "frames": 40}
    values |= {"longest_gap": 200.0, "render": 40.0, "late": 90.0, "stale": 0, "levels": 2.5}
    return Drag(pipeline=pipeline, **values | changed)


@pytest.fixture
def made_up():
    return Run(
        date="2026-01-02",
        command="python -m benchmarks.explorer --write-docs",
        machine={"CPU": "abacus", "Load before": "0.1"},
        versions={"augmentlab": "0.1.0"},
        keys={
            "one": (80.0, 90.0, 100.0),
            "one-interact": (400.0, 450.0, 500.0),
            "eight": (210.0, 220.0, 230.0),
            "eight-interact": (420.0, 440.0, 460.0),
        },
        received={"one": (140e3, 140e3, 140e3)},
        stages={"one": {"draws": (7.0, 8.0, 9.0)}, "eight": {}},
        drags=(drag(), drag(late=200.0), drag("slow", render=300.0, longest_gap=560.0, late=400.0)),
        cancel=Cancel(310.0, 20.0, True),
        changes=1000,
        warm=100,
        memory={"kernel": Growth(100, 101), "JavaScript heap": Growth(100, 120)},
        notebook=120_000,
    )


# --- thousands of changes ----------------------------------------------------------------------------------------------


def point(changes, renderer, milliseconds):
    held = {"kernel": 2**20, "heap": 2**20, "nodes": 9000}
    return Point(changes=changes, renderer=renderer * 2**20, milliseconds=milliseconds, **held)


def test_each_reading_is_told_beside_the_first_and_times_beside_the_first_time():
    told = explorer_long.rows([point(100, 200, 0.0), point(600, 210, 80.0), point(1100, 190, 60.0)])
    assert [row[0] for row in told] == ["100", "600", "1,100"]
    assert [row[2] for row in told] == ["200.0 MiB (+0.0 %)", "210.0 MiB (+5.0 %)", "190.0 MiB (-5.0 %)"]
    assert [row[-1] for row in told] == ["", "1.00", "0.75"]


@pytest.mark.parametrize(("last", "said"), [(219, "nothing grows by more"), (221, "something grows by more")])
def test_the_part_of_the_page_says_whether_anything_grew(last, said):
    on = {"CPU": "abacus", "Cores": "2"}
    text = explorer_long.part([point(100, 200, 0.0), point(600, last, 80.0)], "python -m long", "2026-01-02", on)
    assert said in text
    assert ("**not met**" in text) == (last > 220)
    assert "`python -m long` on 2026-01-02" in text


# --- figures and goals -------------------------------------------------------------------------------------------------


def test_spread_is_median_and_quartiles():
    assert Spread.of([4, 1, 3, 2, 5]) == Spread(3, 2, 4)


def test_the_ratio_is_formed_round_by_round(made_up):
    keys = {"one": (10.0, 20.0, 40.0), "one-interact": (100.0, 100.0, 100.0)}
    assert report.times_faster(dataclasses.replace(made_up, keys=keys), "one").median == 5.0
    assert report.times_faster(dataclasses.replace(made_up, keys={"one": (1.0,)}), "one") is None


def test_goals_met_and_missed_stand_beside_their_figures(made_up):
    told = {line.measure: (line.measured, line.verdict) for line in report.lines(made_up) if line.goal}
    rotate, slow = f"drag of 5 s, {report.PIPELINES['one']}", f"drag of 5 s, {report.PIPELINES['slow']}"
    assert told == {
        f"key to pixels, {report.PIPELINES['one']}": ("90 ms (85 to 95)", "met"),
        "times as long as the explorer": ("5.0 (5.0 to 5.0)", "met"),
        "key to pixels, eight steps": ("220 ms (215 to 225)", "**not met**"),
        f"{rotate}: longest time without a new frame": ("200 ms", "met"),
        f"{rotate}: from release to the last position's picture": ("145 ms (118 to 172), at most 200 ms", "met"),
        f"{rotate}: at rest it is the last position's picture": ("2 of 2 drags, 2.50 levels from a fresh one", "met"),
        f"{slow}: longest time without a new frame": ("560 ms", "**not met**"),
        f"{slow}: from release to the last position's picture": ("400 ms (400 to 400), at most 400 ms", "**not met**"),
        f"{slow}: at rest it is the last position's picture": ("1 of 1 drags, 2.50 levels from a fresh one", "met"),
        "Cancel during a render of 1.5 s": (
            "offered after 310 ms, stopped 20 ms after the click, the previous picture stays",
            "met",
        ),
        "memory over 1,000 changes, kernel": ("+1.0 % (0.0 to 0.0 MiB)", "met"),
        "memory over 1,000 changes, JavaScript heap": ("+20.0 % (0.0 to 0.0 MiB)", "**not met**"),
    }


def test_a_drag_that_ends_on_another_picture_misses_its_goal(made_up):
    told = report.lines(dataclasses.replace(made_up, drags=(drag(), drag(late=None))))
    (line,) = (one for one in told if one.measure.endswith("at rest it is the last position's picture"))
    assert (line.measured.partition(",")[0], line.met) == ("1 of 2 drags", False)
    told = report.lines(dataclasses.replace(made_up, drags=(drag(late=None),)))
    assert not any("from release" in line.measure for line in told)


@pytest.mark.parametrize(
    ("cancel", "words"),
    [
        (None, "the page has no button of this name"),
        (Cancel(310.0, None, True), "the render went on"),
        (Cancel(310.0, 20.0, False), "the picture changed"),
    ],
)
def test_a_cancel_that_does_not_work_is_told(made_up, cancel, words):
    told = report.lines(dataclasses.replace(made_up, cancel=cancel))
    (line,) = (one for one in told if one.measure.startswith("Cancel"))
    assert words in line.measured
    assert line.met is False


def test_a_gap_may_hold_one_render_more_but_a_slow_render_excuses_no_late_picture(made_up):
    assert drag(render=40).gap_limit == 290
    told = report.lines(dataclasses.replace(made_up, drags=[drag(render=600, late=155.0)]))
    (line,) = (one for one in told if "from release" in one.measure)
    assert (line.goal, line.met) == ("≤ 150 ms", False)


# --- how it is told ----------------------------------------------------------------------------------------------------


def test_the_part_holds_what_one_needs_to_judge_it(made_up):
    text = report.part(made_up)
    assert text.startswith("## The explorer\n")
    for word in (made_up.command, made_up.date, "abacus", "0.1.0", "8 of 12 goals are met", "140 kB", "**not met**"):
        assert word in text
    for block in text.split("\n\n"):
        lines = block.splitlines()
        if lines[0].startswith("|"):
            assert len({row.count("|") for row in lines}) == 1


def test_a_run_of_some_parts_is_told_too(made_up):
    nothing = {"keys": {}, "received": {}, "stages": {}, "drags": (), "cancel": None, "memory": {}, "notebook": None}
    bare = dataclasses.replace(made_up, **nothing)
    assert report.lines(bare) == []
    assert "Where the time goes" not in report.part(bare)
    assert report.table(bare).splitlines() == ["measure  measured  goal"]


def test_the_terminal_has_one_line_for_each_measure(made_up):
    assert len(report.table(made_up).splitlines()) == 1 + len(report.lines(made_up))
    assert [line.split()[:2] for line in report.stage_table(made_up).splitlines() if line.startswith("draws")] == [
        ["draws", "8.0"]
    ]


def test_json_comes_back_as_it_went(made_up):
    for one in (made_up, dataclasses.replace(made_up, cancel=None)):
        assert report.from_json(report.to_json(one)) == one
    with pytest.raises(ValueError, match="schema_version"):
        report.from_json("{}")


def test_parts_of_a_page_do_not_touch_each_other():
    page = "# Title\n\ntext\n"
    once = parts.put(page, "a", "first \\1")
    both = parts.put(once, "b", "second")
    assert parts.part(both, "a") == "first \\1"
    assert parts.put(both, "a", "other").replace("other", "first \\1") == both
    assert both.startswith(page)
    assert parts.part(page, "a") is None
    assert parts.kept("# New\n", both, "b") == parts.put("# New\n", "b", "second")
    assert parts.kept("# New\n", page, "b") == "# New\n"


def test_the_two_commands_keep_each_others_part(made_up, tmp_path):
    from benchmarks.report import page, write

    other = run.Run("2026-01-03", "python -m benchmarks", {"CPU": "abacus"}, {}, {}, False, ())
    write(other, tmp_path)
    report.write(made_up, tmp_path)
    write(dataclasses.replace(other, date="2026-01-04"), tmp_path)
    text = (tmp_path / "benchmarks.md").read_text(encoding="utf-8")
    assert text.startswith(page(dataclasses.replace(other, date="2026-01-04")).strip())
    assert parts.part(text, report.PART) == report.part(made_up)
    report.write(dataclasses.replace(made_up, date="2026-01-05"), tmp_path)
    again = (tmp_path / "benchmarks.md").read_text(encoding="utf-8")
    assert again == text.replace("on 2026-01-02", "on 2026-01-05")


# --- what is measured with ---------------------------------------------------------------------------------------------


def test_stages_are_told_as_far_as_they_are_known():
    found = {"key": 100.0, "painted": 190.0, "shown": 200.0, "messages": [[120.0, 500], [150.0, 9000], [170.0, 90000]]}
    noted = [["render", 90.0], ["received", 110.0], ["handled", 115.0], ["render", 118.0], ["rendered", 160.0]]
    whole = explorer.stages_of(found, [*noted, ["sent", 165.0], ["published", 166.0]])
    assert list(whole) == list(report.STAGES)
    assert list(whole.values()) == [10.0, 5.0, 3.0, 42.0, 5.0, 5.0, 20.0, 10.0]
    assert sum(whole.values()) == 100.0
    assert explorer.stages_of({**found, "messages": []}, []) == {"next frame": 10.0}


def test_renders_that_stopped_are_not_counted_as_whole():
    noted = [["render", 0.0], ["rendered", 30.0], ["render", 40.0], ["stopped", 45.0], ["render", 50.0], ["show", 60.0]]
    assert explorer.whole_renders(noted) == [30.0]


def test_the_mouse_begins_where_the_slider_is_and_stays_in_its_range():
    for share in (0.5, 0.72, 0.9):
        assert explorer.position(share, 0.0) == pytest.approx(share)
    places = [explorer.position(0.7, now) for now in np.linspace(0, 10, 1000)]
    assert min(places) == pytest.approx(0.45, abs=0.01)
    assert max(places) == pytest.approx(0.95, abs=0.01)


def address(tiles):
    picture = render.encode(render.montage(tiles, kernel.COLUMNS, gap=6), "png")
    return "data:image/png;base64," + base64.b64encode(picture).decode()


def test_the_picture_of_the_last_position_is_told_from_those_beside_it():
    last, before = (address(kernel.pictures("one", high)) for high in (20, 19))
    assert explorer.judged([(0.0, before), (40.0, last), (400.0, last)], 0.0, "one", 20, 1) == (40.0, 0, 0.0)
    assert explorer.judged([(0.0, last)], 0.0, "one", 20, 1) == (0.0, 0, 0.0)
    late, stale, levels = explorer.judged([(0.0, last), (30.0, last), (60.0, before)], 0.0, "one", 20, 1)
    assert late is None
    assert stale == 1
    assert levels > 0


def test_a_canvas_of_another_size_is_an_error():
    with pytest.raises(RuntimeError, match="no such tiles"):
        explorer.levels_between(np.zeros((100, 100, 3)), kernel.pictures("one", 20))


def test_both_grids_show_the_same_tiles():
    for name in report.KEYS_WITHIN:
        ours = kernel.pictures(name, kernel.HIGH[name])
        theirs = render.tiles(
            kernel.pipeline(name),
            render.thumbnail(kernel.photo(512), kernel.SIZE),
            draws=kernel.DRAWS,
            size=kernel.SIZE,
        )
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(one, other.image)


def test_what_the_kernel_notes_is_in_order_and_taken_once():
    shown = kernel.watch(kernel.explorer("one"))
    kernel.taken()
    shown.controls.set_state({"selected": 1})
    shown.seed = 3
    words = [word for word, _ in json.loads(kernel.taken())]
    assert words == ["received", "handled", "render", "rendered", "publish", "show", "sent", "published"]
    assert kernel.taken() == "[]"
    assert json.loads(kernel.counted(shown))["submitted"] == 2
    assert kernel.counted(object()) == "{}"
    assert kernel.watch(object()) is not None


def test_a_generated_notebook_is_one_and_its_output_is_counted(tmp_path):
    path = tmp_path / Lab(tmp_path, "", "").write("a.ipynb", explorer.START, *explorer.VIEWS.values())
    document = json.loads(path.read_text())
    assert len(document["cells"]) == 6
    assert explorer.added_bytes(path, 1) == 0
    document["cells"][1]["outputs"] = [{"text": "x" * 1000}]
    path.write_text(json.dumps(document))
    assert 1000 < explorer.added_bytes(path, 1) < 1100


def test_a_slow_step_changes_nothing_but_the_time():
    image = kernel.photo(16)
    np.testing.assert_array_equal(kernel.Slow(milliseconds=1).apply(image), image)
    steps = kernel.slower(kernel.pipeline("slow"), 100).steps
    assert [getattr(step, "milliseconds", None) for step in steps] == [None, 100]


def test_the_command_is_named_by_its_module(monkeypatch):
    monkeypatch.setattr(run.sys, "argv", ["explorer", "--rounds", "5", "--json", "/tmp/a.json"])
    assert run.command("benchmarks.explorer") == "python -m benchmarks.explorer --rounds 5"


def test_pictures_come_back_from_the_page():
    tiles = kernel.pictures("one", 20)
    assert explorer.decoded(address(tiles)).shape == (530, 530, 3)
    assert io.BytesIO(base64.b64decode(address(tiles).partition(",")[2])).read(4) == b"\x89PNG"
