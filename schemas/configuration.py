"""What can be configured: one frozen section per step, every default in one place."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator


def _split_names(value: Any) -> Any:
    """Let one string stand for a list of names, `a,b` for `("a", "b")`, and nothing for no names."""
    if value is None:
        return ()
    if isinstance(value, str):
        return tuple(name.strip() for name in value.split(",") if name.strip())
    return value


Names = Annotated[tuple[str, ...], BeforeValidator(_split_names)]
Fraction = Annotated[float, Field(gt=0, lt=1)]


class Section(BaseModel):
    """A frozen group of settings that refuses unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)


class ReadingsSection(Section):
    """How the table of readings is read and what is expected of it."""

    time_column: str = Field("time", description="Column with the time of a row.")
    label_column: str = Field("y", description="Column that is 1 on event rows and 0 elsewhere.")
    drop_columns: Names = Field((), description="Columns to leave out; each must exist.")
    categorical_columns: Names = Field(
        ("x28", "x61"), description="Columns with categories; where they exist, they are no sensors."
    )
    absent_columns: Names = Field(
        (), description="Columns of a numbered series that are known to be missing."
    )
    separator: str = Field("auto", min_length=1, description="Separator of a CSV file, or `auto`.")
    decimal: Literal[".", ","] = Field(".", description="Decimal mark of a CSV file.")
    time_format: str | None = Field(None, description="strptime format of the time, or none to find it.")
    step_minutes: float | None = Field(
        None, gt=0, description="Usual minutes between two rows, or none for their median."
    )
    missing_values: Literal["refuse", "forward_fill"] = Field(
        "refuse", description="Refuse missing sensor values, or hold the last value of the same run."
    )
    fill_rows_at_most: int = Field(3, ge=1, description="Longest hole that `forward_fill` may fill.")


class LabelsSection(Section):
    """Curve shift: which rows count as shortly before an event."""

    rows_ahead: int = Field(2, ge=0, description="Rows before an event to mark; 0 marks the event itself.")
    event_rows: Literal["auto", "drop", "keep"] = Field(
        "auto", description="Whether event rows are dropped; `auto` keeps them only when rows_ahead is 0."
    )
    across_gaps: bool = Field(
        False, description="Mark rows across a time gap too, as the published code does."
    )

    @property
    def are_event_rows_kept(self) -> bool:
        """Whether event rows stay in the table as positive rows."""
        return self.event_rows == "keep" or (self.event_rows == "auto" and self.rows_ahead == 0)

    @model_validator(mode="after")
    def _check_combination(self) -> Self:
        if self.rows_ahead == 0 and self.event_rows == "drop":
            raise ValueError(
                "`labels.rows_ahead` 0 marks the event rows themselves, so `labels.event_rows` "
                "must be auto or keep. Received drop."
            )
        return self


class FeaturesSection(Section):
    """What is computed from the sensors before scaling, from past rows alone."""

    standardise: Literal["none", "trailing"] = Field(
        "trailing",
        description="`trailing`: each row by the mean and deviation of the rows before it in its run.",
    )
    trailing_rows: int = Field(30, ge=2, description="Rows before a row that standardise it.")
    clip: float | None = Field(5.0, gt=0, description="Bound of scaled values, or none.")


class WindowsSection(Section):
    """How windows of consecutive rows are cut."""

    lookback: int = Field(5, ge=1, description="Rows in a window.")
    convention: Literal["within_runs", "published"] = Field(
        "within_runs",
        description="`published` bridges gaps and events and leaves out the first two windows.",
    )


class SplitSection(Section):
    """How windows are divided into training, validation and test."""

    method: Literal["time", "random"] = Field(
        "time", description="`random` puts neighbours of training rows into the test: it leaks."
    )
    test_fraction: Fraction = Field(0.2, description="Share of rows for the test, the last ones.")
    validation_fraction: Fraction = Field(
        0.2, description="Share of the rows left after the test that serves for validation."
    )
    purge_rows: int | None = Field(
        None, ge=0, description="Rows left out before each boundary; none for `labels.rows_ahead`."
    )
    seed: int = Field(123, ge=0, description="Seed of the random split.")


class ModelSection(Section):
    """The network that reconstructs normal windows."""

    family: Literal["lstm_autoencoder", "dense_autoencoder"] = Field(
        "lstm_autoencoder", description="Kind of network; the dense one sees one row at a time."
    )
    units: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        (32, 16), min_length=1, description="Units of the encoder's layers; the decoder mirrors them."
    )
    activation: Literal["relu", "tanh", "elu", "selu", "sigmoid"] = Field(
        "tanh", description="Activation of the hidden layers."
    )


class TrainingSection(Section):
    """How the network is trained."""

    epochs: int = Field(100, ge=1, description="Passes over the training windows, at most.")
    batch_size: int = Field(128, ge=1, description="Windows in a step of the optimiser.")
    learning_rate: float = Field(1e-3, gt=0, description="Step size of Adam.")
    patience: int | None = Field(
        10, ge=1, description="Epochs without a better validation loss before stopping; none: never."
    )
    seed: int = Field(0, ge=0, description="Seed of weights, shuffling and the random control.")
    compile: Literal["auto", "always", "never"] = Field(
        "auto", description="XLA compilation; `auto` where the steps repay the time it takes."
    )
    tensorboard: bool = Field(False, description="Write TensorBoard logs below `mlruns/tensorboard`.")


class ThresholdSection(Section):
    """The rule that turns scores into alarms; an alarm is `score >= threshold`."""

    rule: Literal["fixed", "pr_crossing", "f_beta", "alarm_budget", "quantile"] = Field(
        "alarm_budget", description="How the threshold is chosen on validation."
    )
    value: float | None = Field(None, description="The threshold of `fixed`.")
    beta: float = Field(1.0, gt=0, description="Weight of recall in `f_beta`.")
    false_alarms_per_day: float = Field(5.0, gt=0, description="The budget of `alarm_budget`.")
    quantile: Fraction = Field(0.99, description="Share of normal validation scores below `quantile`.")

    @model_validator(mode="after")
    def _check_combination(self) -> Self:
        if (self.rule == "fixed") != (self.value is not None):
            raise ValueError(
                "`threshold.value` belongs to `threshold.rule` fixed and only to it. "
                f"Received rule={self.rule}, value={self.value}."
            )
        return self


class EvaluationSection(Section):
    """How scores and alarms are judged."""

    horizon_minutes: float = Field(20.0, gt=0, description="Horizon of `event_recall_20min` and lead time.")
    repeat_alarm_minutes: float = Field(
        30.0, gt=0, description="A lasting false alarm is counted again after so many minutes."
    )
    bootstrap_samples: int = Field(1000, ge=100, description="Resamples of the runs of rows.")
    confidence: Fraction = Field(0.9, description="Coverage of the intervals.")


class PromotionSection(Section):
    """What the gate asks of a version before it may become champion."""

    minimum_test_events: int = Field(10, ge=1, description="With fewer events the decision is HOLD.")
    margin: float = Field(0.02, ge=0, description="How much lower than the champion's the ROC area may be.")


class TrackingSection(Section):
    """Where runs and versions are kept; the address is `MLFLOW_TRACKING_URI`."""

    experiment: str = Field("forewarn", min_length=1, description="MLflow experiment of the runs.")
    model_name: str = Field(
        "forewarn", min_length=1, pattern=r"^[^/:]+$", description="Registered model of the versions."
    )


class Configuration(Section):
    """Everything that decides the result of a run, together with the data and the code."""

    preset: str | None = Field(None, description="Name of the preset that the settings started from.")
    readings: ReadingsSection = ReadingsSection()
    labels: LabelsSection = LabelsSection()
    features: FeaturesSection = FeaturesSection()
    windows: WindowsSection = WindowsSection()
    split: SplitSection = SplitSection()
    model: ModelSection = ModelSection()
    training: TrainingSection = TrainingSection()
    threshold: ThresholdSection = ThresholdSection()
    evaluation: EvaluationSection = EvaluationSection()
    promotion: PromotionSection = PromotionSection()
    tracking: TrackingSection = TrackingSection()

    @property
    def purge_rows(self) -> int:
        """Rows left out before each boundary, so that no label looks into the next part."""
        return self.labels.rows_ahead if self.split.purge_rows is None else self.split.purge_rows

    @model_validator(mode="after")
    def _check_combination(self) -> Self:
        if self.model.family == "dense_autoencoder" and self.windows.lookback != 1:
            raise ValueError(
                "`model.family` dense_autoencoder sees one row at a time, so `windows.lookback` "
                f"must be 1. Received {self.windows.lookback}."
            )
        if self.windows.convention == "published" and self.split.method != "random":
            raise ValueError(
                "`windows.convention` published lets windows cross a split, so `split.method` "
                f"must be random. Received {self.split.method}."
            )
        if self.split.method == "time" and self.purge_rows < self.labels.rows_ahead:
            raise ValueError(
                "`split.purge_rows` must be at least `labels.rows_ahead`, or labels look into the next part. "
                f"Received purge_rows={self.purge_rows}, rows_ahead={self.labels.rows_ahead}."
            )
        if self.features.standardise == "trailing" and self.windows.convention == "published":
            raise ValueError(
                "`windows.convention` published knows no runs of rows, so "
                "`features.standardise` must be none. Received trailing."
            )
        return self

    def to_yaml(self) -> str:
        """Write every setting as YAML that `--config` reads again."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


DEFAULTS = Configuration()
