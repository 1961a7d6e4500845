"""Benchmarks: the tables of a folder, and the figures of every method on them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictStr, model_validator

from schemas.evaluation import Interval
from schemas.readings import Finding
from schemas.results import DataSummary

# the method that every benchmark has besides the controls: the configuration under test
DEFAULT_METHOD = "forewarn"
# file in the folder that describes its tables
PLAN_FILE = "benchmark.yaml"


def _read_train_end(value: Any) -> Any:
    """Read a date as its first moment, and refuse true and false, which Python takes for numbers."""
    if isinstance(value, bool):
        # pydantic takes no TypeError
        raise ValueError("expected a time, a number of rows or a share of the rows")  # noqa: TRY004
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day)
    if isinstance(value, str):
        value = datetime.fromisoformat(value.strip())
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).replace(tzinfo=None)
    return value


TrainEnd = Annotated[
    Annotated[int, Field(ge=1, strict=True)]
    | Annotated[float, Field(gt=0, lt=1, strict=True)]
    | Annotated[datetime, Field(strict=True)],
    BeforeValidator(_read_train_end),
]


class TablePlan(BaseModel):
    """One table of a benchmark.

    Attributes:
        name: Name of the table in the results.
        file: What `--data` takes, relative to the folder.
        settings: Settings of this table, by section and key or by full name, such as `labels.rows_ahead`.
        train_end: The last row for training and validation: its time (in UTC, or in `readings.time_zone`),
            the number of rows up to it, or their share of all rows. The rows after it are the test.
        protocol: `train_end`, or `rolling_origin` for the folds of `forewarn backtest`, pooled.
        care_group: Group of assets with a CARE score of its own, or None.
        asset: Whether the table is that of an asset with a fault in its test, or without; for a group alone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[StrictStr, Field(min_length=1)]
    file: Annotated[StrictStr, Field(min_length=1)]
    settings: dict[str, Any] = {}
    train_end: TrainEnd | None = None
    protocol: Literal["train_end", "rolling_origin"] = "train_end"
    care_group: Annotated[StrictStr, Field(min_length=1)] | None = None
    asset: Literal["normal", "faulty"] | None = None

    @model_validator(mode="after")
    def _check_combination(self) -> Self:
        if (self.protocol == "train_end") != (self.train_end is not None):
            raise ValueError(
                f"table {self.name!r} must have either `train_end` or `protocol: rolling_origin`. Received "
                f"train_end={self.train_end}, protocol={self.protocol}"
            )
        if (self.care_group is None) != (self.asset is None):
            raise ValueError(
                f"table {self.name!r} must have both `care_group` and `asset` (normal or faulty), or "
                f"neither. Received care_group={self.care_group}, asset={self.asset}"
            )
        if self.care_group is not None and self.protocol == "rolling_origin":
            raise ValueError(
                f"table {self.name!r} must have `train_end` to belong to a `care_group`. Received "
                "protocol=rolling_origin"
            )
        return self


class BenchmarkPlan(BaseModel):
    """The tables of a benchmark, as written in `benchmark.yaml`.

    Attributes:
        tables: The tables, with different names.
        critical_minutes: Minutes of alarms, less those without, at which an asset counts as faulty in the
            CARE score; by default 12 hours, as published.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    tables: Annotated[tuple[TablePlan, ...], Field(min_length=1)]
    critical_minutes: Annotated[float, Field(gt=0)] = 720.0

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        names = [table.name for table in self.tables]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(f"`tables` must have different names. Received {', '.join(repeated)} twice")
        return self


class MethodResult(BaseModel):
    """The figures of one method on one table, means over seeds; None where undefined.

    Attributes:
        method: The method.
        figures: Figures by name; see docs/benchmark.md.
        intervals: Intervals of the figures that have one.
        seconds: Seconds of all trainings; None for controls, which are trained with another method.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: str
    figures: dict[str, float | None]
    intervals: dict[str, Interval]
    seconds: float | None = None


class Difference(BaseModel):
    """The mean difference between two methods in one figure, paired.

    Attributes:
        method: The first method.
        other: The other one, which is subtracted.
        figure: Name of the figure.
        value: Mean over tables and seeds, or None if undefined.
        interval: Interval over tables, seeds and blocks of rows.
        tables: Number of tables.
        wins: Tables on which the first method is better.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: str
    other: str
    figure: str
    value: float | None
    interval: Interval | None
    tables: int
    wins: int


class TableResult(BaseModel):
    """The results of one table.

    Attributes:
        name: Name of the table.
        file: Its source.
        problem: Why it has no results, or None.
        data: Summary of its rows.
        train_end: Time of the last row before the test.
        test_rows: Rows of the test that every method scores.
        test_events: Events of the test.
        prevalence: Share of these rows that are positive: the average precision of chance.
        rows_ahead: Rows before an event that are positive.
        methods: Figures by method.
        differences: Differences on this table.
        findings: What was found in the data or left out in a training.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    file: str
    problem: str | None = None
    data: DataSummary | None = None
    train_end: str | None = None
    test_rows: int = 0
    test_events: int = 0
    prevalence: float | None = None
    rows_ahead: int = 0
    methods: tuple[MethodResult, ...] = ()
    differences: tuple[Difference, ...] = ()
    findings: tuple[Finding, ...] = ()


class Ranking(BaseModel):
    """Mean ranks of the methods over tables in one figure; rank 1 is best.

    Attributes:
        figure: Name of the figure.
        tables: Number of tables.
        mean_ranks: Mean rank by method.
        friedman_p: p value of the Friedman test that all methods are alike, or None if undefined.
        critical_difference: Nemenyi's critical difference between two mean ranks.
        level: Level of the critical difference.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    figure: str
    tables: int
    mean_ranks: dict[str, float]
    friedman_p: float | None
    critical_difference: float
    level: float


class CareResult(BaseModel):
    """The CARE score of one method on one group of assets, mean over seeds.

    Attributes:
        group: The group.
        method: The method.
        normal: Number of assets without a fault.
        faulty: Number of assets with one.
        figures: `care`, and its parts `coverage`, `accuracy`, `reliability` and `earliness`.
        interval: Interval of `care`, from resampling assets of either kind.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    group: str
    method: str
    normal: int
    faulty: int
    figures: dict[str, float]
    interval: Interval | None


class BenchmarkResult(BaseModel):
    """Result of a benchmark, as written by `forewarn benchmark --json`.

    Attributes:
        methods: Names of the methods: the configuration, other families, then the controls.
        settings: Settings that all tables start from.
        rates: False alarms a day of the figures `recall_at_...`.
        tables: Results by table.
        rankings: Mean ranks over tables, by figure.
        differences: Differences over all tables.
        care: CARE scores by group and method.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    run_id: str
    run_name: str
    experiment: str
    tracking_uri: str
    report: str
    code_version: str
    folder: str
    seeds: int
    confidence: float
    rates: tuple[float, ...]
    methods: tuple[str, ...]
    settings: dict[str, Any]
    tables: tuple[TableResult, ...]
    rankings: tuple[Ranking, ...]
    differences: tuple[Difference, ...]
    care: tuple[CareResult, ...]
    seconds: dict[str, float]
