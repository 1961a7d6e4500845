"""The section `serving` of the settings."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from schemas.configuration.section import Section


class ServingSection(Section):
    """How `serve` answers: reloading, limits, sessions and stopping."""

    reload_seconds: float = Field(5.0, gt=0, description="Seconds between looks at where the alias points.")
    rows_at_most: int = Field(5_000, ge=1, description="Rows in a request.")
    body_bytes_at_most: int = Field(8_000_000, ge=1_000, description="Bytes in the body of a request.")
    body_seconds: float = Field(10.0, gt=0, description="Seconds in which a body must have arrived.")
    scoring_at_once: int = Field(2, ge=1, le=64, description="Requests that are scored side by side.")
    queue_at_most: int = Field(32, ge=0, description="Requests that wait for their turn; more get 503.")
    connections_at_most: int = Field(256, ge=2, description="Connections at a time; more get 503.")
    sessions_at_most: int = Field(
        100, ge=1, description="Machines whose last rows are kept; the one unused for longest is dropped."
    )
    session_idle_minutes: float = Field(
        1440.0, gt=0, description="Minutes without a request after which a session is dropped."
    )
    session_rows_at_most: int = Field(
        10_000, ge=1, description="Last rows kept of a machine, where a version asks for as many."
    )
    machine_characters_at_most: int = Field(64, ge=1, le=256, description="Length of a machine's name.")
    drain_seconds: float = Field(
        1.0, ge=0, description="Seconds between /ready turning 503 and the end of listening, when stopped."
    )
    stop_seconds: float = Field(20.0, gt=0, description="Seconds that requests in flight have to finish.")
    access_log: Literal["all", "problems", "none"] = Field(
        "problems", description="Requests that are logged; `problems` are answers of 400 and above."
    )
