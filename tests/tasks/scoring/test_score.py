"""A version reads cells that stand for no value as its training did."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.scoring.score import score_readings
from tests.detectors import make_detector, simulated_table


def test_words_and_numbers_for_no_value_are_scored_like_empty_cells() -> None:
    words = ("Bad", "-9999")
    detector, model = make_detector(readings={"missing_words": words, "missing_values": "forward_fill"})
    table = simulated_table().head(400)
    empty, written = table.copy(), table.astype({"x5": object})
    empty.loc[[100, 200], "x5"] = np.nan
    written.loc[100, "x5"], written.loc[200, "x5"] = "Bad", -9999
    expected = score_readings(detector, model, empty)["score"].tolist()
    assert score_readings(detector, model, written)["score"].tolist() == pytest.approx(
        expected, nan_ok=True, abs=0
    )
