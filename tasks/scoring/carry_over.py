"""Carry history and thresholds over from one batch to the next, and save them to a state file."""

from __future__ import annotations

import base64
import dataclasses
import json
import math
from typing import Any

import numpy as np
import pandas as pd

from schemas.detector import Detector
from schemas.errors import InputError
from schemas.evaluation import Threshold
from schemas.scores import (
    FORMAT_VERSION,
    READABLE_VERSIONS,
    Bookmark,
    CarriedRows,
    FileMark,
    KnownRows,
    PinnedVersion,
    SortedRows,
    WaitingRows,
)
from schemas.state import ScoringState
from tasks.alarms.recalibrate import forget_later_scores
from tasks.times.parse import number_runs
from tasks.times.time_zones import mark_as_utc
from tasks.values.fill import hold_last_values
from tasks.values.incomplete import count_missing_at_most


def carry_history(
    detector: Detector, version: PinnedVersion, bookmark: Bookmark | None, first_time: np.datetime64
) -> ScoringState:
    """Return the state that scoring starts from: history, and the current threshold.

    The same version continues with the bookmark's threshold. Another version takes the carried rows as
    history, if they have all columns that it needs, and starts from its own threshold, as the first version
    does. That threshold keeps only recent scores older than the first row: later ones were not known then.

    Args:
        detector: Settings of the version.
        version: The version.
        bookmark: State of scoring after the last batch, or none before the first batch.
        first_time: Time of the first row to score.
    """
    rows = None if bookmark is None else restore_rows(bookmark.carried, detector)
    if bookmark is not None and bookmark.model_version == version.number:
        return ScoringState(rows=rows, threshold=bookmark.threshold)
    return ScoringState(rows=rows, threshold=forget_later_scores(detector.threshold, first_time))


def advance_bookmark(
    bookmark: Bookmark | None,
    version: PinnedVersion,
    detector: Detector,
    state: ScoringState,
    rows: SortedRows,
    scored: pd.DataFrame,
) -> Bookmark:
    """Make the bookmark after a batch.

    Args:
        bookmark: Bookmark before the batch, or none; its file marks are kept.
        version: The version that scored the batch.
        detector: Settings of the version.
        state: State to carry over.
        rows: The batch, with its usable rows and `held_rows`.
        scored: The rows of the batch as they are written, at least one.
    """
    numbers = scored["episode"].dropna()
    before = 0 if bookmark is None else bookmark.episodes
    return Bookmark(
        model_name=version.name,
        model_version=version.number,
        threshold=state.threshold,
        carried=keep_rows(rows.usable if state.rows is None else state.rows, detector),
        held_rows=rows.held_rows,
        rows=len(scored) + (0 if bookmark is None else bookmark.rows),
        episodes=int(numbers.iloc[-1]) if len(numbers) else before,
        is_alarm=bool(scored["alarm"].iloc[-1]),
        columns=tuple(scored.columns),
        output=FileMark() if bookmark is None else bookmark.output,
        set_aside=FileMark() if bookmark is None else bookmark.set_aside,
        known=rows.known,
    )


def keep_waiting_rows(
    bookmark: Bookmark | None, version: PinnedVersion, detector: Detector, waiting: WaitingRows | None
) -> Bookmark:
    """Remember the rows that wait for the next batch, even before the first row is scored."""
    if bookmark is not None:
        return dataclasses.replace(bookmark, waiting=waiting)
    nothing = pd.DataFrame()
    return Bookmark(
        model_name=version.name,
        model_version=version.number,
        threshold=detector.threshold,
        carried=CarriedRows(np.zeros(0, "datetime64[ns]"), np.zeros(0, bool), nothing, nothing),
        held_rows={},
        rows=0,
        episodes=0,
        is_alarm=False,
        columns=(),
        output=FileMark(),
        set_aside=FileMark(),
        waiting=waiting,
    )


def keep_rows(rows: pd.DataFrame, detector: Detector) -> CarriedRows:
    """Store rows independently of a version's column names, so that another version can use its own names."""
    time_column, label_column = detector.readings.time_column, detector.readings.label_column
    others = [time_column, *detector.categories]
    events = np.zeros(len(rows), dtype=bool)
    if label_column is not None:
        others.append(label_column)
        events = rows[label_column].to_numpy() == 1
    return CarriedRows(
        times=rows[time_column].to_numpy("datetime64[ns]"),
        events=events,
        values=rows.drop(columns=others).reset_index(drop=True),
        categories=rows[list(detector.categories)].reset_index(drop=True),
    )


def restore_rows(carried: CarriedRows, detector: Detector) -> pd.DataFrame | None:
    """Rebuild carried rows as a table with a version's column names, without rows that it cannot use.

    Returns:
        The table, or none if no row is left.
    """
    has_sensors = set(detector.sensors) <= set(carried.values.columns)
    if not (has_sensors and set(detector.categories) <= set(carried.categories.columns)):
        return None
    times = mark_as_utc(pd.Series(carried.times), detector.readings.time_zone)
    parts: dict[str, Any] = {detector.readings.time_column: times}
    if detector.readings.label_column is not None:
        parts[detector.readings.label_column] = carried.events
    values = carried.values[[name for name in carried.values.columns if name not in detector.categories]]
    rows = pd.concat([pd.DataFrame(parts), values, carried.categories[list(detector.categories)]], axis=1)
    rows = rows[~_find_unusable_rows(rows, carried.times, carried.events, detector)]
    return rows if len(rows) else None


def _find_unusable_rows(
    rows: pd.DataFrame, times: np.ndarray, events: np.ndarray, detector: Detector
) -> np.ndarray:
    """Find the rows that miss more values than a version allows, bool, shape (rows,)."""
    section, values = detector.readings, rows[list(detector.sensors)].to_numpy(np.float64)
    if section.missing_values == "no_score":
        return np.zeros(len(rows), dtype=bool)
    if section.missing_values == "forward_fill":
        runs = number_runs(times, section.step_minutes or math.nan)
        values = hold_last_values(values, runs, section.fill_rows_at_most)
    at_most = count_missing_at_most(section, len(detector.sensors), is_live=True)
    is_left_out = events & (not detector.are_event_rows_kept)
    return (np.isnan(values).sum(axis=1) > at_most) & ~is_left_out


def format_bookmark(bookmark: Bookmark) -> bytes:
    """Format a bookmark as JSON, from which every number is read back exactly."""
    carried = bookmark.carried
    content = {
        "format_version": FORMAT_VERSION,
        **{name: value for name, value in vars(bookmark).items() if name not in _PARTS},
        "threshold": bookmark.threshold.model_dump(),
        "carried": {
            "times": carried.times.astype(np.int64).tolist(),
            "events": carried.events.tolist(),
            "values": {name: _list_numbers(carried.values[name]) for name in carried.values.columns},
            "categories": {
                name: _list_texts(carried.categories[name]) for name in carried.categories.columns
            },
        },
        "output": dataclasses.asdict(bookmark.output),
        "set_aside": dataclasses.asdict(bookmark.set_aside),
        "known": {
            "columns": bookmark.known.columns,
            "hashes": base64.b64encode(bookmark.known.hashes.astype("<u8").tobytes()).decode(),
            "are_zoned": bookmark.known.are_zoned,
        },
        "waiting": _list_waiting_rows(bookmark.waiting),
    }
    return (json.dumps(content, ensure_ascii=False) + "\n").encode()


_PARTS = ("threshold", "carried", "output", "set_aside", "known", "waiting")


def read_bookmark(content: bytes, source: str) -> Bookmark:
    """Read what `format_bookmark` wrote.

    Args:
        content: The bytes.
        source: Name of their source, for messages.

    Raises:
        InputError: If the content is not a bookmark of a format version that can be read.
    """
    try:
        fields = json.loads(content)
        if (found := fields.pop("format_version")) not in READABLE_VERSIONS:
            readable = " or ".join(map(str, READABLE_VERSIONS))
            raise InputError(
                f"The state of an output must have format version {readable}. {source} has {found}. "
                "Use the release of forewarn that wrote it, or score into a new `--out`."
            )
        fields["threshold"] = Threshold.model_validate(fields["threshold"])
        fields["carried"] = _read_rows(fields["carried"])
        fields["columns"] = tuple(fields["columns"])
        fields["output"] = FileMark(**fields["output"])
        fields["set_aside"] = FileMark(**fields["set_aside"])
        if found != 1:
            fields["known"] = _read_known_rows(fields["known"])
        if fields.get("waiting") is not None:
            fields["waiting"] = _read_waiting_rows(fields["waiting"])
        return Bookmark(**fields)
    except InputError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{source} must be the state file that `forewarn score` wrote next to its output. It cannot be "
            f"read ({error}). Restore it, or move it and the output away to start again."
        ) from error


def _read_rows(fields: dict[str, Any]) -> CarriedRows:
    times = np.array(fields["times"], dtype=np.int64).astype("datetime64[ns]")
    index = pd.RangeIndex(len(times))
    return CarriedRows(
        times=times,
        events=np.array(fields["events"], dtype=bool),
        values=pd.DataFrame(fields["values"], index=index, dtype=np.float64),
        categories=pd.DataFrame(fields["categories"], index=index, dtype=object),
    )


def _read_known_rows(fields: dict[str, Any]) -> KnownRows:
    hashes = np.frombuffer(base64.b64decode(fields["hashes"], validate=True), dtype="<u8").astype(np.uint64)
    return KnownRows(tuple(fields["columns"]), hashes, fields["are_zoned"])


def _list_waiting_rows(waiting: WaitingRows | None) -> dict[str, Any] | None:
    if waiting is None:
        return None
    return {"times": waiting.times.astype(np.int64).tolist(), "columns": waiting.columns}


def _read_waiting_rows(fields: dict[str, Any]) -> WaitingRows:
    times = np.array(fields["times"], dtype=np.int64).astype("datetime64[ns]")
    return WaitingRows(times, fields["columns"])


def _list_texts(column: pd.Series) -> list[str | None]:
    return [None if pd.isna(text) else text for text in column]


def _list_numbers(column: pd.Series) -> list[float | None]:
    return [None if math.isnan(number) else number for number in column.tolist()]
