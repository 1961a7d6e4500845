"""Carry windows, features and thresholds over from one batch to the next, through a file if need be."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

import numpy as np
import pandas as pd

from schemas.detector import Detector
from schemas.errors import InputError
from schemas.evaluation import RecentScores, Threshold
from schemas.scores import FORMAT_VERSION, Bookmark, CarriedRows, FileMark, PinnedVersion, SortedRows
from schemas.state import ScoringState


def carry_history(
    detector: Detector, version: PinnedVersion, bookmark: Bookmark | None, first_time: np.datetime64
) -> ScoringState:
    """Tell what scoring starts from: history, and the threshold that holds.

    The same version goes on where it stood. Another one takes the rows as history, as far as they have what
    it needs, and starts from its own threshold, as the first version does. Scores of training that are not
    older than the first row are left out of it: they are nothing that was known then.

    Args:
        detector: Settings of the version.
        version: The version.
        bookmark: Where scoring stands, or none before the first batch.
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
    """Tell where scoring stands after a batch.

    Args:
        bookmark: Where it stood before; the marks of its files stay.
        version: The version that scored the batch.
        detector: Its settings.
        state: What it carries over.
        rows: The batch, for the holes that were filled.
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
    )


def forget_later_scores(threshold: Threshold, first_time: np.datetime64) -> Threshold:
    """Leave out the recent scores that are not older than a time."""
    if threshold.trailing is None:
        return threshold
    recent = threshold.trailing.recent
    begin = first_time.astype("datetime64[ns]").astype(np.int64)
    older = int(np.searchsorted(np.array(recent.times, dtype=np.int64), begin))
    kept = RecentScores(times=recent.times[:older], runs=recent.runs[:older], scores=recent.scores[:older])
    trailing = threshold.trailing.model_copy(update={"recent": kept})
    return threshold.model_copy(update={"trailing": trailing})


def keep_rows(rows: pd.DataFrame, detector: Detector) -> CarriedRows:
    """Take a table by the version's names apart, so that another version can read it by its own."""
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
    """Put a table by a version's names together; only the rows that have all that it needs.

    Returns:
        The table, or none where there is no such row.
    """
    has_sensors = set(detector.sensors) <= set(carried.values.columns)
    if not (has_sensors and set(detector.categories) <= set(carried.categories.columns)):
        return None
    parts: dict[str, Any] = {detector.readings.time_column: carried.times}
    if detector.readings.label_column is not None:
        parts[detector.readings.label_column] = carried.events.astype(np.int64)
    values = carried.values[[name for name in carried.values.columns if name not in detector.categories]]
    rows = pd.concat([pd.DataFrame(parts), values, carried.categories[list(detector.categories)]], axis=1)
    rows = rows[rows[list(detector.sensors)].notna().all(axis=1)]
    return rows if len(rows) else None


def format_bookmark(bookmark: Bookmark) -> bytes:
    """Write a bookmark as JSON; every number comes back as the very same."""
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
    }
    return (json.dumps(content, ensure_ascii=False) + "\n").encode()


_PARTS = ("threshold", "carried", "output", "set_aside")


def read_bookmark(content: bytes, source: str) -> Bookmark:
    """Read what `format_bookmark` wrote.

    Args:
        content: The bytes.
        source: What messages call them.

    Raises:
        InputError: If they are something else.
    """
    try:
        fields = json.loads(content)
        if (found := fields.pop("format_version")) != FORMAT_VERSION:
            raise InputError(
                f"The state of an output must have format version {FORMAT_VERSION}. {source} has {found}. "
                "Use the release of forewarn that wrote it, or score into a new `--out`."
            )
        fields["threshold"] = Threshold.model_validate(fields["threshold"])
        fields["carried"] = _read_rows(fields["carried"])
        fields["columns"] = tuple(fields["columns"])
        fields["output"] = FileMark(**fields["output"])
        fields["set_aside"] = FileMark(**fields["set_aside"])
        return Bookmark(**fields)
    except InputError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{source} must be the state that `forewarn score` left beside its output. It cannot be read as "
            f"such ({error}). Restore it, or move it away together with the output to start anew."
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


def _list_texts(column: pd.Series) -> list[str | None]:
    return [None if pd.isna(text) else text for text in column]


def _list_numbers(column: pd.Series) -> list[float | None]:
    return [None if math.isnan(number) else number for number in column.tolist()]
