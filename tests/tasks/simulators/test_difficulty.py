"""How hard the simulated plants are, by plain statistics that were chosen before any detector was tried."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from schemas.simulation import PlantKind
from tasks.simulators.faults import NORMAL_SHARE
from tasks.simulators.plants import simulate_plant
from tests.tasks.simulators.test_plants import list_intervals, with_faults

pytestmark = pytest.mark.slow

WINDOW_ROWS = 5
VARIANCE = 0.9


def scale_by_normal(values: np.ndarray, is_fitted: np.ndarray) -> np.ndarray:
    spread = values[is_fitted].std(axis=0)
    return np.asarray((values - values[is_fitted].mean(axis=0)) / np.where(spread > 0, spread, 1))


def score_by_pca(windows: np.ndarray, is_fitted: np.ndarray) -> np.ndarray:
    """Mean squared error after projection onto the components that hold 90 % of the normal variance."""
    from sklearn.decomposition import PCA

    pca = PCA(VARIANCE, svd_solver="full").fit(windows[is_fitted])
    errors = windows - pca.inverse_transform(pca.transform(windows))
    return np.asarray((errors**2).mean(axis=1))


def score_plainly(table: pd.DataFrame) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Scores of each row by plain statistics, and the rows on which they are compared."""
    times = pd.to_datetime(table["time"])
    runs = (times.diff() > 1.5 * times.diff().median()).cumsum()
    sensors = table.drop(columns=["time", "y"]).astype(float)
    of_run = sensors.groupby(runs)
    local = (sensors - of_run.transform(lambda values: values.rolling(30, 5).mean().shift(1))).to_numpy()
    volatility = np.log(of_run.transform(lambda values: values.rolling(10, 5).std()) + 1e-3 * sensors.std())
    is_full = (of_run.cumcount() >= 30).to_numpy()
    is_fitted = is_full & (np.arange(len(table)) < NORMAL_SHARE * len(table))
    raw = scale_by_normal(sensors.to_numpy(), is_fitted)
    windows = np.concatenate([np.roll(raw, ahead, axis=0) for ahead in range(WINDOW_ROWS)], axis=1)
    local, volatile = (
        scale_by_normal(np.nan_to_num(each), is_fitted) for each in (local, volatility.to_numpy())
    )
    return {
        "pca": score_by_pca(windows, is_fitted),
        "zscore": (raw**2).mean(axis=1),
        "local": (local**2).mean(axis=1),
        "volatility": (volatile**2).mean(axis=1),
    }, is_full & ~is_fitted


def measure_difficulty(kind: PlantKind, simulations_of: range) -> tuple[pd.Series, pd.DataFrame]:
    """ROC areas of plain statistics, and the same by kind of fault, means over seeds."""
    from sklearn.metrics import roc_auc_score

    areas, by_kind = [], []
    for seed in simulations_of:
        simulation = simulate_plant(kind, seed=seed)
        scores, is_tested = score_plainly(simulation.table)
        labels = simulation.table["y"].to_numpy()
        kinds = np.full(len(labels), "", dtype=object)
        for (start, stop), name in zip(list_intervals(simulation), simulation.faults["kind"], strict=True):
            kinds[start:stop] = name
        areas.append(
            {name: roc_auc_score(labels[is_tested], each[is_tested]) for name, each in scores.items()}
        )
        for fault in set(simulation.faults["kind"]):
            chosen = is_tested & ((labels == 0) | (kinds == fault))
            by_kind.append(
                {"kind": fault}
                | {name: roc_auc_score(labels[chosen], each[chosen]) for name, each in scores.items()}
            )
    return pd.DataFrame(areas).mean(), pd.DataFrame(by_kind).groupby("kind").mean()


@pytest.fixture(scope="module")
def difficulties() -> dict[str, tuple[pd.Series, pd.DataFrame]]:
    return {kind: measure_difficulty(kind, range(4)) for kind in ("steady", "batch")}


@with_faults
def test_a_plain_pca_finds_most_faults_and_leaves_room_above_it(
    kind: PlantKind, difficulties: dict[str, tuple[pd.Series, pd.DataFrame]]
) -> None:
    assert 0.8 <= difficulties[kind][0]["pca"] <= 0.95


@with_faults
@pytest.mark.parametrize("statistic", ["zscore", "local", "volatility"])
def test_neither_levels_nor_local_changes_alone_find_the_faults(
    kind: PlantKind, statistic: str, difficulties: dict[str, tuple[pd.Series, pd.DataFrame]]
) -> None:
    areas = difficulties[kind][0]
    assert areas[statistic] < areas["pca"] - 0.08


@with_faults
def test_every_kind_of_fault_is_found_by_some_plain_statistic(
    kind: PlantKind, difficulties: dict[str, tuple[pd.Series, pd.DataFrame]]
) -> None:
    assert (difficulties[kind][1].max(axis=1) > 0.6).all()
