"""The result of a check: what a table holds, what was found in it, and what a retraining would do with it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from schemas.readings import Finding


class PlannedPart(BaseModel):
    """One part of the split that a retraining would make.

    Attributes:
        windows: Number of windows.
        normal: Number of windows that are not before an event.
        events: Number of events.
        last_time: Time of the last row with a window, ISO 8601; None if there is none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    windows: int
    normal: int
    events: int
    last_time: str | None


class RetrainingPlan(BaseModel):
    """What a retraining would do with a table, without training anything.

    Attributes:
        refused: Why it would refuse the table, or None.
        parts: By name of the part; empty if no split can be made.
        family: Model family.
        members: Families that would be fitted.
        left_out: Why a configured family would not be fitted, by family.
        findings: What it would do differently from the settings, such as moved boundaries.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    refused: str | None = None
    parts: dict[str, PlannedPart] = {}
    family: str
    members: tuple[str, ...] = ()
    left_out: dict[str, str] = {}
    findings: tuple[Finding, ...] = ()


class CheckResult(BaseModel):
    """The result of `forewarn check`.

    Attributes:
        data: The table, as it was named.
        sha256: Hash of its bytes.
        rows: Number of rows.
        event_rows: Number of event rows.
        events: Number of events: consecutive event rows are one.
        sensors: Number of sensors that a retraining would use.
        step_minutes: Usual interval between rows, in minutes.
        first_time: Time of the first row, ISO 8601.
        last_time: Time of the last row.
        time_format: strptime format in which the times were written, or `ISO8601`; None if they were stored
            as times.
        findings: Data-quality issues that do not stop a run.
        found: Settings that were not given and were found in the table, by full name.
        settings: The settings that were given or found and differ from the defaults, by section and key: what
            `--write-config` writes.
        retraining: What a retraining would do.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: str
    sha256: str
    rows: int
    event_rows: int
    events: int
    sensors: int
    step_minutes: float
    first_time: str
    last_time: str
    time_format: str | None
    findings: tuple[Finding, ...]
    found: dict[str, Any]
    settings: dict[str, Any]
    retraining: RetrainingPlan


class MachineCheck(BaseModel):
    """The check of one machine's rows.

    Attributes:
        machine: Its name in `readings.machine_column`.
        error: Why its rows fail, or None.
        check: What they hold, or None if they fail.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    machine: str
    error: str | None = None
    check: CheckResult | None = None


class FleetCheckResult(BaseModel):
    """The result of `forewarn check` for a table of several machines.

    Attributes:
        data: The table, as it was named.
        sha256: Hash of its bytes.
        machines: The check of each machine's rows, in the order of the table.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: str
    sha256: str
    machines: tuple[MachineCheck, ...]
