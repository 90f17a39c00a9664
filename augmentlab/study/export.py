"""Stored trials in the forms of others: tidy tables, JSON Lines, and what scikit-learn, Optuna and MLflow read.

Each function takes a `Study`, loaded or not, and reads its storage; none of them trains or changes anything there.
"""

from __future__ import annotations

import json
import math
import re
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

import augmentlab
from augmentlab import files
from augmentlab.markup import printable
from augmentlab.study import comparison, search
from augmentlab.study.spaces import CONTROL, IDENTITY

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    import pandas as pd

    from augmentlab.study.record import Record
    from augmentlab.study.storage import Trial

SCHEMA_VERSION = 1  # of the lines of `to_jsonl`

_PARTS = ("validation", "test")
COLUMNS = ["arm", "role", "draw", "part", "state", "value", "seconds", "started", "message", "traceback", "code"]
# A factor must not be called as a column here or in `Study.compare`, which tables of trials are joined with.
_TAKEN = {*COLUMNS, *comparison.COLUMNS}
_KEY = "augmentlab.study"  # under which a study in another tracker holds the key of the one it was made from


def to_frame(study: Record) -> pd.DataFrame:
    """Return one row a stored trial, with the levels of its arm.

    Returns
    -------
    pandas.DataFrame
        - ``arm``, ``role``: label, and "control" for the control and TrivialAugment, "arm" for the candidates
        - ``draw``, ``part``: which training run; "validation", or "test" for a confirmation
        - ``state``, ``value``: "complete" or "failed"; of the metric, nan when failed
        - ``seconds``, ``started``: wall time; UTC
        - ``message``: the error of a failed trial, the warnings of a complete one
        - ``traceback``: where that error was raised
        - ``code``: the pipeline
        - one column a factor of the arms' points (``shift``, ``Rotate.angle``), missing where an arm has no such factor.
          A factor that is called as a column here or in `Study.compare` gets the suffix ``_factor``
    """
    import pandas as pd

    names = _factor_columns(study)
    arms = study._spec["arms"]
    rows = []
    for index, draw, part, trial, value in _trials(study):
        role = CONTROL if index < 0 else arms[index]["role"]
        place = (study._label(index), role, draw, part, trial.state, value)
        row = dict(
            zip(
                COLUMNS,
                (*place, trial.seconds, trial.started, trial.message, trial.traceback, study._code(index)),
                strict=True,
            )
        )
        rows.append(row | {names[factor]: level for factor, level in _levels(study, index).items()})
    frame = pd.DataFrame(rows, columns=[*COLUMNS, *names.values()])
    frame["started"] = pd.to_datetime(frame["started"], utc=True)
    return frame


def trials_dataframe(study: Record) -> pd.DataFrame:
    """Return the trials with Optuna's column names; see `Study.trials_dataframe`."""
    frame = to_frame(study)
    place = {label: number for number, label in enumerate([CONTROL, *study._all_labels])}
    number = frame["arm"].map(place).astype("int64") + frame["draw"].astype("int64") * len(place)
    frame["number"] = number + study.n_trials * (frame["part"] == "test")
    frame = frame.rename(columns={"arm": "params_arm", "draw": "params_draw", "started": "datetime_start"})
    columns = ["number", "value", "state", "params_arm", "params_draw", "part"]
    return frame[[*columns, "datetime_start", "seconds", "message", "traceback", "code"]]


def to_jsonl(study: Record, path: str | os.PathLike[str]) -> Path:
    """Write the study and all its stored trials as JSON Lines: whole, or not at all.

    Parameters
    ----------
    study : Study
        Loaded or not.
    path : path
        The file; one that is there is replaced.

    Returns
    -------
    Path
        Where it is.

    Raises
    ------
    OSError
        The file cannot be written.

    Notes
    -----
    The first line describes the study: ``type`` "study", ``schema_version`` (1), ``augmentlab`` (the version that
    wrote it), ``key``, ``name``, ``spec`` (as `Study.spec`: data, split, model, arms as JSON, true classes of the
    images of both parts) and ``openings`` of the locked test (``study``, ``arm``, ``opened``).

    Each further line is a trial: ``type`` "trial", ``key``, the columns of `to_frame` without the factors, ``levels``
    (factor to level), ``hits`` (text of 0 and 1, one an image of the part, in the order of ``spec["labels"]``; null
    when failed), ``predictions`` (class numbers, places in ``spec["classes"]``; null where none are stored),
    ``scores`` (what each image contributes, where the metric does not follow from the predictions) and ``loss``. What
    is no number is null.
    """
    frame = to_frame(study)
    trials = [trial for *_, trial, _ in _trials(study)]
    openings = json.loads(study.openings().to_json(orient="records", date_format="iso"))
    head = {"type": "study", "schema_version": SCHEMA_VERSION, "augmentlab": augmentlab.__version__}
    lines = [head | {"key": study._key, "name": study.name, "spec": study.spec, "openings": openings}]
    levels = {study._label(index): _levels(study, index) for index in range(-1, len(study._all_labels))}
    for row, trial in zip(frame[COLUMNS].to_dict("records"), trials, strict=True):
        row |= {"value": _number(row["value"]), "started": trial.started}
        lines.append(
            {"type": "trial", "key": trial.key}
            | row
            | {
                "levels": levels[row["arm"]],
                "hits": None if trial.hits is None else (trial.hits + np.uint8(48)).tobytes().decode("ascii"),
                "predictions": None if trial.predictions is None else trial.predictions.tolist(),
                "scores": None if trial.scores is None else [_number(score) for score in trial.scores.tolist()],
                "loss": _number(trial.loss),
            }
        )
    text = "".join(f"{json.dumps(line, ensure_ascii=False, allow_nan=False)}\n" for line in lines)
    # The name of a class may hold what is no character: with a backslash before it, as JSON writes it in ASCII.
    return files.write(path, lambda part: part.write_bytes(text.encode("utf-8", "backslashreplace")))


def cv_results(study: Record) -> dict[str, Any]:
    """Return the trials as scikit-learn's searches do; see `Study.cv_results_`."""
    from scipy.stats import rankdata

    indices = range(-1, len(study._all_labels))
    values, seconds = (np.full((len(indices), study.draws), np.nan) for _ in range(2))
    for index, draw, part, trial, value in _trials(study):
        if part == "validation" and trial.state == "complete":
            values[index + 1, draw], seconds[index + 1, draw] = value, trial.seconds
    params = [_levels(study, index) for index in indices]
    means = values.mean(axis=1)
    worst = np.nanmin(means, initial=0.0) - 1
    results: dict[str, Any] = {
        "arm": np.array([study._label(index) for index in indices], dtype=object),
        "mean_fit_time": seconds.mean(axis=1),
        "std_fit_time": seconds.std(axis=1),
    }
    for factor in _factors(params):
        column = np.ma.MaskedArray(np.empty(len(params), dtype=object), mask=True)
        for place, levels in enumerate(params):
            if factor in levels:
                column[place] = levels[factor]
        results[f"param_{factor}"] = column
    return (
        results
        | {"params": params}
        | {f"split{draw}_test_score": values[:, draw] for draw in range(study.draws)}
        | {
            "mean_test_score": means,
            "std_test_score": values.std(axis=1),
            "rank_test_score": rankdata(-np.where(np.isnan(means), worst, means), method="min").astype(np.int32),
        }
    )


def to_optuna(study: Record, storage: Any = None, name: str | None = None) -> Any:
    """Return the study as one of Optuna's, one trial an arm; see `Study.to_optuna`."""
    _check_there("optuna", "Optuna", "to_optuna")
    import optuna

    wanted = study.name if name is None else name
    # All that can fail for want of results comes before anything of an earlier export is taken away.
    choices, about, results = _choices(study), _about(study), list(_results(study, study.labels))
    with search._quiet():
        store = optuna.storages.get_storage(storage)
        if wanted in {one.study_name for one in optuna.get_all_study_summaries(store, include_best_trial=False)}:
            there = optuna.load_study(study_name=wanted, storage=store)
            if there.user_attrs.get(_KEY) != study._key:
                raise ValueError(
                    f"name must be free in the storage or that of this study's last export; {wanted!r} is another study"
                )
            optuna.delete_study(study_name=wanted, storage=store)
        made = optuna.create_study(study_name=wanted, storage=store, direction="maximize")
        made.set_user_attr(_KEY, study._key)
        made.set_metric_names([f"difference to the control, {study.metric.unit}"])
        for key, value in about.items():
            made.set_user_attr(key, value)
        for result in results:
            point = result["levels"] or {"arm": result["arm"]}
            complete = bool(result["differences"])
            state = optuna.trial.TrialState.COMPLETE if complete else optuna.trial.TrialState.FAIL
            trial = optuna.trial.create_trial(
                state=optuna.trial.TrialState.PRUNED if complete and result["stopped"] else state,
                value=result["difference"] if complete else None,
                params=point,
                distributions={
                    factor: optuna.distributions.CategoricalDistribution(choices[factor]) for factor in point
                },
                user_attrs={
                    key: result[key]
                    for key in ("arm", "code", "verdict", "mean", "low", "high", "p", "draws", "seconds", "stopped")
                },
                intermediate_values=result["differences"],
            )
            # Optuna's times are local and naive.
            trial.datetime_start, trial.datetime_complete = (
                one.floor("us").to_pydatetime().astimezone().replace(tzinfo=None)
                for one in (result["started"], result["ended"])
            )
            made.add_trial(trial)
    return made


def to_mlflow(study: Record, experiment: str | None = None, tracking_uri: str | None = None) -> list[str]:
    """Write one run an arm and control to MLflow and return their ids; see `Study.to_mlflow`."""
    _check_there("mlflow", "MLflow", "to_mlflow")
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param

    about, results = _about(study), list(_results(study, [CONTROL, *study._all_labels]))
    client = MlflowClient(tracking_uri=tracking_uri)
    wanted = study.name if experiment is None else experiment
    found = client.get_experiment_by_name(wanted)
    place = client.create_experiment(wanted) if found is None else found.experiment_id
    while old := client.search_runs([place], f"tags.`{_KEY}` = '{study._key}'"):  # a page at a time
        for run in old:
            client.delete_run(run.info.run_id)
    score = _plain(study.metric.name)
    runs = []
    for result in results:
        times = [int(one.timestamp() * 1000) for one in (result["started"], result["ended"])]  # in ms
        tags = {key: _text(about[key]) for key in (_KEY, "data", "model")} | {
            f"augmentlab.{key}": _text(result[key]) for key in ("role", "code", "verdict", "stopped")
        }
        run = client.create_run(place, start_time=times[0], run_name=_text(result["arm"]), tags=tags).info.run_id
        settings = {key: about[key] for key in ("metric", "train_size", "copies", "seed", "engine")}
        params = {"arm": result["arm"], **settings, **result["levels"]}
        client.log_batch(run, params=[Param(_plain(key), _text(value)) for key, value in params.items()])
        lines = [(score, result["values"]), ("difference", result["differences"])]
        single = {key: {0: result[key]} for key in ("low", "high", "p", "seconds", "mean")}
        metrics = [
            Metric(key, float(value), times[1], step)
            for key, line in [*lines, *single.items()]
            for step, value in line.items()
            if value is not None
        ]
        client.log_batch(run, metrics=metrics)
        client.log_text(run, json.dumps(result["pipeline"], indent=2), "pipeline.json")
        client.log_text(run, f"{result['code']}\n", "pipeline.py")
        client.set_terminated(run, "FINISHED" if result["values"] else "FAILED", end_time=times[1])
        runs.append(run)
    return runs


def _trials(study: Record) -> Iterator[tuple[int, int, str, Trial, float]]:
    """Arm, draw, part, trial and value of each stored trial: draw by draw, the control first, confirmations last."""
    for part in _PARTS:
        judge = study._judge(part)
        for (index, draw), trial in sorted(study._stored(part).items(), key=lambda item: item[0][::-1]):
            yield index, draw, part, trial, judge.value(trial)


def _levels(study: Record, index: int) -> dict[str, Any]:
    return {} if index < 0 else dict(study._spec["arms"][index]["levels"])


def _factors(points: Iterable[Mapping[str, Any]]) -> list[str]:
    """Every factor once, in the order in which they come."""
    return list(dict.fromkeys(factor for point in points for factor in point))


def _factor_columns(study: Record) -> dict[str, str]:
    """Name of each factor's column."""
    factors = _factors(_levels(study, index) for index in range(len(study._all_labels)))
    names: dict[str, str] = {}
    for factor in factors:
        name = factor
        while name in _TAKEN or name in names.values() or (name != factor and name in factors):
            name += "_factor"
        names[factor] = name
    return names


def _choices(study: Record) -> dict[str, list[Any]]:
    """Levels of each factor, in the order of the arms, and the labels of arms that have no point."""
    points = [_levels(study, index) or {"arm": label} for index, label in enumerate(study.labels)]
    return {
        factor: list(dict.fromkeys(point[factor] for point in points if factor in point)) for factor in _factors(points)
    }


def _about(study: Record) -> dict[str, Any]:
    """What another tracker is told of the study as a whole."""
    context, table = study._spec["context"], study.compare(warn=False)
    kept = ("arm", "mean", "difference", "low", "high", "p", "verdict", "draws")
    controls = table.loc[table["role"] == CONTROL, list(kept)].to_dict("records")
    return {
        _KEY: study._key,
        "augmentlab": augmentlab.__version__,
        "data": study.name,
        "fingerprint": context["data"],
        "model": study._spec["model"],
        "metric": study.metric.name,
        "control_mean": table.attrs["control_mean"],
        "controls": [{key: _number(value) for key, value in row.items()} for row in controls],
        "rope": study.rope,
        "draws": study.draws,
        "note": table.attrs["note"],
    } | {key: context[key] for key in ("train_size", "copies", "seed", "engine")}


def _results(study: Record, labels: Sequence[str]) -> Iterator[dict[str, Any]]:
    """What came out for each arm of which a trial is stored, with its values and differences by draw."""
    import pandas as pd

    stored, judge = study._stored("validation"), study._judge("validation")
    table = study.compare(warn=False).set_index("arm")
    stopped = {label: why for _, short in study._stopped for label, why in short.items()}
    for label in labels:
        index = study._place(label)
        trials = [trial for (arm, _), trial in stored.items() if arm == index]
        if not trials:
            continue
        common, (ours, theirs) = comparison.paired(stored, (index, -1), study.draws)
        gains = [judge.value(one) - judge.value(other) for one, other in zip(ours, theirs, strict=True)]
        starts = pd.to_datetime([trial.started for trial in trials], utc=True)
        ends = starts + pd.to_timedelta([trial.seconds for trial in trials], unit="s")
        row: Mapping[Any, Any] = {} if index < 0 else table.loc[label].to_dict()
        yield {
            "arm": label,
            "role": CONTROL if index < 0 else study._spec["arms"][index]["role"],
            "code": study._code(index),
            "pipeline": _document(study, index),
            "levels": _levels(study, index),
            "verdict": row.get("verdict", ""),
            "stopped": stopped.get(label, "") if len(common) < study.draws else "",
            "draws": len(common),
            "values": {draw: judge.value(trial) for draw, trial in zip(common, ours, strict=True)},
            "differences": {draw: study.metric.scale * gain for draw, gain in zip(common, gains, strict=True)},
            "mean": _number(np.mean([judge.value(trial) for trial in ours]) if ours else math.nan),
            "seconds": _number(np.mean([trial.seconds for trial in trials])),
            "started": starts.min(),
            "ended": ends.max(),
        } | {key: _number(row.get(key)) for key in ("difference", "low", "high", "p")}


def _document(study: Record, index: int) -> dict[str, Any]:
    document: dict[str, Any] = IDENTITY.transform.to_dict() if index < 0 else study._spec["arms"][index]["transform"]
    return document


def _number(value: Any) -> Any:
    """A number that JSON knows, or None; what is no number stays."""
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value


def _plain(name: str) -> str:
    """A name with the characters that MLflow takes."""
    return re.sub(r"[^\w\-. /]", "_", name)[:250]


def _text(value: Any, most: int = 5000) -> str:
    """A value as text that MLflow takes: whole characters, not too many."""
    text = printable(str(value))
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _check_there(package: str, title: str, method: str) -> None:
    if find_spec(package) is None:
        raise ModuleNotFoundError(f'{method} needs {title}; python -m pip install "augmentlab[{package}]" brings it')
