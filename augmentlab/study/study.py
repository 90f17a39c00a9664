"""The study: candidates on equal terms, and words for what came out."""

from __future__ import annotations

import importlib.metadata
import sys
import warnings
from contextlib import closing
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np

import augmentlab
from augmentlab import engines, models
from augmentlab.compose import Compose
from augmentlab.data import Dataset
from augmentlab.study import statistics
from augmentlab.study.runner import BOOTSTRAP, DRAW, SPLIT, Job, execute, prepared
from augmentlab.study.spaces import CONTROL, Arm, as_arms
from augmentlab.study.splits import Split, split, training_draw
from augmentlab.study.storage import MEMORY, Storage, Trial, check_path, content_key, is_blank
from augmentlab.transform import Transform, from_dict

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping

    import pandas as pd
    from numpy.typing import NDArray

_SCHEMA_VERSION = 1
_PACKAGES = ("numpy", "scipy", "scikit-image", "scikit-learn")  # whose versions can change a result
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
    rope : float
        Half width, in points of accuracy, of the differences that do not matter.
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
        draws: int = 10,
        train_size: int | None = None,
        copies: int = 4,
        seed: int = 0,
        storage: str | os.PathLike[str] = "study.db",
        preprocess: Transform | None = None,
        rope: float = 0.5,
        validation: float = 0.25,
        test: float = 0.25,
        name: str | None = None,
    ) -> None:
        _check_data(data)
        self.data: Dataset | None = data
        self.model = models.for_images(model)
        self._arms: list[Arm] | None = as_arms(arms)
        draws, copies, seed = _int("draws", draws, 2), _int("copies", copies, 1), _int("seed", seed, 0)
        if isinstance(rope, bool) or not isinstance(rope, (int, float, np.integer, np.floating)) or not 0 <= rope < 100:
            raise ValueError(f"rope must be a number of points in [0, 100); got {rope!r}")
        self._preprocess = _preprocessing(preprocess)
        self._preparation = _common_preparation(self._arms)
        self._split: Split | None = split(
            data.labels,
            classes=data.classes,
            groups=data.groups,
            validation=validation,
            test=test,
            seed=_seed(seed, SPLIT),
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
                "preprocess": self._preprocess.to_dict(),
                "preparation": self._preparation.to_dict(),
                "engine": engines.current_name(),
                "versions": _versions(),
            },
            "arms": [
                {
                    "label": arm.label,
                    "code": arm.code,
                    "identity": arm.identity,
                    "transform": arm.transform.to_dict(),
                }
                for arm in self._arms
            ],
            "draws": draws,
            "rope": float(rope),
            "model": repr(self.model),
            "groups": {part: self._groups_of(part) for part in ("validation", "test")},
        }
        self._key = content_key(self._spec)
        self.interrupted = False

    @classmethod
    def load(cls, storage: str | os.PathLike[str], name: str | None = None) -> Self:
        """Open a stored study for reading, without its data: all but `run` and `confirm` work.

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
        vars(study).update(nothing, _key=key, _spec=spec, _storage=str(storage), interrupted=False)
        return study

    # --- what it is ------------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """Name of the study."""
        return str(self._spec["name"])

    @property
    def labels(self) -> list[str]:
        """Names of the arms, in the order given; the control is not among them."""
        return [arm["label"] for arm in self._spec["arms"]]

    @property
    def arms(self) -> list[Arm]:
        """The candidates; in a loaded study, rebuilt from the file."""
        if self._arms is None:
            return [Arm(label=arm["label"], transform=from_dict(arm["transform"])) for arm in self._spec["arms"]]
        return list(self._arms)

    @property
    def pool(self) -> Dataset:
        """The images that training draws come from, as the arms meet them: after `preprocess`.

        Whatever is learned from data for a pipeline must be learned from these alone.

        Raises
        ------
        RuntimeError
            The study was loaded without its data.
        """
        self._check_data("take the pool from")
        assert self._split is not None
        part = self._need_data().subset(self._split.pool)
        images = prepared(self._preprocess, list(part.images)) if self._preprocess.steps else part.images
        return Dataset(images, part.labels, part.classes, part.groups, part.name)

    @property
    def draws(self) -> int:
        """Training runs of each arm."""
        return int(self._spec["draws"])

    @property
    def rope(self) -> float:
        """Half width of the differences that do not matter, in points."""
        return float(self._spec["rope"])

    @property
    def n_trials(self) -> int:
        """Number of trials of the whole study, the control's among them."""
        return (len(self.labels) + 1) * self.draws

    @property
    def n_complete(self) -> int:
        """Number of trials that are finished and stored."""
        return sum(trial.state == "complete" for trial in self._stored("validation").values())

    def __repr__(self) -> str:
        arms = f"{len(self.labels)} arm{'' if len(self.labels) == 1 else 's'}"
        return f"<Study {self.name!r}: {arms} and the control x {self.draws} draws, {self.n_complete} of {self.n_trials} trials complete>"

    # --- running ---------------------------------------------------------------------------------------------------

    def run(self, n_jobs: int | None = None, *, progress: bool = True) -> Self:
        """Compute the trials that are not stored yet.

        Trials run in this process; when more than about 20 seconds of them remain after the first few, they go to
        worker processes. The results are the same to the bit. Each is stored when it is there: after an interrupt, a
        crash or a power cut, run again and the study goes on. A trial that raised an exception is stored as failed,
        and tried again by the next run.

        Parameters
        ----------
        n_jobs : int, optional
            Largest number of worker processes; as many as there are cores by default (or -1), 1 for this process
            alone.
        progress : bool
            Whether to show a progress bar.

        Returns
        -------
        Study
            Itself. After Ctrl-C too, with `interrupted` set to True and a sentence on standard error.
        """
        self._check_data("run with")
        with self._open(write=True) as store:
            store.save_study(self._key, self.name, self._spec)
            self._work(store, self._jobs(range(-1, len(self.labels)), "validation"), n_jobs, progress=progress)
        return self

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
        if left:
            raise RuntimeError(
                f"{left} of {self.n_trials} trials {'is' if left == 1 else 'are'} not run yet; call run() before the "
                "locked test is opened"
            )
        index = self._chosen(arm)
        table = self._quiet_comparison()
        with self._open(write=True) as store:
            store.save_study(self._key, self.name, self._spec)
            openings = store.record(self._test_key, "opening", self._key, self.labels[index])
            if openings > 1:
                warnings.warn(
                    f"the locked test of these data is opened for the {_ordinal(openings)} time, so that "
                    "this result is no longer independent of the choices made before",
                    UserWarning,
                    stacklevel=2,
                )
            self._work(store, self._jobs((-1, index), "test"), n_jobs, progress=progress)
        row = self._row(index, self._stored("test"), "test")
        if self.interrupted or row["draws"] < 2:
            raise RuntimeError("the confirmation is not finished; call confirm again to go on")
        row["verdict"] = self._verdict(row, row["p"])
        frame = self._frame([row]).drop(columns="draws_needed")
        chosen_for = table.loc[table["arm"] == self.labels[index], "difference"].to_numpy()
        return frame.assign(validation_difference=chosen_for, openings=openings)

    # --- what came out ---------------------------------------------------------------------------------------------

    def compare(self) -> pd.DataFrame:
        """Return what is known about each arm, the best difference first.

        Works on a study that is not finished: an arm is compared on the draws that it and the control have completed,
        and a warning says so.

        Returns
        -------
        pandas.DataFrame
            - ``arm``, ``code``: label and pipeline
            - ``mean``: mean accuracy, in [0, 1]
            - ``difference``: to the control on the same draws, in points
            - ``low``, ``high``: 95 % interval of the difference (crossed bootstrap), in points
            - ``p``: of no difference (crossed t), adjusted for the number of arms after Holm
            - ``verdict``: helps, hurts, equivalent, undecided or identical; see `statistics.verdict`. An arm without
              a result, for which ``draws`` is 0, is undecided
            - ``draws``: how many it rests on
            - ``draws_needed``: where undecided, about how many would decide; inf if only more images could

            ``attrs`` hold ``control_mean``, ``rope`` and ``note`` (empty, or what is missing).

        Raises
        ------
        RuntimeError
            No trial of the control is complete; the sentence names the error if they all failed.
        """
        stored = self._stored("validation")
        rows = [self._row(index, stored, "validation") for index in range(len(self.labels))]
        control = [trial.value for (index, _), trial in stored.items() if index == -1 and trial.state == "complete"]
        if not control and (failure := self._failure(-1, stored)):
            raise RuntimeError(f"every trial of the control failed, the first with {failure}")
        if not control:
            raise RuntimeError("the study has no complete trial of the control yet; call run() first")
        adjusted = statistics.holm([row["p"] for row in rows])
        for row, p in zip(rows, adjusted, strict=True):
            row["p"] = p
            row["verdict"] = self._verdict(row, p)
        frame = self._frame(rows).sort_values("difference", ascending=False, kind="stable", ignore_index=True)
        note = self._missing(stored)
        frame.attrs = {"control_mean": float(np.mean(control)), "rope": self.rope, "note": note}
        if note:
            warnings.warn(note, UserWarning, stacklevel=2)
        return frame

    @property
    def best(self) -> Arm | None:
        """The arm with the largest difference among those that help; None when none does.

        The largest of many is partly lucky: `confirm` tells how much is left on images never looked at.
        """
        table = self._quiet_comparison()
        helping = table[table["verdict"] == "helps"]
        return None if helping.empty else self.arms[self.labels.index(helping["arm"].iloc[0])]

    def summary(self) -> str:
        """Return what came out, in words.

        Examples
        --------
        A sentence for what helps, one for what hurts, one for the rest::

            Of 3 arms, 1 helps: shift, by 13.9 points (95 % interval 11.0 to 16.8).
            1 hurts: flip, by 4.5 points (2.1 to 6.9).
            1 is undecided: noise.
            The control, with unchanged copies, scores 45.1 %.
        """
        table = self._quiet_comparison()
        without = table["draws"] == 0
        words = [_sentence(word, table[(table["verdict"] == word) & ~without]) for word in statistics.VERDICTS]
        lines = [sentence for sentence in words if sentence]
        if without.any():
            have = "1 has" if without.sum() == 1 else f"{without.sum()} have"
            lines.append(f"{have} no result: {_listed(table.loc[without, 'arm'])}.")
        arms = "The one arm" if len(table) == 1 else f"Of {len(table)} arms,"
        lines[0] = f"{arms} {lines[0]}" if len(table) > 1 else f"{arms} {lines[0].removeprefix('1 ')}"
        if not (table["verdict"] == "helps").any():
            lines.append("Nothing was found to help.")
        lines.append(f"The control, with unchanged copies, scores {100 * table.attrs['control_mean']:.1f} %.")
        if table.attrs["note"]:
            lines.append(f"{table.attrs['note'][0].upper()}{table.attrs['note'][1:]}.")
        return "\n".join(lines)

    def trials_dataframe(self) -> pd.DataFrame:
        """Return one row a stored trial, those of confirmations last.

        Returns
        -------
        pandas.DataFrame
            ``number``, ``value`` (accuracy; nan when failed), ``state`` (complete or failed), ``params_arm``,
            ``params_draw``, ``part`` (validation or test), ``datetime_start`` (UTC), ``seconds``, ``message`` (the
            error of a failed trial, warnings of a complete one), ``code``.
        """
        import pandas as pd

        labels = [*self.labels, CONTROL]
        rows = []
        for part in ("validation", "test"):
            for (index, draw), trial in sorted(self._stored(part).items(), key=lambda item: item[0][::-1]):
                number = draw * len(labels) + index + 1 + (self.n_trials if part == "test" else 0)
                place = (number, trial.value, trial.state, labels[index], draw, part)
                rows.append((*place, trial.started, trial.seconds, trial.message, trial.arm))
        columns = ["number", "value", "state", "params_arm", "params_draw", "part"]
        columns += ["datetime_start", "seconds", "message", "code"]
        frame = pd.DataFrame(rows, columns=columns)
        frame["datetime_start"] = pd.to_datetime(frame["datetime_start"], utc=True)
        return frame

    # --- inside ----------------------------------------------------------------------------------------------------

    def _open(self, *, write: bool) -> Storage:
        """Open the storage; the one in memory stays open."""
        return self._storage if isinstance(self._storage, Storage) else Storage(self._storage, write=write)

    def _check_data(self, action: str) -> None:
        if self.data is None:
            raise RuntimeError(f"a loaded study has no data to {action}; make it with Study(data, model, arms, ...)")

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
        return self._split.validation if part == "validation" else self._split.test

    def _train_size(self, given: int | None) -> int:
        assert self._split is not None
        pool, classes = len(self._split.pool), len(self._need_data().classes)
        if given is None:
            return max(classes, min(300, pool // 2))
        given = _int("train_size", given, 1)
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

    @cached_property
    def _targets(self) -> dict[str, NDArray[Any]]:
        """Images to predict, by part; the locked test is prepared only when it is asked for."""
        return {}

    def _targets_of(self, part: str) -> NDArray[Any]:
        if part not in self._targets:
            self._targets[part] = np.stack(prepared(self._preparation, [self._images[i] for i in self._places(part)]))
        return self._targets[part]

    @property
    def _test_key(self) -> str:
        """Name of the locked test: whoever studies these data with this split shares it."""
        context = self._spec["context"]
        return content_key({"data": context["data"], "split": context["split"]})

    def _trial_key(self, index: int, draw: int, part: str) -> str:
        identity = _IDENTITY.identity if index < 0 else self._spec["arms"][index]["identity"]
        return content_key([self._context_key, identity, draw, part])

    @cached_property
    def _context_key(self) -> str:
        return content_key(self._spec["context"])

    @cached_property
    def _draw_places(self) -> list[NDArray[np.intp]]:
        assert self._split is not None
        context = self._spec["context"]
        return [
            training_draw(
                self._need_data().labels,
                self._split.pool,
                size=context["train_size"],
                rng=(context["seed"], DRAW, draw),
            )
            for draw in range(self.draws)
        ]

    def _jobs(self, indices: Iterable[int], part: str) -> list[Job]:
        """Return the trials of some arms; draw by draw, so that an unfinished study has arms of equal length."""
        with engines.engine(self._spec["context"]["engine"]):
            places = list(indices)
            return [self._job(index, draw, part) for draw in range(self.draws) for index in places]

    def _job(self, index: int, draw: int, part: str) -> Job:
        assert self._arms is not None
        context = self._spec["context"]
        arm = _IDENTITY if index < 0 else self._arms[index]
        labels = self._need_data().labels
        places = self._draw_places[draw]
        return Job(
            key=self._trial_key(index, draw, part),
            arm=arm.code,
            part=part,
            draw=draw,
            pipeline=arm.pipeline,
            preparation=self._preparation,
            images=self._images,
            rows=places,
            places=places,
            labels=labels[places],
            targets=self._targets_of(part),
            answers=labels[self._places(part)],
            model=self.model,
            copies=context["copies"],
            seed=context["seed"],
            engine=context["engine"],
        )

    def _work(self, store: Storage, jobs: list[Job], n_jobs: int | None, *, progress: bool) -> None:
        """Compute and store what is missing."""
        from joblib import cpu_count
        from tqdm.auto import tqdm

        if n_jobs in (None, -1):  # -1 is what scikit-learn calls all cores
            n_jobs = cpu_count()
        workers = _int("n_jobs", n_jobs, 1)
        stored = store.trials(job.key for job in jobs)
        # Two arms may be the same computation (an arm that is the control), and are then computed once.
        unique = {job.key: job for job in jobs}
        pending = [job for key, job in unique.items() if key not in stored or stored[key].state != "complete"]
        failed: list[Trial] = []
        self.interrupted = False
        with tqdm(
            total=len(unique), initial=len(unique) - len(pending), desc=self.name, unit="trial", disable=not progress
        ) as bar:
            try:
                with closing(execute(pending, workers=workers)) as results:
                    for trial in results:
                        store.save_trial(trial)
                        failed += [trial] if trial.state == "failed" else []
                        bar.update()
            except KeyboardInterrupt:
                self.interrupted = True
        if self.interrupted:
            done = sum(trial.state == "complete" for trial in store.trials(unique).values())
            sys.stderr.write(f"Interrupted: {done} of {len(unique)} trials are kept; run again to go on.\n")
        if failed:
            warnings.warn(
                f"{len(failed)} of {len(unique)} trials failed, the first ({failed[0].arm}, draw {failed[0].draw}) "
                f"with {failed[0].message}; run again to retry them",
                UserWarning,
                stacklevel=3,
            )

    def _stored(self, part: str) -> dict[tuple[int, int], Trial]:
        """Stored trials of a part by arm and draw; the control is arm -1."""
        if not isinstance(self._storage, Storage) and is_blank(self._storage):
            return {}
        keys = {
            (index, draw): self._trial_key(index, draw, part)
            for index in range(-1, len(self.labels))
            for draw in range(self.draws)
        }
        with self._open(write=False) as store:
            trials = store.trials(keys.values())
        return {place: trials[key] for place, key in keys.items() if key in trials}

    @cached_property
    def _rows(self) -> dict[tuple[str, int, tuple[int, ...]], dict[str, Any]]:
        """Rows of comparisons that were computed before; the resampling takes seconds where images are many."""
        return {}

    def _row(self, index: int, stored: Mapping[tuple[int, int], Trial], part: str) -> dict[str, Any]:
        """One arm against the control, on the draws that both have."""
        pairs = [(stored.get((index, draw)), stored.get((-1, draw))) for draw in range(self.draws)]
        hits = {
            draw: (a.hits, b.hits)
            for draw, (a, b) in enumerate(pairs)
            if a and b and a.hits is not None and b.hits is not None
        }
        known = (part, index, tuple(hits))  # what decides a row: a complete trial never changes
        if known not in self._rows:
            self._rows[known] = self._computed_row(index, list(hits.values()), part)
        return dict(self._rows[known])

    def _computed_row(
        self, index: int, hits: list[tuple[NDArray[np.bool_], NDArray[np.bool_]]], part: str
    ) -> dict[str, Any]:
        arm = self._spec["arms"][index]
        row = {"arm": arm["label"], "code": arm["code"], "draws": len(hits), "test": None, "draws_needed": np.nan}
        row |= dict.fromkeys(("mean", "difference", "low", "high", "p"), np.nan)
        if hits:
            ours, theirs = (np.array(side, dtype=np.float64) for side in zip(*hits, strict=True))
            differences = 100 * (ours - theirs)
            row |= {"mean": float(ours.mean()), "difference": float(differences.mean())}
        if len(hits) > 1:
            groups = self._spec["groups"][part]
            table = differences if groups is None else statistics.by_group(differences, groups)
            test = statistics.crossed_test(table)
            low, high = statistics.crossed_interval(table, rng=(self._spec["context"]["seed"], BOOTSTRAP))
            row |= {"low": low, "high": high, "p": test.p, "test": test, "identical": not differences.any()}
            row["draws_needed"] = statistics.draws_needed(table, rope=self.rope, arms=len(self.labels))
        return row

    def _verdict(self, row: Mapping[str, Any], p: float) -> statistics.Verdict:
        if row["test"] is None:
            return "undecided"
        interval = row["low"], row["high"]
        return statistics.verdict(interval, p, row["test"], rope=self.rope, identical=row["identical"])

    def _frame(self, rows: list[dict[str, Any]]) -> pd.DataFrame:
        import pandas as pd

        columns = ["arm", "code", "mean", "difference", "low", "high", "p", "verdict", "draws", "draws_needed"]
        frame = pd.DataFrame(rows, columns=columns)
        frame.loc[frame["verdict"] != "undecided", "draws_needed"] = np.nan
        return frame

    def _missing(self, stored: Mapping[tuple[int, int], Trial]) -> str:
        """Say what a comparison has to do without; empty when nothing."""
        failed = sum(trial.state == "failed" for trial in stored.values())
        missing = self.n_trials - len(stored) + failed
        if not missing:
            return ""
        why = f", {failed} of them failed" if failed else ""
        failures = [(label, self._failure(index, stored)) for index, label in enumerate(self.labels)]
        lost = "".join(f"; {label} failed in every draw with {failure}" for label, failure in failures if failure)
        return (
            f"{missing} of {self.n_trials} trials {'is' if missing == 1 else 'are'} missing{why}; "
            f"each arm is compared on the draws that it and the control have completed{lost}"
        )

    def _failure(self, index: int, stored: Mapping[tuple[int, int], Trial]) -> str:
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
            raise ValueError(f"no arm helps, so there is none to confirm; name one of {', '.join(self.labels)}")
        label = chosen.label if isinstance(chosen, Arm) else chosen
        if label not in self.labels:
            raise ValueError(f"arm must be one of {', '.join(self.labels)}; got {label!r}")
        return self.labels.index(label)


def _check_data(data: Any) -> None:
    if not isinstance(data, Dataset):
        raise TypeError(
            f"data must be an augmentlab Dataset; got {type(data).__name__}: make one with Dataset(images, labels)"
        )
    if len(data) > 20 and len(data.classes) > len(data) / 2 and all(map(_is_number, data.classes)):
        raise ValueError(
            f"labels must be classes; got {len(data.classes)} different values for {len(data)} images, "
            "which looks like a measurement (regression is not supported)"
        )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _int(name: str, value: Any, low: int) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name} must be an int >= {low}; got {value!r}")
    if value < low:
        raise ValueError(f"{name} must be an int >= {low}; got {value}")
    return int(value)


def _seed(seed: int, stream: int) -> int:
    return int(np.random.default_rng((seed, stream)).integers(2**31))


def _storage(storage: str | os.PathLike[str]) -> Storage | str:
    check_path(storage)
    if str(storage) == MEMORY:
        return Storage(MEMORY, write=True)
    return str(storage)


def _versions() -> dict[str, str]:
    versions = {package: importlib.metadata.version(package) for package in _PACKAGES}
    return {"augmentlab": augmentlab.__version__, **versions}


def _preprocessing(preprocess: Transform | None) -> Compose:
    if preprocess is None:
        return Compose(())
    if not isinstance(preprocess, Transform):
        raise TypeError(f"preprocess must be a Transform; got {preprocess!r:.80}")
    if preprocess.is_random:
        raise ValueError(
            f"preprocess must be the same for every image, without p and distributions; got {preprocess!r}"
        )
    for step in preprocess.walk():
        if not step.bounded:
            raise ValueError(
                f"preprocess must keep images in [0, 1], since the arms come after it; got {step!r}: "
                "put it at the end of each arm"
            )
    return preprocess if isinstance(preprocess, Compose) else Compose((preprocess,))


def _common_preparation(arms: list[Arm]) -> Compose:
    """Return the preprocessing that is part of the arms' pipelines, which validation and control need as well."""
    parts = [arm.pipeline.deterministic() for arm in arms]
    for arm, part in zip(arms, parts, strict=True):
        if part != parts[0]:
            raise ValueError(
                f"arms must have the same preprocessing steps; {arms[0].label!r} has {parts[0]!r} and {arm.label!r} "
                f"has {part!r}: give them as preprocess=..."
            )
    return parts[0]


def _sentence(word: statistics.Verdict, table: pd.DataFrame) -> str:
    """Say in a line which arms got a verdict."""
    count = len(table)
    if not count:
        return ""
    if word in ("helps", "hurts"):
        table = table.sort_values("difference", ascending=word == "hurts", kind="stable")
        first = table.iloc[0]
        ends = sorted((abs(first["low"]), abs(first["high"])))
        verb = word if count == 1 else word.removesuffix("s")
        what = f"by {abs(first['difference']):.1f} points (95 % interval {ends[0]:.1f} to {ends[1]:.1f})"
        most = "" if count == 1 else "most of all "
        others = "" if count == 1 else f"; also {_listed(table['arm'].iloc[1:])}"
        return f"{count} {verb}: {most}{first['arm']}, {what}{others}."
    if word == "equivalent":
        what = f"makes no difference that matters (less than {table.attrs['rope']:g} points)"
        what = what if count == 1 else what.replace("makes", "make")
    else:
        what = f"{'is' if count == 1 else 'are'} {word}" + (" to the control" if word == "identical" else "")
    return f"{count} {what}: {_listed(table['arm'])}."


def _listed(names: Iterable[str]) -> str:
    """Name the first few."""
    shown = list(names)
    if len(shown) > 5:
        shown = [*shown[:4], f"and {len(shown) - 4} more"]
    return ", ".join(shown)


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
