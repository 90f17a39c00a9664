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
from pathlib import Path

import numpy as np
from scipy import stats

from augmentlab.study import statistics
from augmentlab.study.tables import pseudo_scores
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
        if self.folds:
            return f"{self.folds} folds, {self.times} times" if self.times > 1 else f"{self.folds} folds, once"
        return f"{self.times} random splits, 80 to 20"

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


def _weights(trained: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """What each image contributes to the mean of each class, of shape (models, classes, images)."""
    members = trained[:, None, :] * (labels == np.arange(len(SHARES))[:, None])
    return members / members.sum(axis=-1, keepdims=True)


def _closeness(weights: np.ndarray, seen: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Negative squared distance to the class means, up to what classes share, of shape (models, new images, classes)."""
    means = weights @ seen
    return 2 * new @ means.transpose(0, 2, 1) - (means**2).sum(axis=-1)[:, None, :]


def predictions(
    world: World, rng: np.random.Generator, trained: np.ndarray, labels: list[np.ndarray], arms: int, *, better: bool
) -> np.ndarray:
    """Predicted classes of shape (arms + 1, models, images), the control first; if any, the first arm is the better one.

    `trained` tells the training images of each model among those of the first labels; the last labels are predicted.
    """
    weights = _weights(trained, labels[0])
    shared = [SHARED[one] + rng.normal(size=(len(one), SHARED.shape[1])) for one in labels]
    base = _closeness(weights, shared[0], shared[-1])
    found = []
    for arm in range(arms + 1):
        own = world(rng, labels, better=better and arm == 1)
        found.append((base + _closeness(weights, own[0], own[-1])).argmax(axis=-1))
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
    rng: np.random.Generator,
    *,
    draws: int = 10,
    images: int = 300,
    arms: int = 1,
    draw: float = 0.15,
    image: float = 0.5,
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
    adjusted = statistics.holm([test.p for test in tests]) if len(tests) > 1 else [tests[0].p]  # which takes its time
    return [
        p < LEVEL  # else it is neither better nor worse, whatever its interval, which takes most of the time
        and statistics.verdict(statistics.crossed_interval(table), p, test, rope=ROPE) in {"helps", "hurts"}
        for table, test, p in zip(given, tests, adjusted, strict=True)
    ]


def hits(labels: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Differences in accuracy, in points, of shape (arms, draws, images)."""
    right = 100.0 * (predicted == labels)
    return right[1:] - right[0]


def macro_f1(labels: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Differences in pseudo-scores of macro F1, in points, of shape (arms, draws, images)."""
    scores = np.array([100 * pseudo_scores("macro_f1", labels, one) for one in predicted])
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
        warnings.simplefilter("ignore")  # of ties and zeros
        method = "exact" if differences.size <= 10 else "approx"
        wilcoxon = stats.wilcoxon(differences, method=method).pvalue if differences.any() else np.nan
    return {
        "paired t": statistics.draw_test(differences).p < LEVEL,
        "Wilcoxon": wilcoxon < LEVEL,
        "corrected t": corrected.p < LEVEL,
        "difference": differences.mean(),
        "low": corrected.low,
        "high": corrected.high,
    }


Judge = Callable[..., dict[str, float]]
JUDGES: tuple[Judge, ...] = (one_arm, family, split)


@dataclass(frozen=True)
class Task:
    """Many studies of one design in one world."""

    judge: Judge
    design: HoldOut | Splits
    world: str
    better: bool  # whether the first arm is


def judged(task: Task, studies: int, seed: int = SEED) -> dict[str, np.ndarray]:
    """What is said of each of many studies; equal arguments give equal studies."""
    place = [
        JUDGES.index(task.judge),
        (HOLD_OUTS + SPLITS).index(task.design),
        list(WORLDS).index(task.world),
        int(task.better),
    ]
    said = [
        task.judge(task.design, WORLDS[task.world], np.random.default_rng((seed, *place, study)), better=task.better)
        for study in range(studies)
    ]
    return {name: np.array([one[name] for one in said], dtype=float) for name in said[0]}


Results = dict[Task, dict[str, np.ndarray]]


def tasks() -> list[Task]:
    """All that the page tells."""
    kinds = [(family, HOLD_OUTS), (one_arm, HOLD_OUTS), (split, SPLITS)]
    return [
        Task(judge, design, world, better)
        for judge, designs in kinds
        for design in designs
        for world in WORLDS
        for better in (False, True)
    ]


def _judged_alone(task: Task, studies: int, seed: int) -> dict[str, np.ndarray]:
    import statsmodels.stats.multitest  # noqa: F401 -- there before the next line

    gc.freeze()  # statsmodels collects garbage at each adjustment, which took longer than the study
    return judged(task, studies, seed)


def measured(studies: int, families: int, seed: int, n_jobs: int) -> Results:
    """Judge all studies, on several cores; the results are the same on any number of them."""
    from joblib import Parallel, delayed

    given = tasks()
    counts = [families if task.judge is family else studies for task in given]
    run = Parallel(n_jobs=n_jobs, verbose=20)
    found = run(delayed(_judged_alone)(task, count, seed) for task, count in zip(given, counts, strict=True))
    return dict(zip(given, found, strict=True))


# --- the page ----------------------------------------------------------------------------------------------------------


def share(said: np.ndarray) -> str:
    """A share in percent and its Monte-Carlo standard error, that of at least one case."""
    rate = said.mean()
    kept = np.clip(rate, 1 / len(said), 1 - 1 / len(said))
    return f"{100 * rate:.1f} ± {100 * np.sqrt(kept * (1 - kept) / len(said)):.1f}"


def table(results: Results, judge: Judge, columns: dict[str, str], *, better: bool) -> str:
    """Shares in percent, by design and world; `columns` maps what stands above to what was judged."""
    rows = ["| design | arms differ in | " + " | ".join(columns) + " |", "|---|---|" + "---|" * len(columns)]
    for task, said in results.items():
        if task.judge is judge and task.better == better:
            cells = [_cell(said, name) for name in columns.values()]
            rows.append(f"| {task.design} | {task.world} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def _cell(said: dict[str, np.ndarray], name: str) -> str:
    if name == "difference":
        return f"{said[name].mean():.1f}"
    if name == "covered":
        true = said["difference"].mean()
        return share((said["low"] <= true) & (true <= said["high"]))
    return share(said[name])


def spread(results: Results, judges: Iterable[Judge], name: str) -> str:
    """The smallest and the largest share of false findings."""
    shares = [
        100 * said[name].mean()
        for task, said in results.items()
        if task.judge in judges and not task.better and name in said
    ]
    return f"{min(shares):.1f} to {max(shares):.1f} %"


def page(results: Results, *, written: str, typed: str, seed: int) -> str:
    """The whole page."""
    counts = {task.judge: len(next(iter(said.values()))) for task, said in results.items()}
    alone = {"paired t over draws": "paired t", "crossed t": "crossed t"}
    alone |= {"plain crossed bootstrap": "plain crossed bootstrap", "**augmentlab**": "augmentlab"}
    f1 = {"macro F1: paired t": "F1, paired t", "macro F1: **augmentlab**": "F1, augmentlab"}
    splits = {"paired t": "paired t", "Wilcoxon": "Wilcoxon", "**corrected t**": "corrected t"}
    found = {"true difference, points": "difference"}
    covered = {"interval covers it": "covered"}
    families = {"paired t, Holm": "paired t", "**augmentlab**": "augmentlab"}
    return f"""# How often it errs

**Of studies in which no arm is better than the control, a paired t test over the draws calls the arm better or worse in
{spread(results, [one_arm], "paired t")}, depending on the design; augmentlab says *helps* or *hurts* in
{spread(results, [one_arm], "augmentlab")}. With {FAMILY} arms and Holm's adjustment, any false finding comes in
{spread(results, [family], "paired t")} and {spread(results, [family], "augmentlab")} of the studies.**
A test at the level of 5 % may err in 5 %. This page was written by
`{typed}`
on {written}; seed {seed}, {counts[one_arm]:,} simulated studies in each row, {counts[family]:,} in those of families. Behind each ±
stands the Monte-Carlo standard error.

## What is simulated

Studies, in small: images of four classes (40, 30, 20 and 10 %) are drawn from Gaussian features, draws of training images
are taken from a pool, a model (the nearest class mean) is trained on each and predicts the validation images. Control and
arms see some features alike and others each for itself, drawn alike for all. So none is better over all the pools, draws
and images there could be, and yet two arms differ in each single study. There are two worlds:

useless features
: what an arm has for itself is noise. How much it loses by it differs from draw to draw;

other views
: what an arm has for itself says something about the class, and equally much. Each arm is right about other images, and
  about the same ones in all draws. So augmentations behave that mend different mistakes, and here a test that forgets the
  images errs most.

The last design trains on half of the pool, so that its draws have much in common; the pool is then a third source of
chance, of which no analysis of one study can know.

## Equal arms

Studies with one arm, told apart from the control though it is equal, in %:

{table(results, one_arm, alone | f1, better=False)}

The *paired t* takes the draws as all the chance there is. The *crossed t* takes draws and images
(`statistics.crossed_test`). *Plain crossed bootstrap* is the percentile interval of Owen's bootstrap, which leaves out 0.
*augmentlab* is the verdict *helps* or *hurts*. Macro F1 is judged by its pseudo-scores (`tables.pseudo_scores`), and its
paired t by the values of the draws, which is all that can be done where only values are known: such a result is marked "over
draws only".

{FAMILY} arms, all equal to the control; studies in which at least one is told apart, in %:

{table(results, family, families, better=False)}

## A better arm

The same, where the arm is better: half as many useless features, or a view with a signal 1.2 times as strong. Studies in
which it is found, in %, and how often augmentlab's interval of 95 % holds the true difference:

{table(results, one_arm, found | alone | f1 | covered, better=True)}

The paired t finds more because it is sure too soon. The plain bootstrap finds less than the data allow: it counts the chance
that is peculiar to one draw and one image three times. `statistics.crossed_interval` therefore has the scale of the crossed t.

One better arm among {FAMILY}, with Holm's adjustment. Many questions at once cost much: it is better to ask fewer of them, or to
take more draws and images, than to leave the adjustment out:

{table(results, family, families, better=True)}

## Repeated splits and cross-validation

A study holds its validation part fixed. Who splits again and again, or cross-validates, has training sets that overlap and
test sets that do; `statistics.corrected_t_test` takes that into account (Nadeau and Bengio 2003). {SPLITS[0].images} images. Equal arms,
told apart in %:

{table(results, split, splits, better=False)}

A better arm, as above:

{table(results, split, found | splits | covered, better=True)}

With five differences no Wilcoxon test can come out below 5 %.

## What this does not show

The models are simple and the features Gaussian, the classes are four and the images are independent; images in groups
(`groups=` of a data set) are not simulated here. Fewer than five draws are left to
`tests/test_calibration.py`, in which three err no more often.
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.calibration", description=__doc__.partition(".")[0])
    parser.add_argument("--studies", metavar="N", type=int, default=1000, help="with one arm, of each design (1000)")
    parser.add_argument("--families", metavar="N", type=int, default=500, help=f"with {FAMILY} arms (500)")
    parser.add_argument("--seed", metavar="N", type=int, default=SEED, help=f"of everything ({SEED})")
    parser.add_argument("--n-jobs", metavar="N", type=int, default=-1, help="processes; all cores by default")
    parser.add_argument("--write-docs", action="store_true", help="write the page instead of printing it")
    parser.add_argument("--docs", metavar="FOLDER", type=Path, default=DOCS, help="where --write-docs writes")
    return parser


def main() -> None:
    """Simulate, and print or write the page."""
    arguments = _parser().parse_args()
    results = measured(arguments.studies, arguments.families, arguments.seed, arguments.n_jobs)
    text = page(results, written=today(), typed=command("benchmarks.calibration"), seed=arguments.seed)
    if arguments.write_docs:
        (arguments.docs / "calibration.md").write_text(text, encoding="utf-8")
    else:
        print(text)


if __name__ == "__main__":
    main()
