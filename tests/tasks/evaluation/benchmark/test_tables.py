"""Tables measured and compared: paired, with intervals over tables, seeds and blocks of rows."""

from __future__ import annotations

import numpy as np
import pytest

from schemas.benchmark import TablePlan
from schemas.configuration import EvaluationSection
from schemas.errors import InputError
from schemas.readings import LabelledReadings
from tasks.evaluation.benchmark.assets import score_groups
from tasks.evaluation.benchmark.compare import compare_tables, rank_tables
from tasks.evaluation.benchmark.tables import TableFigures, describe_methods, find_mean, measure_table
from tests.builders import labelled_with
from tests.folds import fold_of, fold_scores

SECTION = EvaluationSection(bootstrap_samples=200, alarm_rates=(5.0,))
EVENTS = [*range(100, 110), *range(200, 210), *range(300, 310)]


def table_with(events: list[int] = EVENTS) -> LabelledReadings:
    """Make 400 rows whose events are stretches of kept rows."""
    return labelled_with(rows=400, events=events, rows_ahead=0, are_event_rows_kept=True)


def measure(
    labelled: LabelledReadings, strength: float, name: str = "pump", seed: int = 0, **plan: str
) -> TableFigures:
    """Measure a method `forewarn` that sees events, a weaker `pca_raw`, and `zscore`, which is random."""
    generator = np.random.default_rng(seed)
    noise = generator.normal(size=(3, 2, 400))
    fold = fold_of(1, 0, 400)
    results = [
        fold_scores(
            fold,
            noise[place, number] + share * strength * labelled.labels,
            entrant=method,
            seed=number,
            threshold=2.5,
        )
        for place, (method, share) in enumerate([("forewarn", 1.0), ("pca_raw", 0.4), ("zscore", 0.0)])
        for number in range(2)
    ]
    described = TablePlan.model_validate({"name": name, "file": "pump.csv", "train_end": 0.5, **plan})
    return measure_table(described, results, labelled, SECTION, critical_minutes=10.0)


TABLE = measure(table_with(), 4.0)


def test_figures_are_means_over_seeds_within_their_intervals() -> None:
    for each in describe_methods(TABLE, {"forewarn": 3.0}, 0.9):
        values = TABLE.figures[each.method]["roc_auc"][:, 0]
        assert each.figures["roc_auc"] == pytest.approx(values.mean())
        bounds = each.intervals["roc_auc"]
        assert bounds.low <= values.mean() <= bounds.high
        assert each.seconds == (3.0 if each.method == "forewarn" else None)


def test_the_better_method_is_better_by_its_interval() -> None:
    tables = [TABLE, measure(table_with(), 4.0, "fan", seed=1)]
    found = {(each.other, each.figure): each for each in compare_tables(tables, (5.0,), 0.9)}
    difference = found["pca_raw", "roc_auc"]
    assert (difference.tables, difference.wins) == (2, 2)
    assert difference.interval is not None
    assert 0 < difference.interval.low < (difference.value or 0) < difference.interval.high


def test_methods_without_a_difference_have_an_interval_around_0() -> None:
    tables = [measure(table_with(), 0.0, str(seed), seed=seed) for seed in range(4)]
    (difference,) = [each for each in compare_tables(tables, (5.0,), 0.9) if each.figure == "roc_auc"][:1]
    assert difference.interval is not None
    assert difference.interval.low < 0 < difference.interval.high


def test_a_method_that_differs_between_tables_has_a_wider_interval_than_on_one() -> None:
    reversed_table = measure(table_with(), -4.0, "fan")
    (one,) = [each for each in compare_tables([TABLE], (5.0,), 0.9) if each.figure == "roc_auc"][:1]
    (two,) = [
        each for each in compare_tables([TABLE, reversed_table], (5.0,), 0.9) if each.figure == "roc_auc"
    ][:1]
    assert one.interval is not None
    assert two.interval is not None
    assert two.interval.high - two.interval.low > one.interval.high - one.interval.low


def test_one_event_gives_figures_without_intervals() -> None:
    table = measure(table_with([100, 101]), 4.0)
    described = describe_methods(table, {}, 0.9)[0]
    assert described.figures["event_recall"] is not None
    assert set(described.intervals) == {"false_alarms_per_day"}


def test_a_method_that_is_missing_on_a_table_is_compared_and_ranked_on_the_others() -> None:
    figures = {name: values for name, values in TABLE.figures.items() if name != "zscore"}
    lacking = TableFigures("fan", TABLE.rows, TABLE.events, TABLE.prevalence, figures, {})
    found = {(each.other, each.figure): each for each in compare_tables([TABLE, lacking], (5.0,), 0.9)}
    assert (found["pca_raw", "roc_auc"].tables, found["zscore", "roc_auc"].tables) == (2, 1)
    methods = ("forewarn", "pca_raw", "zscore")
    assert rank_tables([TABLE, lacking], methods, (5.0,), 0.9) == ()
    assert {each.tables for each in rank_tables([TABLE, lacking], methods[:2], (5.0,), 0.9)} == {2}


def test_a_test_without_events_is_refused() -> None:
    with pytest.raises(InputError, match="must hold events and normal rows"):
        measure(table_with([]), 4.0)


def test_a_normal_asset_needs_no_events_and_has_none() -> None:
    group = {"care_group": "farm", "asset": "normal"}
    table = measure(table_with([]), 4.0, **group)
    assert find_mean(table.figures["forewarn"]["roc_auc"]) is None
    assert find_mean(table.figures["forewarn"]["false_alarms_per_day"]) is not None
    with pytest.raises(InputError, match="must have no event in its test"):
        measure(table_with(), 4.0, **group)


def test_a_group_of_assets_is_scored_by_method() -> None:
    faulty = {"care_group": "farm", "asset": "faulty"}
    normal = {"care_group": "farm", "asset": "normal"}
    tables = [
        measure(table_with(list(range(300, 400))), 8.0, "a", **faulty),
        measure(table_with(list(range(250, 350))), 8.0, "b", seed=1, **faulty),
        measure(table_with([]), 8.0, "c", seed=2, **normal),
    ]
    plans = [
        TablePlan.model_validate({"name": name, "file": name, "train_end": 0.5, **kind})
        for name, kind in (("a", faulty), ("b", faulty), ("c", normal))
    ]
    found = {each.method: each for each in score_groups(plans, tables, 100, 0.9)}
    assert found["forewarn"].figures["care"] > 0.9 > found["zscore"].figures["care"]
    assert (found["forewarn"].faulty, found["forewarn"].normal) == (2, 1)
    assert found["forewarn"].interval is not None
    assert score_groups(plans[:2], tables[:2], 100, 0.9) == ()
