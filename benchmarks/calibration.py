"""How often equal arms are called different: simulated studies, judged by the usual tests and by ours.

Run ``python -m benchmarks.calibration --write-docs``. A simulated study is a real one in small: images are drawn with their
classes, models (the nearest class mean) are trained on draws of them, and what the models predict is judged. Two arms are
equal when each is the same recipe with random features of its own, so that over all data, draws and images neither is
better. The shares of studies in which they are called different are counted, and so are those in which a better arm is found.
"""

import argparse
import gc
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from scipy import stats

from augmentlab.study import statistics
from benchmarks.run import command, today

DOCS = Path(__file__).parents[1] / "docs"
SEED = 20
LEVEL = 0.05
ROPE = 0.5  # points
FAMILY = 15  # arms

SHARES = np.array([0.4, 0.3, 0.2, 0.1])  # of the classes
SHARED = np.random.default_rng(0).normal(0, 0.75, (4, 4))  # means of the features that all arms see
OWN = np.random.default_rng(1).normal(0, 0.75, (4, 4))  # means of the features that an arm has for itself
USELESS = 24


@dataclass(frozen=True)
class HoldOut:
    """One validation part, and draws of training images from one pool."""

    pool: int
    train: int
    images: int
    draws: int

    def __str__(self) -> str:
        """A row's name."""
        return f"pool {self.pool}, train {self.train}, {self.images} images, {self.draws} draws"


@dataclass(frozen=True)
class Splits:
    """Training and test images exchanged among each other: random splits, or folds."""

    times: int
    folds: int = 0  # 0 for random splits of 80 to 20
    images: int = 300

    def __str__(self) -> str:
        """A row's name."""
        return f"{self.times} × {self.folds} folds" if self.folds else f"{self.times} random splits, 80 to 20"

    @property
    def tested(self) -> int:
        """Test images of one model."""
        return self.images // 5

    def test_masks(self, rng: np.random.Generator) -> np.ndarray:
        """Which images are tested on, of shape (resamplings, images)."""
        orders = [rng.permutation(self.images) for _ in range(self.times)]
        parts = [part for order in orders for part in np.split(order, 5)[: self.folds or 1]]
        return np.array([np.isin(np.arange(self.images), part) for part in parts])


HOLD_OUTS = (
    HoldOut(400, 40, 400, 10),
    HoldOut(2000, 40, 400, 10),
    HoldOut(2000, 200, 1000, 10),
    HoldOut(400, 40, 400, 5),
    HoldOut(2000, 40, 400, 5),
    HoldOut(2000, 200, 1000, 5),
    HoldOut(400, 200, 400, 10),
)
SPLITS = (Splits(10), Splits(30), Splits(5, 5), Splits(1, 5))


# --- worlds: what an arm has for itself ----------------------------------------------------------------------------------

Features = tuple[np.ndarray, np.ndarray]  # of pool and of validation images


def useless(rng: np.random.Generator, labels: Iterable[np.ndarray], *, better: bool) -> list[np.ndarray]:
    """Features that say nothing; a better arm has half as many. What an arm loses by them differs from draw to draw."""
    count = USELESS // 2 if better else USELESS
    return [rng.normal(size=(len(one), count)) for one in labels]


def views(rng: np.random.Generator, labels: Iterable[np.ndarray], *, better: bool) -> list[np.ndarray]:
    """Features that say something; in a better arm, more. Each arm is right about other images, in all draws."""
    return [(1.2 if better else 1.0) * OWN[one] + rng.normal(size=(len(one), OWN.shape[1])) for one in labels]


World = Callable[..., list[np.ndarray]]
WORLDS: dict[str, World] = {"useless features": useless, "other views": views}


def _labels(count: int) -> np.ndarray:
    return np.repeat(np.arange(len(SHARES)), np.round(SHARES * count).astype(int))


def _closeness(trained: np.ndarray, labels: np.ndarray, seen: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Negative squared distance to the class means, up to what classes share, of shape (models, new images, classes)."""
    members = trained[:, None, :] * (labels == np.arange(len(SHARES))[:, None])
    means = (members / members.sum(axis=-1, keepdims=True)) @ seen
    return 2 * np.einsum("if,mkf->mik", new, means, optimize=True) - (means**2).sum(axis=-1)[:, None, :]


def predictions(
    world: World, rng: np.random.Generator, trained: np.ndarray, labels: list[np.ndarray], arms: int, *, better: bool
) -> np.ndarray:
    """Predicted classes of shape (arms + 1, models, images), the control first; if any, the first arm is the better one.

    `trained` tells the training images of each model among those of the first labels; the last labels are predicted.
    """
    pool = labels[0]
    shared = [SHARED[one] + rng.normal(size=(len(one), SHARED.shape[1])) for one in labels]
    base = _closeness(trained, pool, shared[0], shared[-1])
    found = []
    for arm in range(arms + 1):
        own = world(rng, labels, better=better and arm == 1)
        found.append((base + _closeness(trained, pool, own[0], own[-1])).argmax(axis=-1))
    return np.array(found)


def hold_out(
    design: HoldOut, world: World, rng: np.random.Generator, *, arms: int = 1, better: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Labels of the validation images, and predicted classes of shape (arms + 1, draws, images), the control first."""
    pool, images = _labels(design.pool), _labels(design.images)
    trained = np.zeros((design.draws, design.pool))
    for draw in trained:
        for label, share in enumerate(SHARES):
            draw[rng.choice(np.flatnonzero(pool == label), round(share * design.train), replace=False)] = 1
    return images, predictions(world, rng, trained, [pool, images], arms, better=better)


def resampled(design: Splits, world: World, rng: np.random.Generator, *, better: bool = False) -> np.ndarray:
    """Difference in accuracy, in points, of arm and control in each split or fold."""
    labels, tested = _labels(design.images), design.test_masks(rng)
    control, arm = predictions(world, rng, 1.0 - tested, [labels], 1, better=better)
    return 100 * ((1.0 * (arm == labels) - (control == labels)) * tested).sum(axis=1) / design.tested


def random_effects(
    rng: np.random.Generator, *, draws: int = 10, images: int = 300, arms: int = 1, draw: float = 0.15, image: float = 0.5
) -> np.ndarray:
    """Hit differences, in points, of equal arms in a world without models, of shape (arms, draws, images).

    `draw` and `image` say how much draws and images differ in how they suit each arm.
    """
    difficulty = rng.normal(0, 1, (1, 1, images))
    by_draw = rng.normal(0, draw, (arms + 1, draws, 1))
    by_image = rng.normal(0, image, (arms + 1, 1, images))
    score = 0.8 + difficulty + by_draw + by_image + rng.normal(0, 1, (arms + 1, draws, images))
    hits = (score > 0).astype(float)
    return 100 * (hits[1:] - hits[0])


# --- judges ------------------------------------------------------------------------------------------------------------


def outside(interval: tuple[float, float], value: float = 0.0) -> bool:
    """Whether an interval leaves a value out."""
    return not interval[0] <= value <= interval[1]


def plain_bootstrap(table: np.ndarray) -> tuple[float, float]:
    """The crossed percentile bootstrap as it is found in textbooks, with Hesterberg's wider percentiles."""
    df = statistics.crossed_test(table).df
    if np.isnan(df):
        return table.mean(), table.mean()
    tail = stats.norm.cdf(stats.t.ppf(LEVEL / 2, df) * np.sqrt((df + 1) / df))
    return tuple(np.quantile(statistics.bootstrap_means(table), [tail, 1 - tail]))


def told_apart(tables: Iterable[np.ndarray]) -> list[bool]:
    """Whether a study with these arms calls each of them better or worse, Holm's adjustment included."""
    given = list(tables)
    tests = [statistics.crossed_test(table) for table in given]
    # One p needs no adjustment, and statsmodels takes its time.
    adjusted = statistics.holm([test.p for test in tests]) if len(tests) > 1 else [tests[0].p]
    words = [
        statistics.verdict(statistics.crossed_interval(table), p, test, rope=ROPE, identical=not table.any())
        for table, test, p in zip(given, tests, adjusted, strict=True)
    ]
    return [word in {"helps", "hurts"} for word in words]


def hits(labels: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Differences in accuracy, in points, of shape (arms, draws, images)."""
    right = 100.0 * (predicted == labels)
    return right[1:] - right[0]


def macro_f1(labels: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Differences in pseudo-scores of macro F1, in points, of shape (arms, draws, images)."""
    scores = np.array([100 * statistics.pseudo_scores("macro_f1", labels, one) for one in predicted])
    return scores[1:] - scores[0]


def one_arm(design: HoldOut, world: World, rng: np.random.Generator, *, better: bool) -> dict[str, float]:
    """What each judge says of one study with one arm: 1 if it tells arm and control apart."""
    labels, predicted = hold_out(design, world, rng, better=better)
    (table,), (pseudo,) = hits(labels, predicted), macro_f1(labels, predicted)
    low, high = statistics.crossed_interval(table)
    return {
        "paired t": statistics.draw_test(table.mean(axis=1)).p < LEVEL,
        "crossed t": statistics.crossed_test(table).p < LEVEL,
        "plain crossed bootstrap": outside(plain_bootstrap(table)),
        "augmentlab": told_apart([table])[0],
        "F1, paired t": statistics.draw_test(pseudo.mean(axis=1)).p < LEVEL,
        "F1, augmentlab": told_apart([pseudo])[0],
        "difference": table.mean(),
        "low": low,
        "high": high,
    }


def family(design: HoldOut, world: World, rng: np.random.Generator, *, better: bool) -> dict[str, float]:
    """What is said of one study with FAMILY arms: whether any is told apart, or if the first is better, whether that is."""
    tables = hits(*hold_out(design, world, rng, arms=FAMILY, better=better))
    naive = statistics.holm([statistics.draw_test(table.mean(axis=1)).p for table in tables])
    ours = told_apart(tables)
    place = slice(0, 1) if better else slice(None)
    return {"paired t": bool((naive[place] < LEVEL).any()), "augmentlab": any(ours[place])}


def split(design: Splits, world: World, rng: np.random.Generator, *, better: bool) -> dict[str, float]:
    """What each judge says of one experiment by splits or folds."""
    differences = resampled(design, world, rng, better=better)
    corrected = statistics.corrected_t_test(differences, train=design.images - design.tested, test=design.tested)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of ties and zeros, for which it goes over to an approximation
        wilcoxon = stats.wilcoxon(differences).pvalue if differences.any() else np.nan
    return {
        "paired t": statistics.draw_test(differences).p < LEVEL,
        "Wilcoxon": wilcoxon < LEVEL,
        "corrected t": corrected.p < LEVEL,
        "difference": differences.mean(),
        "low": corrected.low,
        "high": corrected.high,
    }


Judge = Callable[..., dict[str, float]]


def judged(
    judge: Judge, design: HoldOut | Splits, world: str, studies: int, *, better: bool = False, seed: int = SEED
) -> dict[str, np.ndarray]:
    """What a judge says of each of many studies; equal arguments give equal studies."""
    places = [(HOLD_OUTS + SPLITS).index(design), list(WORLDS).index(world), int(better), (one_arm, family, split).index(judge)]
    said = [
        judge(design, WORLDS[world], np.random.default_rng((seed, *places, study)), better=better)
        for study in range(studies)
    ]
    return {name: np.array([one[name] for one in said], dtype=float) for name in said[0]}
