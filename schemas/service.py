"""What goes into the HTTP service and what comes out of it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema, create_model

# a value of a row: what is wrong with one is said by the schema check of the readings
Value = Annotated[Any, WithJsonSchema({"type": ["number", "string", "boolean", "null"]})]


class ScoreRequest(BaseModel):
    """Rows to score.

    Attributes:
        rows: Raw readings in time order, each an object of columns and values.
        machine: Whose rows they are; the last rows of a machine are kept as history for the next ones.
            Without it the history must be among the rows.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: list[dict[str, Value]]
    machine: str | None = None


def limit_request(rows_at_most: int, machine_characters_at_most: int) -> type[ScoreRequest]:
    """Make a `ScoreRequest` that refuses more rows and longer names."""
    machine = Annotated[str, Field(min_length=1, max_length=machine_characters_at_most)]
    return create_model(
        "ScoreRequest",
        __base__=ScoreRequest,
        __doc__="Rows to score, and whose they are.",
        rows=(Annotated[list[dict[str, Value]], Field(max_length=rows_at_most)], ...),
        machine=(machine | None, None),
    )


class ScoredRow(BaseModel):
    """What became of one row.

    Attributes:
        time: Its time, ISO 8601; one with a zone is in UTC.
        score: None without enough history in its run of rows.
        threshold: None where no score can raise an alarm.
        alarm: Whether `score >= threshold`.
        top_sensors: For an alarm, the sensors with the largest share of the score.
        drivers: For an alarm, what drives it, sensor by sensor.
    """

    model_config = ConfigDict(frozen=True)

    time: str
    score: float | None
    threshold: float | None
    alarm: bool
    top_sensors: str
    drivers: list[dict[str, Any]]


class ScoreAnswer(BaseModel):
    """The rows of a request, scored by one version.

    Attributes:
        model: Registered model.
        version: Its version that scored the rows.
        machine: The session, or none.
        rows: One for each row of the request, in its order.
    """

    model_config = ConfigDict(frozen=True)

    model: str
    version: str
    machine: str | None
    rows: list[ScoredRow]


class ModelAnswer(BaseModel):
    """The version that scores.

    Attributes:
        model: Registered model.
        version: Its version.
        uri: What the service was told to serve.
        alias: The alias that is followed, or none where the version is fixed.
        loaded_at: When it was loaded, UTC, ISO 8601.
        columns: Columns that a row must have.
        window_rows: Rows of a run, the scored row among them, without which there is no score.
        threshold: Where alarms begin, at first.
        threshold_rule: How the threshold was chosen.
        is_threshold_trailing: Whether it follows the scores as time goes on.
        reload_problem: Why the last look at the registry came to nothing, or none.
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
    """One word on how the service is."""

    model_config = ConfigDict(frozen=True)

    status: str


class ProblemAnswer(BaseModel):
    """Why a request was not answered: what was expected, what came, what to do."""

    model_config = ConfigDict(frozen=True)

    detail: str = Field(examples=["Expected every column that the model was trained on. rows lacks x1."])
