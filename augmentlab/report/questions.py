"""The sections on what a study was asked beside its comparison, one for each name in `source.TABLES`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from augmentlab import plots
from augmentlab.markup import Markup, element, joined
from augmentlab.plots.frames import Unit
from augmentlab.report import pieces

if TYPE_CHECKING:
    from augmentlab.report.pieces import Row
    from augmentlab.report.source import Source


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
        ("effect", lambda row: pieces.Number(unit.change(row["effect"]))),
        ("95 % interval", lambda row: pieces.Number(pieces.interval(unit, row["low"], row["high"]))),
        ("p", lambda row: pieces.Number(pieces.p_value(row["p"]))),
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
        content.append(pieces.figure(plots.effects(table), alt))
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
        content.append(pieces.figure(plots.shapley(table), alt))
    caption = f"Effects in {unit.of_differences}; p after Holm within each kind"
    return joined(*content, pieces.folded("The numbers", pieces.table(table.to_dict("records"), caption, columns)))


def learning_curve(source: Source) -> Markup | None:
    """The exchange rate between augmentation and images."""
    table = source.asked("learning_curve")
    if table is None or table.empty:
        return None
    unit, sentence = Unit.of(table), table.attrs.get("sentence", "")
    return joined(
        element("p", f"{sentence}.") if sentence else None,
        pieces.figure(
            plots.learning_curve(table),
            "The control's score with more training images, and the arm's beside it: the numbers of the table below",
        ),
        pieces.table(
            table.to_dict("records"),
            f"{unit.of_means} with 95 % intervals",
            [
                ("arm", lambda row: row["arm"]),
                ("training images", lambda row: pieces.Number(row["n"])),
                ("mean", lambda row: pieces.Number(unit.mean(row["mean"]))),
                ("95 % interval", lambda row: pieces.Number(f"{unit.mean(row['low'])} to {unit.mean(row['high'])}")),
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
        pieces.figure(
            plots.robustness(table),
            "Score of each model under each transform at each strength: the numbers of the table below",
        ),
        pieces.folded(
            "The numbers",
            pieces.table(
                table.to_dict("records"),
                f"Difference to undisturbed images in {unit.of_differences}",
                [
                    ("transform", lambda row: row["transform"]),
                    ("model", lambda row: row["model"]),
                    ("strength", lambda row: pieces.Number(f"{row['strength']:g}")),
                    ("mean", lambda row: pieces.Number(unit.mean(row["mean"]))),
                    *pieces.differences(unit),
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
        pieces.table(
            table.to_dict("records"),
            f"Affinity with 95 % intervals, diversity, and differences in {unit.of_differences}",
            [
                ("arm", lambda row: row["arm"]),
                ("affinity", lambda row: pieces.Number(pieces.decimal(row["affinity"], 2))),
                ("95 % interval", lambda row: pieces.Number(pieces.ends(row["affinity_low"], row["affinity_high"]))),
                ("diversity", lambda row: pieces.Number(pieces.decimal(row["diversity"], 2))),
                ("difference", lambda row: pieces.Number(unit.change(row["difference"]))),
                ("verdict", lambda row: pieces.verdict(row["verdict"])),
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
        return ", ".join(dict.fromkeys(seen)) or pieces.ABSENT

    return joined(
        element(
            "p",
            "How often a model that was trained without augmentation sees another class once a step was applied to a "
            "validation image. It is a hint, not a proof: models also change their minds about what they have never seen.",
        ),
        pieces.table(
            table.to_dict("records"),
            "Share of the validation images whose predicted class changes",
            [
                ("step", lambda row: row["step"]),
                ("changes", lambda row: pieces.Number(pieces.percent(row["flips"]))),
                (
                    "95 % interval",
                    lambda row: pieces.Number(f"{pieces.percent(row['low'])} to {pieces.percent(row['high'])}"),
                ),
                ("right before, then seen as", worst),
            ],
        ),
    )
