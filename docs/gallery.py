"""The pictures of the page of plots: each is what the call above it on the page returns, on made-up numbers."""

import itertools
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from augmentlab import Affine, Compose, GaussianNoise, data, plots

BLOCK = re.compile(r"```python\n(?P<call>.*?)\n```\n\n```\{image\} (?P<path>\S+)", re.DOTALL)
UNIT = {"name": "made up", "metric": "accuracy", "unit": "points"}
ONE_STEP = {"shift": 13.3, "rotate": 4.8, "noise": -3.1, "erase": -1.7}  # points, in an on/off design


def write_gallery(folder: Path) -> None:
    """Draw what ``plots.md`` calls."""
    for path, figure in figures(folder / "plots.md"):
        (folder / path).parent.mkdir(exist_ok=True)
        figure.savefig(folder / path)


def figures(page: Path) -> list[tuple[str, Any]]:
    """Path and figure of each call on a page."""
    names = made_up()
    blocks = BLOCK.finditer(page.read_text(encoding="utf-8"))
    return [(block["path"], eval(block["call"], names)) for block in blocks]


def made_up() -> dict[str, Any]:
    """What the calls on the page name."""
    return {
        "plots": plots,
        "Affine": Affine,
        "images": list(data.photos().images[:2]),
        "pipeline": Compose([Affine.typical(), GaussianNoise.typical()]),
        "study": MadeUp(dict.fromkeys(ONE_STEP, (False, True))),
        "ladder": MadeUp({"step": ("Rotate", "Gamma"), "strength": (0.2, 0.4, 0.6, 0.8, 1.0)}),
        "grid": MadeUp({"Rotate.angle": (5, 15, 45), "Rotate.p": (0.25, 0.5, 1.0), "Affine.border": ("edge", "wrap")}),
    }


@dataclass(frozen=True)
class MadeUp:
    """What has the frames of a Study; the numbers come from a seed.

    ``factors`` are levels by factor: all (False, True) in an on/off design.
    """

    factors: Mapping[str, Sequence[Any]]
    seed: int = 0
    draws: int = 8

    @property
    def points(self) -> list[dict[str, Any]]:
        """The levels of each arm; everything off is the control and no arm."""
        points = [dict(zip(self.factors, levels, strict=True)) for levels in itertools.product(*self.factors.values())]
        return [point for point in points if any(level is not False for level in point.values())]

    def compare(self) -> pd.DataFrame:
        rng = np.random.default_rng((self.seed, 0))
        differences = [self._truth(point) + rng.normal(0, 0.3) for point in self.points]
        rows = [self._arm(_label(point), value, rng) for point, value in zip(self.points, differences, strict=True)]
        rows.append(self._arm("TrivialAugment", 3.4, rng) | {"role": "control"})
        frame = pd.DataFrame(rows).sort_values("difference", ascending=False, ignore_index=True)
        frame.attrs = {**UNIT, "control_mean": 0.441, "rope": 0.5, "note": "", "draws": self.draws}
        return frame

    def to_frame(self) -> pd.DataFrame:
        rows = [
            {"arm": _label(point), "role": "arm", "draw": draw, "part": "validation", "state": "complete"} | point
            for point in self.points
            for draw in range(self.draws)
        ]
        rows.append({"arm": "TrivialAugment", "role": "control", "draw": 0, "part": "validation", "state": "complete"})
        return pd.DataFrame(rows)

    def effects(self) -> pd.DataFrame:
        rng = np.random.default_rng((self.seed, 1))
        names = list(self.factors)
        alone = {name: self._truth({name: True}) for name in names}
        pairs = {pair: rng.normal(0, 1.2) for pair in itertools.combinations(names, 2)}
        pairs |= {
            pair: value
            for pair, value in {("shift", "rotate"): -7.4, ("shift", "noise"): -4.5}.items()
            if pair in pairs
        }
        half = {name: sum(value for pair, value in pairs.items() if name in pair) / 2 for name in names}
        rows = [self._term(name, "main", alone[name] + half[name], rng) for name in names]
        rows += [self._term(":".join(pair), "interaction", value, rng) for pair, value in pairs.items()]
        shares = [self._term(name, "shapley", alone[name] + half[name], rng) for name in names]
        frame = pd.DataFrame(rows + shares)
        frame.attrs = {**UNIT, "total": sum(row["effect"] for row in shares)}
        return frame

    def learning_curve(self) -> pd.DataFrame:
        rng = np.random.default_rng((self.seed, 2))
        sizes = np.array([150, 300, 600, 1200])
        means = 0.44 + 0.075 * np.log2(sizes / 300)
        rate = 2.6
        rows = [("control", n, mean, 0.011 + 0.004 * rng.random()) for n, mean in zip(sizes, means, strict=True)]
        rows.append(("shift", 300, 0.44 + 0.075 * math.log2(rate), 0.012))
        frame = pd.DataFrame(
            [
                {"arm": arm, "n": n, "mean": mean, "low": mean - half, "high": mean + half, "draws": self.draws}
                for arm, n, mean, half in rows
            ]
        )
        sentence = f"With 300 images, shift is worth about {rate:g} times the data (95 % interval 2.2 to 3.0)."
        reach = {"arm": "shift", "n": 300, "rate": rate, "rate_low": 2.2, "rate_high": 3.0, "sentence": sentence}
        frame.attrs = UNIT | reach
        return frame

    def robustness(self) -> pd.DataFrame:
        rng = np.random.default_rng((self.seed, 3))
        falls = {"Gamma": 3, "GaussianNoise": 14, "GaussianBlur": 18, "Rotate": 25, "Affine": 33, "CoarseDropout": 11}
        rows = []
        for model, start, share in (("control", 0.441, 1.0), ("shift", 0.574, 0.6)):
            for name, points in falls.items():
                drops = [strength**1.4 * points * share for strength in (0.0, 0.25, 0.5, 0.75, 1.0)]
                for strength, drop in zip((0.0, 0.25, 0.5, 0.75, 1.0), drops, strict=True):
                    change = -drop + (rng.normal(0, 0.5) if strength else 0)
                    row = {"model": model, "transform": name, "strength": strength, "mean": start + change / 100}
                    rows.append(row | {"difference": change, "low": change - 1.5, "high": change + 1.5})
        frame = pd.DataFrame(rows)
        frame.attrs = dict(UNIT)
        return frame

    def _truth(self, point: Mapping[str, Any]) -> float:
        """Points that the levels bring together: most at a middle strength, less where two steps do the same."""
        total, active = 0.0, 0
        for place, (name, level) in enumerate(point.items()):
            if level is True:
                total += ONE_STEP.get(name, 3 * math.cos(2.4 * place + self.seed))
                active += 1
            elif isinstance(level, (int, float)) and level is not False:
                share = level / max(self.factors[name])
                total += (11 - 2 * place) * share - 9 * share**2
            elif isinstance(level, str):
                total += 1.5 - 2.5 * list(self.factors[name]).index(level)
        return total - 2.2 * max(active - 1, 0)

    def _arm(self, label: str, difference: float, rng: np.random.Generator) -> dict[str, Any]:
        half = rng.uniform(0.4, 1.6)
        low, high = difference - half, difference + half
        word = "helps" if low > 0 else "hurts" if high < 0 else "equivalent" if max(-low, high) < 0.8 else "undecided"
        return {
            "arm": label,
            "code": f"Compose(())  # {label}",
            "role": "arm",
            "mean": 0.441 + difference / 100,
            "difference": difference,
            "low": low,
            "high": high,
            "p": 0.4 if low < 0 < high else 0.001,
            "verdict": word,
            "draws": self.draws,
            "draws_needed": 30.0 if word == "undecided" else np.nan,
            "seconds": float(0.1 + 0.04 * len(label) * rng.uniform(0.5, 1.5)),
        }

    def _term(self, term: str, kind: str, effect: float, rng: np.random.Generator) -> dict[str, Any]:
        half = rng.uniform(0.5, 1.4)
        p = 0.3 if abs(effect) < half else 0.002
        row = {"term": term, "kind": kind, "effect": effect, "low": effect - half, "high": effect + half}
        return row | {"p": p, "draws": self.draws}


def _label(point: Mapping[str, Any]) -> str:
    if all(isinstance(level, bool) for level in point.values()):
        return " + ".join(name for name, level in point.items() if level)
    return ", ".join(f"{name} {level}" for name, level in point.items())
