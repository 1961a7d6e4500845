"""One training epoch: the published `fit` against ours, same network, windows and first weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median
from typing import Any

from benchmarks import published
from benchmarks.measure import Measurement
from benchmarks.published import PublishedWindows
from benchmarks.readings import Material, Prepared, convert_table, prepare_readings

import keras  # isort: skip  after the backend was chosen
import numpy as np

from schemas.configuration import Configuration, TrainingSection
from tasks.build import build_network
from tasks.configure import configure
from tasks.train import train_network

GOAL = 6.0
EPOCHS = 6
SHUFFLE_SEEDS = (0, 1, 2)


class EpochClock(keras.callbacks.Callback):
    """Seconds of each epoch, validation included."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._begin = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.seconds.append(time.perf_counter() - self._begin)
