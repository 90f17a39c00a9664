"""The page of a study, read as a browser reads it."""

import base64
import re
import warnings
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from html.parser import HTMLParser

import numpy as np
import pytest
from bars import bars

from augmentlab import (
    Affine,
    Dataset,
    HorizontalFlip,
    Invert,
    PixelTransform,
    Resize,
    data,
    markup,
    models,
    report,
    uniform,
)
from augmentlab.report import sections
from augmentlab.report.source import Source
from augmentlab.study import Study, combinations
from augmentlab.study.storage import Storage

SCRIPT = "<script>alert(1)</script>"
SHIFT = Affine(translate_x=uniform(-0.5, 0.5), border="wrap")
VOID = {"meta", "img", "br"}


class Page(HTMLParser):
    """Elements with their attributes and text; what is not closed in order fails."""

    def __init__(self, text):
        super().__init__()
        self.elements, self._open = [], []
        self.feed(text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag, attrs):
        assert len(dict(attrs)) == len(attrs)
        self.elements.append((tag, dict(attrs), []))
        if tag not in VOID:
            self._open.append(self.elements[-1])

    def handle_endtag(self, tag):
        assert self._open.pop()[0] == tag

    def handle_data(self, text):
        for _, _, said in self._open:
            said.append(text)

    def all(self, tag):
        return [(attributes, "".join(said)) for kind, attributes, said in self.elements if kind == tag]

    def section(self, name):
        return next((text for attributes, text in self.all("section") if attributes["id"] == name), None)


HOSTILE = {"classes": ('"><img src=x onerror=alert(1)>', "ü & 漢"), "name": SCRIPT}


def made(arms, given=None, **changes):
    settings = {"draws": 4, "train_size": 12, "copies": 3, "storage": ":memory:", "trivial": False} | changes
    return Study(bars(**HOSTILE) if given is None else given, models.knn(), arms, **settings)


@dataclass(frozen=True, kw_only=True, repr=False)
class Broken(PixelTransform):
    """Raise for every image."""

    def apply_image(self, image):
        raise RuntimeError(f"{SCRIPT} {image.shape}")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    path = tmp_path_factory.mktemp("study") / "study.db"
    arms = combinations({SCRIPT: SHIFT, "flip": HorizontalFlip(p=0.5)})
    return made(arms, trivial=True, storage=path).run(progress=False)


@pytest.fixture(scope="module")
def text(finished):
    return report.page(finished)


@pytest.fixture(scope="module")
def page(text):
    return Page(text)


# --- what a browser makes of it --------------------------------------------------------------------------------------


def test_nothing_is_loaded_from_elsewhere(page, text):
    for tag, attributes, _ in page.elements:
        for name in ("src", "href", "action", "data", "srcset", "poster"):
            assert attributes.get(name, "#").startswith(("#", "data:image/")), (tag, attributes[name][:80])
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
    assert "@import" not in text
    assert "url(" not in text


def test_the_figures_load_nothing_and_run_nothing(page):
    figures = [one["src"] for one, _ in page.all("img") if one["src"].startswith("data:image/svg+xml;base64,")]
    assert len(figures) >= 3
    for source in figures:
        svg = base64.b64decode(source.partition(",")[2]).decode("utf-8")
        ET.fromstring(svg)  # of ours, and well-formed
        assert "<script" not in svg
        assert all(link.startswith(("#", "data:")) for link in re.findall(r'href="([^"]*)"', svg))


def test_the_policy_admits_its_own_style_and_script_alone(page):
    policy = next(one["content"] for one, _ in page.all("meta") if "http-equiv" in one)
    assert policy.startswith("default-src 'none'; img-src data:; ")
    (_, style), (_, script) = (page.all(tag)[0] for tag in ("style", "script"))
    assert f"style-src {markup.source_hash(style)};" in policy
    assert f"script-src {markup.source_hash(script)};" in policy


def test_names_stay_text(page):
    assert len(page.all("script")) == 1
    assert "alert" not in page.all("script")[0][1]
    assert page.all("title")[0][1] == f"{SCRIPT}: which augmentations help?"
    assert SCRIPT in [text for _, text in page.all("h3")]
    assert not [one for one, _ in page.all("img") if one["src"] == "x"]
    cells = [text for _, text in page.all("th")]
    assert '"><img src=x onerror=alert(1)>' in cells
    assert "ü & 漢" in cells


def test_it_can_be_read_without_seeing_it(page):
    assert page.all("html")[0][0]["lang"] == "en"
    assert len(page.all("h1")) == 1
    ids = [attributes["id"] for _, attributes, _ in page.elements if "id" in attributes]
    assert len(set(ids)) == len(ids)
    for attributes, _ in page.all("section"):
        assert attributes["aria-labelledby"] in ids
    assert [one["href"] for one, _ in page.all("a")] == [f"#{one['id']}" for one, _ in page.all("section")]
    assert all(one["alt"] for one, _ in page.all("img"))
    assert {one.get("scope") for one, _ in page.all("th")} == {"row", "col"}
    assert all(one["aria-label"] for one, _ in page.all("button"))


def test_it_is_for_phones_and_paper(page):
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in [
        one for one, _ in page.all("meta")
    ]
    style = page.all("style")[0][1]
    for rule in ("@media print", "prefers-color-scheme: dark", "max-width: 40rem"):
        assert rule in style


# --- what it says ----------------------------------------------------------------------------------------------------


def test_the_answer_is_that_of_the_study(finished, page):
    answer = page.section("answer")
    for line in finished.summary().splitlines():
        assert line in answer
    for _, row in finished.compare().iterrows():
        assert row["arm"] in answer
        assert f"{row['difference']:+.1f}".replace("-", "\N{MINUS SIGN}") in answer
        assert row["verdict"] in answer


def test_it_holds_what_is_needed_to_do_it_again(finished, page):
    setup = page.section("setup")
    context = finished.spec["context"]
    for fact in (
        context["data"],
        "KNeighborsClassifier(n_neighbors=1)",
        "80 pool (training), 40 validation, 40 locked test",
    ):
        assert fact in setup
    for package, version in context["versions"].items():
        assert f"{package} {version}" in setup
    assert "the control gets as many copies, unchanged" in page.section("method")


def test_the_best_pipeline_is_runnable_code_and_json(finished, page):
    blocks = [text for _, text in page.all("code")]
    code = next(text for text in blocks if text.startswith("from augmentlab import"))
    found = {}
    exec(code, found)
    assert found["pipeline"] == finished.best.transform == SHIFT
    assert any('"transform": "Affine"' in text for text in blocks)


def test_each_arm_is_shown_with_its_code(finished, page):
    labels = [row["arm"] for _, row in finished.compare().iterrows()]
    strips = [one["alt"] for one, _ in page.all("img") if one["alt"].endswith("2 draws of each below it")]
    assert [alt.partition(": 8 images")[0] for alt in strips] == labels
    shown = page.section("arms")
    assert all(arm.code in shown for arm in finished.arms)


def test_a_loaded_study_gives_the_same_page(finished, text):
    assert report.page(Study.open(finished._storage)) == text


def test_only_what_was_asked_has_a_section(finished, page):
    present = [attributes["id"] for attributes, _ in page.all("section")]
    assert present == ["answer", "confirmation", "pipeline", "arms", "effects", "hardest", "setup", "method"]
    assert "Not opened" in page.section("confirmation")
    assert finished.openings().empty


def test_what_was_asked_is_read_and_what_is_given_is_shown(tmp_path):
    one = made({"shift": SHIFT}, draws=2, storage=tmp_path / "study.db").run(progress=False)
    one.label_safety(draws=2, progress=False)
    curve = one.learning_curve("shift", factors=(1, 3), progress=False)
    one.confirm("shift", progress=False)
    before = (tmp_path / "study.db").read_bytes()
    page = Page(report.page(one, {"learning_curve": curve}))
    assert "shift" in page.section("labels")
    assert curve.attrs["sentence"] in page.section("data-worth")
    assert "on 40 images that no trial has seen" in page.section("confirmation")
    assert "was opened once" in page.section("confirmation")
    assert page.section("robustness") is None
    assert (tmp_path / "study.db").read_bytes() == before
    with pytest.raises(ValueError, match=r"tables must be named effects, .*; got 'compare'"):
        report.page(one, {"compare": curve})


def test_the_best_pipeline_says_which_preprocessing_comes_first(finished, page):
    assert "which is not in this code" not in page.section("pipeline")
    one = made({"shift": SHIFT}, preprocess=Resize(height=8, width=8)).run(progress=False)
    assert one.best.label == "shift"
    told = Page(report.page(one)).section("pipeline")
    assert "went through Compose([Resize(height=8, width=8)]), which is not in this code" in told


def test_nothing_is_recommended_where_nothing_helps_and_failures_are_told():
    one = made({"invert": Invert(), "broken": Broken()}, draws=2)
    with pytest.warns(UserWarning, match="2 of 6 trials failed"):
        one.run(progress=False)
    page = Page(report.page(one))
    assert page.section("pipeline").startswith("The pipeline to useNone: no arm is known to help")
    assert f"{SCRIPT} (8, 8)" in page.section("failures")
    assert f"Not drawn: RuntimeError: {SCRIPT} (8, 8)" in page.section("arms")
    assert page.section("answer").count("2 of 6 trials are missing, 2 of them failed") == 1
    assert len(page.all("script")) == 1


def test_a_pipeline_whose_class_is_not_loaded_is_told_and_not_drawn(tmp_path):
    one = made({"invert": Invert(), "flip": HorizontalFlip()}, draws=2, storage=tmp_path / "study.db").run(
        progress=False
    )
    spec = one.spec
    spec["name"] = "of another"
    spec["arms"][0] |= {"code": "Mine()", "transform": {"schema_version": 1, "transform": "not_loaded:Mine"}}
    with Storage(tmp_path / "study.db", write=True) as store:
        store.save_study("f" * 64, "of another", spec)
        store.save_artifact("f" * 64, "sample", "0: light", next(iter(store.artifacts(one._key, "sample").values())))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        shown = sections.arms(Source.of(Study.open(tmp_path / "study.db", "of another"), {}))
    assert "Not drawn: a class of this pipeline is not loaded" in shown
    assert "not_loaded:Mine" in shown
    assert "Mine()" not in shown  # what the file says is nobody's code
    assert shown.count("<img") == 1


@pytest.mark.parametrize("name", ["scattered digits", "renamed"])
def test_that_scattered_digits_are_a_best_case_is_said(name):
    one = made({"shift": SHIFT}, data.scattered_digits(), draws=2, train_size=20, copies=1, name=name)
    source = Source.of(one.run(progress=False), {})
    assert source.is_made_to_be_augmented
    assert "a best case by construction" in sections.method(source)


def test_of_other_digits_it_is_not():
    one = made({"shift": SHIFT}, data.digits(), draws=2, train_size=20, copies=1).run(progress=False)
    assert not Source.of(one, {}).is_made_to_be_augmented


@pytest.mark.slow
def test_sixteen_arms_with_much_detail_stay_below_two_megabytes():
    noise = np.random.default_rng(0).integers(0, 256, (60, 160, 160, 3), dtype=np.uint8)
    steps = {"shift": SHIFT, "flip": HorizontalFlip(p=0.5), "invert": Invert(p=0.5), "rotate": Affine(angle=20.0)}
    given = Dataset(noise, np.arange(60) % 2, name="noise")
    one = made(combinations(steps), given, draws=2, train_size=8, copies=1, trivial=True).run(progress=False)
    text = report.page(one)
    assert len(text.encode()) < 2_000_000
    assert "They are drawn on thumbnails" in text


# --- the file --------------------------------------------------------------------------------------------------------


def test_a_page_is_written_whole_and_only_as_html(finished, tmp_path, monkeypatch):
    monkeypatch.setattr(report, "page", lambda *given: f"<!DOCTYPE html>{given == (finished, None)} ü")
    path = report.write(finished, tmp_path / "report.html")
    assert path.read_bytes() == "<!DOCTYPE html>True ü".encode()
    assert [one.name for one in tmp_path.iterdir()] == ["report.html"]
    with pytest.raises(ValueError, match=r"path must end in \.html; got .*study\.db"):
        report.write(finished, finished._storage)


def test_a_study_without_a_result_has_no_report():
    with pytest.raises(RuntimeError, match="no complete trial of the control yet"):
        report.page(made({"shift": SHIFT}))
