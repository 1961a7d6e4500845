"""What runs unattended: deployments on a server, the automations beside them, and how patient those are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Patience(BaseModel):
    """Seconds that the automations wait.

    Attributes:
        late: Between the time of a schedule and the word that nothing has started.
        pending: That a run may be pending; it holds the place of the next one.
        silent: Without a heartbeat after which a running run counts as dead; three beats.
        again: Before the same deployment is told of again.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    # 10 is the least that Prefect takes
    late: float = Field(600.0, ge=10)
    pending: float = Field(300.0, ge=10)
    silent: float = Field(90.0, ge=10)
    again: float = Field(3600.0, ge=0)


DEFAULT_PATIENCE = Patience()


class PlacesOfData(BaseModel):
    """Where the workers find the table and put the scores, as absolute paths on their machine."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: Path
    scores: Path


class DeployedSchedule(BaseModel):
    """A schedule of a deployment.

    Attributes:
        slug: Its name; none where a person has added it in the UI.
        when: In words, such as `0 3 * * 1 (UTC)`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    slug: str | None
    when: str
    is_active: bool


class DeployedFlow(BaseModel):
    """A deployment as the server has it.

    Attributes:
        name: Flow and deployment, such as `retrain/retrain`.
        limit: Runs at a time, or none.
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
    """An automation as the server has it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    is_enabled: bool


class DeployResult(BaseModel):
    """What `forewarn deploy` has left on the server.

    Attributes:
        notified: Block that notifications go through, or none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    server: str
    pool: str
    deployments: tuple[DeployedFlow, ...]
    automations: tuple[DeployedAutomation, ...]
    notified: str | None
