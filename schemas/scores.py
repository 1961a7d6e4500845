"""What scoring batch by batch keeps, sets aside and says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from schemas.evaluation import Threshold

FORMAT_VERSION: Final = 1
NO_BYTES: Final = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


class PinnedVersion(BaseModel):
    """A version of a registered model by its number: what an alias moves to later does not matter.

    Attributes:
        name: Registered model.
        number: Its version.
        asked: What it was asked for by, such as `models:/forewarn@champion`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    number: str
    asked: str

    @property
    def uri(self) -> str:
        """Address that always means this version."""
        return f"models:/{self.name}/{self.number}"


@dataclass(frozen=True)
class Places:
    """The output and the files beside it.

    Attributes:
        out: The scores and alarms.
        set_aside: Rows that could not be scored, as CSV.
        state: What the next batch needs to know, and how much of the other files is valid.
        intent: The next state while the other files are being changed; it takes the place of `state` at last.
        lock: Held while one batch is scored.
    """

    out: Path
    set_aside: Path
    state: Path
    intent: Path
    lock: Path


@dataclass(frozen=True)
class FileMark:
    """How much of a file is valid: its size in bytes and the hash of these bytes; 0 bytes are no file."""

    size: int = 0
    sha256: str = NO_BYTES


@dataclass(frozen=True, eq=False)
class CarriedRows:
    """The last rows that were scored, as they were read: all numbers, needed by this version or not.

    Attributes:
        times: `datetime64[ns]`, shape (rows,).
        events: Whether a row is a known event, bool, shape (rows,).
        values: float64, NaN where there was no number, one column for each column of numbers.
        categories: Text, None where it was missing, one column for each column of categories.
    """

    times: np.ndarray
    events: np.ndarray
    values: pd.DataFrame
    categories: pd.DataFrame


@dataclass(frozen=True, eq=False)
class Bookmark:
    """Where scoring stands: all that the next batch depends on.

    Attributes:
        model_name: Registered model of the output.
        model_version: Version that scored the last batch.
        threshold: The threshold with the last scores that it follows.
        carried: History for windows and features.
        held_rows: For how many rows up to the last one a sensor's value has been held, where it has.
        rows: Rows of the output.
        episodes: Episodes of alarms in the output.
        is_alarm: Whether the last row of the output is an alarm.
        columns: Columns of the output.
        output: How much of the output is valid.
        set_aside: How much of the file of rows set aside is valid.
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


@dataclass(frozen=True, eq=False)
class OpenedOutput:
    """What is known of an output before a batch is added.

    Attributes:
        bookmark: Where scoring stands, or none before the first batch.
        times: Time of every row of the output, rising, `datetime64[ns]`, shape (rows of the output,).
        rows_set_aside: The values of every row that was set aside, as they are written.
    """

    bookmark: Bookmark | None
    times: np.ndarray
    rows_set_aside: frozenset[str]


@dataclass(frozen=True, eq=False)
class SortedRows:
    """New rows, sorted into those that can be scored and the others.

    Attributes:
        usable: Rows to score, later than all before, holes filled; columns by the version's names. Its index
            is the row number in the file.
        held_rows: For how many rows up to the last usable one a sensor's value has been held, where it has.
        set_aside: `row`, `time`, `reasons` and `values` of the rows that cannot be scored, as texts.
        reasons: How many rows are set aside for each reason; a row may have several.
        skipped: Rows whose time is in the output already.
        skipped_set_aside: Rows that had been set aside before.
    """

    usable: pd.DataFrame
    held_rows: dict[str, int]
    set_aside: pd.DataFrame
    reasons: dict[str, int]
    skipped: int
    skipped_set_aside: int


class LastAlarm(BaseModel):
    """The last alarm of a batch.

    Attributes:
        time: Time of the row, ISO 8601.
        score: Its score.
        threshold: The threshold that it reached.
        episode: The episode that it belongs to.
        top_sensors: The sensors with the largest share of the score.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    time: str
    score: float
    threshold: float
    episode: int
    top_sensors: str


class ScoreResult(BaseModel):
    """What `forewarn score --json` writes: what came of one batch of readings.

    Attributes:
        out: The output.
        set_aside_file: The file of rows set aside; it exists once there is such a row.
        state_file: What the next batch starts from.
        model_name: Registered model.
        model_version: The version that scored, by number.
        model_uri: Its address.
        previous_version: The version that scored the batch before, or none for the first batch.
        is_version_changed: Whether that was another one: its rows then serve as history, and the threshold
            starts from the new version's own.
        data: The table of readings.
        data_sha256: Hash of its bytes.
        rows_read: Rows in it; the sum of the next five.
        rows_scored: New rows with a score.
        rows_without_history: New rows without a score: too little history in their run, or known events.
        rows_skipped: Rows that are in the output already.
        rows_set_aside: Rows that cannot be scored, now in the file of rows set aside.
        rows_skipped_set_aside: Rows that had been set aside before.
        reasons: How many rows are set aside for each reason; a row may have several.
        rows_carried_over: Rows of earlier batches that served as history.
        alarms: Alarms among the new rows.
        episodes: Episodes of alarms that begin among the new rows.
        rows_of_output: Rows of the whole output.
        episodes_of_output: Episodes of the whole output.
        first_time: Time of the first new row, ISO 8601, or none where nothing was added.
        last_time: Time of the last new row.
        last_alarm: The last alarm among the new rows, or none.
        seconds: Seconds of each stage.
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
    rows_skipped: int
    rows_set_aside: int
    rows_skipped_set_aside: int
    reasons: dict[str, int]
    rows_carried_over: int
    alarms: int
    episodes: int
    rows_of_output: int
    episodes_of_output: int
    first_time: str | None
    last_time: str | None
    last_alarm: LastAlarm | None
    seconds: dict[str, float]
