"""The section `training` of the settings."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from schemas.configuration.section import Section


class TrainingSection(Section):
    """How the network is trained."""

    epochs: int = Field(20, ge=1, description="Passes over the training windows, at most.")
    batch_size: int = Field(64, ge=1, description="Windows in a step of the optimiser.")
    learning_rate: float = Field(2e-3, gt=0, description="Step size of Adam.")
    patience: int | None = Field(
        5, ge=1, description="Epochs without a better validation loss before stopping; none: never."
    )
    seed: int = Field(0, ge=0, description="Seed of weights, shuffling and the random control.")
    compile: Literal["auto", "always", "never"] = Field(
        "auto", description="XLA compilation; `auto` where the steps repay the time it takes."
    )
    tensorboard: bool = Field(False, description="Write TensorBoard logs below `mlruns/tensorboard`.")
