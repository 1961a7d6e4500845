"""What can be configured: one frozen section per step, every default in one place."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any, Final, Literal, Self

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
Share = Annotated[float, Field(ge=0, lt=1)]
Group = Literal["level", "volatility", "difference", "context"]
Member = Literal[
    "lstm_autoencoder",
    "dense_autoencoder",
    "conv_lstm_autoencoder",
    "rnn_forecaster",
    "lstm_forecaster",
    "pca_t2",
    "pca_q",
    "zscore",
    "logistic",
]
Family = Literal[Member, "join"]
FORECASTERS: Final = ("rnn_forecaster", "lstm_forecaster")
NETWORKS: Final = ("lstm_autoencoder", "dense_autoencoder", "conv_lstm_autoencoder", *FORECASTERS)


class Section(BaseModel):
    """A frozen group of settings that refuses unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)


class ReadingsSection(Section):
    """How the table of readings is read and what is expected of it."""

    time_column: str = Field("time", description="Column with the time of a row.")
    label_column: str | None = Field(
        "y", description="Column that is 1 on event rows and 0 elsewhere; none for a table without events."
    )
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
    replay: Literal["none", "causal"] = Field(
        "none",
        description="`causal`: hold the last archived point where a historian interpolated. For training and "
        "evaluation on historical files; live scoring never does it.",
    )
    simulated: Literal["mill", "temperature", "sequences"] = Field(
        "mill", description="Kind of readings that are simulated where no file is given."
    )


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
    """What is computed from the sensors of a row and of the rows before it in its run."""

    level: Literal["raw", "local"] = Field(
        "local", description="Sensors as they are, or their deviation from the mean of the rows before."
    )
    trailing_rows: int = Field(30, ge=2, description="Rows before a row whose mean `local` subtracts.")
    volatility_rows: int | None = Field(
        10, ge=2, description="Rows of the trailing deviation whose logarithm is a feature; none: no such."
    )
    difference_rows: int | None = Field(
        3, ge=1, description="Rows over which a sensor's difference is a feature; none: no such."
    )
    has_context: bool = Field(
        True, description="Rows since a restart, stops in the last hours, length of the gap, grade changes."
    )
    context_hours: tuple[Annotated[float, Field(gt=0)], ...] = Field(
        (2.0, 8.0, 24.0), min_length=1, description="Hours in which stops are counted."
    )
    context_rows_at_most: int = Field(720, ge=1, description="Rows after which a restart is forgotten.")
    clip: float | None = Field(5.0, gt=0, description="Bound of scaled values, or none.")
    scale_order: Literal["split_scale_window", "window_split_scale", "scale_split_window"] = Field(
        "split_scale_window",
        description="What the scaler is fitted on: normal training rows; the last rows of normal training "
        "windows; or all rows, which leaks the test into the training.",
    )


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
    """The model that scores windows."""

    family: Family = Field("join", description="Kind of model.")
    members: tuple[Member, ...] = Field(
        ("lstm_autoencoder", "pca_t2", "logistic"),
        min_length=2,
        description="Families whose tail ranks `join` adds.",
    )
    inputs: tuple[Group, ...] = Field(
        ("level", "volatility"), min_length=1, description="Features that families without labels see."
    )
    labelled_inputs: tuple[Group, ...] = Field(
        ("level", "volatility", "difference", "context"),
        min_length=1,
        description="Features that `logistic` sees, with the absolute values of those of a sensor.",
    )
    units: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        (32, 16), min_length=1, description="Units or filters of the encoder's layers; the decoder mirrors."
    )
    activation: Literal["relu", "tanh", "elu", "selu", "sigmoid", "linear"] = Field(
        "tanh", description="Activation of the hidden layers."
    )
    dropout: Share = Field(0.0, description="Share of the inputs of each hidden layer dropped in training.")
    recurrent_dropout: Share = Field(0.0, description="Share of the recurrent inputs dropped in training.")
    gaussian_dropout: Share = Field(0.0, description="Gaussian noise in place of dropout.")
    alpha_dropout: Share = Field(0.0, description="Dropout that keeps mean and deviation, for `selu`.")
    kernel_rows: int = Field(3, ge=1, description="Rows that a filter of `conv_lstm_autoencoder` spans.")
    error_rows: Literal["last", "window"] = Field(
        "last", description="Rows of a window whose squared error is the score."
    )
    explained_variance: Fraction = Field(0.99, description="Share of variance that PCA's components hold.")
    regularisation: float = Field(
        1e-3, gt=0, description="Inverse strength of the penalty of `logistic`: smaller is stronger."
    )
    warning_rows: int | None = Field(
        None, ge=1, description="Rows before an event that teach `logistic`; none for `labels.rows_ahead`."
    )

    @property
    def families(self) -> tuple[str, ...]:
        """The family, or the members of a join."""
        return self.members if self.family == "join" else (self.family,)

    @model_validator(mode="after")
    def _check_combination(self) -> Self:
        if len(set(self.members)) != len(self.members):
            raise ValueError(f"`model.members` must differ from each other. Received {self.members}.")
        if self.alpha_dropout and self.activation != "selu":
            raise ValueError(
                "`model.alpha_dropout` belongs to `model.activation` selu. "
                f"Received activation={self.activation}."
            )
        return self


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


class ThresholdSection(Section):
    """The rule that turns scores into alarms; an alarm is `score >= threshold`."""

    rule: Literal["fixed", "pr_crossing", "f_beta", "alarm_budget", "trailing_budget", "cost", "quantile"] = (
        Field("trailing_budget", description="How the threshold is chosen.")
    )
    value: float | None = Field(None, description="The threshold of `fixed`.")
    beta: float = Field(1.0, gt=0, description="Weight of recall in `f_beta`.")
    false_alarms_per_day: float = Field(
        5.0, gt=0, description="The budget of `alarm_budget` and `trailing_budget`."
    )
    trailing_days: float = Field(
        3.0, gt=0, description="Days of scores that `trailing_budget` looks back on; 24 hours of rows each."
    )
    recalibrate_minutes: float = Field(
        60.0, gt=0, description="Minutes for which `trailing_budget` keeps a threshold."
    )
    safety: float = Field(0.8, gt=0, le=1, description="Share of the budget that `trailing_budget` aims at.")
    missed_event_cost: float = Field(
        50.0, gt=0, description="Cost of a missed event for `cost`, in false alarms."
    )
    quantile: Fraction = Field(0.99, description="Share of normal scores below `quantile`.")
    quantile_part: Literal["validation", "train"] = Field(
        "validation", description="Part whose normal scores `quantile` looks at."
    )

    @property
    def promised_false_alarms_per_day(self) -> float | None:
        """False alarms a day that the rule promises, or none where it promises nothing."""
        return self.false_alarms_per_day if self.rule in {"alarm_budget", "trailing_budget"} else None

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
    alarm_rates: tuple[Annotated[float, Field(gt=0)], ...] = Field(
        (1.0, 2.0, 5.0), min_length=1, description="False alarms a day at which `backtest` reads off recall."
    )
    fold_starts: tuple[Fraction, ...] = Field(
        (0.40, 0.52, 0.64, 0.76, 0.88),
        min_length=1,
        description="Shares of the rows that the folds of `backtest` train on, the rows before each.",
    )
    fold_test_fraction: Fraction = Field(0.12, description="Share of the rows that a fold tests on.")
    fold_validation_fraction: Fraction = Field(
        0.15, description="Share of a fold's rows before its test that serves for validation, the last ones."
    )
    seeds: int = Field(3, ge=1, description="Seeds of `backtest`; its figures are their means.")

    @model_validator(mode="after")
    def _check_folds(self) -> Self:
        starts = self.fold_starts
        if any(later <= earlier for earlier, later in pairwise(starts)):
            raise ValueError(f"`evaluation.fold_starts` must rise. Received {starts}.")
        if starts[-1] + self.fold_test_fraction > 1 + 1e-9:
            raise ValueError(
                "`evaluation.fold_starts` plus `evaluation.fold_test_fraction` must be at most 1. "
                f"Received {starts[-1]} and {self.fold_test_fraction}."
            )
        return self


class PromotionSection(Section):
    """What the gate asks of a version before it may become champion."""

    minimum_test_events: int = Field(10, ge=1, description="With fewer events the decision is HOLD.")
    false_alarms_per_day: float = Field(
        5.0,
        gt=0,
        description="Alarm budget of the gate where the threshold's rule promises none.",
    )
    alarm_tolerance: float = Field(
        1.5, ge=1, description="Times the alarm budget that the test may have; beyond, if clearly, REJECT."
    )
    margin: float = Field(
        0.02, ge=0, description="How much lower than the champion's the average precision may be."
    )
    event_recall_margin: float = Field(
        0.1, ge=0, description="How much lower than the champion's the event recall may be, at equal alarms."
    )
    needs_superiority: bool = Field(
        False, description="Whether a challenger must be clearly better, not only not worse."
    )
    needs_approval: bool = Field(
        False, description="Whether a version that passes is held until a person promotes it."
    )
    seconds_per_thousand_rows: float = Field(
        10.0, gt=0, description="Longest time in which a fresh process may score 1,000 rows."
    )
    megabytes: float = Field(200.0, gt=0, description="Largest size of a version's files.")
    slice_alarm_factor: float = Field(
        6.0, ge=1, description="Times the alarm budget that a slice (time of day, category) may have."
    )
    least_rank_correlation: float = Field(
        0.3, ge=-1, le=1, description="Of scores with and without any one sensor dead, at least."
    )
    spike_share: Share = Field(0.5, description="Share of sensors whose spike must raise the score.")


class MonitorSection(Section):
    """When `monitor` says that the champion has drifted, and what it finds unusual in sensors."""

    window_hours: float = Field(
        12.0, gt=0, description="Hours of rows present in a window, counted back from the newest row."
    )
    windows: int = Field(6, ge=1, description="Last windows that are looked at for drift.")
    windows_above: int = Field(
        4, ge=1, description="Windows among them whose ratio must be above the bound, the newest among them."
    )
    bound: float = Field(
        1.5, gt=1, description="Times the reference that the median score of normal rows may have."
    )
    reference: Literal["validation", "train"] = Field(
        "validation",
        description="Part whose normal windows give the reference; the fit has not seen those of validation.",
    )
    least_normal_share: float = Field(
        0.25, gt=0, le=1, description="Share of a window's rows that must be normal for it to have a ratio."
    )
    cool_down_hours: float = Field(
        72.0, ge=0, description="Hours of the data's time in which no second drift event is sent."
    )
    significance: Fraction = Field(
        0.01, description="Level of the test for moved sensors, held over all of them together (Holm)."
    )
    missing_share: Share = Field(0.05, description="Share of missing values in a window worth a finding.")
    frozen_hours: float = Field(
        2.0, gt=0, description="Hours without change worth a finding, where training had none as long."
    )
    out_of_range_deviations: float = Field(
        5.0, gt=0, description="Training deviations beyond which a value is out of range."
    )
    out_of_range_share: Share = Field(0.05, description="Share of such values in a window worth a finding.")
    step_factor: float = Field(
        2.0, ge=1, description="Times the largest step of training that makes a step worth a finding."
    )
    event_seconds: float = Field(
        60.0, gt=0, description="Longest wait until the Prefect server has recorded an event."
    )

    @model_validator(mode="after")
    def _check_combination(self) -> Self:
        if self.windows_above > self.windows:
            raise ValueError(
                "`monitor.windows_above` must be at most `monitor.windows`. "
                f"Received {self.windows_above} of {self.windows}."
            )
        return self


class TrackingSection(Section):
    """Where runs and versions are kept; the address is `MLFLOW_TRACKING_URI`."""

    experiment: str = Field("forewarn", min_length=1, description="MLflow experiment of the runs.")
    model_name: str = Field(
        "forewarn", min_length=1, pattern=r"^[^/:]+$", description="Registered model of the versions."
    )


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
    monitor: MonitorSection = MonitorSection()
    tracking: TrackingSection = TrackingSection()
    serving: ServingSection = ServingSection()

    @property
    def computes_features(self) -> bool:
        """Whether rows before a row are looked at for its features."""
        section = self.features
        return (
            section.level == "local"
            or section.volatility_rows is not None
            or section.difference_rows is not None
            or section.has_context
        )

    @property
    def window_rows(self) -> int:
        """Rows in a window: the lookback, and for a forecaster the row that it forecasts."""
        return self.windows.lookback + any(name in FORECASTERS for name in self.model.families)

    @property
    def purge_rows(self) -> int:
        """Rows left out before each boundary, so that no label looks into the next part."""
        if self.readings.label_column is None:
            return self.split.purge_rows or 0
        return self.labels.rows_ahead if self.split.purge_rows is None else self.split.purge_rows

    @model_validator(mode="after")
    def _check_combination(self) -> Self:
        if self.windows.convention == "published" and self.split.method != "random":
            raise ValueError(
                "`windows.convention` published lets windows cross a split, so `split.method` "
                f"must be random. Received {self.split.method}."
            )
        has_labels = self.readings.label_column is not None
        if has_labels and self.split.method == "time" and self.purge_rows < self.labels.rows_ahead:
            raise ValueError(
                "`split.purge_rows` must be at least `labels.rows_ahead`, or labels look into the next part. "
                f"Received purge_rows={self.purge_rows}, rows_ahead={self.labels.rows_ahead}."
            )
        if self.windows.convention == "published" and self.computes_features:
            raise ValueError(
                "`windows.convention` published knows no runs of rows, so `features.level` must be "
                "raw, `features.volatility_rows` and `features.difference_rows` none, and "
                "`features.has_context` false."
            )
        unlabelled = [name for name in self.model.families if name != "logistic"]
        used = (self.model.inputs if unlabelled else ()) + (
            self.model.labelled_inputs if "logistic" in self.model.families else ()
        )
        for group, key in (
            ("volatility", "volatility_rows"),
            ("difference", "difference_rows"),
            ("context", "has_context"),
        ):
            if group in used and not getattr(self.features, key):
                raise ValueError(
                    f"`model.inputs` and `model.labelled_inputs` name {group}, so `features.{key}` must be "
                    f"set. Received {getattr(self.features, key)}."
                )
        if not has_labels and "logistic" in self.model.families:
            raise ValueError(
                "`model.family` logistic, and join with it, learn from events, so `readings.label_column` "
                "must name them. Received none."
            )
        return self

    def to_yaml(self) -> str:
        """Write every setting as YAML that `--config` reads again."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


DEFAULTS = Configuration()
