"""Go through one fold: divide, scale, fit, score, choose thresholds. It runs in any process."""

from __future__ import annotations

import contextlib
import functools
import io
import time
from pathlib import Path

import numpy as np
import yaml

from flows import line
from flows.environment import find_home, prepare_environment
from flows.line import Divided, Prepared
from schemas.backtest import Fold, FoldOrder, FoldScores
from schemas.configuration import Configuration
from schemas.model import FittedModel
from schemas.windows import Split
from tasks.evaluation.backtest.folds import find_folds
from tasks.evaluation.backtest.tamper import delay_rows, shuffle_rows
from tasks.windows.split import cut_in_time, require_enough

# inputs of the leak check come so many minutes late: beyond what a warning could still be worth
DELAY_MINUTES = 60.0
# tables that a process keeps: one for each entrant
_TABLES_KEPT = 4


def run_fold(order: FoldOrder) -> FoldScores:
    """Fit on the fold's past and score its test.

    Args:
        order: The table, the settings and which fold.

    Returns:
        Scores, thresholds and, where controls are asked for, tampered scores of the test windows.

    Raises:
        InputError: If the fold has too few windows, or no events in validation or test.
    """
    prepare_environment(find_home())
    begin, settings = time.perf_counter(), order.settings
    prepared = prepare_once(order.path, stamp_file(order.path), describe_table(settings))
    fold = find_fold(prepared, settings, order.fold)
    split = cut_fold(prepared, fold, settings)
    divided = line.scale(prepared, split, settings)
    # the lines of a training are those of one among many
    with contextlib.redirect_stderr(io.StringIO()):
        model, scores = line.fit(prepared, divided, settings, has_controls=order.has_controls)
    thresholds, held = line.set_thresholds(prepared, split, scores, settings)
    test = split.test
    return FoldScores(
        entrant=order.entrant,
        fold=fold,
        seed=order.seed,
        end_rows=test.end_rows,
        scores={name: of_all[test.places] for name, of_all in scores.items()},
        held={name: parts["test"] for name, parts in held.items()},
        held_at_rates=hold_at_rates(prepared, split, scores, settings) if order.has_controls else {},
        tampered=score_tampered(prepared, divided, model, fold, order.seed) if order.has_controls else {},
        threshold=thresholds["model"].value,
        parameters=model.parameters,
        epochs=0 if model.history is None else len(model.history.loss),
        seconds=time.perf_counter() - begin,
    )


def describe_table(settings: Configuration) -> str:
    """Write the settings that decide the prepared table: those of the model and its training do not."""
    content = settings.model_dump(mode="json")
    kept = {name: content[name] for name in ("readings", "labels", "features", "windows", "split")}
    kept["model"] = {
        name: content["model"][name] for name in ("family", "members", "inputs", "labelled_inputs")
    }
    return Configuration.model_validate(kept).to_yaml()


def stamp_file(path: Path) -> tuple[int, int]:
    """Tell a file from another one that takes its place: when it was written, and its size."""
    stat = path.stat()
    return stat.st_mtime_ns, stat.st_size


@functools.lru_cache(maxsize=_TABLES_KEPT)
def prepare_once(path: Path, stamp: tuple[int, int], description: str) -> Prepared:
    """Prepare a table, and keep it for the next fold of the same process.

    Args:
        path: The table of readings.
        stamp: What `stamp_file` says of it: a worker may outlive the file.
        description: What `describe_table` wrote.
    """
    settings = Configuration.model_validate(yaml.safe_load(description))
    return line.prepare(*line.load_table(path, settings), settings)


def find_fold(prepared: Prepared, settings: Configuration, number: int) -> Fold:
    """Find the rows of a fold, from 1 on."""
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
    """Find the trailing thresholds that would hold in the test under other promises."""
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
    """Score the test with its rows in random order, and with rows that come late."""
    rows, end_rows = divided.material.rows, divided.split.test.end_rows
    late = count_delay_rows(prepared.labelled.step_minutes)
    return {
        "shuffled": model.score(shuffle_rows(rows, fold.test_start, fold.test_stop, seed), end_rows),
        "delayed": model.score(delay_rows(rows, prepared.labelled.runs, late), end_rows),
    }


def count_delay_rows(step_minutes: float) -> int:
    """Count the rows by which the leak check delays inputs."""
    return max(1, round(DELAY_MINUTES / step_minutes))
