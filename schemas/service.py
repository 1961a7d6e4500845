"""Requests and responses of the HTTP service."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema, create_model

# any value is accepted here: the schema check of the readings reports invalid ones
Value = Annotated[Any, WithJsonSchema({"type": ["number", "string", "boolean", "null"]})]


class ScoreRequest(BaseModel):
    """Rows to score.

    Attributes:
        rows: Raw readings in time order, each an object that maps columns to values.
        machine: The machine that the rows come from; its last rows are kept as history for later requests.
            Without it, the history must be among the rows.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: list[dict[str, Value]]
    machine: str | None = None


def limit_request(rows_at_most: int, machine_characters_at_most: int) -> type[ScoreRequest]:
    """Return a subclass of `ScoreRequest` with limits on the number of rows and the length of the name."""
    machine = Annotated[str, Field(min_length=1, max_length=machine_characters_at_most)]
    return create_model(
        "ScoreRequest",
        __base__=ScoreRequest,
        __doc__="Rows to score, and the machine that they come from.",
        rows=(Annotated[list[dict[str, Value]], Field(max_length=rows_at_most)], ...),
        machine=(machine | None, None),
    )


class ScoredRow(BaseModel):
    """The score of one row.

    Attributes:
        time: Time of the row, ISO 8601; in UTC if it came with a time zone.
        score: The score; null if there is not enough history in the run of rows, or if too many values are
            missing where `readings.missing_values` is no_score.
        threshold: The threshold; null if no score can raise an alarm.
        alarm: Whether `score >= threshold`.
        top_sensors: For an alarm, the sensors with the largest shares of the score.
        drivers: For an alarm, how each of these sensors drives it.
        missing_sensors: The sensors that do not count in the row, since they have no value, or had none in
            the rows before that its features look back on, as `x5, x15`; empty if all count.
    """

    model_config = ConfigDict(frozen=True)

    time: str
    score: float | None
    threshold: float | None
    alarm: bool
    top_sensors: str
    drivers: list[dict[str, Any]]
    missing_sensors: str


class ScoreAnswer(BaseModel):
    """The rows of a request, scored by one version.

    Attributes:
        model: Registered model.
        version: Version that scored the rows.
        machine: The machine of the request, or null.
        rows: The scored rows, in the order of the request.
    """

    model_config = ConfigDict(frozen=True)

    model: str
    version: str
    machine: str | None
    rows: list[ScoredRow]


class ModelAnswer(BaseModel):
    """The version that is being served.

    Attributes:
        model: Registered model.
        version: Version number.
        uri: Model URI that the service was started with.
        alias: The alias that is followed, or null for a fixed version.
        loaded_at: Time of loading, UTC, ISO 8601.
        columns: Columns that a row must have.
        window_rows: Consecutive rows of one run, the scored row included, that a score requires.
        threshold: The initial threshold.
        threshold_rule: The rule that chose the threshold.
        is_threshold_trailing: Whether the threshold is recalibrated from recent scores.
        reload_problem: Why the last check of the registry failed, or null.
    """

    model_config = ConfigDict(frozen=True)

    model: str
    version: str
    uri: str
    alias: str | None
    loaded_at: str
    columns: tuple[str, ...]
    window_rows: int
    threshold: float | None
    threshold_rule: str
    is_threshold_trailing: bool
    reload_problem: str | None


class StatusAnswer(BaseModel):
    """Status of the service, as one word."""

    model_config = ConfigDict(frozen=True)

    status: str


class ProblemAnswer(BaseModel):
    """Why a request was rejected: what was expected, what was received, and what to do."""

    model_config = ConfigDict(frozen=True)

    detail: str = Field(examples=["Expected every column that the model was trained on. rows lacks x1."])
