"""The beginning of the line that retrain, backtest and compare share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from flows import line
from schemas.configuration import Configuration
from schemas.errors import InputError
from tasks.configuration.configure import change_settings
from tasks.scoring.score import score_readings
from tests.detectors import simulated_table, train_detector


def test_rows_without_a_label_yet_are_left_out_of_table_and_readings(tmp_path: Path) -> None:
    table = simulated_table().head(2_000).astype({"y": float})
    table.loc[1_950:, "y"] = np.nan
    table.to_csv(tmp_path / "late.csv", index=False)
    raw, readings = line.load_table(tmp_path / "late.csv", Configuration())
    assert (len(raw.table), len(readings.times)) == (1_950, 1_950)
    assert [finding.details["rows"] for finding in readings.findings if finding.check == "late_labels"] == [
        50
    ]


def test_filled_values_are_in_the_table_on_which_the_version_is_tested(tmp_path: Path) -> None:
    table = simulated_table().head(2_000).astype({"x5": object})
    table.loc[[100, 1_700], "x5"] = ["Bad", np.nan]
    table.to_csv(tmp_path / "holes.csv", index=False)
    settings = change_settings(Configuration(), {"readings": {"missing_values": "forward_fill"}})
    raw, readings = line.load_table(tmp_path / "holes.csv", settings)
    assert raw.table["x5"].tolist() == readings.values[:, readings.sensors.index("x5")].tolist()
    assert raw.table["x5"].iloc[100] == raw.table["x5"].iloc[99]


def test_a_label_missing_before_the_last_one_is_refused(tmp_path: Path) -> None:
    table = simulated_table().head(2_000).astype({"y": float})
    table.loc[[700, *range(1_950, 2_000)], "y"] = np.nan
    table.to_csv(tmp_path / "late.csv", index=False)
    with pytest.raises(InputError, match=r"y: missing value, 1 row, first in row 702"):
        line.load_table(tmp_path / "late.csv", Configuration())


@pytest.mark.parametrize("level", ["local", "raw", "both"])
def test_a_join_of_either_view_scores_raw_rows_as_its_training_did(level: str) -> None:
    members = ["pca_windows", "pca_raw_t2", "pca_t2", "logistic"]
    detector, model, scores = train_detector("join", features={"level": level}, model={"members": members})
    scored = score_readings(detector, model, simulated_table())
    is_scored = ~np.isnan(scores)
    assert is_scored.sum() > 5_000
    assert scored["score"].to_numpy()[is_scored].tolist() == scores[is_scored].tolist()
    assert ("raw" in {column.group for column in detector.scaler.columns}) == (level == "both")
