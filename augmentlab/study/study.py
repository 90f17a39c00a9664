"""The study: candidates on equal terms, and words for what came out."""

from __future__ import annotations

import json
import sys
import threading
import warnings
from collections.abc import Callable
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from augmentlab import engines, models
from augmentlab.compose import Compose
from augmentlab.data import Dataset
from augmentlab.study import analyses, comparison, samples, search, statistics, words
from augmentlab.study.execution import Execution
from augmentlab.study.inputs import (
    TRIVIAL,
    check_data,
    common_preparation,
    count,
    preprocessing,
    region,
    second_control,
    seed_of,
    versions,
)
from augmentlab.study.metrics import Metric, as_metric
from augmentlab.study.runner import BOOTSTRAP, DRAW, SPLIT, Cell, Target, Work, failed, prepared, run_cell, share
from augmentlab.study.running import Session
from augmentlab.study.spaces import CONTROL, Arm, as_arms
from augmentlab.study.splits import Split, split, training_draw
from augmentlab.study.storage import MEMORY, Storage, Trial, check_path, content_key, is_blank
from augmentlab.transform import Transform, from_dict

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

_SCHEMA_VERSION = 2
_IDENTITY = Arm(label=CONTROL, transform=Compose(()))


class Study:
    """Which augmentations improve a model on some data, by how much, and how sure are we?

    Every arm, and the control whose copies are unchanged, is trained on the same draws: the same training images, the
    same number of copies, the same initialisation. An arm is judged by its paired difference to the control, over
    draws and validation images together (see `augmentlab.study.statistics`).

    The data are split once, stratified by class and with groups kept together, into a *pool* for training, a
    *validation* part that scores the trials, and a *locked test* that only `confirm` opens. Only training images are
    augmented.

    Parameters
    ----------
    data : Dataset
        Images with one label each.
    model : scikit-learn classifier
        Such as `augmentlab.models.hog_logistic()`; see `augmentlab.models` for how images reach it. It is cloned for
        each trial and every ``random_state`` in it is set by the draw.
    arms : list of Transform or Arm, or dict of label to Transform
        The candidates; `combinations` and `grid` make many. The control is added.
    metric : str or callable
        What is compared, larger is better: ``"accuracy"``, ``"balanced_accuracy"``, ``"f1_macro"``,
        ``"neg_log_loss"``, another scikit-learn scorer for classifiers, or a named function
        ``scorer(model, X, labels)``. The first three are computed from the predictions that every trial stores, so
        that a finished study can be judged by another of them at no cost. Scorers give one number a trial, and
        intervals over draws only, which are too narrow: the table says so.
    draws : int
        Training runs of each arm, at least 2; with fewer than 5 the intervals are rough.
    train_size : int, optional
        Images in one training draw, from the pool; by default 300, or half of the pool if that is less.
    copies : int
        Augmented copies of each training image, at least 1; the images themselves are trained on as well.
    seed : int
        Of everything random.
    storage : str or path-like
        A file that keeps every finished trial (several studies may share one), or ``":memory:"``.
    preprocess : Transform, optional
        Applied first, to all images of all parts. Preprocessing steps at the end of the arms' own pipelines are
        applied to validation images and to the control as well; they must then be the same in every arm.
    trivial : bool
        Whether `TrivialAugment`, one random operation of random strength for each copy, is run as a second control: it
        tells whether choosing bought anything.
    rope : float, optional
        Half width of the differences that do not matter, in the unit of the metric: 0.5 points by default, and 0.005
        where a metric is no share.
    validation, test : float
        Shares of the images.
    name : str, optional
        Of the study; that of the data by default.

    Raises
    ------
    ValueError, TypeError, OSError
        In one sentence that names the parameter, what is allowed and what came.

    Notes
    -----
    A step that is fitted to data, such as `Standardize.fit`, must not see images that are predicted later, validation
    or test. Fit it to the `pool` of the study made without it: the same data, shares and seed are split alike.
    ``Standardize.fit(study.pool.images)`` then goes to the end of each arm of the study that is run.

    A stored trial is known again by the pixels, labels and groups of the data, by the parameters of the model and of
    the arm, by the split, the draw and the sizes, and by the versions of the packages that computed it. The code of
    your own transforms and estimators does not count: after changing it, take another file.

    Examples
    --------
    >>> from augmentlab import Affine, Study, VerticalFlip, data, models, uniform
    >>> shift = Affine(translate_x=uniform(-0.2, 0.2), translate_y=uniform(-0.2, 0.2))
    >>> study = Study(
    ...     data.scattered_digits(), models.knn(), {"shift": shift, "upside down": VerticalFlip()},
    ...     draws=6, train_size=100, copies=2, storage=":memory:",
    ... ).run(progress=False)
    >>> study.compare()[["arm", "verdict"]].values.tolist()
    [['shift', 'helps'], ['upside down', 'undecided']]
    """

    def __init__(
        self,
        data: Dataset,
        model: Any,
        arms: Iterable[Transform | Arm] | Mapping[str, Transform],
        *,
        metric: str | Callable[[Any, Any, Any], float] = "accuracy",
        draws: int = 10,
        train_size: int | None = None,
        copies: int = 4,
        seed: int = 0,
        storage: str | os.PathLike[str] = "study.db",
        preprocess: Transform | None = None,
        trivial: bool = True,
        rope: float | None = None,
        validation: float = 0.25,
        test: float = 0.25,
        name: str | None = None,
    ) -> None:
        check_data(data)
        self.data: Dataset | None = data
        self.model = models.for_images(model)
        self._metric = as_metric(metric)
        if self._metric.kind == "loss" and not hasattr(self.model, "predict_proba"):
            raise TypeError(f"metric neg_log_loss needs a model with predict_proba; got {model!r}")
        arms = as_arms(arms)
        draws, copies, seed = count("draws", draws, 2), count("copies", copies, 1), count("seed", seed, 0)
        self._preprocess = preprocessing(preprocess)
        self._preparation = common_preparation(arms)
        controls = second_control(arms, self._preparation) if trivial else []
        self._arms: list[Arm] | None = [*arms, *controls]
        self._split: Split | None = split(
            data.labels,
            classes=data.classes,
            groups=data.groups,
            validation=validation,
            test=test,
            seed=seed_of(seed, SPLIT),
        )
        size = self._train_size(train_size)
        self._check_shapes()
        self._storage = _storage(storage)
        self._spec: dict[str, Any] = {
            "schema_version": _SCHEMA_VERSION,
            "name": data.name if name is None else str(name),
            "context": {
                "data": data.fingerprint,
                "split": {"validation": float(validation), "test": float(test), "seed": seed},
                "seed": seed,
                "train_size": size,
                "copies": copies,
                "model": models.description(self.model),
                "metric": self._metric.stored,
                "preprocess": self._preprocess.to_dict(),
                "preparation": self._preparation.to_dict(),
                "engine": engines.current_name(),
                "versions": versions(),
            },
            "arms": [
                {
                    "label": arm.label,
                    "role": "control" if arm in controls else "arm",
                    "code": arm.code,
                    "identity": arm.identity,
                    "levels": arm.levels,
                    "transform": arm.transform.to_dict(),
                }
                for arm in self._arms
            ],
            "draws": draws,
            "rope": region(rope, self._metric.scale),
            "metric": {"name": self._metric.name, "kind": self._metric.kind, "scale": self._metric.scale},
            "model": repr(self.model),
            "classes": list(data.classes),
            "images": {"pool": len(self._split.pool)},
            "labels": {part: data.labels[self._places(part)].tolist() for part in ("validation", "test")},
            "groups": {part: self._groups_of(part) for part in ("validation", "test")},
        }
        self._key = content_key(self._spec)
        self._stop = threading.Event()
        self.interrupted = False

    @classmethod
    def load(cls, storage: str | os.PathLike[str], name: str | None = None) -> Self:
        """Open a stored study for reading, without its data: all works but what has to train a model.

        Parameters
        ----------
        storage : str or path-like
            The file.
        name : str, optional
            Which study; the one that was run last by default.

        Raises
        ------
        OSError, ValueError
            No file, no study file, or no study of that name; the sentence lists those that are there.
        """
        with Storage(storage, write=False) as store:
            stored = store.studies()
        chosen = [row for row in stored if name is None or row[1] == name]
        if not chosen:
            there = ", ".join(dict.fromkeys(repr(row[1]) for row in stored)) or "none"
            wanted = "a study" if name is None else f"a study named {name!r}"
            raise ValueError(f"storage {str(storage)!r} must hold {wanted}; it holds {there}")
        study = cls.__new__(cls)
        key, _, spec = chosen[0]
        nothing = dict.fromkeys(("data", "model", "_arms", "_split"))
        spec = _of_now(spec)
        vars(study).update(
            nothing, _key=key, _spec=spec, _metric=Metric(**spec["metric"]), _storage=str(storage),
            _stop=threading.Event(), interrupted=False,
        )  # fmt: skip
        return study

    # --- what it is ------------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """Name of the study."""
        return str(self._spec["name"])

    @property
    def spec(self) -> dict[str, Any]:
        """All that describes the study, as stored: JSON-ready, a copy."""
        copy: dict[str, Any] = json.loads(json.dumps(self._spec))
        return copy

    @property
    def labels(self) -> list[str]:
        """Names of the arms, in the order given; the controls are not among them."""
        return [arm["label"] for arm in self._spec["arms"] if arm["role"] == "arm"]

    @property
    def arms(self) -> list[Arm]:
        """The candidates; in a loaded study, rebuilt from the file."""
        return self._all_arms[: len(self.labels)]

    @property
    def pool(self) -> Dataset:
        """The images that training draws come from, as the arms meet them: after `preprocess`.

        Whatever is learned from data for a pipeline must be learned from these alone.

        Raises
        ------
        RuntimeError
            The study was loaded without its data.
        """
        return self._part("pool", "take the pool from")

    @property
    def validation(self) -> Dataset:
        """The images that score the trials, after `preprocess`, in the order of the stored predictions.

        Raises
        ------
        RuntimeError
            The study was loaded without its data.
        """
        return self._part("validation", "take the validation part from")

    @property
    def draws(self) -> int:
        """Training runs of each arm."""
        return int(self._spec["draws"])

    @property
    def metric(self) -> Metric:
        """What is compared."""
        return self._metric

    @property
    def rope(self) -> float:
        """Half width of the differences that do not matter, in the unit of the metric."""
        return float(self._spec["rope"])

    @property
    def n_trials(self) -> int:
        """Number of trials of the whole study, the controls' among them."""
        return (len(self._spec["arms"]) + 1) * self.draws

    @property
    def n_complete(self) -> int:
        """Number of trials that are finished and stored."""
        keys = self._keys("validation")
        if self._is_blank():
            return 0
        with self._open(write=False) as store:
            states = store.states(set(keys.values()))
        return sum(states.get(key) == "complete" for key in keys.values())

    def __repr__(self) -> str:
        arms = f"{len(self.labels)} arm{'' if len(self.labels) == 1 else 's'}"
        controls = "the control" if len(self._spec["arms"]) == len(self.labels) else "2 controls"
        return (
            f"<Study {self.name!r}: {arms} and {controls} x {self.draws} draws, "
            f"{self.n_complete} of {self.n_trials} trials complete>"
        )

    # --- running ---------------------------------------------------------------------------------------------------

    def run(
        self,
        n_jobs: int | None = None,
        *,
        search: str = "grid",
        n_trials: int | None = None,
        client: Any = None,
        durable: bool = False,
        progress: bool = True,
    ) -> Self:
        """Compute the trials that are not stored yet.

        Trials run in this process; when more than about 20 seconds of them remain after the first few, they go to
        worker processes. The results are the same to the bit, whoever computes them. Each is stored when it is there:
        after an interrupt, a crash or a power cut, run again and the study goes on. A trial that raised an exception
        is stored as failed, and tried again by the next run. Another process that runs the same study with the same
        storage shares the work: each trial is computed by one of them.

        Parameters
        ----------
        n_jobs : int, optional
            Largest number of worker processes; as many as there are cores by default (or -1), 1 for this process
            alone.
        search : str
            Which trials: ``"grid"`` for all; ``"random"`` for some arms; ``"halving"`` or ``"race"`` to stop the arms
            that are worse early; ``"tpe"`` or ``"gp"`` for Optuna's samplers. See `augmentlab.study.search`; what was
            stopped is told by `compare`.
        n_trials : int, optional
            Number of trials to spend, the controls' among them; for ``"random"``, ``"tpe"`` and ``"gp"``.
        client : distributed.Client, optional
            Computes on a Dask cluster instead.
        durable : bool
            Whether each trial is written through to the disk, so that it survives a power cut as well.
        progress : bool
            Whether to show a progress bar.

        Returns
        -------
        Study
            Itself. After Ctrl-C and after `stop` too, with `interrupted` set to True and a sentence on standard error.
        """
        self._check_data("run with")
        planner = search_named(search, self, n_trials)
        total = min(self.n_trials, n_trials or self.n_trials)
        with self._session("validation", n_jobs=n_jobs, client=client, durable=durable, total=total, progress=progress) as session:
            samples.save_images(session.store, self)
            failures: set[tuple[int, int]] = set()
            while batch := planner.plan(self._results(), failures):
                session.run([self._cell(index, draw) for index, draw in batch])
                bad = {trial.key for trial in session.failed}
                failures |= {place for place in batch if self._cell(*place).key in bad}
                if session.interrupted:
                    break
            stopped = planner.stopped(self._results(), failures)
            outcome = {
                "name": search,
                "finished": not session.interrupted,
                "note": planner.note,
                "stopped": {self._label(index): why for index, why in stopped.items()},
            }
            session.store.save_artifact(self._key, "search", search, json.dumps(outcome).encode())
            samples.save_hardest(session.store, self)
        self._tell(session, self._keys("validation").values())
        return self

    def stop(self) -> None:
        """End a `run` that goes on in another thread: what is running is finished or dropped within about two seconds."""
        self._stop.set()

    def preview(self, n_jobs: int | None = None, *, progress: bool = True) -> pd.DataFrame:
        """Say what would be run, and for how long, before hours are spent.

        Three trials are timed: the control, the first arm and the arm with the most steps, each with the first draw.
        They are kept, so that a later `run` need not compute them again.

        Returns
        -------
        pandas.DataFrame
            ``arm``, ``role``, ``code``, ``trials`` (not run yet) and ``seconds`` (estimated for these on one core; what
            was timed counts for itself, the mean of the timed arms for the others). ``attrs`` hold ``seconds``, the
            estimated wall time in all with `n_jobs` workers, and ``sentence``.

        Raises
        ------
        RuntimeError
            The study was loaded without its data, or a timed trial failed; the sentence names the error.
        """
        import pandas as pd

        self._check_data("preview with")
        arms = self._all_arms
        longest = max(range(len(arms)), key=lambda index: len(arms[index].pipeline.steps))
        timed = list(dict.fromkeys((-1, 0, longest)))
        with self._session("validation", n_jobs=1, total=len(timed), progress=progress) as session:
            session.run([self._cell(index, 0) for index in timed])
        if session.failed:
            raise RuntimeError(f"a timed trial failed with {session.failed[0].message}")
        trials = self._stored("validation")
        known = {index: trials[index, 0].seconds for index in timed if (index, 0) in trials}
        mean = float(np.mean([seconds for index, seconds in known.items() if index >= 0] or [0.0]))
        rows = []
        for index in range(-1, len(arms)):
            left = sum((trial := trials.get((index, draw))) is None or trial.state != "complete" for draw in range(self.draws))
            arm = _IDENTITY if index < 0 else arms[index]
            role = "control" if index < 0 else self._spec["arms"][index]["role"]
            rows.append((arm.label, role, arm.code, left, left * known.get(index, mean)))
        frame = pd.DataFrame(rows, columns=["arm", "role", "code", "trials", "seconds"])
        seconds = float(frame["seconds"].sum()) / workers(n_jobs)
        trials_left = int(frame["trials"].sum())
        sentence = f"{trials_left} trials of {len(rows)} arms and controls are left: about {duration(seconds)} with {workers(n_jobs)} worker{'s' if workers(n_jobs) > 1 else ''}."
        frame.attrs = {"seconds": seconds, "sentence": sentence}
        return frame

    def confirm(
        self, arm: str | Arm | None = None, n_jobs: int | None = None, *, progress: bool = True
    ) -> pd.DataFrame:
        """Open the locked test for one arm: the same draws are trained again and predict images never looked at.

        The opening is recorded in the storage. A test that was opened for a choice is used up by it: opening it for
        another arm or study warns, with the count. Asking again for what was confirmed opens nothing.

        Parameters
        ----------
        arm : str or Arm, optional
            Which arm, by its label; `best` by default.
        n_jobs, progress
            As for `run`.

        Returns
        -------
        pandas.DataFrame
            One row: the columns of `compare`, without Holm's adjustment since it is one question, and
            ``validation_difference``, the difference that made it the choice, and ``openings``.

        Raises
        ------
        ValueError
            There is no such arm, or none is given and none helps.
        RuntimeError
            The study was loaded without its data, or was interrupted, or some of its trials were never run: the test is
            for a choice among all arms.
        """
        self._check_data("confirm with")
        left = self.n_trials - len(self._stored("validation"))
        if left and not self._search["finished"]:
            raise RuntimeError(
                f"{left} of {self.n_trials} trials {'is' if left == 1 else 'are'} not run yet; call run() before the "
                "locked test is opened"
            )
        index = self._chosen(arm)
        table = self._quiet_comparison()
        with self._session("test", n_jobs=n_jobs, total=2 * self.draws, progress=progress) as session:
            openings = session.store.record(self._test_key, "opening", self._key, self._label(index))
            if openings > 1:
                warnings.warn(
                    f"the locked test of these data is opened for the {words.ordinal(openings)} time, so that "
                    "this result is no longer independent of the choices made before",
                    UserWarning,
                    stacklevel=2,
                )
            cells = [self._cell(one, draw, part="test") for draw in range(self.draws) for one in (-1, index)]
            session.run(cells)
        self._tell(session, [cell.key for cell in cells])
        row = self._row(index, self._stored("test"), "test")
        if self.interrupted or row["draws"] < 2:
            raise RuntimeError("the confirmation is not finished; call confirm again to go on")
        row["verdict"] = comparison.verdict(row, row["p"], self.rope)
        frame = self._frame([row]).drop(columns="draws_needed")
        chosen_for = table.loc[table["arm"] == self._label(index), "difference"].to_numpy()
        return frame.assign(validation_difference=chosen_for, openings=openings)

    def confirmations(self) -> pd.DataFrame:
        """Return what `confirm` gave so far, one row an arm, without opening anything.

        Returns
        -------
        pandas.DataFrame
            As from `confirm`; empty when nothing was confirmed. ``openings`` counts every opening of the locked test of
            these data with this split, by any study of the storage.
        """
        import pandas as pd

        stored = self._stored("test")
        if self._is_blank():
            return pd.DataFrame()
        with self._open(write=False) as store:
            events = store.events(self._test_key, "opening")
        rows = []
        for number, (study, label, _) in enumerate(events, 1):
            if study != self._key or label not in self._all_labels:
                continue
            row = self._row(self._all_labels.index(label), stored, "test")
            if row["draws"] >= 2:
                row["verdict"] = comparison.verdict(row, row["p"], self.rope)
                rows.append(row | {"openings": number})
        frame = self._frame(rows).drop(columns="draws_needed")
        differences = self._quiet_comparison().set_index("arm")["difference"] if rows else {}
        return frame.assign(
            validation_difference=[differences[row["arm"]] for row in rows], openings=[row["openings"] for row in rows]
        )

    # --- what came out ---------------------------------------------------------------------------------------------

    def compare(self, to: str = CONTROL) -> pd.DataFrame:
        """Return what is known about each arm, the best difference first.

        Works on a study that is not finished: an arm is compared on the draws that it and the control have completed,
        and a warning says so.

        Parameters
        ----------
        to : str
            What the arms are compared with: the control, or any arm by its label, such as ``"TrivialAugment"``.

        Returns
        -------
        pandas.DataFrame
            - ``arm``, ``code``: label and pipeline
            - ``role``: "arm", or "control" for TrivialAugment
            - ``mean``: mean of the metric, for accuracy in [0, 1]
            - ``difference``: to the control on the same draws, in points (hundredths) where the metric is a share
            - ``low``, ``high``: 95 % interval of the difference (crossed bootstrap)
            - ``p``: of no difference (crossed t), adjusted for the number of rows after Holm
            - ``verdict``: helps, hurts, equivalent, undecided or identical; see `statistics.verdict`. An arm without
              a result, for which ``draws`` is 0, is undecided
            - ``draws``: how many it rests on
            - ``draws_needed``: where undecided, about how many would decide; inf if only more images could
            - ``seconds``: mean time of its trials

            ``attrs`` hold ``name``, ``to``, ``control_mean`` (of what the arms are compared with), ``rope``,
            ``metric``, ``unit``, ``draws`` (of the study) and ``note`` (empty, or what is missing or was stopped early).

        Raises
        ------
        RuntimeError
            No trial of the control is complete; the sentence names the error if they all failed.
        ValueError
            There is no arm of that label.
        """
        stored = self._stored("validation")
        base = self._place(to)
        control = [trial for (index, _), trial in stored.items() if index == base and trial.state == "complete"]
        if not control and (failure := self._failure(base, stored)):
            raise RuntimeError(f"every trial of the control failed, the first with {failure}")
        if not control:
            raise RuntimeError("the study has no complete trial of the control yet; call run() first")
        places = [index for index in range(len(self._all_labels)) if index != base]
        rows = [self._row(index, stored, "validation", base) for index in places]
        adjusted = statistics.holm([row["p"] for row in rows])
        for row, p in zip(rows, adjusted, strict=True):
            row["p"] = p
            row["verdict"] = comparison.verdict(row, p, self.rope)
        frame = self._frame(rows).sort_values("difference", ascending=False, kind="stable", ignore_index=True)
        note = self._note(stored)
        judge = self._judge("validation")
        frame.attrs = self._attrs | {
            "to": to,
            "control_mean": float(np.mean([judge.value(trial) for trial in control])),
            "rope": self.rope,
            "draws": self.draws,
            "note": note,
        }
        if note:
            warnings.warn(note, UserWarning, stacklevel=2)
        return frame

    @property
    def best(self) -> Arm | None:
        """The arm with the largest difference among those that help; None when none does.

        The largest of many is partly lucky: `confirm` tells how much is left on images never looked at.
        """
        table = self._quiet_comparison()
        helping = table[(table["verdict"] == "helps") & (table["role"] == "arm")]
        return None if helping.empty else self.arms[self.labels.index(helping["arm"].iloc[0])]

    def summary(self) -> str:
        """Return what came out, in words.

        Examples
        --------
        A sentence for what helps, one for what hurts, one for the rest::

            Of 3 arms, 1 helps: shift, by 13.9 points (95 % interval 11.0 to 16.8).
            1 hurts: flip, by 4.5 points (95 % interval 2.1 to 6.9).
            1 is undecided: noise.
            The control, with unchanged copies, scores 45.1 %.
            TrivialAugment, the second control, gains 5.1 points; shift beats it by 8.8 points (95 % interval 4.4 to 13.1).
        """
        table = self._quiet_comparison()
        best, over = self.best, None
        if best is not None and TRIVIAL in self._all_labels[len(self.labels) :]:
            places = self._all_labels.index(best.label), self._all_labels.index(TRIVIAL)
            over = self._row(places[0], self._stored("validation"), "validation", places[1])
            over["verdict"] = comparison.verdict(over, over["p"], self.rope)
            over = over if over["test"] is not None else None
        return words.summary(table, over)

    def effects(self) -> pd.DataFrame:
        """Return what each step of an on/off design does, alone and with the others; see `analyses.effects`."""
        return analyses.effects(self)

    def learning_curve(
        self,
        arm: str | Arm | None = None,
        *,
        factors: Sequence[float] = (1, 2, 4),
        n_jobs: int | None = None,
        client: Any = None,
        progress: bool = True,
    ) -> pd.DataFrame:
        """Return how many more images an arm is worth; see `analyses.learning_curve`."""
        return analyses.learning_curve(self, arm, factors, n_jobs=n_jobs, client=client, progress=progress)

    def robustness(
        self,
        arm: str | Arm | None = None,
        transforms: Sequence[Transform | type[Transform]] | None = None,
        *,
        strengths: Sequence[float] = (0.0, 0.25, 0.5, 0.75, 1.0),
        n_jobs: int | None = None,
        client: Any = None,
        progress: bool = True,
    ) -> pd.DataFrame:
        """Return how the control and an arm stand transforms of the validation images; see `analyses.robustness`."""
        return analyses.robustness(self, arm, transforms, strengths, n_jobs=n_jobs, client=client, progress=progress)

    def diagnostics(
        self, *, draws: int = 3, n_jobs: int | None = None, client: Any = None, progress: bool = True
    ) -> pd.DataFrame:
        """Return affinity and diversity of each arm; see `analyses.diagnostics`."""
        return analyses.diagnostics(self, draws, n_jobs=n_jobs, client=client, progress=progress)

    def label_safety(
        self, *, draws: int = 3, n_jobs: int | None = None, client: Any = None, progress: bool = True
    ) -> pd.DataFrame:
        """Return how often each step makes a model change its mind about an image; see `analyses.label_safety`."""
        return analyses.label_safety(self, draws, n_jobs=n_jobs, client=client, progress=progress)

    def trials_dataframe(self) -> pd.DataFrame:
        """Return one row a stored trial, those of confirmations last, with Optuna's columns.

        Returns
        -------
        pandas.DataFrame
            ``number``, ``value`` (of the metric; nan when failed), ``state`` (complete or failed), ``params_arm``,
            ``params_draw``, ``part`` (validation or test), ``datetime_start`` (UTC), ``seconds``, ``message`` (the
            error of a failed trial, warnings of a complete one), ``code``.
        """
        import pandas as pd

        labels = [*self._all_labels, CONTROL]
        rows = []
        for part in ("validation", "test"):
            judge = self._judge(part)
            for (index, draw), trial in sorted(self._stored(part).items(), key=lambda item: item[0][::-1]):
                number = draw * len(labels) + index + 1 + (self.n_trials if part == "test" else 0)
                place = (number, judge.value(trial), trial.state, labels[index], draw, part)
                rows.append((*place, trial.started, trial.seconds, trial.message, trial.arm))
        columns = ["number", "value", "state", "params_arm", "params_draw", "part"]
        columns += ["datetime_start", "seconds", "message", "code"]
        frame = pd.DataFrame(rows, columns=columns)
        frame["datetime_start"] = pd.to_datetime(frame["datetime_start"], utc=True)
        return frame

    # --- inside ----------------------------------------------------------------------------------------------------

    @cached_property
    def _all_arms(self) -> list[Arm]:
        """The candidates, and TrivialAugment where it is a control."""
        if self._arms is not None:
            return self._arms
        return [
            Arm(label=arm["label"], transform=from_dict(arm["transform"]), point=tuple(arm["levels"].items()))
            for arm in self._spec["arms"]
        ]

    @property
    def _all_labels(self) -> list[str]:
        return [arm["label"] for arm in self._spec["arms"]]

    def _label(self, index: int) -> str:
        return CONTROL if index < 0 else self._all_labels[index]

    def _place(self, label: str | Arm) -> int:
        """Place of an arm or a control by its label; -1 for the control."""
        wanted = label.label if isinstance(label, Arm) else label
        if wanted == CONTROL:
            return -1
        if wanted not in self._all_labels:
            raise ValueError(f"arm must be one of {words.listed(self._all_labels)}; got {wanted!r}")
        return self._all_labels.index(wanted)

    @property
    def _attrs(self) -> dict[str, Any]:
        """What every table of the study says of itself."""
        return {"name": self.name, "metric": self._metric.name, "unit": self._metric.unit}

    def _open(self, *, write: bool, durable: bool = False) -> Storage:
        """Open the storage; the one in memory stays open."""
        if isinstance(self._storage, Storage):
            return self._storage
        return Storage(self._storage, write=write, durable=durable)

    def _is_blank(self) -> bool:
        return not isinstance(self._storage, Storage) and is_blank(self._storage)

    def _check_data(self, action: str) -> None:
        if self.data is None:
            raise RuntimeError(f"a loaded study has no data to {action}; make it with Study(data, model, arms, ...)")

    def _part(self, name: str, action: str) -> Dataset:
        self._check_data(action)
        part = self._need_data().subset(self._places(name))
        images = prepared(self._preprocess, list(part.images)) if self._preprocess.steps else part.images
        return Dataset(images, part.labels, part.classes, part.groups, part.name)

    def _groups_of(self, part: str) -> list[int] | None:
        """Which group each image of a part belongs to, as whole numbers."""
        groups = self._need_data().groups
        if groups is None:
            return None
        codes: list[int] = np.unique(groups[self._places(part)], return_inverse=True)[1].tolist()
        return codes

    def _need_data(self) -> Dataset:
        assert self.data is not None
        return self.data

    def _places(self, part: str) -> NDArray[np.intp]:
        assert self._split is not None
        places: NDArray[np.intp] = getattr(self._split, part)
        return places

    def _train_size(self, given: int | None) -> int:
        assert self._split is not None
        pool, classes = len(self._split.pool), len(self._need_data().classes)
        if given is None:
            return max(classes, min(300, pool // 2))
        given = count("train_size", given, 1)
        training_draw(self._need_data().labels, self._split.pool, size=given, rng=0)
        return given

    def _check_shapes(self) -> None:
        """Models take one array; that images of several kinds have to become equal is said before anything runs."""
        dtypes = sorted({image.dtype.name for image in self._need_data().images})
        if len(dtypes) > 1:
            raise TypeError(f"images must have one dtype for a model; got {' and '.join(dtypes)}: convert them first")
        shapes = {
            self._preparation.output_shape(self._preprocess.output_shape(image.shape))
            for image in self._need_data().images
        }
        if len(shapes) > 1:
            first, second = sorted(shapes)[:2]
            raise ValueError(
                f"images must have one shape for a model; got {first} and {second} among others: "
                "add preprocess=Resize(height=..., width=...), and ConvertChannels where channels differ"
            )

    @cached_property
    def _images(self) -> Any:
        """All images after the preprocessing; one array where they were one."""
        images = self._need_data().images
        if not self._preprocess.steps:
            return images
        done = prepared(self._preprocess, list(images))
        return np.stack(done) if len({image.shape for image in done}) == 1 else tuple(done)

    @property
    def _test_key(self) -> str:
        """Name of the locked test: whoever studies these data with this split shares it."""
        context = self._spec["context"]
        return content_key({"data": context["data"], "split": context["split"]})

    @cached_property
    def _context_key(self) -> str:
        return content_key(self._spec["context"])

    def _key_of(self, index: int, draw: int, part: str, **more: Any) -> str:
        """Key of a trial; `more` is what differs from the study's own trials."""
        identity = _IDENTITY.identity if index < 0 else self._spec["arms"][index]["identity"]
        return content_key([self._context_key, identity, draw, part, *([more] if more else [])])

    def _keys(self, part: str) -> dict[tuple[int, int], str]:
        """Keys of the study's own trials by arm and draw."""
        if part not in self._keys_known:
            self._keys_known[part] = {
                (index, draw): self._key_of(index, draw, part)
                for index in range(-1, len(self._all_labels))
                for draw in range(self.draws)
            }
        return self._keys_known[part]

    @cached_property
    def _keys_known(self) -> dict[str, dict[tuple[int, int], str]]:
        return {}

    def _cell(
        self,
        index: int,
        draw: int,
        *,
        part: str = "validation",
        size: int | None = None,
        targets: Mapping[str, Compose | None] | None = None,
        loss: bool = False,
    ) -> Cell:
        """Return a training run of an arm.

        Parameters
        ----------
        index, draw : int
            Which.
        part : str
            What is predicted.
        size : int, optional
            Images of the training draw; those of the study by default.
        targets : dict of str to Compose, optional
            What happens to the images that are predicted, by what it is called in the key; nothing by default.
        loss : bool
            Whether the loss on the training images is wanted.
        """
        arm = _IDENTITY if index < 0 else self._all_arms[index]
        more: dict[str, Any] = {} if size is None else {"train_size": size}
        more |= {"loss": True} if loss else {}
        asked = {"": None} if targets is None else targets
        return Cell(
            arm=arm.code,
            pipeline=arm.pipeline if index >= 0 else Compose(()),
            draw=draw,
            size=self._spec["context"]["train_size"] if size is None else size,
            targets=tuple(
                Target(
                    key=self._key_of(index, draw, part, **more, **({"target": name} if name else {})),
                    part=part,
                    pipeline=None if pipeline is None else Compose((*pipeline.steps, *self._target_preparation)),
                )
                for name, pipeline in asked.items()
            ),
            loss=loss,
        )

    @property
    def _target_preparation(self) -> tuple[Transform, ...]:
        preparation = from_dict(self._spec["context"]["preparation"])
        assert isinstance(preparation, Compose)
        return preparation.steps

    def _work(self, part: str, sizes: Iterable[int], draws: int) -> Work:
        """Return what the cells of a session share."""
        context, labels = self._spec["context"], self._need_data().labels
        pool = self._places("pool")
        needed = [
            training_draw(labels, pool, size=size, rng=(context["seed"], DRAW, draw))
            for size in sizes
            for draw in range(draws)
        ]
        return share(
            images=self._images,
            labels=labels,
            pool=pool,
            parts={part: self._places(part)},
            preparation=self._preparation,
            model=self.model,
            copies=context["copies"],
            seed=context["seed"],
            engine=context["engine"],
            metric=self._metric,
            places=np.unique(np.concatenate([self._places(part), *needed])),
        )

    @contextmanager
    def _session(
        self,
        part: str,
        *,
        sizes: Iterable[int] = (),
        total: int,
        n_jobs: int | None = None,
        client: Any = None,
        durable: bool = False,
        progress: bool = True,
    ) -> Iterator[Session]:
        """Open the storage and get ready to compute."""
        from tqdm.auto import tqdm

        processes = workers(n_jobs)
        wanted = tuple(sizes) or (self._spec["context"]["train_size"],)
        self._stop.clear()
        self.interrupted = False
        with self._open(write=True, durable=durable) as store:
            store.save_study(self._key, self.name, self._spec)

            def execution() -> Execution[Work, Cell, tuple[Trial, ...]]:
                shared = self._work(part, wanted, self.draws)
                return Execution(run_cell, shared, failed=failed, workers=processes, client=client, stop=self._stop)

            bar = tqdm(total=total, desc=self.name, unit="trial", disable=not progress)
            with Session(store, execution, self._stop, bar) as session:
                yield session
        self.interrupted = session.interrupted

    def _tell(self, session: Session, keys: Iterable[str], stacklevel: int = 3) -> None:
        """Say what was left undone and what failed."""
        unique = set(keys)
        if session.interrupted:
            with self._open(write=False) as store:
                done = sum(state == "complete" for state in store.states(unique).values())
            sys.stderr.write(f"Interrupted: {done} of {len(unique)} trials are kept; run again to go on.\n")
        if session.failed:
            first = session.failed[0]
            warnings.warn(
                f"{len(session.failed)} of {len(unique)} trials failed, the first ({first.arm}, draw {first.draw}) "
                f"with {first.message}; run again to retry them",
                UserWarning,
                stacklevel=stacklevel,
            )

    def _trials_of(self, cells: Sequence[Cell], what: str, **session: Any) -> dict[str, Trial]:
        """Return the trials of some cells of the validation part by key, computing those that are not stored.

        Raises
        ------
        RuntimeError
            Some are missing and the study has no data, all failed, or it was interrupted.
        """
        keys = [target.key for cell in cells for target in cell.targets]
        stored = self._read(keys)
        if any(key not in stored or stored[key].state != "complete" for key in keys):
            self._check_data(f"compute {what} with")
            with self._session("validation", sizes={cell.size for cell in cells}, total=len(cells), **session) as running:
                running.run(cells)
            self._tell(running, keys, stacklevel=4)
            if self.interrupted:
                raise RuntimeError(f"{what} is not finished; call it again to go on")
            stored = self._read(keys)
        complete = {key: trial for key, trial in stored.items() if trial.state == "complete"}
        if not complete:
            raise RuntimeError(f"every trial of {what} failed, the first with {next(iter(stored.values())).message}")
        return complete

    def _read(self, keys: Iterable[str]) -> dict[str, Trial]:
        if self._is_blank():
            return {}
        with self._open(write=False) as store:
            return store.trials(keys)

    def _stored(self, part: str) -> dict[tuple[int, int], Trial]:
        """Stored trials of a part by arm and draw; the control is arm -1."""
        keys = self._keys(part)
        trials = self._read(keys.values())
        return {place: trials[key] for place, key in keys.items() if key in trials}

    def _results(self) -> dict[tuple[int, int], NDArray[np.float64]]:
        """What a search knows."""
        judge = self._judge("validation")
        return {place: judge.each(trial) for place, trial in self._stored("validation").items() if trial.state == "complete"}

    def _judge(self, part: str) -> comparison.Judge:
        if part not in self._judges:
            groups = self._spec["groups"][part]
            self._judges[part] = comparison.Judge(
                metric=self._metric,
                labels=np.array(self._spec["labels"][part], dtype=np.int64),
                groups=None if groups is None else np.array(groups, dtype=np.int64),
                rng=(self._spec["context"]["seed"], BOOTSTRAP),
            )
        return self._judges[part]

    @cached_property
    def _judges(self) -> dict[str, comparison.Judge]:
        """They remember estimates that were computed before; the resampling takes seconds where images are many."""
        return {}

    def _row(self, index: int, stored: comparison.CELLS, part: str, to: int = -1) -> dict[str, Any]:
        """One arm against the control, or another, on the draws that both have."""
        found = comparison.row(
            self._judge(part), stored, index, to, draws=self.draws, rope=self.rope, family=len(self._all_labels)
        )
        arm = self._spec["arms"][index]
        return {"arm": arm["label"], "role": arm["role"], "code": arm["code"]} | found

    def _frame(self, rows: list[dict[str, Any]]) -> pd.DataFrame:
        import pandas as pd

        columns = ["arm", "code", "role", "mean", "difference", "low", "high", "p", "verdict", "draws", "draws_needed"]
        frame = pd.DataFrame(rows, columns=[*columns, "seconds"])
        frame.loc[frame["verdict"] != "undecided", "draws_needed"] = np.nan
        return frame

    @property
    def _search(self) -> dict[str, Any]:
        """What the last search did; what a search that never ran would say when there is none."""
        nothing = {"name": "grid", "finished": False, "note": "", "stopped": {}}
        if self._is_blank():
            return nothing
        with self._open(write=False) as store:
            outcomes = list(store.artifacts(self._key, "search").values())
        return json.loads(outcomes[-1]) if outcomes else nothing

    def _note(self, stored: comparison.CELLS) -> str:
        """Say what a comparison has to do without; empty when nothing."""
        outcome = self._search
        stopped = {label: why for label, why in outcome["stopped"].items() if self._draws_of(label, stored) < self.draws}
        early = sum(self.draws - self._draws_of(label, stored) for label in stopped)
        broken = sum(trial.state == "failed" for trial in stored.values())
        missing = self.n_trials - len(stored) + broken - early
        parts = []
        if missing:
            why = f", {broken} of them failed" if broken else ""
            failures = [(label, self._failure(index, stored)) for index, label in enumerate(self._all_labels)]
            lost = "".join(f"; {label} failed in every draw with {failure}" for label, failure in failures if failure)
            parts.append(
                f"{missing} of {self.n_trials} trials {'is' if missing == 1 else 'are'} missing{why}; "
                f"each arm is compared on the draws that it and the control have completed{lost}"
            )
        if stopped:
            told = "; ".join(f"{label} ({why})" for label, why in list(stopped.items())[:3])
            rest = f"; and {len(stopped) - 3} more" if len(stopped) > 3 else ""
            be = "1 arm was" if len(stopped) == 1 else f"{len(stopped)} arms were"
            parts.append(f"{be} stopped early by the search {outcome['name']!r}: {told}{rest}. {outcome['note']}".rstrip(". "))
        if self._metric.kind == "scorer":
            parts.append(f"{self._metric.name} gives one number a trial: intervals are over draws only, and too narrow")
        return "; ".join(parts)

    def _draws_of(self, label: str, stored: comparison.CELLS) -> int:
        index = self._all_labels.index(label)
        return sum((index, draw) in stored and stored[index, draw].state == "complete" for draw in range(self.draws))

    def _failure(self, index: int, stored: comparison.CELLS) -> str:
        """The first error of an arm whose trials all failed; else empty."""
        trials = [stored.get((index, draw)) for draw in range(self.draws)]
        if not all(trial and trial.state == "failed" for trial in trials):
            return ""
        return trials[0].message if trials[0] else ""

    def _quiet_comparison(self) -> pd.DataFrame:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            return self.compare()

    def _chosen(self, arm: str | Arm | None) -> int:
        """Place of an arm that is named, or of the best."""
        chosen = self.best if arm is None else arm
        if chosen is None:
            raise ValueError(f"no arm helps, so there is none to choose; name one of {', '.join(self.labels)}")
        return self._place(chosen)


def search_named(name: str, study: Study, n_trials: int | None) -> search.Search:
    """Return the search of a name for a study."""
    return search.named(
        name,
        arms=study._all_arms,  # noqa: SLF001
        draws=study.draws,
        seed=study.spec["context"]["seed"],
        always=frozenset({-1, *range(len(study.labels), len(study._all_labels))}),  # noqa: SLF001
        n_trials=n_trials,
        rope=study.rope,
    )


def workers(n_jobs: int | None) -> int:
    """Return the number of worker processes; all cores for None and -1, as scikit-learn says."""
    from joblib import cpu_count

    return int(cpu_count()) if n_jobs in (None, -1) else count("n_jobs", n_jobs, 1)


def duration(seconds: float) -> str:
    """Return a time in the largest unit that fits."""
    for size, unit in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{max(1, round(seconds))} seconds"


def _storage(storage: str | os.PathLike[str]) -> Storage | str:
    check_path(storage)
    if str(storage) == MEMORY:
        return Storage(MEMORY, write=True)
    return str(storage)


def _of_now(spec: dict[str, Any]) -> dict[str, Any]:
    """Bring the description of a study up to date: version 1 knew accuracy and no second control."""
    if spec["schema_version"] == 1:
        spec = spec | {
            "metric": {"name": "accuracy", "kind": "hits", "scale": 100.0},
            "classes": [],
            "images": {},
            "labels": {"validation": [], "test": []},
            "arms": [{"role": "arm", "levels": {}} | arm for arm in spec["arms"]],
        }
    return spec
