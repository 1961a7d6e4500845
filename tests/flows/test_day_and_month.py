"""Day and month: a version reads the dates of its batches as its training did."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from flows import line
from flows.commands import run_command_line
from flows.serving.rows import make_table
from schemas.configuration import Configuration
from schemas.detector import Detector
from schemas.errors import InputError
from schemas.readings import RawTable
from tasks.monitor.watch import check_watched_table
from tasks.scoring.reading_settings import choose_reading_settings
from tasks.scoring.score import score_readings
from tasks.scoring.set_aside import set_rows_aside
from tasks.times.parse import parse_times
from tests.detectors import simulated_table, train_detector
from tests.tasks.scoring.test_set_aside import NOTHING

DAY_FIRST, MONTH_FIRST = "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def rewrite_times(table: pd.DataFrame, time_format: str) -> pd.DataFrame:
    times = parse_times(table["time"], None, day_first=False)
    return table.assign(time=times.dt.strftime(time_format))


@pytest.fixture(scope="module")
def day_first() -> Detector:
    detector, _, _ = train_detector(table=rewrite_times(simulated_table(), DAY_FIRST))
    return detector


@pytest.mark.parametrize(
    ("time_format", "expected"), [(DAY_FIRST, True), (MONTH_FIRST, False), ("%Y-%m-%d %H:%M", None)]
)
def test_a_version_keeps_the_order_that_training_found(time_format: str, expected: bool | None) -> None:
    detector, _, _ = train_detector(table=rewrite_times(simulated_table(), time_format))
    assert detector.readings.day_first is expected
    assert detector.readings.time_format is None
    assert Detector.model_validate_json(detector.model_dump_json()) == detector


def test_a_version_of_an_earlier_release_reads_the_month_first(day_first: Detector) -> None:
    content = json.loads(day_first.model_dump_json())
    del content["readings"]["day_first"]
    assert Detector.model_validate(content).readings.day_first is False


def test_the_same_readings_have_the_same_scores_however_the_dates_are_written() -> None:
    plain, rewritten = simulated_table(), rewrite_times(simulated_table(), DAY_FIRST)
    expected = score_readings(*train_detector(table=plain)[:2], plain)
    scored = score_readings(*train_detector(table=rewritten)[:2], rewritten)
    pd.testing.assert_frame_equal(scored, expected)


@pytest.mark.parametrize("day", [1, 13])
def test_score_monitor_and_serve_read_a_batch_of_any_day_as_training_did(
    day_first: Detector, day: int
) -> None:
    batch = simulated_table().iloc[:30].copy()
    minutes = pd.to_timedelta(2 * np.arange(len(batch)), "min")
    batch["time"] = (pd.Timestamp(2025, 11, day) + minutes).strftime(DAY_FIRST)
    raw, section = RawTable(batch, "new.csv", ""), choose_reading_settings(day_first, Configuration())
    taken = set_rows_aside(raw, day_first, section, NOTHING, NOW).usable["time"]
    watched, _ = check_watched_table(raw, section, day_first)
    served = make_table(batch.to_dict("records"), day_first)["time"]
    for times in (taken.to_numpy(), watched.times, served.to_numpy()):
        assert times[0] == np.datetime64(f"2025-11-{day:02}")


def test_the_order_can_be_set_for_a_batch_that_is_written_otherwise(day_first: Detector) -> None:
    configuration = Configuration.model_validate({"readings": {"day_first": False}})
    assert choose_reading_settings(day_first, configuration).day_first is False


def write_table(path: Path, begin: datetime, time_format: str = "%Y-%m-%d %H:%M") -> Path:
    times = pd.date_range(begin, periods=400, freq="2min").strftime(time_format)
    values = np.random.default_rng(3).normal(size=400)
    pd.DataFrame({"time": times, "y": [0, 0, 0, 1] * 100, "a": values}).to_csv(path, index=False)
    return path


def test_check_says_from_when_to_when_and_in_which_format(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_table(tmp_path / "readings.csv", datetime(2024, 3, 1, 20), DAY_FIRST)
    assert run_command_line(["check", "--data", str(path), "--json", str(tmp_path / "found.json")]) == 0
    found = json.loads((tmp_path / "found.json").read_text())
    assert [found[key] for key in ("first_time", "last_time", "time_format")] == [
        "2024-03-01T20:00:00",
        "2024-03-02T09:18:00",
        DAY_FIRST,
    ]
    printed = capsys.readouterr().out
    assert f"from 2024-03-01 20:00:00 to 2024-03-02 09:18:00, written as {DAY_FIRST} (the day" in printed


def test_an_ambiguous_table_is_refused_with_the_setting_that_settles_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_table(tmp_path / "readings.csv", datetime(2024, 3, 1), DAY_FIRST)
    assert run_command_line(["check", "--data", str(path)]) == 2
    assert "`readings.day_first`" in capsys.readouterr().err
    assert run_command_line(["check", "--data", str(path), "--set", "readings.day_first=true"]) == 0
    assert "from 2024-03-01 00:00:00" in capsys.readouterr().out


def test_check_reports_rows_of_the_future_and_training_refuses_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_table(tmp_path / "readings.csv", datetime.now(UTC) + timedelta(days=2))
    assert run_command_line(["check", "--data", str(path)]) == 0
    assert "future_times: 400 rows lie more than a day in the future" in capsys.readouterr().out
    with pytest.raises(InputError, match="not in the future"):
        line.load_table(path, Configuration())


def test_rows_of_today_are_not_of_the_future(tmp_path: Path) -> None:
    path = write_table(tmp_path / "readings.csv", datetime.now(UTC) - timedelta(hours=6))
    assert len(line.load_table(path, Configuration())[1].times) == 400
