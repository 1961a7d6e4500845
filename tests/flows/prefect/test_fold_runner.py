"""Where folds run: as many processes as are asked for and allowed, with the same result everywhere."""

from __future__ import annotations

from pathlib import Path

import joblib
import numpy as np
import pytest
from threadpoolctl import threadpool_info

from flows.fold import one_thread, run_fold
from flows.prefect.fold_runner import FoldRunner, choose_runner
from schemas.backtest import FoldOrder, FoldScores
from schemas.errors import InputError
from tasks.configuration.configure import configure

SETTINGS = (
    "model.family=join",
    "model.members=[pca_t2,logistic]",
    "evaluation.fold_starts=[0.6,0.8]",
    "evaluation.fold_test_fraction=0.2",
)


def make_order(path: Path, fold: int = 1, *more: str) -> FoldOrder:
    return FoldOrder("model", str(path), configure(settings=[*SETTINGS, *more]), fold, has_controls=True)


def require_equal(one: FoldScores, other: FoldScores) -> None:
    for name in ("scores", "held", "held_at_rates", "tampered"):
        np.testing.assert_equal(getattr(one, name), getattr(other, name), err_msg=name)
    assert (one.threshold, one.parameters, one.fold) == (other.threshold, other.parameters, other.fold)


def test_a_fold_comes_to_the_same_bits_in_a_worker_as_here(readings_file: Path) -> None:
    order = make_order(readings_file)
    with FoldRunner(2) as runner:
        require_equal(runner.run(order), run_fold(order))


@pytest.mark.slow
def test_a_network_comes_to_the_same_bits_in_a_worker_as_here(readings_file: Path) -> None:
    order = make_order(readings_file, 1, "model.members=[lstm_autoencoder,logistic]", "training.epochs=2")
    with FoldRunner(2) as runner:
        require_equal(runner.run(order), run_fold(order))


def test_what_is_wrong_in_a_worker_is_said_as_here(readings_file: Path) -> None:
    order = make_order(readings_file, 1, "windows.lookback=5000")
    with pytest.raises(InputError) as here:
        run_fold(order)
    with FoldRunner(2) as runner, pytest.raises(InputError) as there:
        runner.run(order)
    assert str(there.value) == str(here.value)


def test_a_fold_computes_in_one_thread() -> None:
    before = [library["num_threads"] for library in threadpool_info()]
    with one_thread():
        assert {library["num_threads"] for library in threadpool_info()} == {1}
    assert [library["num_threads"] for library in threadpool_info()] == before


def test_there_is_a_worker_per_core_unless_another_number_is_given() -> None:
    assert choose_runner(None, "readings.csv") == FoldRunner(joblib.cpu_count())
    assert choose_runner(None, "readings.csv", 3) == FoldRunner(3)


@pytest.mark.parametrize("source", ["-", "sqlite:///plant.db", "postgresql://plant/readings"])
def test_what_can_be_read_once_alone_is_read_by_this_process(source: str) -> None:
    assert choose_runner(None, source) == choose_runner(None, source, 1) == FoldRunner(1)
    with pytest.raises(InputError, match=r"`--data` must name a file or a folder, .* Omit `--workers`"):
        choose_runner(None, source, 2)


def test_workers_here_and_on_a_cluster_are_refused() -> None:
    with pytest.raises(InputError, match=r"Received both, 2 and tcp://127\.0\.0\.1:8786\. Omit one"):
        choose_runner("tcp://127.0.0.1:8786", "readings.csv", 2)
