"""The section `tracking` of the settings."""

from __future__ import annotations

from pydantic import Field

from schemas.configuration.section import Section


class TrackingSection(Section):
    """Where runs and versions are kept; the address is `MLFLOW_TRACKING_URI`."""

    experiment: str = Field("forewarn", min_length=1, description="MLflow experiment of the runs.")
    model_name: str = Field(
        "forewarn", min_length=1, pattern=r"^[^/:]+$", description="Registered model of the versions."
    )
