"""A scale that a few absurd values cannot ruin, and that is the same to the bit without them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.configuration import FeaturesSection
from schemas.readings import LabelledReadings
from schemas.scaling import Scaler
from tasks.features.absurd import AbsurdValues, find_absurd_values, report_absurd_values
from tasks.features.featurise import compute_features
from tasks.features.scale import fit_scaler
from tasks.windows.label import label_ahead
from tests.builders import readings_with

SECTION = FeaturesSection(has_context=False)


def labelled_of(values: np.ndarray) -> LabelledReadings:
    return label_ahead(readings_with(len(values), values=values), 1)


def noise(rows: int = 1_000, seed: int = 0, deviation: float = 0.015) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return generator.normal([2.0, 900.0], [deviation, 20.0], (rows, 2))


def fit(values: np.ndarray, section: FeaturesSection = SECTION) -> tuple[Scaler, AbsurdValues]:
    labelled, rows = labelled_of(values), np.arange(len(values))
    features = compute_features(labelled, section)
    absurd = find_absurd_values(labelled, features, rows, section)
    return fit_scaler(features, rows, section.clip, absurd.is_touched), absurd


def fit_on_everything(values: np.ndarray, section: FeaturesSection = SECTION) -> Scaler:
    return fit_scaler(compute_features(labelled_of(values), section), np.arange(len(values)), section.clip)


@pytest.mark.parametrize("value", [-9999.0, -3.4e38, 12345.6])
@pytest.mark.parametrize("share", [0.01, 0.02, 0.05])
def test_a_few_absurd_values_hardly_change_the_scale(value: float, share: float) -> None:
    clean = noise()
    values, chosen = clean.copy(), np.random.default_rng(1).random(len(clean)) < share
    values[chosen, 0] = value
    (spoiled, absurd), expected = fit(values), fit_on_everything(clean)
    assert absurd.cells == {"x1": chosen.sum()}
    np.testing.assert_allclose(
        np.array(spoiled.deviations, float), np.array(expected.deviations, float), rtol=0.3
    )
    # the other sensor is not touched
    others = [place for place, column in enumerate(expected.columns) if column.sensor == "x2"]
    assert [spoiled.deviations[place] for place in others] == [expected.deviations[place] for place in others]
    assert [spoiled.means[place] for place in others] == [expected.means[place] for place in others]


def test_a_sentinel_is_left_out_of_the_scale_of_a_wide_sensor_too() -> None:
    values = noise()
    values[::50, 1] = -9999.0
    scaler, absurd = fit(values)
    assert absurd.cells == {"x2": 20}
    assert scaler.deviations[1] == pytest.approx(fit_on_everything(noise()).deviations[1], rel=0.15)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), degrees=st.sampled_from([3, 5, 30]))
def test_a_clean_table_has_the_scale_of_all_its_values_to_the_bit(seed: int, degrees: int) -> None:
    values = np.random.default_rng(seed).standard_t(degrees, (400, 2))
    scaler, absurd = fit(values)
    assert absurd.is_touched is None
    assert scaler == fit_on_everything(values)


def test_a_sensor_that_mostly_stands_still_is_scaled_by_all_its_values() -> None:
    values = noise()
    values[:, 0] = 0.0
    values[::30, 0] = 5_000.0
    assert fit(values)[1].cells == {}


def test_another_way_of_running_is_no_absurd_value() -> None:
    values = noise()
    values[:80, 0] = 5_000.5 + 0.1 * np.arange(80)
    assert fit(values)[1].cells == {}


def test_a_published_scale_is_that_of_all_values() -> None:
    values = noise()
    values[::50, 0] = -9999.0
    section = SECTION.model_copy(update={"scale_order": "window_split_scale"})
    scaler, absurd = fit(values, section)
    assert absurd.cells == {}
    assert scaler == fit_on_everything(values, section)


def test_what_was_left_out_is_reported_by_sensor() -> None:
    values = noise()
    values[::50, 0] = -9999.0
    (finding,) = report_absurd_values(fit(values)[1], len(values))
    assert (finding.check, finding.columns) == ("absurd_values", ("x1",))
    assert "x1 (20)" in finding.message
    assert report_absurd_values(AbsurdValues(), 10) == ()
