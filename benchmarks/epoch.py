"""One training epoch: the published `fit` against ours with the same network, windows and initial weights."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from statistics import median
from typing import Any
from unittest.mock import patch

import keras
import numpy as np

from benchmarks import published
from benchmarks.measure import Measurement, Seconds
from benchmarks.published import PublishedWindows
from benchmarks.readings import Material, Prepared, convert_table, prepare_readings
from schemas.configuration import Configuration
from tasks.configuration.configure import configure
from tasks.models.build import build_network
from tasks.models.compiled_networks import discard_compiled
from tasks.models.train import train_network

GOAL = 6.0
EPOCHS = 8
# the first epochs include compilation
EPOCHS_LEFT_OUT = 2
SHUFFLE_SEEDS = (0, 1, 2)


@dataclass(frozen=True, eq=False)
class Training:
    """Losses and seconds of every epoch of one training."""

    losses: np.ndarray
    seconds: list[float]

    @property
    def lasting_seconds(self) -> list[float]:
        """Seconds of the epochs after compilation."""
        return self.seconds[EPOCHS_LEFT_OUT:]

    @property
    def starting_seconds(self) -> float:
        """Seconds that tracing and compilation added to the first epochs."""
        return sum(self.seconds[:EPOCHS_LEFT_OUT]) - EPOCHS_LEFT_OUT * median(self.lasting_seconds)


class EpochClock(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Seconds of each epoch, validation included."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []
        self._begin = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Start the clock."""
        self._begin = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Stop the clock."""
        self.seconds.append(time.perf_counter() - self._begin)


def measure_epoch(material: Material) -> list[Measurement]:
    """Measure an epoch after compilation for three shuffling seeds, and compare the losses."""
    settings = configure("ranjan-2019")
    lookback = settings.windows.lookback
    windows = published.prepare(material.table, settings.labels.rows_ahead, lookback, settings.split.seed)
    prepared = prepare_readings(convert_table(material.table), settings)
    theirs, ours, plain = [], [], []
    for seed in SHUFFLE_SEEDS:
        theirs.append(train_published(windows, settings, seed))
        ours.append(train_ours(prepared, settings, "always", seed))
        plain.append(train_ours(prepared, settings, "never", seed))
    slow, fast = collect_seconds(theirs), collect_seconds(ours)
    shape = f"{len(windows.train_normal):,} windows of {lookback} x {windows.train_normal.shape[2]}"
    note = (
        f"{material.description}; {shape}, batch {settings.training.batch_size}, validation included, "
        f"medians of {len(ours) * (EPOCHS - EPOCHS_LEFT_OUT)} epochs after compilation: published `fit` on "
        f"float64 {write_seconds(slow)}, ours {write_seconds(fast)}, ours without XLA "
        f"{write_seconds(collect_seconds(plain))}. {describe_repayment(ours, plain)} "
        f"{compare_losses(theirs, ours)}"
    )
    return [Measurement("epoch", slow.median / fast.median, GOAL, note)]


def train_published(windows: PublishedWindows, settings: Configuration, seed: int) -> Training:
    """Train the published way; `seed` sets the shuffling order, the initial weights are always the same."""
    network, clock = build_first_network(windows.train_normal), EpochClock()
    keras.utils.set_random_seed(seed)
    losses = published.train(network, windows, EPOCHS, settings.training.batch_size, [clock])
    return Training(np.asarray(losses["loss"]), clock.seconds)


def train_ours(prepared: Prepared, settings: Configuration, compiling: str, seed: int) -> Training:
    """Train our way from the same initial weights."""
    lookback, sensors = settings.windows.lookback, prepared.scaled.shape[1]
    network, clock = build_network(settings.model.family, settings.model, lookback, sensors, 0), EpochClock()
    network.set_weights(published.build_network(lookback, sensors, seed=0).get_weights())
    changes = {"epochs": EPOCHS, "compile": compiling, "seed": seed}
    discard_compiled()
    with added_callback(clock):
        history = train_network(
            network,
            prepared.scaled,
            prepared.split.train.normal_end_rows,
            prepared.split.validation.normal_end_rows,
            settings.training.model_copy(update=changes),
        )
    return Training(history.loss, clock.seconds)


def build_first_network(windows: np.ndarray) -> Any:
    """Build the published network with the initial weights that all trainings here share."""
    return published.build_network(windows.shape[1], windows.shape[2], seed=0)


@contextlib.contextmanager
def added_callback(callback: Any) -> Iterator[None]:
    """Add a callback to every network's `fit`."""
    fit = keras.Model.fit

    def fit_with_callback(network: Any, *data: Any, callbacks: list[Any], **options: Any) -> Any:
        return fit(network, *data, callbacks=[*callbacks, callback], **options)

    with patch.object(keras.Model, "fit", fit_with_callback):
        yield


def collect_seconds(trainings: list[Training]) -> Seconds:
    """Collect the seconds per epoch after compilation."""
    times = [seconds for training in trainings for seconds in training.lasting_seconds]
    return Seconds(median(times), min(times))


def write_seconds(seconds: Seconds) -> str:
    """Write the median and the minimum."""
    return f"{seconds.median:.2f} s (fastest {seconds.fastest:.2f} s)"


def describe_repayment(compiled: list[Training], plain: list[Training]) -> str:
    """Describe after how many epochs XLA has recovered its longer compilation time."""
    compiling, tracing = (
        median([training.starting_seconds for training in trainings]) for trainings in (compiled, plain)
    )
    saved = collect_seconds(plain).median - collect_seconds(compiled).median
    starts = f"XLA starts in {compiling:.0f} s, plain tracing in {tracing:.0f} s"
    if saved <= 0:
        return f"{starts}; epochs were not faster with XLA here, so that time is not recovered."
    return f"{starts}: recovered after {max(0.0, compiling - tracing) / saved:.0f} epochs."


def compare_losses(theirs: list[Training], ours: list[Training]) -> str:
    """Describe how much the loss curves differ; seeds change only the shuffling order."""
    across = max(find_gap(one, other) for one in theirs for other in ours)
    within = max(find_gap(one, other) for one, other in combinations(theirs, 2))
    return (
        f"Same initial weights, different shuffling orders: over {EPOCHS} epochs our losses differ from the "
        f"published ones by at most {across:.1%}, those of {len(theirs)} published runs from each other by "
        f"{within:.1%}."
    )


def find_gap(one: Training, other: Training) -> float:
    """Return the largest relative difference between two loss curves."""
    return float(np.max(np.abs(one.losses - other.losses) / other.losses))
