"""The line that every evaluation shares: table -> windows -> split -> scaled -> model -> thresholds.

`retrain` calls it in a flow, where every step is a Prefect task. A fold of a backtest is one task and calls
it there, where the steps are plain functions: see `flows.steps`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from flows import steps
from schemas.alarm_record import AlarmRecord
from schemas.configuration import Configuration, ReadingsSection
from schemas.decision import Decision, Evidence
from schemas.detector import Detector
from schemas.evaluation import Evaluation, Threshold
from schemas.features import FeatureTable
from schemas.model import FittedModel, Material
from schemas.readings import KEPT_WITH_A_VERSION, Finding, LabelledReadings, RawTable, SensorReadings
from schemas.results import DataSummary, LeftOut
from schemas.scaling import Scaler
from schemas.windows import Split, Windows
from tasks.arrangement.arrange import take_found
from tasks.features.absurd import report_absurd_values
from tasks.labels.late_labels import drop_late_rows, report_late_labels
from tasks.models.members import report_left_out
from tasks.tables.columns import replace_columns
from tasks.times.parse import find_step_minutes


@dataclass(frozen=True, eq=False)
class Prepared:
    """A table before it is divided: the result of each step.

    `raw` is the table that the registered version is tested on; it holds the filled values under
    `readings.missing_values=forward_fill`, no value in the incomplete rows under `no_score`, and the replayed
    sensors under `readings.replay=causal`.
    """

    raw: RawTable
    readings: SensorReadings
    labelled: LabelledReadings
    features: FeatureTable
    windows: Windows


@dataclass(frozen=True, eq=False)
class Divided:
    """A prepared table, divided, and scaled with a scaler fitted on its training part.

    `findings` say which values the scaler was fitted without.
    """

    split: Split
    scaler: Scaler
    material: Material
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, eq=False)
class Adapted:
    """What of the settings can be done with the events of a divided table.

    Attributes:
        settings: The settings without the members of a join, and without the threshold rule, that need more
            events than there are.
        left_out: The members left out.
        findings: What was changed, and what cannot be said for lack of events.
    """

    settings: Configuration
    left_out: tuple[LeftOut, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, eq=False)
class Trained:
    """A fitted model with the scores of all windows, the thresholds and the evaluations.

    Attributes:
        model: The fitted model.
        scores: Scores of all windows, by scorer.
        thresholds: Thresholds chosen on validation, by scorer.
        held: Threshold that holds at each window, by scorer and part.
        evaluations: Metrics of the model and the controls.
    """

    model: FittedModel
    scores: dict[str, np.ndarray]
    thresholds: dict[str, Threshold]
    held: dict[str, dict[str, np.ndarray]]
    evaluations: dict[str, Evaluation]


@dataclass(frozen=True, eq=False)
class Judged:
    """A logged model, the evidence about it, and the decision.

    `record` is what its alarms caught in the test, and `kind` the key of the versions that are tested alike.
    """

    model_id: str
    kind: str
    record: AlarmRecord
    evidence: Evidence
    decision: Decision


def arrange_table(raw: RawTable, settings: Configuration) -> tuple[RawTable, ReadingsSection]:
    """Arrange a table as loaded: a row per time and a column per sensor, with its events marked by 0 and 1.

    Returns:
        The table, and the settings with those found in it; they name its label column: None if it has no
        labels.

    Raises:
        InputError: If the table cannot be arranged, the file of events cannot be read, or labels do not tell
            events.
    """
    raw = steps.arrange_rows(raw, settings.readings)
    raw, section = steps.read_labels(raw, take_found(settings.readings, raw), settings.labels)
    raw, section = steps.merge_events_file(raw, section, settings.labels)
    return steps.resample_table(raw, section), section


def load_table(source: str, settings: Configuration) -> tuple[RawTable, SensorReadings]:
    """Read and check a table, without its newest rows if they have no label yet; replay it if configured.

    Raises:
        InputError: If the table cannot be used, for example because rows of it lie in the future.
    """
    received, section = arrange_table(steps.load_readings(source, settings.readings), settings)
    raw = drop_late_rows(received, section)
    checked = steps.check_readings(raw, section, are_event_rows_kept=settings.labels.are_event_rows_kept)
    readings = steps.merge_events(checked, settings.labels.merge_minutes)
    raw = mark_rows_between(raw, section, checked, readings)
    readings = report_late_labels(readings, received, section)
    steps.refuse_future_rows(readings, datetime.now(UTC))
    if settings.readings.replay == "causal":
        readings = steps.replay_causally(readings)
    if settings.readings.replay == "causal" or settings.readings.missing_values != "refuse":
        # a part of the table may begin with a value that was filled from the rows before, and a row that was
        # left out must not have a score later, when a sensor may be dead
        raw = steps.replace_sensors(raw, readings)
    return raw, readings


def mark_rows_between(
    raw: RawTable, section: ReadingsSection, checked: SensorReadings, merged: SensorReadings
) -> RawTable:
    """Mark the rows between joined event rows in the table too, which the registered version is tested on."""
    if section.label_column is None or np.array_equal(checked.events, merged.events):
        return raw
    return replace(raw, table=replace_columns(raw.table, {section.label_column: merged.events}))


def prepare(raw: RawTable, readings: SensorReadings, settings: Configuration) -> Prepared:
    """Label checked readings, compute their features and make windows."""
    labelled = steps.label_ahead(
        readings,
        settings.labels.rows_ahead,
        are_event_rows_kept=settings.labels.are_event_rows_kept,
        across_gaps=settings.labels.across_gaps,
    )
    features = steps.compute_features(labelled, settings.features)
    windows = steps.make_windows(labelled, settings.window_rows, settings.windows.convention)
    return Prepared(raw, readings, labelled, features, windows)


def scale(prepared: Prepared, split: Split, settings: Configuration) -> Divided:
    """Fit the scaler on normal training rows and scale all rows."""
    labelled, features = prepared.labelled, prepared.features
    rows = steps.choose_scaler_rows(split, labelled.labels, settings.features)
    absurd = steps.find_absurd_values(labelled, features, rows, settings.features)
    scaler = steps.fit_scaler(features, rows, settings.features.clip, absurd.is_touched)
    material = Material(
        rows=steps.scale_rows(scaler, features.values),
        columns=features.columns,
        train=split.train,
        validation=split.validation,
        window_rows=settings.window_rows,
        train_labels=steps.widen_labels(labelled, split.train, settings.model.warning_rows),
    )
    return Divided(split, scaler, material, report_absurd_values(absurd, len(rows)))


def adapt(prepared: Prepared, divided: Divided, settings: Configuration) -> Adapted:
    """Leave out what needs more events than the parts hold, and report it.

    Raises:
        InputError: If no member of a join is left.
    """
    split, labelled = divided.split, prepared.labelled
    model, left_out = steps.choose_members(divided.material.train_labels, settings.model)
    threshold, replaced = steps.choose_rule(settings.threshold, split, labelled)
    missing = steps.report_missing_events(split, labelled, settings.promotion.minimum_test_events)
    return Adapted(
        settings.model_copy(update={"model": model, "threshold": threshold}),
        left_out,
        (*split.findings, *missing, *map(report_left_out, left_out), *replaced),
    )


def fit(
    prepared: Prepared, divided: Divided, settings: Configuration, *, has_controls: bool = True
) -> tuple[FittedModel, dict[str, np.ndarray]]:
    """Fit the model, and score every window with it and, by default, with the controls."""
    model = steps.fit_model(divided.material, settings.model, settings.training)
    return model, score_all(model, prepared, divided, settings, has_controls=has_controls)


def score_all(
    model: FittedModel,
    prepared: Prepared,
    divided: Divided,
    settings: Configuration,
    *,
    has_controls: bool = True,
) -> dict[str, np.ndarray]:
    """Score every window with a fitted model and, by default, with the controls."""
    material, windows = divided.material, prepared.windows
    scores = {"model": steps.score_windows(model, material.rows, windows.end_rows)}
    if has_controls:
        scores |= steps.score_controls(material, windows, settings.model, settings.training.seed)
    return scores


def set_thresholds(
    prepared: Prepared, split: Split, scores: dict[str, np.ndarray], settings: Configuration
) -> tuple[dict[str, Threshold], dict[str, dict[str, np.ndarray]]]:
    """Choose thresholds on validation, and find the threshold that holds at each window of each part."""
    labelled, windows = prepared.labelled, prepared.windows
    thresholds = steps.choose_thresholds(
        scores, windows, split, labelled, settings.threshold, settings.evaluation.repeat_alarm_minutes
    )
    held = {
        name: steps.hold_thresholds(thresholds[name], of_all, windows, split, labelled)
        for name, of_all in scores.items()
    }
    return thresholds, held


def describe_detector(
    prepared: Prepared, divided: Divided, threshold: Threshold, settings: Configuration
) -> Detector:
    """Collect everything that a version needs besides the model; live tables are never replayed.

    The version reads cells and times as they were found in training, also where a batch does not tell it:
    with the day or the month first, for example.
    """
    found = prepared.readings
    kept = {
        name.removeprefix("readings."): value
        for name, value in found.found.items()
        if name in KEPT_WITH_A_VERSION
    }
    readings = settings.readings.change({**kept, "step_minutes": found.step_minutes, "replay": "none"})
    positive_values = found.found.get("labels.positive_values", settings.labels.positive_values)
    return Detector(
        readings=readings,
        positive_values=tuple(positive_values),
        merge_minutes=settings.labels.merge_minutes,
        are_event_rows_kept=settings.labels.are_event_rows_kept,
        features=settings.features,
        sensors=prepared.labelled.sensors,
        categories=prepared.labelled.categories,
        window_rows=settings.window_rows,
        convention=settings.windows.convention,
        scaler=divided.scaler,
        threshold=threshold,
        trained_step_minutes=find_step_minutes(found.times),
        units=dict(found.units),
    )


def summarise_data(
    prepared: Prepared, windows: dict[str, int], findings: tuple[Finding, ...] = ()
) -> DataSummary:
    """Summarise the data of a run.

    Args:
        prepared: The prepared table.
        windows: Numbers of windows, by purpose.
        findings: What later steps have found.
    """
    return DataSummary(
        source=prepared.raw.source,
        sha256=prepared.raw.sha256,
        rows=len(prepared.readings.times),
        events=len(prepared.labelled.event_times),
        segments=int(prepared.labelled.runs[-1]) + 1,
        windows=windows,
        findings=(*prepared.readings.findings, *findings),
        first_time=pd.Timestamp(prepared.readings.times[0]).isoformat(),
        last_time=pd.Timestamp(prepared.readings.times[-1]).isoformat(),
        time_format=prepared.readings.time_format,
    )
