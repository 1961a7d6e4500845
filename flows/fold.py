"""Run one fold: divide, scale, fit, score, choose thresholds. This works in any process."""

from __future__ import annotations

import contextlib
import functools
import io
import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import yaml
from threadpoolctl import threadpool_limits

from flows import line
from flows.environment import find_home, prepare_environment
from flows.line import Divided, Prepared
from schemas.backtest import Fold, FoldOrder, FoldScores
from schemas.configuration import Configuration
from schemas.model import FittedModel
from schemas.windows import Split
from tasks.evaluation.backtest.folds import find_folds
from tasks.evaluation.backtest.kept_folds import read_fold, write_fold
from tasks.evaluation.backtest.tamper import delay_rows, shuffle_rows
from tasks.sources.addresses import STANDARD_INPUT, is_database
from tasks.sources.several_files import list_files
from tasks.windows.split import cut_in_time, require_enough

# delay of the inputs in the leak check, in minutes: longer than any warning stays useful
DELAY_MINUTES = 60.0
# prepared tables that a process keeps in memory, one per entrant
_TABLES_KEPT = 4
# numbers of threads, as linear algebra, OpenMP and TensorFlow read them
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)


def run_fold(order: FoldOrder) -> FoldScores:
    """Fit on the past of a fold and score its test part, or read the result if it was kept.

    Args:
        order: The table, the settings and the fold's number.

    Returns:
        Scores and thresholds of the test windows, and scores of tampered inputs if checks are wanted.

    Raises:
        InputError: If the fold has too few windows.
    """
    if order.kept is None:
        return compute_fold(order)
    path = Path(order.kept)
    result = read_fold(path)
    if result is None:
        result = compute_fold(order)
        write_fold(result, path)
    return result


def compute_fold(order: FoldOrder) -> FoldScores:
    """Fit on the past of a fold and score its test part; see `run_fold`."""
    prepare_environment(find_home())
    with one_thread():
        return fit_and_score(order)


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Compute in one thread: other folds run beside, and the last digits depend on the number of threads.

    Libraries that are loaded already are told; those that are loaded in the body read the environment, and so
    does TensorFlow when it first computes in a process.
    """
    before = {name: os.environ.get(name) for name in _THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(_THREAD_VARIABLES, "1"))
    try:
        with threadpool_limits(1):
            yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def fit_and_score(order: FoldOrder) -> FoldScores:
    """Run a fold; see `run_fold`."""
    begin, settings = time.perf_counter(), order.settings
    prepared = prepare_once(order.source, stamp_settings(order.source, settings), describe_table(settings))
    fold = find_fold(prepared, settings, order.fold)
    split = cut_fold(prepared, fold, settings)
    divided = line.scale(prepared, split, settings)
    adapted = line.adapt(prepared, divided, settings)
    settings = adapted.settings
    # one training of many: its progress lines would flood the terminal
    with contextlib.redirect_stderr(io.StringIO()):
        model, scores = line.fit(prepared, divided, settings, has_controls=order.has_controls)
    thresholds, held = line.set_thresholds(prepared, split, scores, settings)
    test, has_checks = split.test, order.has_controls and order.has_checks
    return FoldScores(
        entrant=order.entrant,
        fold=fold,
        seed=order.seed,
        end_rows=test.end_rows,
        scores={name: of_all[test.places] for name, of_all in scores.items()},
        held={name: parts["test"] for name, parts in held.items()},
        held_at_rates=hold_at_rates(prepared, split, scores, settings) if has_checks else {},
        tampered=score_tampered(prepared, divided, model, fold, order.seed) if has_checks else {},
        threshold=thresholds["model"].value,
        parameters=model.parameters,
        epochs=0 if model.history is None else len(model.history.loss),
        seconds=time.perf_counter() - begin,
        findings=adapted.findings,
    )


def describe_table(settings: Configuration) -> str:
    """Write the settings that determine the prepared table; most of the model's and training's do not."""
    content = settings.model_dump(mode="json")
    kept = {name: content[name] for name in ("readings", "labels", "features", "windows", "split")}
    kept["model"] = {
        name: content["model"][name]
        for name in ("family", "members", "inputs", "labelled_inputs", "window_inputs")
    }
    return Configuration.model_validate(kept).to_yaml()


def stamp_settings(source: str, settings: Configuration) -> tuple[int, ...]:
    """Stamp a source and the file of events; see `stamp_source`."""
    events_file = settings.labels.events_file
    return stamp_source(source) + (() if events_file is None else stamp_source(events_file))


def stamp_source(source: str) -> tuple[int, int]:
    """Return the latest modification time and the size of the files of a source, which change with them.

    A database and standard input have no stamp: they are read once in a process.
    """
    if source == STANDARD_INPUT or is_database(source):
        return 0, 0
    is_single = Path(source).is_file()
    stats = [path.stat() for path in ([Path(source)] if is_single else list_files(source).values())]
    return max(stat.st_mtime_ns for stat in stats), sum(stat.st_size for stat in stats)


@functools.lru_cache(maxsize=_TABLES_KEPT)
def prepare_once(source: str, stamps: tuple[int, ...], description: str) -> Prepared:
    """Prepare a table, and cache it for the next fold in the same process.

    Args:
        source: Source of the readings.
        stamps: What `stamp_settings` returned: a worker may outlive the files.
        description: The settings, written by `describe_table`.
    """
    settings = Configuration.model_validate(yaml.safe_load(description))
    return line.prepare(*line.load_table(source, settings), settings)


def find_fold(prepared: Prepared, settings: Configuration, number: int) -> Fold:
    """Find the rows of a fold; folds are numbered from 1."""
    fold: Fold = find_folds(prepared.windows.rows, settings.evaluation)[number - 1]
    return fold


def cut_fold(prepared: Prepared, fold: Fold, settings: Configuration) -> Split:
    """Divide the windows of a fold's rows in time order."""
    split = cut_in_time(
        prepared.windows, fold.validation_start, fold.test_start, fold.test_stop, settings.purge_rows
    )
    return require_enough(split)


def hold_at_rates(
    prepared: Prepared, split: Split, scores: dict[str, np.ndarray], settings: Configuration
) -> dict[float, np.ndarray]:
    """Find the trailing thresholds of the test part under other promised false-alarm rates."""
    held = {}
    for rate in settings.evaluation.alarm_rates:
        section = settings.threshold.model_copy(
            update={"rule": "trailing_budget", "value": None, "false_alarms_per_day": rate}
        )
        other = settings.model_copy(update={"threshold": section})
        _, parts = line.set_thresholds(prepared, split, {"model": scores["model"]}, other)
        held[rate] = parts["model"]["test"]
    return held


def score_tampered(
    prepared: Prepared, divided: Divided, model: FittedModel, fold: Fold, seed: int
) -> dict[str, np.ndarray]:
    """Score the test part with its rows shuffled, and with its rows delayed."""
    rows, end_rows = divided.material.rows, divided.split.test.end_rows
    late = count_delay_rows(prepared.labelled.step_minutes)
    return {
        "shuffled": model.score(shuffle_rows(rows, fold.test_start, fold.test_stop, seed), end_rows),
        "delayed": model.score(delay_rows(rows, prepared.labelled.runs, late), end_rows),
    }


def count_delay_rows(step_minutes: float) -> int:
    """Count the rows by which the leak check delays inputs."""
    return max(1, round(DELAY_MINUTES / step_minutes))
