"""Questions beyond "which arm": what each step does, what augmentation is worth in images, what it risks.

Each function takes a `Study` and returns a tidy frame. Those that train models store their trials as `Study.run` does, so
that asking again is free.

References
----------
Shapley, L. S. (1953). A value for n-person games. Contributions to the Theory of Games 2, 307-317.
Gontijo-Lopes, R., Smullin, S., Cubuk, E. D. and Dyer, E. (2021). Tradeoffs in data augmentation: an empirical study. ICLR.
Geiping, J., Goldblum, M., Somepalli, G., Shwartz-Ziv, R., Goldstein, T. and Wilson, A. G. (2023). How much data are
augmentations worth? ICLR.
"""

from __future__ import annotations

import json
import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from augmentlab.compose import Compose
from augmentlab.study import comparison, contrasts, statistics
from augmentlab.study.inputs import count
from augmentlab.study.runner import BOOTSTRAP
from augmentlab.transform import Transform

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from augmentlab.study.record import Record
    from augmentlab.study.spaces import Arm
    from augmentlab.study.storage import Trial
    from augmentlab.study.study import Study

# What cameras, scanners and hands do to images; each is taken at its typical range.
_DISTURBANCES = (
    "Rotate", "Affine", "GaussianBlur", "MotionBlur", "GaussianNoise", "ColorJitter", "Gamma", "JPEGCompression",
    "CoarseDropout", "ElasticTransform",
)  # fmt: skip


def effects(study: Record) -> pd.DataFrame:
    """What each step does on average, in pairs, and what share of the whole gain is its own.

    Every number is a weighted sum of the arms' scores, image by image and draw by draw, so that its interval and p come
    from the same crossed analysis as those of `Study.compare`.

    Parameters
    ----------
    study : Study
        Of an on/off design, such as `combinations` makes.

    Returns
    -------
    pandas.DataFrame
        - ``term``: ``"shift"``, or ``"shift:rotate"``
        - ``kind``: ``"main"``, the mean difference between the arms with a step and those without it, the others being
          on and off alike; ``"interaction"``, by how much the second step changes the first one's effect;
          ``"shapley"``, the step's exact share of the difference between all on and all off (full designs only)
        - ``effect``, ``low``, ``high``: in the unit of the metric, with a 95 % interval
        - ``p``: of no effect (crossed t), adjusted after Holm within each kind
        - ``draws``: how many it rests on

        ``attrs`` hold ``name``, ``metric``, ``unit`` and ``total`` (all on minus all off; nan where not all on is an arm).

    Raises
    ------
    ValueError
        The arms are no on/off design.
    RuntimeError
        There is no draw that all arms and the control have completed.
    """
    import pandas as pd

    arms = study.arms
    points = [arm.point for arm in arms]
    if not all(points) or not all(isinstance(level, bool) for point in points for _, level in point):
        raise ValueError(
            "effects need an on/off design, such as combinations(...) makes; "
            f"{next((arm.label for arm in arms if not arm.point), arms[0].label)!r} is not part of one"
        )
    off = tuple((factor, False) for factor, _ in points[0])
    judge, stored = study._judge("validation"), study._stored("validation")
    common, trials = comparison.paired(stored, range(-1, len(arms)), study.draws)
    broken = [(label, why) for index, label in enumerate(study.labels) if (why := study._failure(index, stored))]
    if broken:
        raise RuntimeError(f"effects need every arm; {broken[0][0]!r} failed in every draw with {broken[0][1]}")
    if not common:
        raise RuntimeError("effects need a draw that all arms have completed; call run() first")
    if len(common) < study.draws:
        warnings.warn(
            f"effects rest on {len(common)} of {study.draws} draws: those that all arms have completed",
            UserWarning,
            stacklevel=3,
        )
    rows = []
    for contrast in contrasts.contrasts([off, *points]):
        found = judge.estimate(trials, tuple(float(weight) for weight in contrast.weights))
        p = math.nan if found.test is None else found.test.p
        rows.append((contrast.term, contrast.kind, found.difference, found.low, found.high, p, len(common)))
    frame = pd.DataFrame(rows, columns=["term", "kind", "effect", "low", "high", "p", "draws"])
    for kind in frame["kind"].unique():
        chosen = frame["kind"] == kind
        frame.loc[chosen, "p"] = statistics.holm(frame.loc[chosen, "p"])
    everything = [index for index, point in enumerate(points) if all(level for _, level in point)]
    total = math.nan
    if everything:
        total = judge.estimate((trials[1 + everything[0]], trials[0]), (1.0, -1.0)).difference
    frame.attrs |= study._attrs | {"total": total}
    return frame


def learning_curve(
    study: Study, arm: str | Arm | None, factors: Sequence[float] | None, **session: Any
) -> pd.DataFrame:
    """How many more training images would be worth as much as an arm.

    The control is trained on 1, 2, 4, ... times as many images as the study's draws have (each draw contains the smaller
    ones), and the size at which it reaches the arm's mean is read off between them, on a logarithmic scale of images.

    Parameters
    ----------
    study : Study
        With its data, or with the curve computed before.
    arm : str or Arm, optional
        The best by default.
    factors : sequence of float, optional
        At least two, the first of them 1, ascending; those of 1, 2 and 4 that the pool has images for by default.

    Returns
    -------
    pandas.DataFrame
        ``arm``, ``n`` (training images), ``mean``, ``low``, ``high`` (95 % crossed bootstrap), ``draws``. ``attrs`` hold
        ``name``, ``metric``, ``unit``, ``arm``, ``n`` (of the study's draws), ``rate``, ``rate_low``, ``rate_high`` (how
        many times the data; inf where the curve does not get there) and ``sentence``.

    Raises
    ------
    ValueError
        The pool is too small for the largest factor, the factors will not do, or no arm is given and none helps.
    """
    import pandas as pd

    index = study._chosen(arm)
    size = int(study.spec["context"]["train_size"])
    pool = study.spec["images"].get("pool", math.inf)
    if factors is None:
        factors = [1, 2, *([4] if 4 * size <= pool else [])]
    factors = [float(factor) for factor in factors]
    sizes = [round(factor * size) if math.isfinite(factor) else 0 for factor in factors]
    if len(factors) < 2 or factors[0] != 1 or sorted(set(sizes)) != sizes:
        raise ValueError(
            f"factors must be ascending and begin with 1, such as (1, 2, 4), and each give more images; got {tuple(factors)}"
        )
    if not study.metric.per_image:
        raise ValueError(f"the learning curve needs a metric that is known image by image; {study.metric.name} is not")
    if sizes[-1] > pool:
        raise ValueError(
            f"factors must not ask for more images than the pool has, {pool}; {factors[-1]:g} times {size} are {sizes[-1]}: "
            "take smaller factors, or make the study with a smaller train_size"
        )
    cells = [study._cell(-1, draw, size=None if n == size else n) for draw in range(study.draws) for n in sizes] + [
        study._cell(index, draw) for draw in range(study.draws)
    ]
    trials = study._trials_of(cells, "the learning curve", **session)
    curve = [
        [trials.get(cells[draw * len(sizes) + place].key) for draw in range(study.draws)] for place in range(len(sizes))
    ]
    ours = [trials.get(study._cell(index, draw).key) for draw in range(study.draws)]
    common = [draw for draw in range(study.draws) if ours[draw] and all(line[draw] for line in curve)]
    label = study._label(index)
    if len(common) < 2:
        raise RuntimeError(
            f"the learning curve needs 2 draws that {label} and the control have completed; got {len(common)}"
        )
    judge = study._judge("validation")
    lines: list[list[Trial]] = [[line[draw] for draw in common] for line in [*curve, ours]]  # type: ignore[misc]
    rows = []
    for name, n, line in zip([*["control"] * len(sizes), label], [*sizes, size], lines, strict=True):
        found = judge.estimate((line,), (1.0 / judge.metric.scale,))
        rows.append((name, n, found.difference, found.low, found.high, len(common)))
    frame = pd.DataFrame(rows, columns=["arm", "n", "mean", "low", "high", "draws"])
    table = np.array([judge.grouped(np.array([judge.each(trial) for trial in line])) for line in lines])
    rng = (study.spec["context"]["seed"], BOOTSTRAP)
    worth = contrasts.exchange_rate(sizes, table[:-1], table[-1], rng=rng)
    frame.attrs |= study._attrs | {
        "arm": label, "n": size, "rate": worth.rate, "rate_low": worth.low, "rate_high": worth.high,
        "sentence": _worth(label, worth, factors[-1]),
    }  # fmt: skip
    return frame


def _worth(label: str, worth: contrasts.ExchangeRate, most: float) -> str:
    if worth.rate <= 1:
        high = f"more than {most:g}" if math.isinf(worth.high) else f"{worth.high:.1f}"
        return f"{label} is worth no more data than there are (95 % interval up to {high} times)"
    times = f"more than {most:g}" if math.isinf(worth.rate) else f"about {worth.rate:.1f}"
    low, high = (
        f"more than {most:g}" if math.isinf(end) else "at most 1" if end <= 1 else f"{end:.1f}"
        for end in (worth.low, worth.high)
    )
    return f"{label} is worth {times} times the data (95 % interval {low} to {high})"


def robustness(
    study: Study,
    arm: str | Arm | None,
    transforms: Sequence[Transform | type[Transform]] | None,
    strengths: Sequence[float],
    **session: Any,
) -> pd.DataFrame:
    """How well the control and an arm do on validation images that are disturbed.

    Parameters
    ----------
    study : Study
        With its data, or with the sweep computed before.
    arm : str or Arm, optional
        The best by default; the control alone where none helps.
    transforms : sequence of Transform or class, optional
        Each is scaled to the strengths, a class from its typical ranges; by default ten that imitate what cameras and
        hands do. Draws depend on the image alone: all models meet the same ones.
    strengths : sequence of float
        In [0, 1]; 0 leaves the images as they are.

    Returns
    -------
    pandas.DataFrame
        ``model`` ("control" or the arm), ``transform``, ``strength``, ``mean`` of the metric, ``difference`` to strength
        0 with ``low`` and ``high`` (95 %), in the unit of the metric. ``attrs`` hold ``name``, ``metric``, ``unit``.
    """
    import pandas as pd

    given = _disturbances() if transforms is None else list(transforms)
    sweeps = [_sweep(one) for one in given]
    names = _names(sweeps)
    levels = sorted({float(strength) for strength in strengths} | {0.0})
    index = -1 if arm is None and study.best is None else study._chosen(arm)
    models = list(dict.fromkeys((-1, index)))
    preparation = study._common_end
    targets: dict[str, Compose | None] = {"": None}
    for sweep in sweeps:
        for strength in levels[1:]:
            pipeline = Compose((sweep.scaled(strength), *preparation))
            targets[_target(pipeline)] = pipeline
    cells = {
        (model, draw): study._cell(model, draw, targets=targets) for model in models for draw in range(study.draws)
    }
    trials = study._trials_of(list(cells.values()), "the sweep", **session)
    judge = study._judge("validation")
    at = {name: place for place, name in enumerate(targets)}
    rows = []
    for model in models:
        for name, sweep in zip(names, sweeps, strict=True):
            for strength in levels:
                place = 0 if not strength else at[_target(Compose((sweep.scaled(strength), *preparation)))]
                pairs = [
                    (trials[keys[place].key], trials[keys[0].key])
                    for draw in range(study.draws)
                    if (keys := cells[model, draw].targets) and {keys[place].key, keys[0].key} <= trials.keys()
                ]
                if not pairs:
                    rows.append((study._label(model), name, strength, *[math.nan] * 4))
                    continue
                disturbed, clean = zip(*pairs, strict=True)
                mean = float(np.mean([judge.value(trial) for trial in disturbed]))
                found = judge.estimate((disturbed, clean), (1.0, -1.0))
                rows.append((study._label(model), name, strength, mean, found.difference, found.low, found.high))
    columns = ["model", "transform", "strength", "mean", "difference", "low", "high"]
    frame = pd.DataFrame(rows, columns=columns)
    frame.attrs |= study._attrs
    return frame


def diagnostics(study: Study, draws: int, **session: Any) -> pd.DataFrame:
    """Affinity and diversity of each arm (Gontijo-Lopes et al. 2021), beside what it does.

    *Affinity* is the accuracy on augmented validation images divided by that on clean ones, of the model trained on
    clean images: how far augmentation leaves the data that the model knows. *Diversity* is the loss of the model trained
    with augmentation on its own training images, divided by that of the control: how hard augmentation makes them. In
    the paper neither tells alone what helps; both together do better.

    Parameters
    ----------
    study : Study
        With its data, or with the diagnostics computed before.
    draws : int
        How many of the study's draws are used.

    Returns
    -------
    pandas.DataFrame
        ``arm``, ``affinity``, ``affinity_low``, ``affinity_high`` (95 %, over draws and images), ``diversity`` (nan for
        models without ``predict_proba`` and where the control has no loss), and ``difference``, ``low``, ``high``,
        ``verdict`` of `Study.compare`.
    """
    import pandas as pd

    draws = min(count("draws", draws, 1), study.draws)
    arms = study._all_arms
    targets: dict[str, Compose | None] = {"": None} | {_target(arm.pipeline): arm.pipeline for arm in arms}
    clean = [study._cell(-1, draw, targets=targets) for draw in range(draws)]
    losses = {
        (index, draw): study._cell(index, draw, loss=True) for index in range(-1, len(arms)) for draw in range(draws)
    }
    trials = study._trials_of([*clean, *losses.values()], "the diagnostics", **session)
    judge = study._judge("validation")
    table = study.compare(warn=False).set_index("arm")
    rows = []
    for index, arm in enumerate(arms):
        pairs = [
            (trials[cell.targets[1 + index].key], trials[cell.key])
            for cell in clean
            if cell.targets[1 + index].key in trials and cell.key in trials
        ]
        augmented, plain = (np.array([pair[side].hits for pair in pairs], dtype=np.float64) for side in (0, 1))
        affinity, low, high = _ratio(augmented, plain, judge)
        ratios = [_diversity(trials, losses, index, draw) for draw in range(draws)]
        known = [ratio for ratio in ratios if not math.isnan(ratio)]
        diversity = float(np.mean(known)) if known else math.nan
        row = table.loc[arm.label]
        rows.append(
            (arm.label, affinity, low, high, diversity, row["difference"], row["low"], row["high"], row["verdict"])
        )
    columns = ["arm", "affinity", "affinity_low", "affinity_high", "diversity", "difference", "low", "high", "verdict"]
    frame = pd.DataFrame(rows, columns=columns)
    frame.attrs |= study._attrs
    return frame


def label_safety(study: Study, draws: int, **session: Any) -> pd.DataFrame:
    """For each step, how often it makes a model trained on clean images change its mind about a validation image.

    A six that is turned by 180 degrees is a nine: a step that changes what is seen teaches the wrong label. A change of
    mind is a hint, not a proof: it also happens where the model is unsure, or where it has never seen the like.

    Parameters
    ----------
    study : Study
        With its data, or with this computed before.
    draws : int
        How many of the study's draws (trained models) are used.

    Returns
    -------
    pandas.DataFrame
        ``step`` (the arms of one step each, or all arms where there are none), ``flips`` (share of the validation
        images), ``low``, ``high`` (95 %, over draws and images) and ``worst``: a list of dicts with ``image`` (place in the
        validation part), ``label``, ``before``, ``after`` (class names) and ``share`` of the draws, those that were
        right before first. Ordered by ``flips``.
    """
    import pandas as pd

    draws = min(count("draws", draws, 1), study.draws)
    arms = [arm for arm in study.arms if _is_single(arm.pipeline)] or study.arms
    targets: dict[str, Compose | None] = {"": None} | {_target(arm.pipeline): arm.pipeline for arm in arms}
    cells = [study._cell(-1, draw, targets=targets) for draw in range(draws)]
    trials = study._trials_of(cells, "the label check", **session)
    judge, spec = study._judge("validation"), study.spec
    labels = np.array(spec["labels"]["validation"])
    rows: list[tuple[Any, ...]] = []
    for place, arm in enumerate(arms, 1):
        pairs = [
            (trials[cell.targets[0].key].predictions, trials[cell.targets[place].key].predictions)
            for cell in cells
            if cell.targets[place].key in trials and cell.targets[0].key in trials
        ]
        if not pairs:
            rows.append((arm.label, math.nan, math.nan, math.nan, []))
            continue
        before, after = (np.array([pair[side] for pair in pairs], dtype=np.int64) for side in (0, 1))
        flips = (before != after).astype(np.float64)
        low, high = math.nan, math.nan
        if len(flips) > 1:
            low, high = statistics.crossed_interval(judge.grouped(flips), rng=judge.rng)
        rows.append((arm.label, float(flips.mean()), low, high, _worst(labels, before, after, spec["classes"])))
    frame = pd.DataFrame(rows, columns=["step", "flips", "low", "high", "worst"])
    frame.attrs |= study._attrs
    return frame.sort_values("flips", ascending=False, kind="stable", ignore_index=True)


def _worst(
    labels: NDArray[np.int64],
    before: NDArray[np.int64],
    after: NDArray[np.int64],
    classes: Sequence[str],
    most: int = 8,
) -> list[dict[str, Any]]:
    """The images about which most models changed their minds, those that were seen rightly before first."""
    right = before == labels
    lost = ((before != after) & right).sum(axis=0)
    changed = (before != after).sum(axis=0)
    order = np.lexsort((-changed, -lost))[:most]
    worst = []
    for image in order:
        if not changed[image]:
            break
        draws = np.flatnonzero((before != after)[:, image])
        draw = next((one for one in draws if right[one, image]), draws[0])
        worst.append(
            {
                "image": int(image),
                "label": classes[labels[image]],
                "before": classes[before[draw, image]],
                "after": classes[after[draw, image]],
                "share": float(changed[image] / len(before)),
            }
        )
    return worst


def _ratio(
    above: NDArray[np.float64], below: NDArray[np.float64], judge: comparison.Judge
) -> tuple[float, float, float]:
    """A ratio of means over draws and images, with the crossed interval of its linearisation."""
    ratio = float(above.mean() / below.mean()) if above.size and below.any() else math.nan
    if len(above) < 2 or math.isnan(ratio):
        return ratio, math.nan, math.nan
    table = judge.grouped(ratio + (above - ratio * below) / below.mean())
    low, high = statistics.crossed_interval(table, rng=judge.rng)
    return ratio, low, high


def _diversity(trials: dict[str, Trial], losses: dict[tuple[int, int], Any], index: int, draw: int) -> float:
    ours, theirs = (trials.get(losses[one, draw].key) for one in (index, -1))
    if ours is None or theirs is None or not theirs.loss > 0:
        return math.nan
    return ours.loss / theirs.loss


def _is_single(pipeline: Compose) -> bool:
    """Whether a pipeline is one step, beside the preprocessing that every image gets anyway."""
    return len(_flat(pipeline)) - len(_flat(pipeline.deterministic())) == 1


def _flat(pipeline: Compose) -> list[Transform]:
    """The steps of a pipeline and of those in it that are always applied."""
    return [
        part for step in pipeline.steps for part in (_flat(step) if type(step) is Compose and step.p == 1 else [step])
    ]


def _target(pipeline: Compose) -> str:
    """What a disturbance is called in the key of a trial."""
    return json.dumps(pipeline.to_dict(), sort_keys=True)


def _disturbances() -> list[type[Transform]]:
    from augmentlab import transforms

    return [getattr(transforms, name) for name in _DISTURBANCES]


def _sweep(given: Any) -> Transform:
    if isinstance(given, type) and issubclass(given, Transform):
        given = given.typical()
    if isinstance(given, Transform):
        for part in given.walk():
            if part.needs != "image":
                raise ValueError(f"transforms must change one image at a time; {type(part).__name__} does not")
        return given
    raise TypeError(f"transforms must be transforms or their classes; got {given!r:.80}")


def _names(sweeps: Sequence[Transform]) -> list[str]:
    """Class names, and the code where a class comes twice."""
    names = [type(sweep).__name__ for sweep in sweeps]
    return [name if names.count(name) == 1 else repr(sweep) for name, sweep in zip(names, sweeps, strict=True)]
