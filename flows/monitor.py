"""Monitor: review the champion on rows after its training data, and report drift and low recall."""

from __future__ import annotations

from prefect import flow
from prefect.artifacts import create_table_artifact

from flows import steps
from flows.environment import find_home
from flows.prefect.events import DRIFT_EVENT, INCIDENT_EVENT, RECALL_EVENT, send_event
from flows.progress import Stopwatch
from flows.recorded_run import Run, recorded_run
from schemas.configuration import DEFAULTS, Configuration, MonitorSection, ReadingsSection
from schemas.detector import Detector
from schemas.errors import InputError
from schemas.monitoring import EventKind, MonitorResult, MonitorWindow, Review, Status, WatchedVersion
from schemas.readings import RawTable, SensorReadings, Source
from tasks.arrangement.arrange import take_found
from tasks.monitor.watch import report_values_missed
from tasks.readings.units import report_other_units
from tasks.scoring.reading_settings import take_missing_settings
from tasks.values.incomplete import add_absent_sensors
from tasks.values.missing import blank_missing_words

EVENTS: dict[EventKind, str] = {"drift": DRIFT_EVENT, "recall": RECALL_EVENT}
_INCIDENT_CHARACTERS = 2_000
_WINDOWS_SHOWN = 12


@flow(name="monitor", persist_result=False)
def monitor(data: Source, configuration: Configuration = DEFAULTS) -> MonitorResult:
    """Review the champion on recent rows, and send an event if it has drifted or no longer warns.

    No alias is moved: drift triggers a retraining, and only the gate promotes its result. Low recall
    notifies a person.

    Args:
        data: Source of the readings, ideally the champion's training rows and all later ones.
            Labels of the newest rows may still be missing.
        configuration: How the table is read, the registered model, and what counts as drift.

    Returns:
        The review, and the ids of the events that were sent.

    Raises:
        InputError: If there is no champion, or the table cannot be used, which is a data incident.
        StoreUnreachableError: If the tracking store does not answer, or Prefect does not record the event.
    """
    home, clock, tracking = find_home(), Stopwatch(), configuration.tracking
    client, _ = steps.open_store(steps.find_tracking_uri(home), tracking.experiment, home)
    version = steps.find_watched_version(client, tracking.model_name)
    loaded, model = steps.load_version(version.uri)
    clock.lap("model", f"version {version.number} of {version.name}")
    section = steps.choose_reading_settings(loaded, configuration)
    detector = take_missing_settings(loaded, section)
    raw = report_other_units(steps.load_readings(data, section, is_growing=True), detector.units)
    own = tracking.model_copy(update={"experiment": f"{tracking.experiment}-monitor"})
    tags = {"mlflow.source.name": "forewarn monitor", "model_version": version.number}
    with recorded_run(own, raw, tags) as run:
        steps.log_configuration(run.client, run.id, configuration)
        champion = (version, detector)
        raw, readings, labelled_stop = check_table(run, raw, section, champion, configuration)
        watched = steps.score_watched_rows(version, detector, model, raw, readings, labelled_stop)
        clock.lap(
            "score", f"{len(readings.times):,} rows, {len(watched.scores) - watched.start:,} of them new"
        )
        last = steps.find_last_emissions(run.client, own.experiment, version)
        received = add_absent_sensors(raw, section, detector.sensors)
        table, _ = blank_missing_words(received.table, detector.sensors, section)
        review = steps.review_champion(
            watched, version, table, last, configuration.monitor, configuration.evaluation
        )
        findings = (*raw.findings, *report_values_missed(readings, watched), *review.findings)
        review = review.model_copy(update={"findings": findings})
        plot = steps.render_monitor_plot(
            review, configuration.monitor.bound, version.promised_false_alarms_per_day
        )
        steps.log_review(run.client, run.id, version, review, plot)
        clock.lap("review", f"{len(review.windows)} windows, run {run.name}")
        sent = report_verdicts(run, version, review, configuration)
        result = MonitorResult(
            run_id=run.id,
            run_name=run.name,
            experiment=own.experiment,
            tracking_uri=run.tracking_uri,
            version=version,
            data=raw.source,
            data_sha256=raw.sha256,
            review=review,
            bound=configuration.monitor.bound,
            event_id=sent.get("drift"),
            recall_event_id=sent.get("recall"),
            seconds=dict(clock.seconds),
        )
    publish_table(result)
    return result


def check_table(
    run: Run,
    raw: RawTable,
    section: ReadingsSection,
    champion: tuple[WatchedVersion, Detector],
    configuration: Configuration,
) -> tuple[RawTable, SensorReadings, int]:
    """Arrange and check the table; report a failure as a data incident by its own event, never as drift."""
    version, detector = champion
    try:
        raw = steps.arrange_rows(raw, section, detector.sensors)
        section = take_found(section, raw)
        raw = steps.mark_later_events(raw, section, detector, configuration.labels)
        raw, section = steps.merge_events_file(raw, section, configuration.labels)
        raw = steps.resample_table(raw, section)
        readings, stop = steps.check_watched_table(raw, section, detector, version.last_seen)
    except InputError as error:
        message = str(error)[:_INCIDENT_CHARACTERS]
        steps.tag_run(run.client, run.id, {"incident": message})
        name = configuration.tracking.model_name
        send_event(
            INCIDENT_EVENT,
            {"prefect.resource.id": f"forewarn.data.{name}", "prefect.resource.name": raw.source},
            {"data": raw.source, "data_sha256": raw.sha256, "message": message, "run_id": run.id},
            key=f"forewarn/{INCIDENT_EVENT}/{run.id}",
            timeout_seconds=configuration.monitor.event_seconds,
        )
        raise
    return raw, readings, stop


def report_verdicts(
    run: Run, version: WatchedVersion, review: Review, configuration: Configuration
) -> dict[EventKind, str]:
    """Send an event for each verdict that is confirmed, and log it once the server has recorded it.

    Returns:
        The ids of the events that were sent.
    """
    section = configuration.monitor
    payloads = {"drift": describe_drift(review, section), "recall": describe_recall(review)}
    verdicts: dict[EventKind, Status] = {"drift": review.verdict.status, "recall": review.recall.status}
    sent: dict[EventKind, str] = {}
    for kind in (kind for kind, status in verdicts.items() if status == "CONFIRMED"):
        sent[kind] = send_event(
            EVENTS[kind],
            {"prefect.resource.id": f"forewarn.model.{version.name}", "prefect.resource.name": version.name},
            {
                "model_name": version.name,
                "version": version.number,
                "data_end": review.data_end,
                "run_id": run.id,
                **payloads[kind],
            },
            key=f"forewarn/{EVENTS[kind]}/{run.tracking_uri}/{version.name}/{version.number}/"
            f"{review.data_end}",
            timeout_seconds=section.event_seconds,
        )
        steps.remember_emission(run.client, run.id, version, kind, review.data_end, sent[kind])
    return sent


def describe_drift(review: Review, section: MonitorSection) -> dict[str, str]:
    """Describe drift in the payload of its event."""
    verdict = review.verdict
    return {
        "ratio": f"{verdict.ratio or 0:.3f}",
        "bound": f"{section.bound:g}",
        "windows": f"{verdict.above} of the last {section.windows}",
    }


def describe_recall(review: Review) -> dict[str, str]:
    """Describe a recall that is too low in the payload of its event."""
    findings = [found.message for found in review.findings if found.check.startswith("recall_")]
    return {"reasons": ", ".join(review.recall.reasons), "message": " ".join(findings)}


def publish_table(result: MonitorResult) -> None:
    """Show the windows in the Prefect UI."""
    create_table_artifact(
        key="forewarn-monitor",
        table=[tabulate_window(window) for window in result.review.windows],
        description=f"{result.review.verdict.message} {result.review.recall.message} Version "
        f"{result.version.number}.",
    )


def tabulate_window(window: MonitorWindow) -> dict[str, str]:
    """Format one window as a table row."""
    return {
        "window": str(window.number),
        "from": window.first.replace("T", " ")[:16],
        "to": window.last.replace("T", " ")[:16],
        "normal rows": f"{window.normal_rows} of {window.rows}",
        "ratio": "-" if window.ratio is None else f"{window.ratio:.2f}{' !' if window.is_above else ''}",
        "false alarms a day": f"{window.false_alarms_per_day:.1f}",
        "events": str(window.events),
        "caught": str(window.caught),
        "in 20 min": str(window.caught_20min),
    }


def summarise_monitoring(result: MonitorResult) -> str:
    """Write the summary that `forewarn monitor` prints."""
    review, version = result.review, result.version
    lines = [
        "",
        f"Reviewed    {result.data}, {review.rows:,} rows until {review.data_end}",
        f"Champion    version {version.number} of {version.name}, fitted on rows until {version.last_seen}",
        *_write_reference(review, version),
        *_write_windows(review),
        *_write_calibration(review),
        *_write_verdicts(result),
    ]
    lines += [f"Finding     {finding.message}" for finding in review.findings]
    lines.append(f"Run         {result.run_name} ({result.run_id}) in experiment {result.experiment}")
    return "\n".join(lines)


def _write_verdicts(result: MonitorResult) -> list[str]:
    """Write the verdicts on drift and recall, and the events that were sent."""
    review = result.review
    return [
        f"Verdict     {review.verdict.message}",
        *_write_event("drift", result.event_id, review.verdict.cool_down_until),
        f"            {review.recall.message}",
        *_write_event("recall", result.recall_event_id, review.recall.cool_down_until),
    ]


def _write_event(kind: EventKind, event_id: str | None, until: str | None) -> list[str]:
    """Report an event, if it was sent."""
    if event_id is None:
        return []
    return [
        f"            Event {EVENTS[kind]} sent; no further event until the data reach {until}. The champion "
        "stays until another version is promoted."
    ]


def _write_reference(review: Review, version: WatchedVersion) -> list[str]:
    """Describe the reference that the ratios are relative to."""
    if review.reference is None:
        return []
    medians = {"train": version.train_median_score, "validation": version.normal_median_score}
    known = ", ".join(f"{part} {value:.4g}" for part, value in medians.items() if value is not None)
    return [
        f"Reference   median normal score {review.reference:.4g}, of the {review.reference_part} part "
        f"({known})"
    ]


def _write_windows(review: Review) -> list[str]:
    """Format the last windows as a table."""
    if not review.windows:
        return []
    rows = [tabulate_window(window) for window in review.windows[-_WINDOWS_SHOWN:]]
    widths = {name: max(len(name), *(len(row[name]) for row in rows)) for name in rows[0]}
    lines = ["", "  ".join(f"{name:>{width}}" for name, width in widths.items())]
    lines += ["  ".join(f"{row[name]:>{width}}" for name, width in widths.items()) for row in rows]
    left_out = len(review.windows) - len(rows)
    if left_out:
        lines.append(f"({left_out} earlier windows are in the run's monitoring.json)")
    return [*lines, ""]


def _write_calibration(review: Review) -> list[str]:
    """Compare the alarms on all new labelled rows with the promised rate."""
    found = review.calibration
    if found is None:
        return []
    metrics, promised = found.metrics, found.promised_false_alarms_per_day
    bounds = found.intervals.get("false_alarms_per_day")
    rate = "-" if metrics.false_alarms_per_day is None else f"{metrics.false_alarms_per_day:.1f}"
    spread = "" if bounds is None else f" ({bounds.low:.1f} to {bounds.high:.1f})"
    promise = "" if promised is None else f", {promised:g} promised"
    lines = [f"Alarms      {rate} false alarms a day{spread}{promise}, since {review.judged_from}"]
    if found.events and metrics.event_recall is not None and metrics.event_recall_20min is not None:
        lines.append(
            f"Recall      {metrics.event_recall:.0%} of {found.events} events within the version's horizon, "
            f"{metrics.event_recall_20min:.0%} within the longer one"
        )
        lines += [
            f"{'':<12}{_write_expected(review, 'random')} expected of as many random alarms, "
            f"{_write_expected(review, 'test')} in the version's own test"
        ]
    return lines


def _write_expected(review: Review, against: str) -> str:
    """Write the recall within both horizons that the champion's is compared with."""
    expected = [check.expected for check in review.recall.checks if check.against == against]
    return " and ".join("unknown" if value is None else f"{value:.0%}" for value in expected)
