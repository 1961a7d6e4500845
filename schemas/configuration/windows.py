"""The section `windows` of the settings."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from schemas.configuration.section import Section


class WindowsSection(Section):
    """How windows of consecutive rows are cut."""

    lookback: int = Field(5, ge=1, description="Rows in a window.")
    convention: Literal["within_runs", "published"] = Field(
        "within_runs",
        description="Whether windows stay within runs of rows, or, as `published`, cross gaps and events and "
        "omit the first two windows.",
    )
