"""What a stored study tells: who was compared, what came out, and what is missing."""

from __future__ import annotations

import copy
import json
import threading
import warnings
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from augmentlab.compose import Compose
from augmentlab.distributions import shown
from augmentlab.documents import from_dict
from augmentlab.study import analyses, comparison, export, statistics, words
from augmentlab.study.inputs import TRIVIAL
from augmentlab.study.metrics import Metric
from augmentlab.study.places import quoted
from augmentlab.study.runner import BOOTSTRAP
from augmentlab.study.spaces import CONTROL, IDENTITY, Arm
from augmentlab.study.storage import Storage, Trial, content_key, is_blank
from augmentlab.study.stored import check_key, check_search, check_spec, code_of

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    import pandas as pd

    from augmentlab.transform import Transform

SCHEMA_VERSION = 2  # of the description of a study
KEY_SHOWN = 8  # letters of a study's key that stand for it, of 64


class Record:
    """What a stored study tells without its data; `Study` is one that can also be run.

    Parameters are those of `Study`; `open` reads what was stored.
    """

    _spec: dict[str, Any]
    _key: str
    _metric: Metric
    _storage: Storage | str
    _arms: list[Arm] | None

    @classmethod
    def open(cls, storage: str | os.PathLike[str], name: str | None = None) -> Self:
        """Open a stored study for reading, without its data: all works but what has to train a model.

        Parameters
        ----------
        storage : str or path-like
            The file.
        name : str, optional
            Which study; the one that was run last by default. Of several with a name it is the last, and the key of a
            study, or the beginning that ``augmentlab list`` shows, is a name too.

        Raises
        ------
        OSError, ValueError
            No file, no study file, or no study of that name; the sentence lists those that are there.
        """
        stored = cls.open_all(storage)
        chosen = [study for study in stored if name is None or study.name == name]
        if not chosen and isinstance(name, str) and len(name) >= KEY_SHOWN:
            chosen = [study for study in stored if study._key.startswith(name)]
        if not chosen:
            there = words.listed(dict.fromkeys(shown(study.name) for study in stored)) or "none"
            wanted = "a study" if name is None else f"a study named {shown(name)}"
            raise ValueError(f"storage {quoted(str(storage))} must hold {wanted}; it holds {there}")
        return chosen[0]

    @classmethod
    def open_all(cls, storage: str | os.PathLike[str]) -> list[Self]:
        """Open every study of a file for reading, as `open` opens one; that which was run last comes first.

        Raises
        ------
        OSError, ValueError
            No file, or no study file.
        """
        with Storage(storage, write=False) as store:
            return [cls._loaded(str(Path(store.path).absolute()), *stored) for stored in store.studies()]

    @classmethod
    def _loaded(cls, storage: str, key: str, name: str, spec: dict[str, Any]) -> Self:
        study = cls.__new__(cls)
        nothing = dict.fromkeys(("data", "model", "_arms", "_split"))
        where = f"a study of storage {quoted(storage)}"
        check_key(key, name, where)
        spec = _of_now(spec, where)
        vars(study).update(
            nothing, _key=key, _spec=spec, _metric=Metric(**spec["metric"]), _storage=storage,
            _stop=threading.Event(), interrupted=False,
        )  # fmt: skip
        return study

    def as_stored(self) -> Self:
        """Return the study without its data, as `open` gives it: what is not stored yet is an error and not computed."""
        study = copy.copy(self)
        vars(study).update(dict.fromkeys(("data", "model", "_split")))
        return study

    # --- what it is ------------------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """Name of the study."""
        return str(self._spec["name"])

    @property
    def key(self) -> str:
        """Under which the file holds the study: a hash of its description."""
        return self._key

    @property
    def spec(self) -> dict[str, Any]:
        """All that describes the study, as stored: JSON-ready, a copy. The code of an arm is made from its transform."""
        spec: dict[str, Any] = json.loads(json.dumps(self._spec))
        for arm, code in zip(spec["arms"], self._codes, strict=True):
            arm["code"] = code
        return spec

    @property
    def labels(self) -> list[str]:
        """Names of the arms, in the order given; the controls are not among them."""
        return [arm["label"] for arm in self._spec["arms"] if arm["role"] == "arm"]

    @property
    def arms(self) -> list[Arm]:
        """The candidates; in a loaded study, rebuilt from the file."""
        return self._all_arms[: len(self.labels)]

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
        return self._count("complete")

    @property
    def n_failed(self) -> int:
        """Number of trials that raised an exception when they were last tried."""
        return self._count("failed")

    @property
    def finished(self) -> bool:
        """Whether all trials were tried, or a search that stops some early came to its end."""
        return self._count("complete", "failed") == self.n_trials or self._is_searched

    @property
    def n_openings(self) -> int:
        """How often the locked test of these data with this split was opened, by any study of the storage."""
        if self._is_blank():
            return 0
        with self._open(write=False) as store:
            return len(store.events(self._test_key, "opening"))

    def arm(self, label: str) -> Arm:
        """An arm or a control by its label.

        Raises
        ------
        ValueError
            There is none.
        """
        place = self._place(label)
        if place < 0:
            return IDENTITY
        return self._arms[place] if self._arms is not None else _arm(self._spec["arms"][place])

    # --- what came out ---------------------------------------------------------------------------------------------------

    def compare(self, to: str = CONTROL, *, warn: bool = True) -> pd.DataFrame:
        """Return what is known about each arm, the best difference first.

        Works on a study that is not finished: an arm is compared on the draws that it and the control have completed,
        and a warning says so.

        Parameters
        ----------
        to : str
            What the arms are compared with: the control, or any arm by its label, such as ``"TrivialAugment"``.
        warn : bool
            Whether to warn of what is missing; the note says it anyway. Filters of warnings are those of the whole process,
            and not for a view to touch while a trial runs.

        Returns
        -------
        pandas.DataFrame
            - ``arm``, ``code``: label and pipeline
            - ``role``: "arm", or "control" for TrivialAugment
            - ``mean``: mean of the metric, for accuracy in [0, 1]
            - ``difference``: to the control on the same draws, in points (hundredths) where the metric is a share
            - ``low``, ``high``: 95 % interval of the difference (crossed bootstrap at the scale of the crossed t)
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
        what = "the control" if base < 0 else repr(self._label(base))
        if not control and (failure := self._failure(base, stored)):
            raise RuntimeError(f"every trial of {what} failed, the first with {failure}")
        if not control:
            raise RuntimeError(f"the study has no complete trial of {what} yet; call run() first")
        places = [index for index in range(len(self._all_labels)) if index != base]
        rows = [self._row(index, stored, "validation", base) for index in places]
        adjusted = statistics.holm([row["p"] for row in rows])
        for row, p in zip(rows, adjusted, strict=True):
            row["p"] = p
            row["verdict"] = comparison.verdict(row, p, self.rope)
        frame = self._frame(rows).sort_values("difference", ascending=False, kind="stable", ignore_index=True)
        note = self._note(stored)
        judge = self._judge("validation")
        frame.attrs |= self._attrs | {
            "to": to,
            "control_mean": float(np.mean([judge.value(trial) for trial in control])),
            "rope": self.rope,
            "draws": self.draws,
            "note": note,
        }
        if note and warn:
            warnings.warn(note, UserWarning, stacklevel=2)
        return frame

    @property
    def best(self) -> Arm | None:
        """The arm with the largest difference among those that help; None when none does.

        The largest of many is partly lucky: `confirm` tells how much is left on images never looked at.
        """
        label = _best(self.compare(warn=False))
        return None if label is None else self.arm(label)

    def summary(self, table: pd.DataFrame | None = None) -> str:
        """Return what came out, in words.

        Parameters
        ----------
        table : DataFrame, optional
            What `compare` gave, where that is at hand.

        Examples
        --------
        A sentence for what helps, one for what hurts, one for the rest::

            Of 3 arms, 1 helps: shift, by 13.9 points (95 % interval 11.0 to 16.8).
            1 hurts: flip, by 4.5 points (95 % interval 2.1 to 6.9).
            1 is undecided: noise.
            The control, with unchanged copies, scores 45.1 %.
            TrivialAugment, the second control, gains 5.1 points; shift beats it by 8.8 points (95 % interval 4.4 to 13.1).
        """
        table = self.compare(warn=False) if table is None else table
        best, over = _best(table), None
        if best is not None and TRIVIAL in self._all_labels[len(self.labels) :]:
            places = self._all_labels.index(best), self._all_labels.index(TRIVIAL)
            over = self._row(places[0], self._stored("validation"), "validation", places[1])
            over["verdict"] = comparison.verdict(over, over["p"], self.rope)
            over = over if over["test"] is not None else None
        return words.summary(table, over)

    def effects(self) -> pd.DataFrame:
        """Return what each step of an on/off design does, alone and with the others; see `analyses.effects`."""
        return analyses.effects(self)

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
        differences: Any = self.compare(warn=False).set_index("arm")["difference"] if rows else {}
        return frame.assign(
            validation_difference=[differences[row["arm"]] for row in rows], openings=[row["openings"] for row in rows]
        )

    def trials_dataframe(self) -> pd.DataFrame:
        """Return one row a stored trial, those of confirmations last, with Optuna's columns.

        Returns
        -------
        pandas.DataFrame
            ``number``, ``value`` (of the metric; nan when failed), ``state`` (complete or failed), ``params_arm``,
            ``params_draw``, ``part`` (validation or test), ``datetime_start`` (UTC), ``seconds``, ``message`` (the
            error of a failed trial, warnings of a complete one), ``traceback`` (of that error), ``code``.
        """
        return export.trials_dataframe(self)

    def openings(self) -> pd.DataFrame:
        """Return every opening of the locked test of these data with this split, by any study of the storage.

        Returns
        -------
        pandas.DataFrame
            ``study``, ``arm`` and ``opened`` (UTC), in order; empty when it is still locked.
        """
        import pandas as pd

        found: list[Any] = []
        if not self._is_blank():
            with self._open(write=False) as store:
                names = {key: name for key, name, _ in store.studies()}
                found = [(names[key], arm, time) for key, arm, time in store.events(self._test_key, "opening")]
        frame = pd.DataFrame(found, columns=["study", "arm", "opened"])
        frame["opened"] = pd.to_datetime(frame["opened"], utc=True)
        return frame

    # --- for others ------------------------------------------------------------------------------------------------------

    def to_frame(self) -> pd.DataFrame:
        """Return one row a stored trial, with the levels of its arm; see `export.to_frame`."""
        return export.to_frame(self)

    def to_jsonl(self, path: str | os.PathLike[str]) -> Path:
        """Write the study and all its stored trials as JSON Lines; see `export.to_jsonl`."""
        return export.to_jsonl(self, path)

    @property
    def cv_results_(self) -> dict[str, Any]:
        """The trials as the searches of scikit-learn give them; ``pandas.DataFrame(study.cv_results_)`` is a table.

        One place an arm, the control first and TrivialAugment last: ``params`` (its levels), ``param_<factor>`` (masked
        where an arm has no such factor), ``split<k>_test_score``, ``mean_test_score``, ``std_test_score``,
        ``rank_test_score``, ``mean_fit_time``, ``std_fit_time`` (seconds).

        Differences to ``GridSearchCV``: a split is a draw, which takes other training images and leaves the validation
        images as they are; ``arm`` holds the labels, and an arm without a point in a space has no ``params``; the time
        of a fit is that of the whole trial, with augmentation and prediction, so that there is no ``score_time``. As
        there, an arm with a failed or missing trial has nan for a mean and the last rank. The ranks are of means alone:
        `compare` says which differences are real.
        """
        return export.cv_results(self)

    def to_optuna(self, storage: Any = None, name: str | None = None) -> Any:
        """Return the study as one of Optuna's, for ``optuna-dashboard`` and ``optuna.visualization``.

        One trial an arm: its value is the mean difference to the control in the unit of the metric, its intermediate
        values are the differences of each draw, its parameters are the levels (categorical; the label where an arm has
        none), and its user attributes hold ``arm``, ``code``, ``verdict``, ``mean``, ``low``, ``high``, ``p``,
        ``draws``, ``seconds``, ``stopped``. An arm that a search stopped early is pruned; one whose trials all failed
        is failed; one of which none is stored is left out. The controls are told in the user attributes of the study.

        Parameters
        ----------
        storage : str or optuna storage, optional
            Such as ``"sqlite:///optuna.db"``; memory by default.
        name : str, optional
            Of Optuna's study; that of this one by default. Exporting the same study again replaces it.

        Returns
        -------
        optuna.Study

        Raises
        ------
        ValueError
            The storage has another study of that name.
        ModuleNotFoundError
            Optuna is not there.
        """
        return export.to_optuna(self, storage, name)

    def to_mlflow(self, experiment: str | None = None, tracking_uri: str | None = None) -> list[str]:
        """Write the study to MLflow, one run an arm and control.

        A run has the levels and the settings of the study as parameters; the metric and the difference to the control,
        one step a draw; ``mean``, ``low``, ``high``, ``p`` and ``seconds``; the role, code and verdict as tags; and the
        pipeline as ``pipeline.json`` and ``pipeline.py``. Exporting the same study again replaces its runs.

        Parameters
        ----------
        experiment : str, optional
            Name of MLflow's experiment, made where there is none; that of the study by default.
        tracking_uri : str, optional
            Where to; as MLflow is set up by default.

        Returns
        -------
        list of str
            Ids of the runs.

        Raises
        ------
        ModuleNotFoundError
            MLflow is not there.
        """
        return export.to_mlflow(self, experiment, tracking_uri)

    # --- inside ----------------------------------------------------------------------------------------------------------

    @cached_property
    def _all_arms(self) -> list[Arm]:
        """The candidates, and TrivialAugment where it is a control."""
        if self._arms is not None:
            return self._arms
        return [_arm(stored) for stored in self._spec["arms"]]

    @property
    def _all_labels(self) -> list[str]:
        return [arm["label"] for arm in self._spec["arms"]]

    @cached_property
    def _codes(self) -> list[str]:
        if self._arms is not None:
            return [arm.code for arm in self._arms]
        return [code_of(arm["transform"]) for arm in self._spec["arms"]]

    def _code(self, index: int) -> str:
        return IDENTITY.code if index < 0 else self._codes[index]

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

    def _count(self, *states: str) -> int:
        """Number of the study's own trials that are in one of some states."""
        if self._is_blank():
            return 0
        keys = self._keys("validation")
        with self._open(write=False) as store:
            stored = store.states(set(keys.values()))
        return sum(stored.get(key) in states for key in keys.values())

    def _is_blank(self) -> bool:
        return not isinstance(self._storage, Storage) and is_blank(self._storage)

    @property
    def _test_key(self) -> str:
        """Name of the locked test: whoever studies these data with this split shares it."""
        context = self._spec["context"]
        return content_key({"data": context["data"], "split": context["split"]})

    @property
    def _common_end(self) -> tuple[Transform, ...]:
        """The preprocessing that is the end of every arm's pipeline."""
        try:
            preparation = from_dict(self._spec["context"]["preparation"])
        except (TypeError, ValueError) as error:
            raise ValueError(f"the preparation of a stored study must be a Compose; {error}") from None
        if not isinstance(preparation, Compose):
            raise ValueError(f"the preparation of a stored study must be a Compose; got {shown(preparation)}")
        return tuple(preparation.steps)

    @cached_property
    def _context_key(self) -> str:
        return content_key(self._spec["context"])

    def _key_of(self, index: int, draw: int, part: str, **more: Any) -> str:
        """Key of a trial; `more` is what differs from the study's own trials."""
        identity = IDENTITY.identity if index < 0 else self._spec["arms"][index]["identity"]
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

    def _read(self, keys: Iterable[str]) -> dict[str, Trial]:
        if self._is_blank():
            return {}
        with self._open(write=False) as store:
            return store.trials(keys)

    def _stored(self, part: str) -> dict[tuple[int, int], Trial]:
        """Stored trials of a part by arm and draw; the control is arm -1."""
        keys = self._keys(part)
        trials = self._read(keys.values())
        labels = self._spec["labels"][part]
        found = {place: trials[key] for place, key in keys.items() if key in trials}
        for trial in found.values():
            if labels and trial.state == "complete" and trial.images != len(labels):
                raise ValueError(
                    f"storage {quoted(str(self._storage))} must hold trials of the {len(labels)} images of the {part} part; "
                    f"one has {trial.images}"
                )
        return found

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
        return {"arm": arm["label"], "role": arm["role"], "code": self._code(index)} | found

    def _frame(self, rows: list[dict[str, Any]]) -> pd.DataFrame:
        import pandas as pd

        frame = pd.DataFrame(rows, columns=comparison.COLUMNS)
        frame.loc[frame["verdict"] != "undecided", "draws_needed"] = np.nan
        return frame

    @property
    def _searches(self) -> list[dict[str, Any]]:
        """What each kind of search did, the last first; empty before the first run."""
        if self._is_blank():
            return []
        arms = [arm["identity"] for arm in self._spec["arms"]]
        where = f"a study of storage {quoted(str(self._storage))}"
        with self._open(write=False) as store:
            # Another study of the same trials (with another rope, say) may have been the one that was searched.
            alike = [
                key
                for key, _, spec in store.studies()
                if key != self._key
                and isinstance(spec, dict)
                and spec.get("context") == self._spec["context"]
                and spec.get("draws") == self.draws
                and [arm["identity"] for arm in _of_now(spec, where)["arms"]] == arms
            ]
            for key in (self._key, *alike):
                if outcomes := list(store.artifacts(key, "search").values()):
                    return [self._outcome(outcome) for outcome in reversed(outcomes)]
        return []

    def _outcome(self, content: Any) -> dict[str, Any]:
        where = f"a search of storage {quoted(str(self._storage))}"
        try:
            outcome = json.loads(content)
        except (RecursionError, TypeError, ValueError) as error:
            raise ValueError(f"{where} must be JSON; {error}") from None
        check_search(outcome, where)
        return dict(outcome)

    @property
    def _stopped(self) -> list[tuple[dict[str, Any], dict[str, str]]]:
        """Each search with the arms that it left without all of their draws, and why; the last search first."""
        stored, told, found = self._stored("validation"), set[str](), []
        for outcome in self._searches:
            short = {
                label: why
                for label, why in outcome["stopped"].items()
                if label not in told and self._draws_of(label, stored) < self.draws
            }
            told |= short.keys()
            found.append((outcome, short))
        return found

    @property
    def _is_searched(self) -> bool:
        """Whether the last search came to its end."""
        searches = self._searches
        return bool(searches) and bool(searches[0]["finished"])

    def _note(self, stored: comparison.CELLS) -> str:
        """Say what a comparison has to do without; empty when nothing."""
        searches = self._stopped
        early = sum(self.draws - self._draws_of(label, stored) for _, short in searches for label in short)
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
        for outcome, short in searches:
            untried = [label for label in short if not self._draws_of(label, stored)]
            stopped = {label: why for label, why in short.items() if label not in untried}
            if untried:
                be = "1 arm was" if len(untried) == 1 else f"{len(untried)} arms were"
                parts.append(f"{be} not tried by the search {outcome['name']!r}: {words.listed(untried)}")
            if stopped:
                told = "; ".join(f"{label} ({why})" for label, why in list(stopped.items())[:3])
                rest = f"; and {len(stopped) - 3} more" if len(stopped) > 3 else ""
                be = "1 arm was" if len(stopped) == 1 else f"{len(stopped)} arms were"
                parts.append(f"{be} stopped early by the search {outcome['name']!r}: {told}{rest}")
            if short and outcome["note"]:
                parts.append(outcome["note"].rstrip("."))
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

    def _chosen(self, arm: str | Arm | None) -> int:
        """Place of an arm that is named, or of the best."""
        chosen = _best(self.compare(warn=False)) if arm is None else arm
        if chosen is None:
            raise ValueError(f"no arm helps, so there is none to choose; name one of {words.listed(self.labels)}")
        place = self._place(chosen)
        if place < 0:
            raise ValueError(f"arm must be one of {words.listed(self._all_labels)}; got the control itself")
        return place


def _best(table: pd.DataFrame) -> str | None:
    """Label of the arm with the largest difference among those that help: it can be named where its classes are not loaded."""
    helping = table[(table["verdict"] == "helps") & (table["role"] == "arm")]
    return None if helping.empty else str(helping["arm"].iloc[0])


def _arm(stored: dict[str, Any]) -> Arm:
    """An arm from its description; a transform of the user's own must have been imported or defined."""
    try:
        transform = from_dict(stored["transform"])
    except TypeError as error:  # of the caller's arguments nothing is wrong
        raise ValueError(f"arm {stored['label']!r}: {error}") from None
    return Arm(
        label=stored["label"],
        transform=transform,
        point=tuple((factor, level) for factor, level in stored["levels"]),
    )


def _of_now(spec: Any, where: str) -> dict[str, Any]:
    """Bring the description of a study up to date: version 1 knew accuracy and no second control."""
    version = spec.get("schema_version") if isinstance(spec, dict) else None
    if not isinstance(version, int) or not 1 <= version <= SCHEMA_VERSION:
        raise ValueError(f"{where} must have schema_version {SCHEMA_VERSION} or less; got {shown(version)}")
    if version == 1:
        arms = spec.get("arms")
        spec = spec | {
            "metric": {"name": "accuracy", "kind": "hits", "scale": 100.0},
            "classes": [],
            "images": {},
            "labels": {"validation": [], "test": []},
            "arms": [{"role": "arm", "levels": []} | arm for arm in arms if isinstance(arm, dict)]
            if isinstance(arms, list)
            else arms,
        }
    check_spec(spec, where)
    return dict(spec)
