"""The section `serving` of the settings."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from schemas.configuration.section import Section


class ServingSection(Section):
    """How `serve` handles model reloads, limits, sessions and shutdown."""

    reload_seconds: float = Field(
        5.0, gt=0, description="Seconds between checks whether the alias points to another version."
    )
    rows_at_most: int = Field(5_000, ge=1, description="Maximum number of rows in a request.")
    body_bytes_at_most: int = Field(
        8_000_000, ge=1_000, description="Maximum size of a request body, in bytes."
    )
    body_seconds: float = Field(
        10.0, gt=0, description="Seconds within which a request body must have arrived."
    )
    scoring_at_once: int = Field(
        2, ge=1, le=64, description="Maximum number of requests that are scored at the same time."
    )
    queue_at_most: int = Field(
        32, ge=0, description="Maximum number of waiting requests; further ones get a 503."
    )
    connections_at_most: int = Field(
        256, ge=2, description="Maximum number of open connections; further ones get a 503."
    )
    sessions_at_most: int = Field(
        100,
        ge=1,
        description="Maximum number of machines whose last rows are kept; the least recently used is "
        "dropped.",
    )
    session_idle_minutes: float = Field(
        1440.0, gt=0, description="Minutes without a request after which a session is dropped."
    )
    session_rows_at_most: int = Field(
        10_000, ge=1, description="Maximum number of rows kept per machine, whatever the version needs."
    )
    machine_characters_at_most: int = Field(
        64, ge=1, le=256, description="Maximum length of a machine name, in characters."
    )
    drain_seconds: float = Field(
        1.0, ge=0, description="Seconds at shutdown between /ready returning 503 and closing the port."
    )
    stop_seconds: float = Field(
        20.0, gt=0, description="Seconds at shutdown for requests in progress to finish."
    )
    access_log: Literal["all", "problems", "none"] = Field(
        "problems",
        description="Which requests are logged; `problems` are responses with status 400 or above.",
    )
