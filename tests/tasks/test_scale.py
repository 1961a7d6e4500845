"""What scaling learns, from which rows, and that a row never depends on a later one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from schemas.configuration import FeaturesSection
from schemas.readings import LabelledReadings
from schemas.scaling import Scaler
from tasks.label import label_ahead
from tasks.scale import PRIOR_ROWS, fit_scaler, scale_rows, sum_trailing
from tests.builders import readings_with

PLAIN = FeaturesSection(standardise="none", clip=None)
TRAILING = FeaturesSection(standardise="trailing", trailing_rows=3, clip=None)


def rows_with(*columns: Sequence[float], missing: tuple[int, ...] = ()) -> LabelledReadings:
    """Rows without an event, a column from each list."""
    values = np.array(columns, dtype=np.float64).T
    return label_ahead(readings_with(rows=len(values) + len(missing), missing=missing, values=values), 1)


def fit_and_scale(
    labelled: LabelledReadings, features: FeaturesSection, normal_rows: np.ndarray | None = None
) -> np.ndarray:
    normal_rows = np.arange(len(labelled.labels)) if normal_rows is None else normal_rows
    return scale_rows(fit_scaler(labelled, normal_rows, features), labelled.values, labelled.runs)


def standardise_literally(values: list[float], runs: list[int], scaler: Scaler) -> list[float]:
    """The docstrings' words for one sensor, row by row, with the standard library's arithmetic."""
    center, prior = scaler.centers[0], scaler.prior_deviations[0]
    mean, deviation = scaler.means[0], scaler.deviations[0]
    assert scaler.trailing_rows is not None
    assert deviation is not None
    scaled = []
    for row, value in enumerate(values):
        before = [values[other] - center for other in range(row) if runs[other] == runs[row]]
        before = before[-scaler.trailing_rows :]
        trailing_mean = sum(before) / len(before) if before else value - center
        spread = sum((other - trailing_mean) ** 2 for other in before)
        trailing = ((spread + PRIOR_ROWS * prior**2) / (len(before) + PRIOR_ROWS)) ** 0.5
        scaled.append(((value - center - trailing_mean) / trailing - mean) / deviation)
    return scaled


def test_plain_scaling_subtracts_the_mean_and_divides_by_the_deviation() -> None:
    assert fit_and_scale(rows_with([1, 3, 1, 3]), PLAIN)[:, 0].tolist() == [-1, 1, -1, 1]


def test_only_normal_training_rows_are_learnt_from() -> None:
    scaled = fit_and_scale(rows_with([1, 3, 99, 5]), PLAIN, normal_rows=np.array([0, 1]))
    assert scaled[:, 0].tolist() == [-1, 1, 97, 3]


def test_every_sensor_has_its_own_mean_and_deviation() -> None:
    scaled = fit_and_scale(rows_with([1, 3, 1, 3], [40, 20, 40, 20]), PLAIN)
    assert scaled.tolist() == [[-1, 1], [1, -1], [-1, 1], [1, -1]]


def test_scaled_rows_are_float32_in_c_order() -> None:
    scaled = fit_and_scale(rows_with([1, 3, 1, 3], [4, 2, 4, 2]), PLAIN)
    assert scaled.dtype == np.float32
    assert scaled.flags.c_contiguous


@pytest.mark.parametrize("features", [PLAIN, TRAILING], ids=["plain", "trailing"])
def test_the_values_are_left_as_they_are(features: FeaturesSection) -> None:
    labelled = rows_with([1, 3, 2, 5, 4])
    fit_and_scale(labelled, features)
    assert labelled.values[:, 0].tolist() == [1, 3, 2, 5, 4]


def test_values_beyond_the_bound_are_clipped_to_it() -> None:
    features = FeaturesSection(standardise="none", clip=2.0)
    scaled = fit_and_scale(rows_with([1, 3, 99, -99, 2]), features, normal_rows=np.array([0, 1]))
    assert scaled[:, 0].tolist() == [-1, 1, 2, -2, 0]


@pytest.mark.parametrize("features", [PLAIN, TRAILING], ids=["plain", "trailing"])
def test_a_sensor_that_is_constant_in_training_stays_0_when_it_moves_later(features: FeaturesSection) -> None:
    labelled = rows_with([0.1] * 6 + [7, 0.1, -7], [1, 2] * 4 + [1])
    assert fit_and_scale(labelled, features, normal_rows=np.arange(6))[:, 0].tolist() == [0] * 9


@pytest.mark.parametrize("features", [PLAIN, TRAILING], ids=["plain", "trailing"])
def test_a_sensor_that_moves_by_rounding_alone_counts_as_constant(features: FeaturesSection) -> None:
    labelled = rows_with([1e6, 1e6 + 1e-9, 1e6, 1e6 - 1e-9, 1e6, 1e6 + 5], [1, 2] * 3)
    scaler = fit_scaler(labelled, np.arange(5), features)
    assert scaler.constant_sensors == ("x1",)


def test_a_sensor_constant_in_each_run_tells_trailing_scaling_nothing() -> None:
    labelled = rows_with([1, 1, 1, 5, 5, 5], [1, 2] * 3, missing=(3,))
    assert fit_scaler(labelled, np.arange(6), TRAILING).constant_sensors == ("x1",)


def test_trailing_scaling_does_what_its_docstring_says() -> None:
    values: list[float] = [4, 7, 5, 9, 1, 6, 2, 8, 3, 5, 7]
    labelled = rows_with(values, missing=(6,))
    scaler = fit_scaler(labelled, np.array([1, 2, 3, 4, 7, 8]), TRAILING)
    expected = standardise_literally(values, labelled.runs.tolist(), scaler)
    np.testing.assert_allclose(scale_rows(scaler, labelled.values, labelled.runs)[:, 0], expected, rtol=1e-6)


@pytest.mark.parametrize("features", [PLAIN, TRAILING], ids=["plain", "trailing"])
def test_scaled_training_rows_have_mean_0_and_deviation_1(features: FeaturesSection) -> None:
    labelled = rows_with([4, 7, 5, 9, 1, 6, 2, 8, 3, 5, 7])
    scaled = fit_and_scale(labelled, features, normal_rows=np.arange(2, 9))[2:9, 0]
    assert (scaled.mean(), scaled.std()) == pytest.approx((0, 1), abs=1e-6)


def test_a_constant_offset_does_not_change_trailing_scaling() -> None:
    low, high = rows_with([4, 7, 5, 9, 1, 6]), rows_with([1028, 1031, 1029, 1033, 1025, 1030])
    np.testing.assert_allclose(fit_and_scale(low, TRAILING), fit_and_scale(high, TRAILING), atol=1e-6)


def test_a_row_after_a_gap_does_not_depend_on_the_rows_before_it() -> None:
    first, second = (rows_with([*before, 1, 6, 2], missing=(3,)) for before in ([4, 7, 5], [8, 3, 30]))
    scaler = fit_scaler(first, np.arange(6), TRAILING)
    tails = [scale_rows(scaler, labelled.values, labelled.runs)[3:].tolist() for labelled in (first, second)]
    assert tails[0] == tails[1]


def test_another_number_of_columns_is_refused() -> None:
    scaler = fit_scaler(rows_with([1, 3], [2, 4]), np.arange(2), PLAIN)
    with pytest.raises(ValueError, match=r"the scaler's 2 columns\. Received 1\."):
        scale_rows(scaler, np.zeros((2, 1)), np.zeros(2, dtype=np.int64))


def test_a_scaler_survives_json_to_the_last_bit() -> None:
    scaler = fit_scaler(rows_with([1, 3, 0.1], [5, 5, 5]), np.arange(3), TRAILING)
    assert Scaler.model_validate_json(scaler.model_dump_json()) == scaler


@pytest.mark.parametrize("rows", [1, 2, 3, 5, 8])
def test_trailing_sums_add_up_the_rows_of_the_same_run(rows: int) -> None:
    values, runs = [1, 2, 4, 8, 16, 32, 64], [0, 0, 0, 1, 1, 1, 1]
    expected = [
        sum(values[k] for k in range(max(0, i - rows + 1), i + 1) if runs[k] == runs[i]) for i in range(7)
    ]
    positions = np.array([0, 1, 2, 0, 1, 2, 3])
    assert sum_trailing(np.array(values, dtype=float)[:, None], positions, rows)[:, 0].tolist() == expected


# thirds are rounded in binary, so sums in another order would show
SENSOR_VALUES = arrays(
    np.float64, (24, 2), elements=st.integers(-(10**6), 10**6).map(lambda number: number / 3)
)
FEATURES = st.builds(
    FeaturesSection,
    standardise=st.sampled_from(["none", "trailing"]),
    trailing_rows=st.integers(2, 9),
    clip=st.sampled_from([None, 5.0]),
)


def change_later_rows(labelled: LabelledReadings, changed_from: int) -> LabelledReadings:
    is_later = np.arange(len(labelled.labels))[:, None] >= changed_from
    return replace(labelled, values=np.where(is_later, labelled.values * 3 + 1, labelled.values))


@given(SENSOR_VALUES, FEATURES, st.integers(1, 23))
def test_rows_after_the_training_rows_never_change_the_scaler(
    values: np.ndarray, features: FeaturesSection, changed_from: int
) -> None:
    labelled = label_ahead(readings_with(rows=25, missing=[7], values=values), 1)
    first, second = (
        fit_scaler(table, np.arange(changed_from), features)
        for table in (labelled, change_later_rows(labelled, changed_from))
    )
    assert first == second


@given(SENSOR_VALUES, FEATURES, st.integers(1, 23))
def test_later_rows_never_change_an_earlier_scaled_row(
    values: np.ndarray, features: FeaturesSection, changed_from: int
) -> None:
    labelled = label_ahead(readings_with(rows=25, missing=[7], values=values), 1)
    scaler = fit_scaler(labelled, np.arange(24), features)
    first, second = (
        scale_rows(scaler, table.values, table.runs)[:changed_from]
        for table in (labelled, change_later_rows(labelled, changed_from))
    )
    assert first.tobytes() == second.tobytes()


@given(SENSOR_VALUES, FEATURES, st.integers(0, 22), st.integers(1, 24))
def test_a_piece_of_a_table_is_scaled_as_the_whole_is_to_the_last_bit(
    values: np.ndarray, features: FeaturesSection, start: int, rows: int
) -> None:
    labelled = label_ahead(readings_with(rows=25, missing=[7], values=values), 1)
    scaler = fit_scaler(labelled, np.arange(24), features)
    stop = min(start + rows, 24)
    whole = scale_rows(scaler, values, labelled.runs)[start:stop]
    piece = scale_rows(scaler, values[start:stop], labelled.runs[start:stop])
    is_run_start = start == 0 or labelled.runs[start] != labelled.runs[start - 1]
    needs_history = features.standardise == "trailing" and not is_run_start
    run_stop = int(np.searchsorted(labelled.runs[start:stop], labelled.runs[start] + 1))
    is_complete = np.arange(stop - start) >= (features.trailing_rows if needs_history else 0)
    is_complete[run_stop:] = True
    assert piece[is_complete].tobytes() == whole[is_complete].tobytes()
