"""What a report says, section by section; each is left out where the study has nothing to say."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from augmentlab import plots, render
from augmentlab.markup import Markup, element, joined
from augmentlab.render.pictures import fitted
from augmentlab.report import pieces, questions
from augmentlab.study import samples, stored

if TYPE_CHECKING:
    from collections.abc import Iterator

    from augmentlab.report.source import Source

_MOST_ARMS = 24  # with pictures
_MOST_HARDEST = 8
_MOST_CLASSES = 60


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


def parts(source: Source) -> Iterator[Section]:
    """Yield the parts of the page that have something to say, in order."""
    for name, title, make in (
        ("answer", "What came out", answer),
        ("confirmation", "The locked test", confirmation),
        ("pipeline", "The pipeline to use", winner),
        ("arms", "The arms in pictures", arms),
        ("effects", "What each step does", questions.effects),
        ("data-worth", "What it is worth in images", questions.learning_curve),
        ("robustness", "On disturbed images", questions.robustness),
        ("diagnostics", "Affinity and diversity", questions.diagnostics),
        ("labels", "Do labels survive?", questions.label_safety),
        ("hardest", "The hardest images", hardest),
        ("failures", "What failed", failures),
        ("setup", "Data, model, settings", setup),
        ("method", "How it was judged", method),
    ):
        content = make(source)
        if content is not None:
            yield Section(name=name, title=title, content=content)


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
        pieces.figure(
            plots.comparison(source.table),
            f"Difference of each arm to the control in {unit.of_differences}, with 95 % intervals: the numbers of the table below",
        ),
        pieces.table(
            source.table.to_dict("records"),
            f"Each arm against the control, which scores {unit.mean(control)}. "
            f"Differences in {unit.of_differences}; p after Holm for {len(source.table)} rows",
            [
                ("arm", lambda row: row["arm"] if row["role"] == "arm" else f"{row['arm']} (second control)"),
                ("verdict", lambda row: pieces.verdict(row["verdict"])),
                *pieces.differences(unit),
                (f"mean {unit.metric}", lambda row: pieces.Number(unit.mean(row["mean"]))),
                ("p", lambda row: pieces.Number(pieces.p_value(row["p"]))),
                ("draws", lambda row: pieces.Number(row["draws"])),
                ("draws that would decide", lambda row: pieces.Number(pieces.needed(row["draws_needed"]))),
                ("seconds a trial", lambda row: pieces.Number(pieces.decimal(row["seconds"], 2))),
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
            f"{row['arm']} {pieces.said(row['verdict'])} on {images}: {unit.change(row['difference'])} {unit.of_differences} "
            f"(95 % interval {unit.change(row['low'])} to {unit.change(row['high'])}, p {pieces.p_value(row['p'])}, {row['draws']} draws). "
            f"On the validation part, for which it was chosen, it was {unit.change(row['validation_difference'])}.",
        )
        for row in found.to_dict("records")
    ]
    times = "once" if len(opened) == 1 else f"{len(opened)} times"
    rest = "" if len(opened) == 1 else " Only the first opening is independent of what was seen there before."
    return joined(
        element("ul", *said, class_="answer") if said else element("p", "No confirmation of this study is finished."),
        element("p", f"The locked test of these data was opened {times}.{rest}"),
        pieces.table(
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
    transform = stored.transform_of(document["transform"])
    written = document["transform"] if transform is None else transform.to_dict()
    return joined(
        element(
            "p",
            element("strong", source.best),
            " has the largest difference among the arms that help. Apply it to training images alone, each time anew.",
        ),
        element("p", "Without code: a class of it is not loaded where the report was made.", class_="quiet")
        if transform is None
        else pieces.code(transform.code(), "Python"),
        _before(source),
        element(
            "details",
            element("summary", "As JSON"),
            pieces.code(json.dumps(written, indent=2, ensure_ascii=False), "JSON"),
        ),
        element("p", element("code", "augmentlab.from_dict(json.loads(text))"), " reads it.", class_="quiet"),
    )


def _before(source: Source) -> Markup | None:
    """What every image went through before the arm, which is no part of the arm's code."""
    preprocess = pieces.code_of(source.spec["context"]["preprocess"])
    if preprocess == "none":
        return None
    return element(
        "p",
        "Before it, every image of the study went through ",
        element("code", preprocess),
        ", which is not in this code: training, validation and test images need it first.",
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
                element(
                    "p", pieces.verdict(row["verdict"]), f" {source.unit.change(row['difference'])}", class_="quiet"
                ),
                pieces.strip(label, document["transform"], pictures, int(source.spec["context"]["seed"])),
                element("details", element("summary", "Code"), pieces.code(document["code"], "code")),
                class_="arm",
            )
        )
    lead = None
    if pictures:
        classes = ", ".join(name.partition(": ")[2] for name in kept)
        lead = (
            f"In each strip, the first row holds {len(pictures)} images of the training pool ({classes}), the rows below "
            f"{pieces.DRAWS} draws of each. The draws of all arms have the same seeds."
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
                pieces.image(fitted(render.to_rgb(picture)[0], 64, like=picture.shape), f"image {place}"),
                f"{classes[truth[place]]}: missed in {'every draw' if share == 1 else f'{pieces.percent(share)} of the draws'}",
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
        pieces.table(
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
        ("Images", parts or pieces.ABSENT),
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
        ("Preprocessing", element("code", pieces.code_of(context["preprocess"]))),
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
        pieces.table(
            records[:_MOST_CLASSES],
            f"Images by class ({len(names)} classes); the pool has them in the same proportion",
            [
                ("class", lambda row: row["name"]),
                ("validation", lambda row: pieces.Number(row["validation"])),
                ("locked test", lambda row: pieces.Number(row["test"])),
            ],
        ),
        element("p", f"And {left} more.", class_="quiet") if left > 0 else None,
    )
