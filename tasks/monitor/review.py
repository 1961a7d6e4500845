"""Review the champion on rows that it has not seen: windows, calibration, sensors and the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from schemas.configuration import EvaluationSection, MonitorSection
from schemas.monitoring import (
    Calibration,
    EventKind,
    FeatureDrift,
    LastEmission,
    Review,
    SensorIssue,
    Tested,
    WatchedRows,
    WatchedVersion,
)
from schemas.readings import Finding
from tasks.monitor.drift import find_feature_drift
from tasks.monitor.measure import calibrate, count_window_rows, cut_windows, format_time, measure_windows
from tasks.monitor.quality import count_training_rows, find_unusual_sensors
from tasks.monitor.recall import judge_recall
from tasks.monitor.recall_findings import describe_recall
from tasks.monitor.verdict import choose_reference, judge_drift

_SENSORS_SHOWN = 5
_KINDS = {
    "missing": "had missing values",
    "frozen": "stayed frozen for longer than ever in training",
    "out_of_range": "left the range seen in training",
    "step": "made larger steps than ever in training",
}


def review_champion(
    watched: WatchedRows,
    version: WatchedVersion,
    table: pd.DataFrame,
    last: Mapping[EventKind, LastEmission],
    monitor: MonitorSection,
    evaluation: EvaluationSection,
) -> Review:
    """Review the champion's scores, alarms and sensors on rows that it has not seen.

    Args:
        watched: The rows with its scores.
        version: The champion.
        table: The table before missing values were filled.
        last: The last event of each kind about this version, as far as there was one.
        monitor: Windows, bound, and the limits of findings.
        evaluation: How alarms are judged.
    """
    parts = cut_windows(watched, monitor.window_hours)
    reference = choose_reference(version, monitor)
    windows = measure_windows(watched, parts, reference, monitor, evaluation)
    data_end = format_time(watched.readings.times[-1])
    calibration = calibrate(watched, version, evaluation)
    training_rows = count_training_rows(watched.readings, version)
    # less than one window of training does not show what is usual
    training_rows *= training_rows >= count_window_rows(watched, monitor.window_hours)
    moved, tested = find_feature_drift(watched, parts, training_rows, monitor)
    issues = find_unusual_sensors(watched, parts, table, training_rows, monitor)
    recall = judge_recall(watched, version, last.get("recall"), data_end, monitor, evaluation)
    is_new = watched.start < len(watched.scores)
    return Review(
        rows=len(watched.readings.times),
        data_end=data_end,
        judged_from=format_time(watched.labelled.times[watched.start]) if is_new else None,
        reference=reference,
        reference_part=monitor.reference,
        windows=windows,
        calibration=calibration,
        feature_drift=moved,
        feature_test=tested,
        issues=issues,
        findings=(
            *_describe_calibration(calibration, watched),
            *describe_recall(recall),
            *_describe_issues(issues),
            *_describe_feature_drift(moved, tested, bool(parts)),
        ),
        verdict=judge_drift(windows, version, last.get("drift"), data_end, monitor),
        recall=recall,
    )


def _describe_calibration(calibration: Calibration | None, watched: WatchedRows) -> list[Finding]:
    """Report missing labels and events, and a false-alarm rate above the promise."""
    findings = []
    late = len(watched.scores) - max(watched.labelled_stop, watched.start)
    if not watched.labelled_stop:
        message = (
            "The table has no labels: drift alone is reviewed. Recall and the rate of false alarms are "
            "unknown, and every alarm in a window counts as false."
        )
        findings.append(Finding(check="no_labels", message=message))
    elif late > 0:
        message = (
            f"The newest {late:,} rows have no label yet: they count as normal in their windows, and are "
            "left out of recall and false-alarm rate."
        )
        findings.append(Finding(check="late_labels", message=message, details={"rows": late}))
    if calibration is None:
        return findings
    if not calibration.events:
        message = (
            "No event is known in the rows that the champion has not seen: recall is undefined, and every "
            "alarm counts as false."
        )
        findings.append(Finding(check="no_events", message=message))
    promised, bounds = (
        calibration.promised_false_alarms_per_day,
        calibration.intervals.get("false_alarms_per_day"),
    )
    if promised is not None and bounds is not None and bounds.low > promised:
        rate = calibration.metrics.false_alarms_per_day
        message = (
            f"More false alarms than promised: {rate:.1f} a day, with an interval from {bounds.low:.1f}, "
            f"where {promised:g} were promised."
        )
        findings.append(Finding(check="false_alarms", message=message))
    return findings


def _describe_issues(issues: Sequence[SensorIssue]) -> list[Finding]:
    """Report the sensors with each kind of issue, worst first."""
    findings = []
    for kind, text in _KINDS.items():
        found = sorted((issue for issue in issues if issue.kind == kind), key=lambda issue: -issue.worst)
        if found:
            names = tuple(issue.sensor for issue in found)
            message = f"{_count_sensors(names)} {text}: {_list_names(names)}."
            worst = {issue.sensor: issue.worst for issue in found}
            findings.append(Finding(check=kind, message=message, columns=names, details={"worst": worst}))
    return findings


def _describe_feature_drift(
    moved: Sequence[FeatureDrift], tested: Tested, has_windows: bool
) -> list[Finding]:
    """Report the sensors that have moved, or why this was not tested."""
    if tested != "tested":
        if not has_windows:
            return []
        reason = (
            "the table has no training rows of the champion, so levels, ranges and steps cannot be compared"
            if tested == "no training rows"
            else "there are too few windows to test all sensors"
        )
        return [Finding(check="feature_drift", message=f"Feature drift was not tested: {reason}.")]
    if not moved:
        return []
    names = tuple(found.sensor for found in moved)
    message = (
        f"{_count_sensors(names)} moved since training: "
        f"{_list_names([f'{found.sensor} by {found.shift:+.1f} deviations' for found in moved])}. "
        "This alone is no reason to retrain."
    )
    return [Finding(check="feature_drift", message=message, columns=names)]


def _count_sensors(names: Sequence[str]) -> str:
    return "1 sensor" if len(names) == 1 else f"{len(names)} sensors"


def _list_names(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_SENSORS_SHOWN])
    return shown if len(names) <= _SENSORS_SHOWN else f"{shown} and {len(names) - _SENSORS_SHOWN} more"
