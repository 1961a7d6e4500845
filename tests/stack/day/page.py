"""The page about the shortened day: what happened, read from Prefect and MLflow, as a table and a plot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from mlflow import MlflowClient
from mlflow.entities import Run
from prefect.client.schemas.objects import FlowRun

from schemas.registry import Move, Standing
from tasks.registry.history import read_registry
from tasks.registry.list_versions import list_versions
from tests.stack.day.plant import FAULT_HOUR
from tests.stack.prefect_runs import list_runs

_MODEL = "forewarn"
_DEPLOYMENTS = ("retrain", "monitor", "score", "promote", "rollback")
_COLOURS = {"Completed": "tab:green", "Cancelled": "tab:orange", "Failed": "tab:red", "Crashed": "tab:purple"}


@dataclass(frozen=True)
class Entry:
    """A run of a deployment, or a move of aliases.

    Attributes:
        hour: Hour of the day.
        what: Deployment, or `aliases`.
        by: Who or what started the run or the move.
        result: Outcome.
        state: Final state of the run; empty for a move.
        ratio: The monitor's ratio of the newest window, if there is one.
    """

    hour: float
    what: str
    by: str
    result: str
    state: str = ""
    ratio: float | None = None


def find_standing() -> Standing:
    """Return the current versions of the aliases."""
    return read_registry(MlflowClient(), _MODEL).standing


def write_day(folder: Path, begin: datetime, seconds_per_hour: float) -> None:
    """Write `a-day.md` and `a-day.png`.

    Args:
        folder: Folder for both.
        begin: When the day began.
        seconds_per_hour: Seconds per simulated hour.
    """
    client = MlflowClient()
    runs = read_mlflow_runs(client)

    def find_hour(moment: datetime) -> float:
        return (moment - begin).total_seconds() / seconds_per_hour

    entries = [
        describe_run(run, name, find_hour(run.start_time or run.expected_start_time or begin), runs)
        for name in _DEPLOYMENTS
        for run in list_runs(f"{name}/{name}")
    ]
    moves = list_versions(client, _MODEL).history
    entries += [describe_move(move, find_hour(datetime.fromisoformat(move.when))) for move in moves]
    entries.sort(key=lambda each: each.hour)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "a-day.md").write_text(write_page(entries, seconds_per_hour), encoding="utf-8")
    draw(entries, moves, [find_hour(datetime.fromisoformat(move.when)) for move in moves], folder)


def read_mlflow_runs(client: MlflowClient) -> dict[str, Run]:
    """Read the runs of all experiments, by the id of their flow run."""
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    found = client.search_runs(experiments, max_results=1000)
    return {run.data.tags.get("prefect.flow_run_id", ""): run for run in found}


def describe_run(run: FlowRun, name: str, hour: float, runs: dict[str, Run]) -> Entry:
    """Describe the outcome of a run."""
    state = run.state_name or "?"
    logged = runs.get(str(run.id))
    # the first sentence names the problem
    message = (run.state.message if run.state else None) or state
    result, ratio = message.partition(". ")[0], None
    if logged is not None and name == "retrain":
        tags = logged.data.tags
        result = f"version {tags.get('model_version')}: {tags.get('decision')}"
    elif logged is not None:
        ratio = logged.data.metrics.get("median_ratio")
        result = f"{logged.data.tags.get('verdict')}, ratio {ratio:.2f}" if ratio is not None else result
        if "drift_event" in logged.data.tags:
            result += "; drift event sent"
    elif state == "Completed":
        result = "done"
    return Entry(hour, name, name_starter(run), result, state, ratio)


def name_starter(run: FlowRun) -> str:
    """Return who or what started a run."""
    if run.auto_scheduled:
        return "schedule"
    kind = run.created_by.type if run.created_by and run.created_by.type else ""
    return "drift event" if "AUTOMATION" in kind.upper() else "a person"


def describe_move(move: Move, hour: float) -> Entry:
    """Describe a move of aliases."""
    after = ", ".join(f"{alias} {version}" for alias, version in move.after.model_dump().items() if version)
    return Entry(hour, "aliases", "gate" if move.kind == "gate" else "a person", f"{after} ({move.kind})")


def write_page(entries: Sequence[Entry], seconds_per_hour: float) -> str:
    """Write the page: how the day was simulated, the table, and the number of runs by state."""
    counts = Counter((each.what, each.state) for each in entries if each.state)
    rows = [each for each in entries if each.what != "score" or each.state != "Completed"]
    lines = [
        "# A day of a plant",
        "",
        "Written by `make day`, which starts a stack as `make stack` does. An hour lasts "
        f"{seconds_per_hour:g} seconds, and the table of simulated readings grows continuously. `score` is "
        "scheduled every hour, `monitor` every three and `retrain` every eight hours; at hour "
        f"{FAULT_HOUR:g} the transmitters of a third of the sensors become noisy. In the evening a person "
        "promotes the challenger, if there is one, and rolls back three hours later. Everything else is done "
        "by schedules, the drift event and the gate. The model is `logistic`: the day shows how the parts "
        "work together, not how well the model warns.",
        "",
        "![The runs, the monitor's ratio, and the champion's version](a-day.png)",
        "",
        "| hour | what | started by | outcome |",
        "|---:|---|---|---|",
        *(f"| {each.hour:.1f} | {each.what} | {each.by} | {each.result} |" for each in rows),
        "",
        "The monitor starts again with each new champion, so it may report drift again; the trigger ignores "
        "further events of a model for ten minutes of real time, which are many of these hours. A run that "
        "is due while the previous one is still running is cancelled; the next run scores its rows.",
        "",
        "Runs: "
        + "; ".join(f"{what} {state} {count}" for (what, state), count in sorted(counts.items()))
        + ".",
        "",
        f"Measured on {datetime.now(UTC):%Y-%m-%d}.",
    ]
    return "\n".join(lines) + "\n"


def draw(entries: Sequence[Entry], moves: Sequence[Move], hours: Sequence[float], folder: Path) -> None:
    """Draw the runs, the monitor's ratio and the champion over the hours."""
    figure, (lanes, ratio, champion) = plt.subplots(
        3, 1, figsize=(10, 7), sharex=True, height_ratios=(3, 2, 2), layout="constrained"
    )
    draw_lanes(lanes, entries)
    watched = [each for each in entries if each.ratio is not None]
    ratio.plot(
        [each.hour for each in watched], [each.ratio or 0.0 for each in watched], "o-", color="tab:blue"
    )
    ratio.axhline(1.5, color="tab:red", linestyle="--", linewidth=1, label="bound")
    ratio.set_ylabel("median score,\ntimes the reference")
    ratio.legend(loc="upper left")
    numbers = [int(move.after.champion or 0) for move in moves]
    champion.step([*hours, 24.0], [*numbers, numbers[-1]], where="post", color="tab:green")
    champion.set_ylabel("champion's\nversion")
    champion.set_yticks(range(1, max(numbers) + 1))
    champion.set_xlabel("hour")
    champion.set_xlim(-1.5, 24.5)
    for axes in (lanes, ratio, champion):
        axes.axvspan(FAULT_HOUR, 24.5, color="tab:gray", alpha=0.12, linewidth=0)
        axes.grid(visible=True, axis="x", alpha=0.3)
    lanes.set_title("A day of a plant; grey: a third of the sensors are noisy")
    figure.savefig(folder / "a-day.png", dpi=110)
    plt.close(figure)


def draw_lanes(axes: Axes, entries: Sequence[Entry]) -> None:
    """Draw each run as a dot in the lane of its deployment, coloured by its final state."""
    lanes = {name: place for place, name in enumerate(reversed(_DEPLOYMENTS))}
    for state, colour in _COLOURS.items():
        found = [each for each in entries if each.state == state]
        if found:
            places = [lanes[each.what] for each in found]
            axes.scatter([each.hour for each in found], places, color=colour, label=state, zorder=3)
    for each in entries:
        if each.by == "drift event":
            axes.annotate("drift event", (each.hour, lanes[each.what]), (0, 7), textcoords="offset points")
    axes.set_yticks(list(lanes.values()), list(lanes))
    axes.set_ylim(-0.6, len(lanes) - 0.3)
    axes.legend(loc="lower left", ncols=len(_COLOURS))
