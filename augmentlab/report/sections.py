"""What a report says, section by section; each is left out where the study has nothing to say."""

from __future__ import annotations

import base64
import io
import json
import math
import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import augmentlab
from augmentlab import plots, render
from augmentlab.compose import Compose
from augmentlab.data import scattered_digits
from augmentlab.markup import Markup, element, joined
from augmentlab.plots.frames import Unit
from augmentlab.render.pictures import fitted
from augmentlab.study import samples
from augmentlab.study.words import chance
from augmentlab.transform import Transform, from_dict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from augmentlab.study import Study

    Row = Mapping[Any, Any]
    Column = tuple[str, Callable[[Row], object]]

TABLES = ("effects", "learning_curve", "robustness", "diagnostics", "label_safety")
_MOST_ARMS = 24  # with pictures
_MOST_HARDEST = 8
_MOST_CLASSES = 60
_TILE = 72  # px
_MOST_BYTES = 60_000  # of a strip: with 16 arms, a page stays below 2 MB
_DRAWS = 2
_SIGNS = {"helps": "▲", "hurts": "▼", "equivalent": "=", "undecided": "?", "identical": "≡"}
_ABSENT = "\N{EN DASH}"


@dataclass(frozen=True, kw_only=True, eq=False)
class Section:
    """A part of the page.

    Parameters
    ----------
    name : str
        Of its anchor.
    title : str
        Its heading.
    content : Markup
        What follows it.
    """

    name: str
    title: str
    content: Markup


@dataclass(frozen=True, kw_only=True, eq=False)
class Source:
    """What a report is made of.

    Parameters
    ----------
    study : Study
        Without its data.
    spec : dict
        Its description.
    table : DataFrame
        Its comparison.
    given : dict of str to DataFrame
        Tables that need not be read from the study.
    """

    study: Study
    spec: dict[str, Any]
    table: pd.DataFrame
    given: Mapping[str, pd.DataFrame]

    @classmethod
    def of(cls, study: Study, tables: Mapping[str, pd.DataFrame]) -> Source:
        """Read a study.

        Raises
        ------
        ValueError
            A table that no section shows.
        RuntimeError
            There is nothing to compare.
        """
        for name in tables:
            if name not in TABLES:
                raise ValueError(f"tables must be named {', '.join(TABLES)}; got {name!r}")
        stored = study.as_stored()
        table = stored.compare(warn=False)  # the note is shown
        return cls(study=stored, spec=stored.spec, table=table, given=tables)

    def asked(self, name: str) -> pd.DataFrame | None:
        """A table that was given, or is stored."""
        if name in self.given:
            return self.given[name]
        try:
            found: pd.DataFrame = getattr(self.study, name)()
        except (RuntimeError, ValueError):  # never asked, or no question for this study
            return None
        return found

    @property
    def version(self) -> str:
        """Of augmentlab."""
        return augmentlab.__version__

    @property
    def unit(self) -> Unit:
        """How numbers are written."""
        return Unit.of(self.table)

    @cached_property
    def best(self) -> str | None:
        """Label of the best arm that helps."""
        helping = self.table[(self.table["verdict"] == "helps") & (self.table["role"] == "arm")]
        return None if helping.empty else str(helping["arm"].iloc[0])

    @property
    def documents(self) -> dict[str, dict[str, Any]]:
        """Description of each arm, by its label."""
        return {arm["label"]: arm for arm in self.spec["arms"]}

    @property
    def question(self) -> str:
        """What the study asks, in words."""
        count = len(self.study.labels)
        which = (
            f"Which of {count} augmentation pipelines improve" if count > 1 else "Does an augmentation pipeline improve"
        )
        context = self.spec["context"]
        return (
            f"{which} the {self.study.metric.name} of a model that is trained on {context['train_size']} images of "
            f"{self.study.name}, by how much, and how sure is that? Each was trained in {self.study.draws} draws, beside a "
            "control with unchanged copies of the same images."
        )

    @cached_property
    def is_made_to_be_augmented(self) -> bool:
        """Whether the data are the bundled digits that were scattered by the package itself."""
        if self.spec["classes"] != [str(digit) for digit in range(10)]:
            return False
        named = self.study.name.startswith("scattered digits")
        return named or self.spec["context"]["data"] == scattered_digits().fingerprint


def parts(source: Source) -> Iterator[Section]:
    """Yield the parts of the page that have something to say, in order."""
    for name, title, make in (
        ("answer", "What came out", answer),
        ("confirmation", "The locked test", confirmation),
        ("pipeline", "The pipeline to use", winner),
        ("arms", "The arms in pictures", arms),
        ("effects", "What each step does", effects),
        ("data-worth", "What it is worth in images", learning_curve),
        ("robustness", "On disturbed images", robustness),
        ("diagnostics", "Affinity and diversity", diagnostics),
        ("labels", "Do labels survive?", label_safety),
        ("hardest", "The hardest images", hardest),
        ("failures", "What failed", failures),
        ("setup", "Data, model, settings", setup),
        ("method", "How it was judged", method),
    ):
        content = make(source)
        if content is not None:
            yield Section(name=name, title=title, content=content)


# --- the sections ----------------------------------------------------------------------------------------------------


def answer(source: Source) -> Markup:
    """The verdicts: in words, as a figure, as a table."""
    note = source.table.attrs["note"]
    note = f"{note[:1].upper()}{note[1:]}." if note else ""
    lines = [element("li", line) for line in source.study.summary().splitlines() if line != note]
    unit, control = source.unit, source.table.attrs["control_mean"]
    return joined(
        element("ul", *lines, class_="answer"),
        element("p", note, class_="note") if note else None,
        element("p", _BEST_CASE, class_="note") if source.is_made_to_be_augmented else None,
        _figure(
            plots.comparison(source.table),
            f"Difference of each arm to the control in {unit.of_differences}, with 95 % intervals: the numbers of the table below",
        ),
        _table(
            source.table.to_dict("records"),
            f"Each arm against the control, which scores {unit.mean(control)}. "
            f"Differences in {unit.of_differences}; p after Holm for {len(source.table)} rows",
            [
                ("arm", lambda row: row["arm"] if row["role"] == "arm" else f"{row['arm']} (second control)"),
                ("verdict", lambda row: _verdict(row["verdict"])),
                *_differences(unit),
                (f"mean {unit.metric}", lambda row: _Number(unit.mean(row["mean"]))),
                ("p", lambda row: _Number(_p(row["p"]))),
                ("draws", lambda row: _Number(row["draws"])),
                ("draws that would decide", lambda row: _Number(_needed(row["draws_needed"]))),
                ("seconds a trial", lambda row: _Number(_decimal(row["seconds"], 2))),
            ],
        ),
    )


def confirmation(source: Source) -> Markup:
    """What the locked test said, and how often it was opened."""
    opened, found = source.study.openings(), source.study.confirmations()
    unit, size = source.unit, len(source.spec["labels"]["test"])
    images = f"{size} images that no trial has seen" if size else "images that no trial has seen"
    if opened.empty:
        return element(
            "p",
            f"Not opened: {images} are kept for one question. The best of many arms is partly lucky; ",
            element("code", "study.confirm()"),
            " tells how much is left on images never looked at.",
        )
    said = [
        element(
            "li",
            f"{row['arm']} {_said(row['verdict'])} on {images}: {unit.change(row['difference'])} {unit.of_differences} "
            f"(95 % interval {unit.change(row['low'])} to {unit.change(row['high'])}, p {_p(row['p'])}, {row['draws']} draws). "
            f"On the validation part, for which it was chosen, it was {unit.change(row['validation_difference'])}.",
        )
        for row in found.to_dict("records")
    ]
    times = "once" if len(opened) == 1 else f"{len(opened)} times"
    rest = "" if len(opened) == 1 else " Only the first opening is independent of what was seen there before."
    return joined(
        element("ul", *said, class_="answer") if said else element("p", "No confirmation of this study is finished."),
        element("p", f"The locked test of these data was opened {times}.{rest}"),
        _table(
            opened.to_dict("records"),
            "Openings of the locked test of these data, by any study of the same file",
            [
                ("study", lambda row: row["study"]),
                ("arm", lambda row: row["arm"]),
                ("opened (UTC)", lambda row: f"{row['opened']:%Y-%m-%d %H:%M}"),
            ],
        ),
    )


def winner(source: Source) -> Markup:
    """The best arm as code and as JSON."""
    if source.best is None:
        return element(
            "p", "None: no arm is known to help, so that there is no reason to prefer one to plain training."
        )
    document = source.documents[source.best]
    transform = _transform(document["transform"])
    code = document["code"] if transform is None else transform.code()
    written = document["transform"] if transform is None else transform.to_dict()
    return joined(
        element(
            "p",
            element("strong", source.best),
            " has the largest difference among the arms that help. Apply it to training images alone, each time anew.",
        ),
        _code(code, "Python"),
        element(
            "details",
            element("summary", "As JSON"),
            _code(json.dumps(written, indent=2, ensure_ascii=False), "JSON"),
        ),
        element("p", element("code", "augmentlab.from_dict(json.loads(text))"), " reads it.", class_="quiet"),
    )


def arms(source: Source) -> Markup:
    """What each arm does to a few images, and its code."""
    kept = samples.images(source.study, "sample")
    pictures = list(kept.values())
    labels = list(source.table["arm"])
    shown = labels if len(labels) <= _MOST_ARMS else [*labels[: _MOST_ARMS // 2], *labels[-_MOST_ARMS // 2 :]]
    blocks = []
    for label in shown:
        document = source.documents[label]
        row = source.table[source.table["arm"] == label].iloc[0]
        blocks.append(
            element(
                "div",
                element("h3", label),
                element("p", _verdict(row["verdict"]), f" {source.unit.change(row['difference'])}", class_="quiet"),
                _strip(label, document["transform"], pictures, int(source.spec["context"]["seed"])),
                element("details", element("summary", "Code"), _code(document["code"], "code")),
                class_="arm",
            )
        )
    lead = None
    if pictures:
        classes = ", ".join(name.partition(": ")[2] for name in kept)
        lead = (
            f"In each strip, the first row holds {len(pictures)} images of the training pool ({classes}), the rows below "
            f"{_DRAWS} draws of each. The draws of all arms have the same seeds."
        )
        if max(max(picture.shape[:2]) for picture in pictures) >= 128:
            lead += " They are drawn on thumbnails: what is measured in pixels looks stronger than it is."
    left = len(labels) - len(shown)
    return joined(
        None if lead is None else element("p", lead),
        element("p", f"The first and last {_MOST_ARMS // 2} arms are shown; {left} between are left out.")
        if left
        else None,
        element("div", *blocks, class_="arms"),
    )


def effects(source: Source) -> Markup | None:
    """Main effects, interactions and Shapley shares of an on/off design."""
    table = source.asked("effects")
    if table is None or table.empty:
        return None
    unit = Unit.of(table)
    crossed = table[table["kind"] != "shapley"]
    shares = table[table["kind"] == "shapley"]
    columns = [
        ("step", lambda row: str(row["term"]).replace(":", " \N{MULTIPLICATION SIGN} ")),
        ("kind", lambda row: {"shapley": "share"}.get(row["kind"], row["kind"])),
        ("effect", lambda row: _Number(unit.change(row["effect"]))),
        ("95 % interval", lambda row: _Number(_interval(unit, row["low"], row["high"]))),
        ("p", lambda row: _Number(_p(row["p"]))),
    ]
    content = [
        element(
            "p",
            "A main effect is what a step adds on average, the others being on and off alike. An interaction is what a pair "
            "adds beyond the two; below zero, they do the same work or spoil each other.",
        ),
    ]
    if not crossed.empty:
        alt = f"Main effects and interactions in {unit.of_differences}, with 95 % intervals: the numbers of the table below"
        content.append(_figure(plots.effects(table), alt))
    if not shares.empty:
        total = table.attrs.get("total", math.nan)
        content.append(
            element(
                "p",
                "The Shapley shares divide what all steps together bring "
                f"({unit.change(total)} {unit.of_differences}) among them.",
            )
        )
        alt = f"Shapley shares in {unit.of_differences}, with 95 % intervals: the numbers of the table below"
        content.append(_figure(plots.shapley(table), alt))
    caption = f"Effects in {unit.of_differences}; p after Holm within each kind"
    return joined(*content, _folded("The numbers", _table(table.to_dict("records"), caption, columns)))


def learning_curve(source: Source) -> Markup | None:
    """The exchange rate between augmentation and images."""
    table = source.asked("learning_curve")
    if table is None or table.empty:
        return None
    unit, sentence = Unit.of(table), table.attrs.get("sentence", "")
    return joined(
        element("p", f"{sentence}.") if sentence else None,
        _figure(
            plots.learning_curve(table),
            "The control's score with more training images, and the arm's beside it: the numbers of the table below",
        ),
        _table(
            table.to_dict("records"),
            f"{unit.of_means} with 95 % intervals",
            [
                ("arm", lambda row: row["arm"]),
                ("training images", lambda row: _Number(row["n"])),
                ("mean", lambda row: _Number(unit.mean(row["mean"]))),
                ("95 % interval", lambda row: _Number(f"{unit.mean(row['low'])} to {unit.mean(row['high'])}")),
            ],
        ),
    )


def robustness(source: Source) -> Markup | None:
    """How the models stand disturbed images."""
    table = source.asked("robustness")
    if table is None or table.empty:
        return None
    unit = Unit.of(table)
    return joined(
        element(
            "p", "The same models on validation images that are disturbed more and more; nothing was trained for it."
        ),
        _figure(
            plots.robustness(table),
            "Score of each model under each transform at each strength: the numbers of the table below",
        ),
        _folded(
            "The numbers",
            _table(
                table.to_dict("records"),
                f"Difference to undisturbed images in {unit.of_differences}",
                [
                    ("transform", lambda row: row["transform"]),
                    ("model", lambda row: row["model"]),
                    ("strength", lambda row: _Number(f"{row['strength']:g}")),
                    ("mean", lambda row: _Number(unit.mean(row["mean"]))),
                    *_differences(unit),
                ],
            ),
        ),
    )


def diagnostics(source: Source) -> Markup | None:
    """Affinity and diversity beside the differences."""
    table = source.asked("diagnostics")
    if table is None or table.empty:
        return None
    unit = Unit.of(table)
    return joined(
        element(
            "p",
            "Affinity is the accuracy on augmented validation images over that on clean ones, of the model trained without "
            "augmentation: how far an arm leaves what the model knows. Diversity is the loss on augmented training images "
            "over that on unchanged ones: how hard they are. Neither tells alone what helps (Gontijo-Lopes et al. 2021).",
        ),
        _table(
            table.to_dict("records"),
            f"Affinity with 95 % intervals, diversity, and differences in {unit.of_differences}",
            [
                ("arm", lambda row: row["arm"]),
                ("affinity", lambda row: _Number(_decimal(row["affinity"], 2))),
                ("95 % interval", lambda row: _Number(_ends(row["affinity_low"], row["affinity_high"]))),
                ("diversity", lambda row: _Number(_decimal(row["diversity"], 2))),
                ("difference", lambda row: _Number(unit.change(row["difference"]))),
                ("verdict", lambda row: _verdict(row["verdict"])),
            ],
        ),
    )


def label_safety(source: Source) -> Markup | None:
    """How often a step makes a model change its mind."""
    table = source.asked("label_safety")
    if table is None or table.empty:
        return None

    def worst(row: Row) -> str:
        seen = [f"{one['before']} then {one['after']}" for one in row["worst"] if one["before"] == one["label"]]
        return ", ".join(dict.fromkeys(seen)) or _ABSENT

    return joined(
        element(
            "p",
            "How often a model that was trained without augmentation sees another class once a step was applied to a "
            "validation image. It is a hint, not a proof: models also change their minds about what they have never seen.",
        ),
        _table(
            table.to_dict("records"),
            "Share of the validation images whose predicted class changes",
            [
                ("step", lambda row: row["step"]),
                ("changes", lambda row: _Number(_percent(row["flips"]))),
                (
                    "95 % interval",
                    lambda row: _Number(f"{_percent(row['low'])} to {_percent(row['high'])}"),
                ),
                ("right before, then seen as", worst),
            ],
        ),
    )


def hardest(source: Source) -> Markup | None:
    """The validation images that are missed most often."""
    kept, classes = samples.images(source.study, "validation"), source.spec["classes"]
    truth = source.spec["labels"]["validation"]
    parts = []
    for label in dict.fromkeys(("control", source.best or "control")):
        places = [(place, share) for place, share in samples.hardest(source.study, label) if str(place) in kept]
        tiles = [
            element(
                "li",
                _image(fitted(render.to_rgb(picture)[0], 64, like=picture.shape), f"image {place}"),
                f"{classes[truth[place]]}: missed in {'every draw' if share == 1 else f'{_percent(share)} of the draws'}",
            )
            for place, share in places[:_MOST_HARDEST]
            for picture in [kept[str(place)]]
        ]
        if tiles:
            parts += [element("h3", label), element("ul", *tiles, class_="tiles")]
    if not parts:
        return None
    return joined(element("p", "Images of the validation part that a model gets wrong most often."), *parts)


def failures(source: Source) -> Markup | None:
    """Trials that raised an error."""
    trials = source.study.to_frame()
    failed = trials[trials["state"] == "failed"]
    if failed.empty:
        return None
    grouped = failed.groupby(["arm", "message"], sort=False)["draw"].apply(list).reset_index()
    return joined(
        element(
            "p", f"{len(failed)} of {len(trials)} stored trials raised an error; running the study again retries them."
        ),
        _table(
            grouped.to_dict("records"),
            "Trials that failed",
            [
                ("arm", lambda row: row["arm"]),
                ("draws", lambda row: ", ".join(map(str, row["draw"]))),
                ("error", lambda row: row["message"]),
            ],
        ),
    )


def setup(source: Source) -> Markup:
    """What was compared on what, with all that is needed to do it again."""
    spec, context = source.spec, source.spec["context"]
    trials = source.study.to_frame()
    split, pool = context["split"], spec["images"].get("pool")
    sizes = {"pool": pool} | {part: len(spec["labels"][part]) for part in ("validation", "test")}
    names = {"pool": "pool (training)", "validation": "validation", "test": "locked test"}
    parts = ", ".join(f"{count} {names[part]}" for part, count in sizes.items() if count)
    facts: list[tuple[str, object]] = [
        ("Data", source.study.name),
        ("Images", parts or _ABSENT),
        (
            "Split",
            f"validation {split['validation']:.0%}, locked test {split['test']:.0%} of the images, seed {split['seed']}",
        ),
        ("Groups", "kept together" if spec["groups"]["validation"] is not None else "none"),
        ("Fingerprint of the data", element("code", context["data"])),
        ("Model", element("code", spec["model"])),
        ("Metric", source.study.metric.name),
        ("Training images a draw", context["train_size"]),
        ("Copies of each", context["copies"]),
        ("Draws", source.study.draws),
        ("Preprocessing", element("code", _code_of(context["preprocess"]))),
        ("Equivalent within", f"±{source.study.rope:g} {source.study.metric.unit}"),
        ("Seed", context["seed"]),
        ("Trials", f"{source.study.n_complete} of {source.study.n_trials} complete"),
        (
            "First and last trial (UTC)",
            f"{trials['started'].min():%Y-%m-%d %H:%M}, {trials['started'].max():%Y-%m-%d %H:%M}",
        ),
        ("Engine", context["engine"]),
        ("Versions", ", ".join(f"{package} {version}" for package, version in sorted(context["versions"].items()))),
    ]
    return joined(
        element("dl", *(joined(element("dt", term), element("dd", value)) for term, value in facts)),
        _classes(source),
    )


def method(source: Source) -> Markup:
    """Three sentences on the inference, and what it does not cover."""
    context, study = source.spec["context"], source.study
    rope = f"{study.rope:g} {study.metric.unit}"
    chance = (
        "A difference is averaged over draws and validation images, and its 95 % interval (crossed bootstrap) and p value "
        "(crossed t test, adjusted after Holm for the number of arms) count the choice of both as chance."
        if study.metric.per_image
        else "A difference is averaged over draws, and its 95 % interval and p value (t test, adjusted after Holm for the "
        "number of arms) count the draws alone as chance, so that they are too narrow."
    )
    limits = [
        "The answer holds for these data, this model and this number of training images; with others, another arm may be best.",
        "The best of many arms is partly lucky. Its difference on the locked test is the one to quote.",
        "Undecided is no evidence that an arm does nothing: the interval says what is still possible.",
    ]
    return joined(
        element(
            "p",
            f"In each draw, every arm is trained on the same {context['train_size']} images, with the same initialisation, "
            f"and with {context['copies']} augmented copies of each image; the control gets as many copies, unchanged, so "
            "that the gain from more training steps is not mistaken for one from augmentation. "
            f"{chance} An arm helps or hurts when its p is below 0.05 and its interval excludes zero, is equivalent when the "
            f"interval lies within {rope} of zero, identical when it is right about the same images in every draw, and "
            "undecided otherwise.",
        ),
        element("h3", "Limits"),
        element("ul", *(element("li", limit) for limit in [*([_BEST_CASE] * source.is_made_to_be_augmented), *limits])),
    )


_BEST_CASE = (
    "These data are a best case by construction: augmentlab rotated and shifted the digits itself, before the split, and "
    "arms with the same ranges undo just that. The gain is no evidence that such steps help on other images; on the "
    "stock digits, hardly any does."
)


# --- pieces ----------------------------------------------------------------------------------------------------------


class _Number(str):
    """A cell that is set to the right."""

    __slots__ = ()


def _table(records: Sequence[Row], caption: str, columns: Sequence[Column]) -> Markup:
    """A table whose first column names the rows; it scrolls by itself where it is too wide."""
    rows = [[cell(row) for _, cell in columns] for row in records]
    right = [bool(rows) and isinstance(cell, _Number) for cell in (rows[0] if rows else columns)]
    kinds = ["number" if one else None for one in right]
    head = [element("th", name, scope="col", class_=kind) for (name, _), kind in zip(columns, kinds, strict=True)]
    lines = [
        element(
            "tr",
            element("th", row[0], scope="row"),
            *(element("td", cell, class_=kind) for cell, kind in zip(row[1:], kinds[1:], strict=True)),
        )
        for row in rows
    ]
    table = element("table", element("thead", element("tr", *head)), element("tbody", *lines))
    # Not as the table's own caption, which would be as wide as the table and scroll away with it.
    return element(
        "figure",
        element("figcaption", caption),
        element("div", table, class_="scroll", role="region", aria_label=caption, tabindex=0),
    )


def _folded(summary: str, content: Markup) -> Markup:
    return element("details", element("summary", summary), content)


def _code(code: str, name: str) -> Markup:
    """A block of code with a button that copies it."""
    tools = element(
        "div",
        element("span", role="status", class_="quiet"),
        element("button", "Copy", type="button", aria_label=f"Copy {name}"),
        class_="tools",
        hidden=True,
    )
    return element("div", element("pre", element("code", code), tabindex=0), tools, class_="code")


def _figure(figure: Any, alt: str) -> Markup:
    """A figure as one picture: inline, several would share the names of their parts."""
    import matplotlib as mpl

    buffer = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "augmentlab", "svg.fonttype": "path"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    image = element("img", alt=alt, src=_address("image/svg+xml", buffer.getvalue()))
    return element(
        "figure", element("div", image, class_="scroll", role="region", aria_label=alt, tabindex=0), class_="figure"
    )


def _strip(label: str, document: dict[str, Any], pictures: Sequence[NDArray[Any]], seed: int) -> Markup | None:
    """Originals, and draws of an arm below them."""
    if not pictures:
        return None
    transform = _transform(document)
    if transform is None:
        return element(
            "p", "Not drawn: a class of this pipeline is not loaded where the report was made.", class_="quiet"
        )
    # As the study applies it, so that a step meets the same draws in every arm.
    pipeline = transform if isinstance(transform, Compose) and transform.p == 1 else Compose((transform,))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            tiles = list(render.tiles(pipeline, pictures, seed, draws=_DRAWS, size=_TILE))
    except Exception as error:  # noqa: BLE001  (a user's own transform may raise anything, and the rest is worth reading)
        return element("p", f"Not drawn: {error}", class_="quiet")
    ordered = sorted(tiles, key=lambda tile: (tile.column, tile.row))
    picture = render.montage([tile.image for tile in ordered], columns=len(pictures), background=128)
    alt = f"{label}: {len(pictures)} images, and {_DRAWS} draws of each below it"
    return element("div", _image(picture, alt), class_="strip")


def _image(picture: NDArray[np.uint8], alt: str) -> Markup:
    """A picture in whichever format is smaller; what has much detail loses some of it."""
    png = render.encode(picture, "png")
    jpegs = [render.encode(picture, "jpeg", quality=quality) for quality in (80, 60, 40, 20)]
    jpeg = next((one for one in jpegs if len(one) <= _MOST_BYTES), jpegs[-1])
    source = _address("image/png", png) if len(png) <= len(jpeg) else _address("image/jpeg", jpeg)
    height, width = picture.shape[:2]
    return element("img", alt=alt, width=width, height=height, src=source)


def _address(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def _classes(source: Source) -> Markup | None:
    """How many images of each class are in the parts whose labels are stored."""
    names, labels = source.spec["classes"], source.spec["labels"]
    if not names:
        return None
    records = [
        {"name": name, "validation": labels["validation"].count(index), "test": labels["test"].count(index)}
        for index, name in enumerate(names)
    ]
    left = len(records) - _MOST_CLASSES
    return joined(
        _table(
            records[:_MOST_CLASSES],
            f"Images by class ({len(names)} classes); the pool has them in the same proportion",
            [
                ("class", lambda row: row["name"]),
                ("validation", lambda row: _Number(row["validation"])),
                ("locked test", lambda row: _Number(row["test"])),
            ],
        ),
        element("p", f"And {left} more.", class_="quiet") if left > 0 else None,
    )


def _transform(document: dict[str, Any]) -> Transform | None:
    """A stored pipeline; None where it needs a class that is not loaded here."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            return from_dict(document)
    except ValueError:
        return None


def _code_of(document: dict[str, Any]) -> str:
    transform = _transform(document)
    if isinstance(transform, Compose) and not transform.steps:
        return "none"
    return json.dumps(document) if transform is None else repr(transform)


# --- words -----------------------------------------------------------------------------------------------------------


def _verdict(word: str) -> Markup:
    return element("span", element("span", _SIGNS[word], aria_hidden="true"), f" {word}", class_=f"verdict {word}")


def _said(word: str) -> str:
    return word if word in ("helps", "hurts") else f"is {word}" + (" to the control" if word == "identical" else "")


def _differences(unit: Unit) -> list[Column]:
    return [
        ("difference", lambda row: _Number(unit.change(row["difference"]))),
        ("95 % interval", lambda row: _Number(_interval(unit, row["low"], row["high"]))),
    ]


def _interval(unit: Unit, low: float, high: float) -> str:
    return _ABSENT if math.isnan(low) else f"{unit.change(low)} to {unit.change(high)}"


def _ends(low: float, high: float) -> str:
    return _ABSENT if math.isnan(low) else f"{low:.2f} to {high:.2f}"


def _p(p: float) -> str:
    if math.isnan(p):
        return _ABSENT
    return chance(p)


def _percent(share: float) -> str:
    return _ABSENT if math.isnan(share) else f"{100 * share:.0f} %"


def _decimal(value: float, places: int) -> str:
    return _ABSENT if math.isnan(value) else f"{value:.{places}f}"


def _needed(draws: float) -> str:
    if math.isnan(draws):
        return _ABSENT
    return "only more images" if math.isinf(draws) else f"about {draws:.0f}"
