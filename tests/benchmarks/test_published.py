"""Tests of what the benchmarks compare, and of the file that they write."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import published
from benchmarks.prepare import order_validation
from benchmarks.readings import convert_table, prepare_readings
from tasks.configuration.configure import configure
from tasks.windows.window import view_windows

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results.json"
SETTINGS = configure("ranjan-2019")
LOOKBACK = SETTINGS.windows.lookback


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """150 rows with an event every tenth row and a gap; `x1` counts the rows."""
    rows = np.arange(150)
    minutes = 2 * rows + 60 * (rows > 75)
    return pd.DataFrame(
        {
            "time": [f"5/31/99 {minute // 60}:{minute % 60:02}" for minute in minutes],
            "y": (rows % 10 == 9).astype(int),
            "x1": rows.astype(float),
            "x2": (rows % 7).astype(float),
            "x28": 82,
        }
    )


def test_temporalize_leaves_out_the_first_two_windows():
    rows = np.arange(6.0)[:, None]
    windows, labels = published.temporalize(rows, np.arange(6), lookback=3)
    assert np.array(windows)[:, :, 0, 0].tolist() == [[2, 3, 4], [3, 4, 5]]
    assert labels == [4, 5]


def test_curve_shift_marks_rows_before_events_and_drops_the_events():
    table = pd.DataFrame({"y": [0, 0, 0, 1, 0, 1]})
    assert published.curve_shift(table, rows_ahead=2)["y"].to_dict() == {0: 0, 1: 1, 2: 1, 4: 1}


def test_published_preparation_chooses_the_same_windows_as_ours(table):
    theirs = published.prepare(table, 2, LOOKBACK, SETTINGS.split.seed)
    ours = prepare_readings(convert_table(table), SETTINGS)
    end_rows = order_validation(len(ours.scaled), SETTINGS)
    assert np.sort(end_rows).tolist() == ours.split.validation.end_rows.tolist()
    assert theirs.validation_labels.tolist() == ours.labelled.labels[end_rows].tolist()


def test_published_preparation_scales_as_ours_does(table):
    theirs = published.prepare(table, 2, LOOKBACK, SETTINGS.split.seed)
    ours = prepare_readings(convert_table(table), SETTINGS)
    end_rows = order_validation(len(ours.scaled), SETTINGS)
    gathered = view_windows(ours.scaled, LOOKBACK)[end_rows - LOOKBACK + 1]
    assert theirs.validation.shape == gathered.shape
    np.testing.assert_allclose(gathered, theirs.validation, rtol=1e-6, atol=1e-7)


def test_published_preparation_does_not_change_the_table(table):
    before = table.copy()
    published.prepare(table, 2, LOOKBACK, SETTINGS.split.seed)
    pd.testing.assert_frame_equal(table, before)


def test_results_have_the_promised_keys():
    rows = json.loads(RESULTS.read_text(encoding="utf-8"))
    assert rows
    for row in rows:
        assert list(row) == ["name", "ratio", "goal", "met", "note"]
        assert row["met"] == (None if row["goal"] is None else row["ratio"] >= row["goal"])


def test_results_name_no_path_of_a_machine():
    for row in json.loads(RESULTS.read_text(encoding="utf-8")):
        assert "/work" not in row["note"]
        assert ".csv" not in row["note"]
