"""What spoilt readings do to scores."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from schemas.decision import Behaviour
from tasks.registry.behaviour_tests import add_spike, freeze_sensor, measure_behaviours

NOISE = np.random.default_rng(0).normal(size=(50, 3))
TABLE = pd.DataFrame(NOISE, columns=["x1", "x2", "x3"])
SENSORS = list(TABLE.columns)


def score_distance(table: pd.DataFrame) -> np.ndarray:
    """Squared distance from zero; the first two rows have too little history."""
    scores = np.square(table.to_numpy(np.float64)).sum(axis=1)
    scores[:2] = np.nan
    return scores


def behaviours(score: object = score_distance, table: pd.DataFrame = TABLE) -> dict[str, Behaviour]:
    return {each.name: each for each in measure_behaviours(score, table, SENSORS)}  # type: ignore[arg-type]  # a stand-in


def test_a_dead_sensor_stands_still_and_the_others_move() -> None:
    dead = freeze_sensor(TABLE, "x2")
    assert dead["x2"].nunique() == 1
    assert dead[["x1", "x3"]].equals(TABLE[["x1", "x3"]])


def test_a_spike_is_in_one_row_alone() -> None:
    spiked = add_spike(TABLE, "x2", 7)
    differs = (spiked != TABLE).to_numpy()
    assert differs.sum() == 1
    assert differs[7, 1]
    assert spiked["x2"].iloc[7] - TABLE["x2"].iloc[7] == pytest.approx(10 * NOISE[:, 1].std())


def test_scores_of_a_distance_rise_with_every_spike_and_survive_a_dead_sensor() -> None:
    found = behaviours()
    assert (found["spike"].value, found["spike"].undefined, found["spike"].sensors) == (1.0, 0, 3)
    assert found["dead sensor"].value is not None
    assert 0.3 < found["dead sensor"].value < 1


def test_a_score_that_hangs_on_one_sensor_does_not_survive_its_death() -> None:
    found = behaviours(lambda table: table["x1"].to_numpy(np.float64) ** 2)
    assert found["dead sensor"].value == 0
    assert found["spike"].value == pytest.approx(1 / 3)


def test_scores_that_a_spike_takes_away_are_counted() -> None:
    def score(table: pd.DataFrame) -> np.ndarray:
        values = table["x1"].to_numpy(np.float64)
        return np.where(values > 5, np.nan, values)

    assert behaviours(score)["spike"].undefined == 1


def test_a_table_without_a_moving_sensor_tries_nothing() -> None:
    still = TABLE.assign(**dict.fromkeys(SENSORS, 1.0))
    assert {each.value for each in behaviours(table=still).values()} == {None}


def test_the_table_is_not_changed() -> None:
    before = TABLE.copy()
    behaviours()
    assert TABLE.equals(before)
