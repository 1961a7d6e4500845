"""The section `training` of the settings."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from schemas.configuration.section import Section


class TrainingSection(Section):
    """How the network is trained."""

    epochs: int = Field(20, ge=1, description="Maximum number of epochs.")
    batch_size: int = Field(64, ge=1, description="Windows per training batch.")
    learning_rate: float = Field(2e-3, gt=0, description="Learning rate of Adam.")
    patience: int | None = Field(
        5,
        ge=1,
        description="Epochs without improvement of the validation loss before early stopping; null to "
        "disable.",
    )
    seed: int = Field(0, ge=0, description="Seed of the initial weights, shuffling and the random control.")
    compile: Literal["auto", "always", "never"] = Field(
        "auto", description="XLA compilation; `auto` compiles when training is long enough to benefit."
    )
    tensorboard: bool = Field(False, description="Write TensorBoard logs under `mlruns/tensorboard`.")
