"""Types of batch scoring: its output files, its state between batches, and its result."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from schemas.evaluation import Threshold

FORMAT_VERSION: Final = 3
# states of format 1 lack what is known of the rows of the output, and those of format 2 rows that wait
READABLE_VERSIONS: Final = (1, 2, FORMAT_VERSION)
NO_BYTES: Final = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


class PinnedVersion(BaseModel):
    """A registered version pinned by its number, so that a later move of the alias has no effect.

    Attributes:
        name: Registered model.
        number: Version number.
        asked: URI that was requested, such as `models:/forewarn@champion`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    number: str
    asked: str

    @property
    def uri(self) -> str:
        """URI of exactly this version."""
        return f"models:/{self.name}/{self.number}"


@dataclass(frozen=True)
class Places:
    """Paths of the output and of the files next to it.

    Attributes:
        out: Scores and alarms.
        set_aside: Rows that could not be scored, as CSV.
        state: State that the next batch starts from, and how much of the other files is valid.
        intent: The next state, written before the other files change; finally it replaces `state`.
        lock: Lock file, held while a batch is scored.
    """

    out: Path
    set_aside: Path
    state: Path
    intent: Path
    lock: Path


@dataclass(frozen=True)
class FileMark:
    """The valid part of a file: its size in bytes and the hash of these bytes; 0 bytes means no file."""

    size: int = 0
    sha256: str = NO_BYTES


@dataclass(frozen=True, eq=False)
class CarriedRows:
    """The last scored rows as read, with every numeric column, since a later version may need other ones.

    Attributes:
        times: `datetime64[ns]`, shape (rows,).
        events: Whether a row is a known event, bool, shape (rows,).
        values: float64, NaN where there was no number, one column per numeric column.
        categories: Text, None where missing, one column per categorical column.
    """

    times: np.ndarray
    events: np.ndarray
    values: pd.DataFrame
    categories: pd.DataFrame


@dataclass(frozen=True, eq=False)
class KnownRows:
    """What is known of the rows of an output, to notice rows that come again with other values.

    Attributes:
        columns: Sensors and categories that the hashes are of, in order of their names.
        hashes: Hashes of the last rows of the output as read, in its order, uint64, shape (rows,); of fewer
            rows than the output has if it is long, or if an earlier release or other columns began it.
        are_zoned: Whether the times had a zone, or None if that is not known.
    """

    columns: tuple[str, ...] = ()
    hashes: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.uint64))
    are_zoned: bool | None = None


@dataclass(frozen=True, eq=False)
class WaitingRows:
    """Rows that are not scored yet, because later rows may belong to the same interval of a regular step.

    Attributes:
        times: In UTC, `datetime64[ns]`, shape (rows,).
        columns: Numbers, texts, bools and None of each column other than the time, by name.
    """

    times: np.ndarray
    columns: dict[str, list[Any]]


@dataclass(frozen=True, eq=False)
class Bookmark:
    """The state of scoring after a batch: everything that the next batch depends on.

    Attributes:
        model_name: Registered model that the output belongs to.
        model_version: Version that scored the last batch.
        threshold: The threshold, with the recent scores that it is recalibrated from.
        carried: History for windows and features.
        held_rows: By sensor, the number of rows in succession, up to the last one, without a value; sensors
            with 0 are left out.
        rows: Rows of the output.
        episodes: Alarm episodes in the output.
        is_alarm: Whether the last row of the output is an alarm.
        columns: Columns of the output.
        output: Valid part of the output.
        set_aside: Valid part of the set-aside file.
        known: What is known of the rows of the output.
        waiting: Rows that wait for the next batch, or None.
    """

    model_name: str
    model_version: str
    threshold: Threshold
    carried: CarriedRows
    held_rows: dict[str, int]
    rows: int
    episodes: int
    is_alarm: bool
    columns: tuple[str, ...]
    output: FileMark
    set_aside: FileMark
    known: KnownRows = field(default_factory=KnownRows)
    waiting: WaitingRows | None = None


@dataclass(frozen=True, eq=False)
class OpenedOutput:
    """An output before a batch is appended.

    Attributes:
        bookmark: State after the previous batch, or None before the first row is scored.
        times: Time of every row of the output, increasing, `datetime64[ns]`, shape (rows of the output,).
        rows_set_aside: The values of every row in the set-aside file, as written there.
        waiting: Rows of earlier batches that are not scored yet, or None.
    """

    bookmark: Bookmark | None
    times: np.ndarray
    rows_set_aside: frozenset[str]
    waiting: WaitingRows | None = None


@dataclass(frozen=True, eq=False)
class SortedRows:
    """New rows, separated into those that can be scored and those that cannot.

    Attributes:
        usable: Rows to score, in time order, later than all earlier ones, columns named as in the version.
            The index is the row number in the file.
        held_rows: By sensor, the number of rows in succession, up to the last usable one, without a value;
            sensors with 0 are left out.
        set_aside: `row`, `time`, `reasons` and `values` of the rows that cannot be scored, as text.
        reasons: Number of rows set aside, by reason; a row may have several reasons.
        skipped: Rows whose time is already in the output.
        skipped_set_aside: Rows that were set aside before.
        sorted_rows: New rows that stood below a row with a later time.
        changed: Skipped rows whose values are not those that were scored.
        first_changed: Number and time of the first of them, or None.
        known: What is known of the rows of the output once the usable rows are in it.
        dead: By sensor, the number of usable rows in which it has no value and does not count.
        incomplete: Usable rows that miss so many values that they have no score.
        absent: Sensors that the table has no column for.
        words: Cells of the table that stand for no value, by dead sensor and word.
    """

    usable: pd.DataFrame
    held_rows: dict[str, int]
    set_aside: pd.DataFrame
    reasons: dict[str, int]
    skipped: int
    skipped_set_aside: int
    sorted_rows: int = 0
    changed: int = 0
    first_changed: str | None = None
    known: KnownRows = field(default_factory=KnownRows)
    dead: dict[str, int] = field(default_factory=dict)
    incomplete: int = 0
    absent: tuple[str, ...] = ()
    words: dict[str, dict[str, int]] = field(default_factory=dict)


class LastAlarm(BaseModel):
    """The last alarm of a batch.

    Attributes:
        time: Time of the row, ISO 8601.
        score: Its score.
        threshold: Threshold at that row.
        episode: Number of its episode.
        top_sensors: Sensors with the largest shares of the score.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    time: str
    score: float
    threshold: float
    episode: int
    top_sensors: str


class ScoreResult(BaseModel):
    """Result of scoring one batch of readings, as written by `forewarn score --json`.

    Attributes:
        out: Path of the output.
        set_aside_file: Path of the set-aside file; it exists once a row has been set aside.
        state_file: Path of the state that the next batch starts from.
        model_name: Registered model.
        model_version: Number of the version that scored.
        model_uri: URI of that version.
        previous_version: Version that scored the previous batch, or None for the first batch.
        is_version_changed: Whether the version differs from the previous one. The rows of the previous
            version then still serve as history, and the threshold starts from the new version's own.
        data: Path of the readings.
        data_sha256: Hash of the file's bytes.
        rows_read: Rows in the file, or of the regular step that its rows were put on; the sum of the next
            five.
        rows_scored: New rows with a score.
        rows_without_history: New rows without a score: too little history in their run, known events, or
            missing values.
        rows_incomplete: Those of them that miss a value.
        dead_sensors: By sensor, the number of new rows in which it has no value and does not count.
        rows_skipped: Rows whose time is already in the output.
        rows_changed: Those of them with other values than the rows that were scored, as far as is known.
        rows_set_aside: Rows that cannot be scored and are now in the set-aside file.
        rows_skipped_set_aside: Rows that were set aside before.
        reasons: Number of rows set aside, by reason; a row may have several reasons.
        rows_sorted: New rows that stood below a row with a later time, and were put in time order.
        rows_waiting: Rows that wait for the next run, which are not in `rows_read`: a last line without a
            line end, and rows of the last interval of `readings.resample_minutes`.
        notes: What else to know about the table, in sentences.
        rows_carried_over: Rows of earlier batches that served as history.
        alarms: Alarms among the new rows.
        episodes: Alarm episodes that begin among the new rows.
        rows_of_output: Rows of the whole output.
        episodes_of_output: Alarm episodes of the whole output.
        first_time: Time of the first new row, ISO 8601, or None if no row was added.
        last_time: Time of the last new row, likewise.
        last_alarm: The last alarm among the new rows, or None.
        seconds: Seconds by stage.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    out: str
    set_aside_file: str
    state_file: str
    model_name: str
    model_version: str
    model_uri: str
    previous_version: str | None
    is_version_changed: bool
    data: str
    data_sha256: str
    rows_read: int
    rows_scored: int
    rows_without_history: int
    rows_incomplete: int = 0
    dead_sensors: dict[str, int] = {}
    rows_skipped: int
    rows_changed: int
    rows_set_aside: int
    rows_skipped_set_aside: int
    reasons: dict[str, int]
    rows_sorted: int
    rows_waiting: int
    notes: tuple[str, ...]
    rows_carried_over: int
    alarms: int
    episodes: int
    rows_of_output: int
    episodes_of_output: int
    first_time: str | None
    last_time: str | None
    last_alarm: LastAlarm | None
    seconds: dict[str, float]
