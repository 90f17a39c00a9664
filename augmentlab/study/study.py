"""The study: candidates on equal terms, and words for what came out."""

from __future__ import annotations

import json
import sys
import threading
import warnings
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from augmentlab import engines, models
from augmentlab.compose import Compose
from augmentlab.data import Dataset
from augmentlab.markup import printable
from augmentlab.study import analyses, samples, search, words
from augmentlab.study.execution import Execution
from augmentlab.study.inputs import (
    check_data,
    common_preparation,
    count,
    idle,
    preprocessing,
    region,
    second_control,
    seed_of,
    versions,
)
from augmentlab.study.metrics import as_metric
from augmentlab.study.record import SCHEMA_VERSION, Record
from augmentlab.study.runner import DRAW, SPLIT, Cell, Target, Work, failed, prepared, run_cell, share
from augmentlab.study.running import Session
from augmentlab.study.spaces import IDENTITY, Arm, as_arms
from augmentlab.study.splits import Split, split, training_draw
from augmentlab.study.storage import MEMORY, Storage, Trial, check_path, content_key
from augmentlab.study.stored import check_spec

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from augmentlab.study.search import Name
    from augmentlab.transform import Transform


class Study(Record):
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

    Warns
    -----
    UserWarning
        For an arm that does nothing, such as ``CoarseDropout()``, whose strengths are all at their defaults.

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
    ...     draws=6, train_size=100, copies=2, trivial=False, storage=":memory:",
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
        for arm in idle(arms):
            warnings.warn(
                f"arms should change images; {arm.label!r} does nothing that the control does not: {arm.code:.80}",
                UserWarning,
                stacklevel=2,
            )
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
            "schema_version": SCHEMA_VERSION,
            "name": printable(str(data.name if name is None else name)),
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
                    "levels": [list(level) for level in arm.levels.items()],
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
        check_spec(self._spec, "a study")  # as what is read back is checked
        self._key = content_key(self._spec)
        self._stop = threading.Event()
        self.interrupted = False

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

    def __repr__(self) -> str:
        arms = f"{len(self.labels)} arm{'' if len(self.labels) == 1 else 's'}"
        controls = "the control" if len(self._spec["arms"]) == len(self.labels) else "2 controls"
        return (
            f"<Study {self.name!r}: {arms} and {controls} x {self.draws} draws, "
            f"{self.n_complete} of {self.n_trials} trials complete>"
        )

    # --- running ---------------------------------------------------------------------------------------------------------

    def run(
        self,
        n_jobs: int | None = None,
        *,
        search: Name = "grid",
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
            Number of trials to spend, the controls' among them; for ``"random"``, ``"tpe"`` and ``"gp"``. What `preview`
            timed of arms that are not tried comes on top.
        client : distributed.Client or concurrent.futures.Executor, optional
            Computes on a Dask cluster, or with any executor, instead.
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
        self._check_place()
        planner = search_named(search, self, n_trials)
        total = min(self.n_trials, n_trials or self.n_trials)
        with self._session(
            "validation",
            n_jobs=n_jobs,
            client=client,
            durable=durable,
            total=total,
            initial=self.n_complete,
            progress=progress,
        ) as session:
            samples.save_images(session.store, self)
            failures: set[tuple[int, int]] = set()
            results = self._results({})
            with session.interruptible():
                while batch := planner.plan(results, failures):
                    self._save_search(session.store, search, planner, results, failures, finished=False)
                    session.run([self._cell(index, draw) for index, draw in batch], left=total - len(results))
                    bad = {trial.key for trial in session.failed}
                    failures |= {place for place in batch if self._cell(*place).key in bad}
                    results = self._results(results)
                    if session.interrupted:
                        break
            self._save_search(session.store, search, planner, results, failures, finished=not session.interrupted)
            samples.save_hardest(session.store, self)
        self._tell(session, self._keys("validation").values())
        return self

    def stop(self) -> None:
        """End a `run` that goes on in another thread, or that is about to begin there.

        What is running is finished or dropped within about two seconds; everything finished is kept. Only a trial of
        this process (``n_jobs=1``) that is in a single call of compiled code is waited for until the call returns.
        """
        self._stop.set()

    def preview(self, n_jobs: int | None = None, *, progress: bool = True) -> pd.DataFrame:
        """Say what would be run, and for how long, before hours are spent.

        Three trials are timed: the control, and the arms with the fewest and the most steps, each with the first draw.
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
        arms, processes = self._all_arms, workers(n_jobs)
        by_steps = sorted(range(len(arms)), key=lambda index: len(arms[index].pipeline.steps))
        timed = list(dict.fromkeys((-1, by_steps[0], by_steps[-1])))
        with self._session("validation", n_jobs=1, total=len(timed), progress=progress) as session:
            session.run([self._cell(index, 0) for index in timed])
        if self.interrupted:
            raise RuntimeError("the preview is not finished; call it again to go on")
        if session.failed:
            raise RuntimeError(f"a timed trial failed with {session.failed[0].message}")
        trials = self._stored("validation")
        known = {index: trials[index, 0].seconds for index in timed if (index, 0) in trials}
        mean = float(np.mean([seconds for index, seconds in known.items() if index >= 0] or [0.0]))
        rows = []
        for index in range(-1, len(arms)):
            left = sum(
                (trial := trials.get((index, draw))) is None or trial.state != "complete" for draw in range(self.draws)
            )
            arm = IDENTITY if index < 0 else arms[index]
            role = "control" if index < 0 else self._spec["arms"][index]["role"]
            rows.append((arm.label, role, arm.code, left, left * known.get(index, mean)))
        frame = pd.DataFrame(rows, columns=["arm", "role", "code", "trials", "seconds"])
        seconds = float(frame["seconds"].sum()) / processes
        time = (
            f": about {words.duration(seconds)} with {processes} worker{'' if processes == 1 else 's'}"
            if seconds
            else ""
        )
        sentence = f"{frame['trials'].sum()} trials of {len(rows)} arms and controls are left{time}."
        frame.attrs |= {"seconds": seconds, "sentence": sentence}
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
        self._check_place()
        left = self.n_trials - len(self._stored("validation"))
        if left and not self._is_searched:
            raise RuntimeError(
                f"{left} of {self.n_trials} trials {'is' if left == 1 else 'are'} not run yet; call run() before the "
                "locked test is opened"
            )
        index = self._chosen(arm)
        if self._row(index, self._stored("validation"), "validation")["draws"] < 2:
            raise ValueError(f"arm must have a result to confirm; {self._label(index)!r} has none")
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
        if not self.interrupted and row["draws"] < 2 and session.failed:
            raise RuntimeError(
                f"the confirmation failed, first with {session.failed[0].message}; call confirm to retry"
            )
        if self.interrupted or row["draws"] < 2:
            raise RuntimeError("the confirmation is not finished; call confirm again to go on")
        confirmed = self.confirmations()
        return confirmed[confirmed["arm"] == self._label(index)].reset_index(drop=True)

    # --- further questions -----------------------------------------------------------------------------------------------

    def learning_curve(
        self,
        arm: str | Arm | None = None,
        *,
        factors: Sequence[float] | None = None,
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

    # --- inside ----------------------------------------------------------------------------------------------------------

    def _check_data(self, action: str) -> None:
        if self.data is None:
            raise RuntimeError(f"a loaded study has no data to {action}; make it with Study(data, model, arms, ...)")

    def _check_place(self) -> None:
        if not isinstance(self._storage, Storage):
            check_path(self._storage)  # which another process may have left half-written since

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
            cures = []
            if len({shape[:2] for shape in shapes}) > 1:
                cures.append("preprocess=Resize(height=..., width=...) gives them one size")
            if len({shape[2:] for shape in shapes}) > 1:
                cures.append(
                    "ConvertChannels in preprocess, or from_folder(..., mode='RGB') gives them one number of channels"
                )
            among = " among others" if len(shapes) > 2 else ""
            raise ValueError(
                f"images must have one shape for a model; got {first} and {second}{among}: {'; '.join(cures)}"
            )

    @cached_property
    def _images(self) -> Any:
        """All images after the preprocessing; one array where they were one."""
        images = self._need_data().images
        if not self._preprocess.steps:
            return images
        done = prepared(self._preprocess, list(images))
        return np.stack(done) if len({image.shape for image in done}) == 1 else tuple(done)

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
            What happens to the images that are predicted, preparation included, by what it is called in the key;
            only the preparation by default.
        loss : bool
            Whether the loss on the training images is wanted.
        """
        arm = IDENTITY if index < 0 else self._all_arms[index]
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
                    pipeline=pipeline,
                )
                for name, pipeline in asked.items()
            ),
            loss=loss,
        )

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
        initial: int = 0,
        n_jobs: int | None = None,
        client: Any = None,
        durable: bool = False,
        progress: bool = True,
    ) -> Iterator[Session]:
        """Open the storage and get ready to compute."""
        from tqdm.auto import tqdm

        processes = workers(n_jobs)
        wanted = tuple(sizes) or (self._spec["context"]["train_size"],)
        self.interrupted = False
        with self._open(write=True, durable=durable) as store:
            store.save_study(self._key, self.name, self._spec)

            def execution() -> Execution[Work, Cell, tuple[Trial, ...]]:
                shared = self._work(part, wanted, self.draws)
                return Execution(run_cell, shared, failed=failed, workers=processes, client=client, stop=self._stop)

            bar = tqdm(total=total, initial=initial, desc=self.name, unit="trial", disable=not progress)
            try:
                with Session(store, execution, self._stop, bar) as session:
                    yield session
                self.interrupted = session.interrupted
            finally:
                self._stop.clear()

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
            with self._session(
                "validation", sizes={cell.size for cell in cells}, total=len(cells), **session
            ) as running:
                running.run(cells)
            self._tell(running, keys, stacklevel=4)
            if self.interrupted:
                raise RuntimeError(f"{what} is not finished; call it again to go on")
            stored = self._read(keys)
        complete = {key: trial for key, trial in stored.items() if trial.state == "complete"}
        if not complete:
            raise RuntimeError(f"every trial of {what} failed, the first with {next(iter(stored.values())).message}")
        return complete

    def _save_search(
        self,
        store: Storage,
        name: str,
        planner: search.Search,
        results: Mapping[tuple[int, int], NDArray[np.float64]],
        failures: set[tuple[int, int]],
        *,
        finished: bool,
    ) -> None:
        """Keep what a search has stopped by now: a study that is killed must tell it too."""
        stopped = {self._label(index): why for index, why in planner.stopped(results, failures).items()}
        outcome = {"name": name, "finished": finished, "note": planner.note, "stopped": stopped}
        store.save_artifact(self._key, "search", name, json.dumps(outcome).encode())

    def _results(
        self, known: Mapping[tuple[int, int], NDArray[np.float64]]
    ) -> dict[tuple[int, int], NDArray[np.float64]]:
        """What a search knows by now; what it knew already stays so and is not read again."""
        judge, keys = self._judge("validation"), self._keys("validation")
        left = {place: key for place, key in keys.items() if place not in known}
        trials = self._read(left.values())
        new = {
            place: judge.each(trial)
            for place, key in left.items()
            if (trial := trials.get(key)) and trial.state == "complete"
        }
        known = {**known, **new}
        return {place: known[place] for place in keys if place in known}


def search_named(name: Name, study: Study, n_trials: int | None) -> search.Search:
    """Return the search of a name for a study."""
    return search.named(
        name,
        arms=study._all_arms,
        draws=study.draws,
        seed=study.spec["context"]["seed"],
        always=frozenset({-1, *range(len(study.labels), len(study._all_labels))}),
        n_trials=n_trials,
        groups=study._spec["groups"]["validation"],
    )


def workers(n_jobs: int | None) -> int:
    """Return the number of worker processes; all cores for None and -1, as scikit-learn says."""
    from joblib import cpu_count

    return int(cpu_count()) if n_jobs in (None, -1) else count("n_jobs", n_jobs, 1)


def _storage(storage: str | os.PathLike[str]) -> Storage | str:
    path = check_path(storage)
    if path == MEMORY:
        return Storage(MEMORY, write=True)
    return str(Path(path).absolute())  # wherever the process goes next
