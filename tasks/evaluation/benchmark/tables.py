"""The figures of all methods on one table, with every resample, and what is reported of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from schemas.backtest import FoldScores
from schemas.benchmark import MethodResult, TablePlan
from schemas.configuration import EvaluationSection
from schemas.errors import InputError
from schemas.evaluation import Interval
from schemas.readings import LabelledReadings
from tasks.alarms.episodes import select_events
from tasks.evaluation.backtest.trial import average_arrays
from tasks.evaluation.benchmark.assets import judge_stream
from tasks.evaluation.benchmark.figures import measure_stream
from tasks.evaluation.benchmark.streams import Stream, join_folds
from tasks.evaluation.bootstrap import draw_weights, take_interval
from tasks.evaluation.care import AssetFigures
from tasks.evaluation.evaluate import BOOTSTRAP_SEED, find_blocks
from tasks.evaluation.ranges import find_event_ranges

# with fewer events in the test, the figures that depend on them have no interval
LEAST_EVENTS = 2


@dataclass(frozen=True, eq=False)
class TableFigures:
    """What was measured on one table.

    Attributes:
        name: Name of the table.
        rows: Rows that every method scores.
        events: Events of the test.
        prevalence: Share of the rows that are positive.
        figures: By method, then by figure, the figure of the test and of every resample of it, by seed,
            shape (seeds, 1 + samples); NaN where undefined.
        assets: How each method is judged on the asset, by seed; empty without a group.
    """

    name: str
    rows: int
    events: int
    prevalence: float
    figures: Mapping[str, Mapping[str, np.ndarray]]
    assets: Mapping[str, Sequence[AssetFigures]]


def measure_table(
    plan: TablePlan,
    results: Sequence[FoldScores],
    labelled: LabelledReadings,
    section: EvaluationSection,
    critical_minutes: float,
) -> TableFigures:
    """Measure every method on one table, on the same rows and with the same resamples.

    Args:
        plan: The table's plan.
        results: Scores of every method, fold and seed.
        labelled: All rows and events.
        section: Rates, horizon, repeats, and the bootstrap.
        critical_minutes: Criticality at which an asset counts as faulty, in minutes of alarms.

    Raises:
        InputError: If the test holds no positive row or no normal one, and is not that of a normal asset.
    """
    streams = join_folds(results, labelled)
    part = next(iter(streams.values()))[0].part
    events = len(select_events(labelled, part))
    if plan.asset != "normal" and not (events and part.has_both_classes):
        raise InputError(
            f"The test of a table must hold events and normal rows. That of {plan.name} holds {events:,} "
            f"events and {int((~part.labels).sum()):,} normal rows. Choose an earlier `train_end`, or "
            "describe the table's labels in its `settings`."
        )
    ranges = find_event_ranges(part, labelled) - part.start
    blocks, number = find_blocks(part, labelled)
    draws = draw_weights(number, section.bootstrap_samples, BOOTSTRAP_SEED)
    weights = np.vstack([np.ones(number), draws])

    def measure(of_method: Sequence[Stream]) -> dict[str, np.ndarray]:
        of_seeds = [
            measure_stream(stream, labelled, blocks[part.start : part.stop], weights, section)
            for stream in of_method
        ]
        return {name: np.stack([each[name] for each in of_seeds]) for name in of_seeds[0]}

    critical_rows = max(1, round(critical_minutes / labelled.step_minutes))
    return TableFigures(
        name=plan.name,
        rows=len(part.end_rows),
        events=events,
        prevalence=float(part.labels.mean()),
        figures={method: measure(of_method) for method, of_method in streams.items()},
        assets={
            method: [judge_stream(stream, ranges, critical_rows, plan.asset) for stream in of_method]
            for method, of_method in streams.items()
            if plan.asset is not None
        },
    )


def describe_methods(
    table: TableFigures, seconds: Mapping[str, float], confidence: float
) -> tuple[MethodResult, ...]:
    """Describe the figures of each method as means over seeds.

    Args:
        table: What was measured.
        seconds: Seconds of training by method; controls have none of their own.
        confidence: Coverage of the intervals.
    """
    return tuple(
        MethodResult(
            method=method,
            figures={name: find_mean(values) for name, values in figures.items()},
            intervals=_take_intervals(figures, table.events, confidence),
            seconds=seconds.get(method),
        )
        for method, figures in table.figures.items()
    )


def find_mean(values: np.ndarray) -> float | None:
    """Find the mean over seeds of a figure without resampling, from shape (seeds, 1 + samples)."""
    mean = float(average_arrays(values[:, 0]))
    return mean if np.isfinite(mean) else None


def _take_intervals(figures: Mapping[str, np.ndarray], events: int, confidence: float) -> dict[str, Interval]:
    """Take the intervals of the means over seeds; figures of too few events have none."""
    intervals = {}
    for name, values in figures.items():
        has_enough = events >= LEAST_EVENTS or name == "false_alarms_per_day"
        interval = take_interval(average_arrays(values[:, 1:]), confidence) if has_enough else None
        if interval is not None and find_mean(values) is not None:
            intervals[name] = interval
    return intervals
