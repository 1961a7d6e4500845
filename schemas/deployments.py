"""Prefect deployments, their automations, and the waiting times of the automations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Patience(BaseModel):
    """Waiting times of the automations, in seconds.

    Attributes:
        late: Delay after the scheduled time before a run that has not started is reported.
        pending: Maximum time in state Pending; a pending run blocks the next one.
        silent: Time without a heartbeat (three beats) after which a running run counts as crashed.
        again: Minimum time between two notifications about the same deployment.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    # Prefect accepts no less than 10
    late: float = Field(600.0, ge=10)
    pending: float = Field(300.0, ge=10)
    silent: float = Field(90.0, ge=10)
    again: float = Field(3600.0, ge=0)


DEFAULT_PATIENCE = Patience()


class PlacesOfData(BaseModel):
    """The source to read and the file of scores to write, absolute, on the workers' machine."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: str
    scores: Path


class DeployedSchedule(BaseModel):
    """A schedule of a deployment.

    Attributes:
        slug: Name of the schedule; None if it was added in the UI.
        when: Description, such as `0 3 * * 1 (UTC)`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    slug: str | None
    when: str
    is_active: bool


class DeployedFlow(BaseModel):
    """A deployment as stored on the server.

    Attributes:
        name: Flow and deployment, such as `retrain/retrain`.
        limit: Maximum number of concurrent runs, or None.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    id: str
    url: str
    is_paused: bool
    limit: int | None
    parameters: dict[str, Any]
    schedules: tuple[DeployedSchedule, ...]


class DeployedAutomation(BaseModel):
    """An automation as stored on the server."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    is_enabled: bool


class DeployResult(BaseModel):
    """The deployments and automations on the server after `forewarn deploy`.

    Attributes:
        notified: Prefect block that sends the notifications, or None.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    server: str
    pool: str
    deployments: tuple[DeployedFlow, ...]
    automations: tuple[DeployedAutomation, ...]
    notified: str | None
