"""The section `tracking` of the settings."""

from __future__ import annotations

from pydantic import Field

from schemas.configuration.section import Section


class TrackingSection(Section):
    """Where runs and versions are recorded; `MLFLOW_TRACKING_URI` sets the server."""

    experiment: str = Field(
        "forewarn", min_length=1, description="MLflow experiment that runs are logged to."
    )
    model_name: str = Field(
        "forewarn",
        min_length=1,
        pattern=r"^[^/:]+$",
        description="Registered model that versions are added to.",
    )
