"""Score: turn new readings into scores and alarms, batch by batch, each row once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
from prefect import flow

from flows import steps
from flows.environment import find_home
from flows.progress import Stopwatch
from schemas.configuration import DEFAULTS, Configuration
from schemas.detector import Detector
from schemas.errors import InputError
from schemas.model import FittedModel
from schemas.readings import UNFINISHED_LINE, RawTable, Source
from schemas.scores import (
    Bookmark,
    LastAlarm,
    OpenedOutput,
    PinnedVersion,
    Places,
    ScoreResult,
    SortedRows,
    WaitingRows,
)
from tasks.arrangement.arrange import take_found
from tasks.arrangement.waiting_rows import are_same
from tasks.readings.units import report_other_units
from tasks.scoring.append import find_places, hold_output
from tasks.scoring.notes import describe_batch_notes
from tasks.scoring.reading_settings import take_missing_settings
from tasks.tables.format import count_rows


@dataclass(frozen=True, eq=False)
class Scorer:
    """A loaded version."""

    version: PinnedVersion
    detector: Detector
    model: FittedModel


@dataclass(frozen=True, eq=False)
class Batch:
    """A scored batch: the output before it, its rows sorted by fate, the scored rows, the state after it."""

    opened: OpenedOutput
    raw: RawTable
    rows: SortedRows
    scored: pd.DataFrame
    bookmark: Bookmark | None
    waiting: WaitingRows | None = None


@flow(name="score", persist_result=False)
def score(
    data: Source, out: Path, model_uri: str | None = None, configuration: Configuration = DEFAULTS
) -> ScoreResult:
    """Score the new rows of a table and append them to an output.

    The version is pinned by its number at the start. Windows, features and thresholds continue where the last
    batch ended; rows that were scored before are skipped, and rows that cannot be scored are set aside.

    Args:
        data: Source of the readings: a file, folder, pattern, address of a database, or `-`.
        out: The output, `.csv` or `.parquet`; its state and the rows set aside are in files next to it.
        model_uri: The version, or none for the champion.
        configuration: How the table is read, and the registered model.

    Returns:
        Counts of the rows read, scored and set aside.

    Raises:
        InputError: If the table, the output or the version cannot be used; nothing has been written.
        StoreUnreachableError: If the tracking store does not answer, or another process holds the output.
    """
    clock = Stopwatch()
    places, home = find_places(out), find_home()
    client, _ = steps.open_store(steps.find_tracking_uri(home), configuration.tracking.experiment, home)
    version = steps.resolve_version(
        client, model_uri or f"models:/{configuration.tracking.model_name}@champion"
    )
    detector, model = steps.load_version(version.uri)
    clock.lap("model", f"version {version.number} of {version.name}, requested as {version.asked}")
    with hold_output(places):
        batch = add_batch(Scorer(version, detector, model), data, places, configuration)
    clock.lap("score", f"{len(batch.scored):,} new rows, {len(batch.rows.set_aside):,} set aside")
    return describe_batch(batch, version, places, dict(clock.seconds))


def add_batch(
    scorer: Scorer,
    data: str,
    places: Places,
    configuration: Configuration,
    now: datetime | None = None,
) -> Batch:
    """Score a table of new readings and append the scores to the output.

    Args:
        scorer: The version.
        data: The table.
        places: The output; the caller holds its lock.
        configuration: How the table is read.
        now: Current time, with its zone; the machine's clock by default.
    """
    version = scorer.version
    now = now or datetime.now(UTC)
    section = steps.choose_reading_settings(scorer.detector, configuration)
    detector = take_missing_settings(scorer.detector, section)
    opened = steps.open_output(places)
    require_same_model(opened.bookmark, version, places)
    loaded = report_other_units(steps.load_readings(data, section, is_growing=True), detector.units)
    loaded = steps.mark_later_events(loaded, section, detector, configuration.labels)
    arranged = steps.arrange_batch(loaded, section, detector, opened, now)
    raw, waiting = arranged.raw, arranged.waiting
    section = take_found(section, raw)
    raw, section = steps.merge_events_file(raw, section, configuration.labels)
    rows = steps.set_rows_aside(raw, detector, section, opened, now)
    scored, bookmark = pd.DataFrame(), opened.bookmark
    if len(rows.usable):
        first_time = rows.usable[detector.readings.time_column].iloc[0].to_datetime64()
        state = steps.carry_history(detector, version, bookmark, first_time)
        found, state = steps.score_next_rows(detector, scorer.model, state, rows.usable)
        scored = steps.make_output_rows(found, detector, version, bookmark, now)
        bookmark = steps.advance_bookmark(bookmark, version, detector, state, rows, scored)
    if not are_same(waiting, opened.waiting):
        bookmark = steps.keep_waiting_rows(bookmark, version, detector, waiting)
    if bookmark is not None and (bookmark is not opened.bookmark or len(rows.set_aside)):
        aside = steps.make_set_aside_rows(rows.set_aside, raw.source, now)
        bookmark = steps.append_batch(places, opened, bookmark, scored, aside)
    return Batch(opened, raw, rows, scored, bookmark, waiting)


def require_same_model(bookmark: Bookmark | None, version: PinnedVersion, places: Places) -> None:
    """Refuse to mix versions of two registered models: their version numbers would be ambiguous.

    Raises:
        InputError: If the output belongs to another registered model.
    """
    if bookmark is not None and bookmark.model_name != version.name:
        raise InputError(
            f"{places.out} can only be continued by versions of the registered model {bookmark.model_name}, "
            f"which started it. Received {version.asked}. Choose another `--out`, or another `--model`."
        )


def describe_batch(
    batch: Batch, version: PinnedVersion, places: Places, seconds: dict[str, float]
) -> ScoreResult:
    """Collect the result of the command."""
    before, after, scored, rows = batch.opened.bookmark, batch.bookmark, batch.scored, batch.rows
    has_rows = len(scored) > 0
    with_score = int(scored["score"].notna().sum()) if has_rows else 0
    previous = None if before is None else before.model_version
    return ScoreResult(
        out=str(places.out),
        set_aside_file=str(places.set_aside),
        state_file=str(places.state),
        model_name=version.name,
        model_version=version.number,
        model_uri=version.uri,
        previous_version=previous,
        is_version_changed=previous not in (None, version.number),
        data=batch.raw.source,
        data_sha256=batch.raw.sha256,
        rows_read=len(batch.raw.table),
        rows_scored=with_score,
        rows_without_history=len(scored) - with_score,
        rows_incomplete=rows.incomplete,
        dead_sensors=rows.dead,
        rows_skipped=rows.skipped,
        rows_changed=rows.changed,
        rows_set_aside=len(rows.set_aside),
        rows_skipped_set_aside=rows.skipped_set_aside,
        reasons=rows.reasons,
        rows_sorted=rows.sorted_rows,
        rows_waiting=sum(finding.check == UNFINISHED_LINE for finding in batch.raw.findings)
        + (0 if batch.waiting is None else len(batch.waiting.times)),
        notes=describe_batch_notes(batch.raw, rows),
        rows_carried_over=0 if before is None else len(before.carried.times),
        alarms=int(scored["alarm"].sum()) if has_rows else 0,
        episodes=(after.episodes if after else 0) - (before.episodes if before else 0),
        rows_of_output=after.rows if after else 0,
        episodes_of_output=after.episodes if after else 0,
        first_time=scored["time"].iloc[0].isoformat() if has_rows else None,
        last_time=scored["time"].iloc[-1].isoformat() if has_rows else None,
        last_alarm=describe_last_alarm(scored) if has_rows else None,
        seconds=seconds,
    )


def describe_last_alarm(scored: pd.DataFrame) -> LastAlarm | None:
    """Describe the last alarm among scored rows, or return none if there is no alarm."""
    alarms = scored[scored["alarm"].to_numpy(dtype=bool)]
    if not len(alarms):
        return None
    last = alarms.iloc[-1]
    return LastAlarm(
        time=last["time"].isoformat(),
        score=float(last["score"]),
        threshold=float(last["threshold"]),
        episode=int(last["episode"]),
        top_sensors=str(last["top_sensors"]),
    )


def summarise_scoring(result: ScoreResult) -> str:
    """Write the summary that `forewarn score` prints."""
    added = result.rows_scored + result.rows_without_history
    lines = [
        "",
        f"Read        {result.data}, {count_rows(result.rows_read)}",
        f"Model       version {result.model_version} of {result.model_name}",
    ]
    if result.is_version_changed:
        lines.append(
            f"            changed since the last batch, which version {result.previous_version} scored: that "
            "batch serves as history, the threshold starts again"
        )
    if not result.rows_read:
        lines.append(
            "            the table has no rows: there is nothing to score, as when the plant stands still"
        )
    lines.append(f"Added       {count_rows(added)} to {result.out}, {count_rows(result.rows_of_output)} now")
    if added:
        lines.append(f"            from {result.first_time} to {result.last_time}")
    if result.rows_without_history:
        which = f"{result.rows_without_history:,} of them" if result.rows_scored else "all of them"
        lines.append(
            f"            {which} without a score: too few rows since the last gap, or a known event"
        )
    if result.rows_incomplete:
        lines.append(
            f"            {result.rows_incomplete:,} of them because a sensor has no value "
            "(`readings.missing_values` is no_score)"
        )
    if result.rows_skipped + result.rows_skipped_set_aside:
        lines.append(
            f"Skipped     {count_rows(result.rows_skipped)} scored before, "
            f"{result.rows_skipped_set_aside:,} set aside before"
        )
    if result.rows_set_aside:
        lines.append(
            f"Set aside   {count_rows(result.rows_set_aside)} that cannot be scored, in "
            f"{result.set_aside_file}"
        )
        lines += [
            f"            - {reason}, {count_rows(rows)}" for reason, rows in _list_reasons(result.reasons)
        ]
    lines += [f"Note        {note}" for note in result.notes]
    lines.append(f"Alarms      {count_rows(result.alarms)} in {result.episodes:,} new episodes")
    if result.last_alarm is not None:
        last = result.last_alarm
        lines.append(
            f"Last alarm  {last.time}, episode {last.episode}: score {last.score:.4g} at or above "
            f"{last.threshold:.4g}; sensors {last.top_sensors}"
        )
    return "\n".join(lines)


def _list_reasons(reasons: dict[str, int]) -> list[tuple[str, int]]:
    """List the ten most frequent reasons, most frequent first."""
    return sorted(reasons.items(), key=lambda item: -item[1])[:10]
