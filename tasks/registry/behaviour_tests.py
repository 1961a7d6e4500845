"""Behavioural tests: how the scores respond to a dead sensor and to a spike."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from schemas.decision import Behaviour
from tasks.tables.columns import replace_columns

Score = Callable[[pd.DataFrame], np.ndarray]

# sensors to perturb, one at a time, evenly chosen
SENSORS_TRIED = 8
# height of a spike, in the sensor's standard deviations over the table
SPIKE_DEVIATIONS = 10.0
# scored rows that a rank correlation needs
_LEAST_ROWS = 10


def measure_behaviours(score: Score, table: pd.DataFrame, sensors: Sequence[str]) -> tuple[Behaviour, ...]:
    """Perturb some sensors, one at a time, and compare the scores with those of the unchanged rows.

    One frozen sensor must neither scramble the order of the scores nor make them undefined, and a spike of
    one sensor in one row should raise the score of that row.

    Args:
        score: Returns the score of each row of a table, NaN without history, shape (rows,).
        table: Raw readings in time order, with sensors as numbers; not changed.
        sensors: Its sensor columns.

    Returns:
        `dead sensor` and `spike`; sensors that are constant in the table are not tried.
    """
    moving = [name for name in sensors if float(table[name].astype(np.float64).std()) > 0]
    places = np.linspace(0, len(moving), SENSORS_TRIED, endpoint=False).astype(int)
    tried = [moving[place] for place in np.unique(places)] if moving else []
    expected = score(table)
    known = np.flatnonzero(np.isfinite(expected))
    if not tried or len(known) < _LEAST_ROWS:
        return tuple(
            Behaviour(name=name, sensors=0, value=None, undefined=0) for name in ("dead sensor", "spike")
        )
    row = int(known[len(known) // 2])
    dead = [score(freeze_sensor(table, name))[known] for name in tried]
    spiked = [score(add_spike(table, name, row)) for name in tried]
    return (
        Behaviour(
            name="dead sensor",
            sensors=len(tried),
            value=min(_correlate(expected[known], scores) for scores in dead),
            undefined=sum(int((~np.isfinite(scores)).sum()) for scores in dead),
        ),
        Behaviour(
            name="spike",
            sensors=len(tried),
            value=float(np.mean([scores[row] > expected[row] for scores in spiked])),
            undefined=sum(int((~np.isfinite(scores[known])).sum()) for scores in spiked),
        ),
    )


def freeze_sensor(table: pd.DataFrame, sensor: str) -> pd.DataFrame:
    """Hold a sensor at its first value that is not missing."""
    return replace_columns(table, {sensor: table[sensor].dropna().iloc[0]})


def add_spike(table: pd.DataFrame, sensor: str, row: int) -> pd.DataFrame:
    """Raise a sensor by `SPIKE_DEVIATIONS` standard deviations in one row, given by its position."""
    values = table[sensor].to_numpy(np.float64).copy()
    values[row] += SPIKE_DEVIATIONS * np.nanstd(values)
    return replace_columns(table, {sensor: values})


def _correlate(expected: np.ndarray, scores: np.ndarray) -> float:
    """Compute the rank correlation of scores; 0 if either is constant, or too few scores are finite."""
    from scipy.stats import spearmanr

    is_known = np.isfinite(scores)
    if is_known.sum() < _LEAST_ROWS or np.ptp(scores[is_known]) == 0 or np.ptp(expected[is_known]) == 0:
        return 0.0
    return float(spearmanr(expected[is_known], scores[is_known]).statistic)
