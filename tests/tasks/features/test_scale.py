"""What scaling learns, from which rows, and that a row is scaled by itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from schemas.configuration import FeaturesSection, Group
from schemas.features import Column, FeatureTable
from schemas.scaling import Scaler
from schemas.windows import Part, Split
from tasks.features.scale import FLOOR_SHARE, choose_scaler_rows, fit_scaler, scale_rows

# twelve rows, of which 4 and 10 come before an event, in windows of three rows
LABELS = np.isin(np.arange(12), [4, 10])


def table_with(*columns: Sequence[float], groups: Sequence[Group] = ()) -> FeatureTable:
    """Features from a list for each column, levels unless told otherwise."""
    names = [f"x{number}" for number in range(1, len(columns) + 1)]
    described = tuple(
        Column(name=name, sensor=name, group=group)
        for name, group in zip(names, groups or ["level"] * len(columns), strict=True)
    )
    return FeatureTable(np.array(columns, dtype=np.float64).T.copy(), described)


def fit_and_scale(
    table: FeatureTable, normal_rows: Sequence[int] | None = None, clip: float | None = None
) -> np.ndarray:
    """Learn from the normal rows, or from all, and scale all."""
    chosen = np.arange(len(table.values)) if normal_rows is None else np.array(normal_rows)
    return scale_rows(fit_scaler(table, chosen, clip), table.values)


def split_of(*, is_scattered: bool = False) -> Split:
    """Train on rows 0 to 5, validate on 6 to 8 and test on 9 to 11."""
    ends = ([2, 3, 4, 5], [8], [11])
    stretches = [(0, 12)] * 3 if is_scattered else [(0, 6), (6, 9), (9, 12)]
    train, validation, test = (
        Part(name, np.array(rows), np.array(rows) - 2, LABELS[rows], start, stop, is_scattered)
        for name, rows, (start, stop) in zip(("train", "validation", "test"), ends, stretches, strict=True)
    )
    return Split(train, validation, test, is_leaky=is_scattered)


def choose(scale_order: str, *, is_scattered: bool = False) -> list[int]:
    section = FeaturesSection.model_validate({"scale_order": scale_order})
    return choose_scaler_rows(split_of(is_scattered=is_scattered), LABELS, section).tolist()


# the rows that are learnt from


def test_a_split_before_the_scaling_leaves_all_normal_rows_of_the_training_part() -> None:
    assert choose("split_scale_window") == [0, 1, 2, 3, 5]


def test_windows_before_the_split_leave_the_last_rows_of_normal_training_windows() -> None:
    assert choose("window_split_scale") == [2, 3, 5]


def test_scaling_before_the_split_takes_the_normal_rows_of_the_test_too() -> None:
    assert choose("scale_split_window") == [0, 1, 2, 3, 5, 6, 7, 8, 9, 11]


@pytest.mark.parametrize("scale_order", ["split_scale_window", "window_split_scale"])
def test_a_random_split_has_training_windows_and_no_training_rows(scale_order: str) -> None:
    assert choose(scale_order, is_scattered=True) == [2, 3, 5]


# means and deviations


def test_scaling_subtracts_the_mean_and_divides_by_the_deviation() -> None:
    assert fit_and_scale(table_with([1, 3, 1, 3]))[:, 0].tolist() == [-1, 1, -1, 1]


def test_only_the_rows_given_are_learnt_from() -> None:
    assert fit_and_scale(table_with([1, 3, 99, 5]), [0, 1])[:, 0].tolist() == [-1, 1, 97, 3]


def test_every_feature_has_its_own_mean_and_deviation() -> None:
    scaled = fit_and_scale(table_with([1, 3, 1, 3], [40, 20, 40, 20]))
    assert scaled.tolist() == [[-1, 1], [1, -1], [-1, 1], [1, -1]]


@pytest.mark.parametrize("group", ["level", "volatility", "difference", "context"])
def test_scaled_training_rows_have_mean_0_and_deviation_1(group: Group) -> None:
    scaled = fit_and_scale(table_with([4, 7, 5, 9, 1, 6, 2, 8, 99], groups=[group]), range(8))[:8, 0]
    assert (scaled.mean(), scaled.std()) == pytest.approx((0, 1), abs=1e-6)


def test_values_beyond_the_bound_are_clipped_to_it() -> None:
    scaled = fit_and_scale(table_with([1, 3, 99, -99, 2]), [0, 1], clip=2.0)
    assert scaled[:, 0].tolist() == [-1, 1, 2, -2, 0]


def test_without_a_bound_nothing_is_clipped() -> None:
    assert fit_and_scale(table_with([1, 3, 99]), [0, 1])[2, 0] == 97


def test_scaled_rows_are_float32_in_c_order() -> None:
    scaled = fit_and_scale(table_with([1, 3, 1, 3], [4, 2, 4, 2], groups=["level", "volatility"]))
    assert (scaled.dtype, scaled.flags.c_contiguous) == (np.dtype(np.float32), True)


def test_the_features_are_left_as_they_are() -> None:
    table = table_with([1, 3, 2, 5], [1, 3, 2, 5], groups=["level", "volatility"])
    fit_and_scale(table, clip=1.0)
    assert table.values.T.tolist() == [[1, 3, 2, 5], [1, 3, 2, 5]]


# volatility


def test_the_logarithm_of_volatility_is_scaled() -> None:
    values = [0, 1, 2, 4]
    # the median of what is above 0
    floor = FLOOR_SHARE * 2
    logarithms = np.array([math.log(value + floor) for value in values])
    expected = (logarithms - logarithms.mean()) / logarithms.std()
    scaled = fit_and_scale(table_with(values, groups=["volatility"]))
    np.testing.assert_allclose(scaled[:, 0], expected, rtol=1e-6)


def test_the_floor_of_volatility_is_learnt_from_the_rows_given_alone() -> None:
    scaler = fit_scaler(table_with([0, 1, 2, 4, 99], groups=["volatility"]), np.arange(4), None)
    assert scaler.floors == (FLOOR_SHARE * 2,)


def test_other_features_have_no_floor() -> None:
    groups: list[Group] = ["level", "difference", "context"]
    assert fit_scaler(table_with([1, 3], [2, 4], [5, 6], groups=groups), np.arange(2), None).floors == (
        None,
        None,
        None,
    )


def test_volatility_that_was_0_in_training_stays_0_when_it_rises_later() -> None:
    scaled = fit_and_scale(table_with([0, 0, 0, 7], groups=["volatility"]), range(3))
    assert scaled[:, 0].tolist() == [0, 0, 0, 0]


def test_volatility_of_0_has_a_finite_logarithm() -> None:
    scaled = fit_and_scale(table_with([1, 2, 3, 0], groups=["volatility"]), range(3))
    assert np.isfinite(scaled).all()


# constants


def test_a_feature_that_is_constant_in_training_stays_0_when_it_moves_later() -> None:
    table = table_with([0.1] * 6 + [7, 0.1, -7], [1, 2] * 4 + [1])
    assert fit_and_scale(table, range(6))[:, 0].tolist() == [0] * 9


def test_a_feature_that_moves_by_rounding_alone_counts_as_constant() -> None:
    table = table_with([1e6, 1e6 + 1e-9, 1e6, 1e6 - 1e-9, 1e6, 1e6 + 5], [1, 2] * 3)
    assert fit_scaler(table, np.arange(5), None).constant_columns == ("x1",)


def test_a_small_feature_that_moves_is_no_constant() -> None:
    assert fit_and_scale(table_with([1e-9, 3e-9, 1e-9, 3e-9]))[:, 0].tolist() == pytest.approx([-1, 1, -1, 1])


# the scaler


def test_another_number_of_columns_is_refused() -> None:
    scaler = fit_scaler(table_with([1, 3], [2, 4]), np.arange(2), None)
    with pytest.raises(ValueError, match=r"the scaler's 2 columns\. Received 1\."):
        scale_rows(scaler, np.zeros((2, 1)))


def test_a_scaler_from_json_scales_to_the_last_bit_as_before() -> None:
    groups: list[Group] = ["level", "volatility", "context"]
    table = table_with([1 / 3, 0.1, 1e6 / 7], [0.1, 1 / 7, 0], [5, 5, 5], groups=groups)
    scaler = fit_scaler(table, np.arange(3), 5.0)
    restored = Scaler.model_validate_json(scaler.model_dump_json())
    assert scale_rows(restored, table.values).tobytes() == scale_rows(scaler, table.values).tobytes()


# thirds are rounded in binary
FEATURES = arrays(np.float64, (24, 4), elements=st.integers(0, 10**6).map(lambda number: number / 3))
GROUPS_OF_FEATURES: tuple[Group, ...] = ("level", "volatility", "volatility", "context")


def any_table() -> st.SearchStrategy[FeatureTable]:
    """Draw features at least 0, two of them volatilities."""
    described = table_with(*([0.0],) * 4, groups=GROUPS_OF_FEATURES)
    return FEATURES.map(lambda values: replace(described, values=values))


@given(any_table(), st.integers(1, 23))
def test_rows_after_the_training_rows_never_change_the_scaler(table: FeatureTable, changed_from: int) -> None:
    is_later = np.arange(24)[:, None] >= changed_from
    changed = replace(table, values=np.where(is_later, table.values * 3 + 1, table.values))
    first, second = (fit_scaler(each, np.arange(changed_from), 5.0) for each in (table, changed))
    assert first == second


@given(any_table(), st.sampled_from([None, 5.0]), st.integers(1, 24))
def test_a_row_is_scaled_in_a_piece_of_any_size_as_among_all_to_the_last_bit(
    table: FeatureTable, clip: float | None, size: int
) -> None:
    scaler = fit_scaler(table, np.arange(24), clip)
    pieces = [scale_rows(scaler, table.values[start : start + size]) for start in range(0, 24, size)]
    assert np.concatenate(pieces).tobytes() == scale_rows(scaler, table.values).tobytes()
