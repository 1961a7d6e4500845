"""Run folds: in this process one after the other, or on a Dask cluster in parallel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from prefect.runtime import task_run
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from flows import fold
from flows.steps import Pending, step
from schemas.backtest import FoldOrder, FoldScores
from schemas.configuration import Configuration
from schemas.errors import InputError, StoreUnreachableError
from tasks.configuration.configure import change_settings
from tasks.sources.addresses import STANDARD_INPUT, make_absolute

_ANSWER_SECONDS = 5


def name_fold() -> str:
    """Name a task run by the fold that it runs."""
    order = task_run.parameters["order"]
    return f"fold {order.fold}, {order.entrant}, seed {order.seed}"


# not in `flows.steps`, since a fold is composed of those steps
run_fold = step(fold.run_fold, name="fold", task_run_name=name_fold)


def choose_runner(dask_address: str | None, source: str) -> TaskRunner[Any]:
    """Choose where folds run.

    In this process they run one after the other: TensorFlow uses every core for one training, and its random
    seed is global to the process.

    Args:
        dask_address: Address of a Dask scheduler such as `tcp://127.0.0.1:8786`, or none.
        source: Source of the readings, which the workers of a cluster read too.

    Raises:
        InputError: If Dask is not installed, or workers cannot read the source.
        StoreUnreachableError: If the scheduler does not answer.
    """
    if dask_address is None:
        return ThreadPoolTaskRunner(max_workers=1)
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
