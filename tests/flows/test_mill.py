"""The line on the real mill file: published shapes and figures, and honest ones."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from flows import line
from flows.commands import run_command_line
from flows.fold import cut_fold, describe_table, find_fold, hold_at_rates, prepare_once
from schemas.configuration import Configuration
from schemas.windows import Split
from tasks.alarms.episodes import count_days, count_false_alarms, mark_part
from tasks.configuration.configure import configure
from tasks.readings.check import check_readings
from tasks.sources.load import load_readings
from tasks.windows.label import label_ahead
from tasks.windows.split import split_windows
from tasks.windows.window import make_windows
from tests.mill import require_mill_file

pytestmark = pytest.mark.mill


def split_mill(settings: Configuration) -> tuple[int, Split]:
    readings = check_readings(load_readings(require_mill_file(), settings.readings), settings.readings)
    labelled = label_ahead(readings, settings.labels.rows_ahead, across_gaps=settings.labels.across_gaps)
    windows = make_windows(labelled, settings.windows.lookback, settings.windows.convention)
    return len(windows), split_windows(windows, settings.split, settings.purge_rows)


@pytest.mark.parametrize("preset", ["ranjan-2019", "shifted-2020"])
def test_a_preset_has_the_published_windows_and_parts(preset: str) -> None:
    windows, split = split_mill(configure(preset))
    assert windows == 18_268
    assert [len(part.end_rows) for part in split.parts] == [11_691, 2_923, 3_654]


def test_the_default_windows_cross_nothing() -> None:
    windows, split = split_mill(Configuration())
    # runs of n rows hold n - 4 windows of 5; 5 runs are shorter than that
    assert windows == 17_782
    assert sum(len(part.end_rows) for part in split.parts) == 17_770


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_no_fold_has_more_than_one_and_a_half_times_the_promised_false_alarms(number: int) -> None:
    settings = configure(settings=["model.family=zscore", "readings.replay=causal"])
    prepared = prepare_once(str(require_mill_file()), (0, 0), describe_table(settings))
    fold = find_fold(prepared, settings, number)
    split = cut_fold(prepared, fold, settings)
    _, scores = line.fit(prepared, line.scale(prepared, split, settings), settings, has_controls=False)
    labelled, test = prepared.labelled, split.test
    days = count_days(mark_part(test, len(labelled.labels)), labelled.step_minutes)
    held = hold_at_rates(prepared, split, scores, settings)
    for rate in (1.0, 2.0, 5.0):
        is_flagged = np.zeros(len(labelled.labels), dtype=bool)
        is_flagged[test.end_rows[scores["model"][test.places] >= held["adaptive_budget", rate]]] = True
        alarms = count_false_alarms(is_flagged, labelled, settings.evaluation.repeat_alarm_minutes).sum()
        assert alarms <= 1.5 * rate * days


@pytest.mark.slow
@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(("preset", "parameters"), [("ranjan-2019", 25_243), ("dense-baseline", 4_939)])
def test_a_preset_repeats_the_published_figures_and_is_not_promoted(
    preset: str, parameters: int, tmp_path: Path
) -> None:
    out = tmp_path / "out.json"
    names = ["--set", f"tracking.model_name={preset}", "--json", str(out)]
    assert run_command_line(["retrain", "--preset", preset, "--data", str(require_mill_file()), *names]) == 0
    result = json.loads(out.read_text())
    assert result["parameters"] == parameters
    assert result["decision"] == "HOLD"
    if preset == "ranjan-2019":
        assert 0.64 <= result["metrics"]["roc_auc"] <= 0.72


@pytest.mark.slow
@pytest.mark.usefixtures("server")
def test_the_champion_scores_the_mill_file_as_training_did(tmp_path: Path) -> None:
    import mlflow

    out = tmp_path / "out.json"
    names = ["--set", "tracking.model_name=mill", "--set", "training.epochs=5", "--json", str(out)]
    assert run_command_line(["retrain", "--data", str(require_mill_file()), *names]) == 0
    result = json.loads(out.read_text())
    table = pd.read_csv(require_mill_file())
    mlflow.set_tracking_uri(result["tracking_uri"])
    model = mlflow.pyfunc.load_model(f"models:/mill/{result['model_version']}")
    whole = model.predict(table)
    piece = model.predict(table.iloc[9000:10_400])
    # restarts are forgotten after 720 rows, stops after a day: then a piece knows all that matters
    np.testing.assert_array_equal(piece["score"].iloc[1000:], whole["score"].iloc[10_000:10_400])
    assert whole["score"].notna().sum() == 17_782
