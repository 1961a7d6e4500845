"""Run folds side by side: in worker processes of this machine, or on a Dask cluster."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

import joblib
from prefect.context import FlowRunContext
from prefect.runtime import task_run
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from flows import fold
from flows.steps import Pending, step
from flows.workers import Workers
from schemas.backtest import FoldOrder, FoldScores
from schemas.configuration import Configuration
from schemas.errors import InputError, StoreUnreachableError
from tasks.configuration.configure import change_settings
from tasks.sources.addresses import STANDARD_INPUT, is_database, make_absolute

_ANSWER_SECONDS = 5


class FoldRunner(ThreadPoolTaskRunner[Any]):
    """Runs folds in worker processes, with a thread for each that waits for it and records it in Prefect.

    TensorFlow's threads gain little with networks this small, and its random seed is global to the process,
    so trainings run side by side in processes of their own, on one core each. With one worker they run in
    this process, one after the other. A fold's result is the same in all cases.
    """

    def __init__(self, max_workers: int = 1) -> None:
        super().__init__(max_workers)
        self.count = max_workers
        self._workers: Workers | None = None

    def __enter__(self) -> Self:
        """Begin; the workers start when they are needed."""
        if self.count > 1:
            self._workers = Workers(self.count)
        return super().__enter__()

    def __exit__(self, *error: Any) -> None:
        """End the workers, and then the threads that wait for them."""
        if self._workers is not None:
            self._workers.close()
        super().__exit__(*error)

    def run(self, order: FoldOrder) -> FoldScores:
        """Run a fold in a worker, or in this process if it is the only one."""
        return fold.run_fold(order) if self._workers is None else self._workers.run(fold.run_fold, order)


# of a flow that is called without a command: one fold after the other
IN_THIS_PROCESS: TaskRunner[Any] = FoldRunner()


def run_in_place(order: FoldOrder) -> FoldScores:
    """Run a fold where the runner of the flow wants it; a worker of a cluster runs it itself."""
    context = FlowRunContext.get()
    runner = None if context is None else context.task_runner
    return runner.run(order) if isinstance(runner, FoldRunner) else fold.run_fold(order)


def name_fold() -> str:
    """Name a task run by the fold that it runs."""
    order = task_run.parameters["order"]
    return f"fold {order.fold}, {order.entrant}, seed {order.seed}"


# not in `flows.steps`, since a fold is composed of those steps
run_fold = step(run_in_place, name="fold", task_run_name=name_fold)


def choose_runner(dask_address: str | None, source: str, workers: int | None = None) -> TaskRunner[Any]:
    """Choose where folds run.

    Args:
        dask_address: Address of a Dask scheduler such as `tcp://127.0.0.1:8786`, or none.
        source: Source of the readings, which workers read too.
        workers: Processes of this machine; by default as many as there are cores, and one if only this
            process can read the source, or if it may have changed when another reads it.

    Raises:
        InputError: If Dask is not installed, workers cannot read the source, or both kinds are asked for.
        StoreUnreachableError: If the scheduler does not answer.
    """
    if dask_address is None:
        return FoldRunner(choose_workers(source, workers))
    if workers is not None:
        raise InputError(
            "`--workers` are processes of this machine, and `--dask-address` names those of a cluster. "
            f"Received both, {workers} and {dask_address}. Omit one of them."
        )
    if source == STANDARD_INPUT:
        raise InputError(
            "`--data` must name a table that the workers of `--dask-address` can read too. Received -, "
            "standard input. Name a file, a folder or a database."
        )
    try:
        from distributed import Client
        from prefect_dask.task_runners import DaskTaskRunner
    except ImportError as error:
        raise InputError(
            "`--dask-address` needs the extra `distributed`, which is not installed. Run "
            "`make setup EXTRAS=dev,distributed`, or `pip install 'forewarn[distributed]'`."
        ) from error
    try:
        connect: Any = Client
        connect(dask_address, timeout=_ANSWER_SECONDS, set_as_default=False).close()
    except (OSError, ValueError) as error:
        raise StoreUnreachableError(
            "`--dask-address` must name a running Dask scheduler, such as tcp://127.0.0.1:8786. "
            f"Received {dask_address}, which did not answer: {error}. Start it with `dask scheduler`, or "
            "omit the option."
        ) from error
    runner: TaskRunner[Any] = DaskTaskRunner(address=dask_address)
    return runner


def choose_workers(source: str, workers: int | None) -> int:
    """Choose the number of worker processes; see `choose_runner`."""
    if source != STANDARD_INPUT and not is_database(source):
        return workers or joblib.cpu_count()
    if workers is not None and workers > 1:
        received = "-, standard input" if source == STANDARD_INPUT else "a database, whose rows may change"
        raise InputError(
            "With several `--workers`, `--data` must name a file or a folder, which each of them reads. "
            f"Received {received}. Omit `--workers`, or save the table in a file."
        )
    return 1


def trains_here(runner: TaskRunner[Any]) -> bool:
    """Return whether folds run in this process."""
    return isinstance(runner, FoldRunner) and runner.count == 1


def order_seeds(
    entrant: str, source: str, settings: Configuration, fold: int, *, has_controls: bool
) -> list[FoldOrder]:
    """Make one order for a fold per seed, counting up from the seed of the settings."""
    first = settings.training.seed
    return [
        FoldOrder(
            entrant=entrant,
            source=make_absolute(source),
            settings=change_settings(settings, {"training": {"seed": first + number}}),
            fold=fold,
            has_controls=has_controls,
        )
        for number in range(settings.evaluation.seeds)
    ]


def run_folds(orders: Sequence[FoldOrder], announce: Callable[[FoldScores], None]) -> list[FoldScores]:
    """Run folds as Prefect tasks.

    Args:
        orders: The folds; the result of each depends on its order alone, not on where it runs.
        announce: Called with each result, in the order of `orders`.

    Returns:
        The results, in the order of `orders`.
    """
    futures = [run_fold.submit(order) for order in orders]
    results = []
    for future in futures:
        results.append(future.result())
        announce(results[-1])
    return results


def try_folds(
    orders: Sequence[FoldOrder], announce: Callable[[FoldOrder], None]
) -> list[FoldScores | InputError]:
    """Run folds of which some may fail, for example because the loss of a network becomes NaN.

    Args:
        orders: The folds.
        announce: Called with each order when its fold has ended.

    Returns:
        For each order its result, or the error that its settings caused.
    """
    return gather_folds(orders, submit_folds(orders), announce)


def submit_folds(orders: Sequence[FoldOrder]) -> list[Pending[FoldScores]]:
    """Start folds as Prefect tasks without waiting for them; `gather_folds` waits."""
    return [run_fold.submit(order) for order in orders]


def gather_folds(
    orders: Sequence[FoldOrder],
    futures: Sequence[Pending[FoldScores]],
    announce: Callable[[FoldOrder], None],
) -> list[FoldScores | InputError]:
    """Wait for folds that were started; see `try_folds`."""
    results: list[FoldScores | InputError] = []
    for order, future in zip(orders, futures, strict=True):
        try:
            results.append(future.result())
        except InputError as problem:
            results.append(problem)
        announce(order)
    return results
