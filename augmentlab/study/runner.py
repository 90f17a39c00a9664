"""One cell: augment, fit, predict. A pure function of what all cells share and of the few words that name one."""

from __future__ import annotations

import time
import traceback
import warnings
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from augmentlab import engines, models
from augmentlab.batch import augment_batch
from augmentlab.markup import MOST_TOLD, printable, said, told
from augmentlab.study import metrics
from augmentlab.study.pools import ONE_AT_A_TIME
from augmentlab.study.splits import training_draw
from augmentlab.study.storage import Trial, now

if TYPE_CHECKING:
    from collections.abc import Sequence

    from augmentlab.compose import Compose
    from augmentlab.study.metrics import Metric

Images = NDArray[Any] | tuple[NDArray[Any], ...]

# Streams of randomness: the first number after a study's seed. Never 0, which NumPy pads seeds with.
SPLIT, DRAW, COPY, MODEL, BOOTSTRAP, TARGET = 1, 2, 3, 4, 5, 6

_MOST_TRACEBACK = 8000  # characters; the end of one tells most
_MOST_FEATURES = 512 * 2**20  # bytes of features that are kept


@dataclass(frozen=True, kw_only=True, eq=False)
class Work:
    """What all cells of a study share; workers get it once.

    Parameters
    ----------
    images : array (N, H, W[, C]) or tuple of images
        All images of the data set, preprocessed.
    labels : ndarray of int, shape (N,)
        Their classes.
    pool : ndarray of int
        Places of the images that training draws come from.
    parts : dict of str to ndarray of int
        Places of the images of each part that may be predicted.
    preparation : Compose
        What happens to every image that is not augmented, and is the last part of each arm's pipeline.
    model : classifier
        Takes images, not fitted.
    copies, seed : int
        As in `Study`.
    engine : str
        Which engine computes the transforms.
    metric : Metric
        What is scored.
    places : ndarray of int
        Sorted places of the images that are needed as they are.
    plain : array (len(places), H, W[, C])
        These, after `preparation`.
    features : array (len(places), F), or None
        What the model learns from, for these, when its first steps learn nothing: computed once a study.
    """

    images: Images
    labels: NDArray[np.int64]
    pool: NDArray[np.intp]
    parts: dict[str, NDArray[np.intp]]
    preparation: Compose
    model: Any
    copies: int
    seed: int
    engine: str
    metric: Metric
    places: NDArray[np.intp]
    plain: NDArray[Any]
    features: NDArray[Any] | None

    @cached_property
    def split(self) -> tuple[Any, Any]:
        """The part of the model that learns nothing (or None), and the rest."""
        return models.split_features(self.model)

    @cached_property
    def disturbed(self) -> dict[tuple[str, str], NDArray[Any]]:
        """What the model takes of the images of a part after a target's pipeline: the same for all arms and draws."""
        return {}

    def ready(self, places: NDArray[np.intp]) -> NDArray[Any]:
        """Return what the learning part of the model takes, for images as they are."""
        rows = np.searchsorted(self.places, places)
        return self.featured(self.plain[rows]) if self.features is None else self.features[rows]

    def featured(self, images: NDArray[Any]) -> NDArray[Any]:
        """Return what the learning part of the model takes, for any images."""
        first, _ = self.split
        return images if first is None else np.asarray(first.transform(images))


@dataclass(frozen=True, kw_only=True)
class Target:
    """What a trained model has to predict.

    Parameters
    ----------
    key : str
        Of the trial.
    part : str
        Which images.
    pipeline : Compose, optional
        What happens to them first, with draws that depend on the image alone; by default only the preparation.
    """

    key: str
    part: str
    pipeline: Compose | None = None


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One training run, and what it is asked then: one trial for each target.

    Parameters
    ----------
    arm : str
        Code of the pipeline.
    pipeline : Compose
        What happens to the copies; empty for the control.
    draw : int
        Which draw.
    size : int
        Images of the training draw.
    targets : tuple of Target
        At least one.
    loss : bool
        Whether the loss on the training images is asked for.
    """

    arm: str
    pipeline: Compose
    draw: int
    size: int
    targets: tuple[Target, ...]
    loss: bool = False

    @property
    def key(self) -> str:
        """Of the first trial."""
        return self.targets[0].key


def share(
    *,
    images: Images,
    places: NDArray[np.intp],
    preparation: Compose,
    model: Any,
    engine: str,
    **rest: Any,
) -> Work:
    """Make what cells share: prepare the images that are needed as they are, and compute their features once."""
    from threadpoolctl import threadpool_limits

    with ONE_AT_A_TIME, engines.engine(engine), threadpool_limits(1):
        plain = np.stack(prepared(preparation, [images[place] for place in places]))
        first, _ = models.split_features(model)
        features = None
        if first is not None:
            one = np.asarray(first.transform(plain[:1]))
            if one.nbytes * len(plain) <= _MOST_FEATURES:
                features = np.asarray(first.transform(plain))
    return Work(
        images=images, places=places, preparation=preparation, model=model, engine=engine, plain=plain,
        features=features, **rest,
    )  # fmt: skip


def run_cell(work: Work, cell: Cell) -> tuple[Trial, ...]:
    """Augment, fit, predict. An exception is a result: the trials are then ``failed``.

    Computed with one thread, so that the bits do not depend on how many there are and on who computes.
    """
    from threadpoolctl import threadpool_limits

    started, clock = now(), time.perf_counter()
    trials: tuple[Trial, ...] = ()
    message = trace = ""
    with warnings.catch_warnings(record=True) as caught, threadpool_limits(1), engines.engine(work.engine):
        warnings.simplefilter("always")
        try:
            trials = _trials(work, cell, started)
        except Exception as error:  # noqa: BLE001  (whatever a user's model or transform raises)
            message = told(error)
            trace = _trace(error)
    seconds = (time.perf_counter() - clock) / len(cell.targets)
    if not trials:
        return failed(cell, message, started=started, seconds=seconds, trace=trace)
    message = "; ".join(dict.fromkeys(f"{one.category.__name__}: {said(one.message)}" for one in caught))[:MOST_TOLD]
    return tuple(
        replace(trial, seconds=seconds, message=trial.message if trial.state == "failed" else message)
        for trial in trials
    )


def failed(
    cell: Cell, message: str, *, started: str | None = None, seconds: float = 0.0, trace: str = ""
) -> tuple[Trial, ...]:
    """Return the trials of a cell that came to nothing."""
    return tuple(
        Trial(
            key=target.key, arm=cell.arm, draw=cell.draw, part=target.part, state="failed", hits=None, images=0,
            started=now() if started is None else started, seconds=seconds, message=message, traceback=trace,
        )
        for target in cell.targets
    )  # fmt: skip


def prepared(preparation: Compose, images: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
    """Apply the part of a pipeline that is the same for every image."""
    return [preparation.apply(image) for image in images] if preparation.steps else list(images)


def _trials(work: Work, cell: Cell, started: str) -> tuple[Trial, ...]:
    rows = training_draw(work.labels, work.pool, size=cell.size, rng=(work.seed, DRAW, cell.draw))
    model, loss = _trained(work, cell, rows)
    return tuple(_predicted(work, cell, target, model, started, loss) for target in cell.targets)


def _predicted(work: Work, cell: Cell, target: Target, model: Any, started: str, loss: float) -> Trial:
    """Return the trial of one target. Where its own pipeline fails, the others of the cell do not."""
    places = work.parts[target.part]
    answers = work.labels[places]
    if target.pipeline is None:
        inputs = work.ready(places)
    else:
        try:
            inputs = _disturbed(work, target.pipeline, target.part, cell.arm)
        except Exception as error:  # noqa: BLE001  (whatever a user's transform raises)
            alone = replace(cell, targets=(target,))
            return failed(alone, told(error), started=started, trace=_trace(error))[0]
    predictions = _classes(model.predict(inputs), len(places), int(work.labels.max()))
    hits = predictions == answers
    scores = None
    if work.metric.kind == "loss":
        scores = metrics.log_scores(answers, model.classes_, np.asarray(model.predict_proba(inputs)))
    return Trial(
        key=target.key, arm=cell.arm, draw=cell.draw, part=target.part, state="complete", hits=hits,
        images=len(answers), started=started, seconds=0.0, predictions=predictions, scores=scores,
        value=_value(work.metric, model, inputs, answers, hits, predictions, scores), loss=loss,
    )  # fmt: skip


def _disturbed(work: Work, pipeline: Compose, part: str, arm: str) -> NDArray[Any]:
    """Return what the model takes of disturbed images, computed once for as long as there is room."""
    name = part, repr(pipeline)
    if name in work.disturbed:
        return work.disturbed[name]
    inputs = work.featured(_augmented(work, pipeline, work.parts[part], _number(work.seed, TARGET), 0, arm))
    if sum(one.nbytes for one in work.disturbed.values()) + inputs.nbytes <= _MOST_FEATURES:
        work.disturbed[name] = inputs
    return inputs


def _classes(given: Any, count: int, largest: int) -> NDArray[np.int64]:
    """Check what a model predicts: one class for each image, by its number."""
    predictions = np.asarray(given)
    if predictions.shape != (count,) or predictions.dtype.kind not in "iub":
        raise ValueError(
            f"predict must give one class number for each image, an integer array of shape ({count},); "
            f"got {predictions.dtype} of shape {predictions.shape}"
        )
    if count and not 0 <= predictions.min() <= predictions.max() <= largest:
        wrong = next(one for one in predictions if not 0 <= one <= largest)
        raise ValueError(f"predict must give class numbers in 0..{largest}; got {wrong}")
    return predictions.astype(np.int64)


def _trace(error: Exception) -> str:
    return printable("".join(traceback.format_exception(error))[-_MOST_TRACEBACK:])


def _value(
    metric: Metric,
    model: Any,
    inputs: NDArray[Any],
    answers: NDArray[np.int64],
    hits: NDArray[np.bool_],
    predictions: NDArray[np.int64],
    scores: NDArray[np.float32] | None,
) -> float:
    if metric.scorer is not None:
        value = float(metric.scorer(model, inputs, answers))
    else:
        each = metric.scores(answers, hits, predictions, scores)
        assert each is not None
        value = float(each.mean())
    if not np.isfinite(value):
        raise ValueError(f"metric {metric.name} must be a finite number; got {value}")
    return value


def _trained(work: Work, cell: Cell, rows: NDArray[np.intp]) -> tuple[Any, float]:
    """Return the fitted model, without its first steps that learn nothing, and its loss on the training images."""
    _, rest = work.split
    seed = int(np.random.default_rng((work.seed, MODEL, cell.draw)).integers(2**31))
    model = models.with_seed(rest, seed)
    labels = work.labels[rows]
    number = _number(work.seed, COPY, cell.draw)
    if getattr(model, "augments", False):
        plain = work.plain[np.searchsorted(work.places, rows)]

        def augment(epoch: int, chosen: NDArray[np.intp]) -> NDArray[Any]:
            if not cell.pipeline.steps:
                return plain[chosen]
            return _augmented(work, cell.pipeline, rows[chosen], number, epoch, cell.arm)

        model.fit(plain, labels, augment=augment)
        return model, _loss(model, plain, labels) if cell.loss else float("nan")
    batches = [work.ready(rows)]
    for copy in range(work.copies):
        if cell.pipeline.steps:
            batches.append(work.featured(_augmented(work, cell.pipeline, rows, number, copy, cell.arm)))
        else:
            batches.append(batches[0])
    training, labels = np.concatenate(batches), np.tile(labels, 1 + work.copies)
    model.fit(training, labels)
    return model, _loss(model, training, labels) if cell.loss else float("nan")


def _loss(model: Any, inputs: NDArray[Any], labels: NDArray[np.int64]) -> float:
    if not hasattr(model, "predict_proba"):
        return float("nan")
    return float(-metrics.log_scores(labels, model.classes_, np.asarray(model.predict_proba(inputs))).mean())


def _augmented(
    work: Work, pipeline: Compose, places: NDArray[np.intp], number: int, epoch: int, arm: str
) -> NDArray[Any]:
    """Return a pipeline's draws of some images, as one array. An image's draw depends on its place and on nothing else."""
    whole = isinstance(work.images, np.ndarray)
    chosen: Any = work.images[places] if whole else [work.images[place] for place in places]
    try:
        images = augment_batch(chosen, pipeline, number, epoch, indices=places.tolist())
    except ValueError:  # one by one, the images tell more of what is wrong with them
        images = augment_batch(list(chosen), pipeline, number, epoch, indices=places.tolist())
    _check_alike(images, work.plain, arm)
    return np.stack(images) if isinstance(images, list) else images


def _number(*numbers: int) -> int:
    """One number for a stream whose further numbers are an epoch and an index."""
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])


def _check_alike(images: Any, plain: NDArray[Any], arm: str) -> None:
    shape, dtype = plain.shape[1:], plain.dtype
    for image in images[:1] if isinstance(images, np.ndarray) else images:
        if image.shape != shape:
            raise ValueError(
                f"the copies must have the shape of the validation images, {shape}; got {image.shape}: "
                f"end {arm} with Resize(height={shape[0]}, width={shape[1]})"
            )
        if image.dtype != dtype:
            raise TypeError(f"the copies must have the dtype of the validation images, {dtype}; got {image.dtype}")
