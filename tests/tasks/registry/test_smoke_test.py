"""The behavioural tests spoil numbers, whatever the raw rows of a version hold."""

from __future__ import annotations

import numpy as np

from tasks.registry.smoke_test import read_sensors
from tests.detectors import make_detector, simulated_table


def test_sensors_of_words_and_words_for_no_value_are_read_as_numbers() -> None:
    detector, _ = make_detector("zscore")
    words = {"x1": {"Off": 0.0, "On": 1.0}}
    detector = detector.model_copy(
        update={"readings": detector.readings.model_copy(update={"text_values": words})}
    )
    rows = simulated_table().head(4).astype({"x1": object, "x2": object})
    rows["x1"], rows.loc[rows.index[1], "x2"] = ["On", "Off", "On", "unknown"], "Bad Input"
    read = read_sensors(rows, detector)
    np.testing.assert_array_equal(read["x1"], [1.0, 0.0, 1.0, np.nan])
    assert np.isnan(read["x2"].iloc[1])
    assert read["x3"].equals(rows["x3"])
    assert all(read[name].dtype == np.float64 for name in detector.sensors)
