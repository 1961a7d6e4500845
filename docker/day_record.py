"""What happened on the shortened day, read from Prefect and MLflow, as a table and a plot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import matplotlib.pyplot as plt
from day_plant import FAULT_HOUR
from matplotlib.axes import Axes
from mlflow import MlflowClient
from mlflow.entities import Run
from prefect.client.schemas.objects import FlowRun
from prefect_runs import list_runs

from schemas.registry import Move, Standing
from tasks.registry.history import read_registry
from tasks.registry.list_versions import list_versions

_MODEL = "forewarn"
_DEPLOYMENTS = ("retrain", "monitor", "score", "promote", "rollback")
_COLOURS = {"Completed": "tab:green", "Cancelled": "tab:orange", "Failed": "tab:red", "Crashed": "tab:purple"}


@dataclass(frozen=True)
class Happening:
    """One thing that happened.

    Attributes:
        hour: Of the day.
        what: Which deployment ran, or which alias moved.
        by: Who began it.
        result: What came of it.
        state: Final state of the run; empty for what is no run.
        ratio: The monitor's ratio of the newest window, where it has one.
    """

    hour: float
    what: str
    by: str
    result: str
    state: str = ""
    ratio: float | None = None


def find_standing() -> Standing:
    """Find where the aliases point now."""
    return read_registry(MlflowClient(), _MODEL).standing


def write_record(folder: Path, begin: datetime, seconds_per_hour: float) -> None:
    """Read what happened and write `a-day.md` and `a-day.png`.

    Args:
        folder: Where both go.
        begin: When the day began.
        seconds_per_hour: Seconds that stood for an hour.
    """
    client = MlflowClient()
    runs = read_mlflow_runs(client)

    def find_hour(moment: datetime) -> float:
        return (moment - begin).total_seconds() / seconds_per_hour

    happenings = [
        describe_run(run, name, find_hour(run.start_time or run.expected_start_time or begin), runs)
        for name in _DEPLOYMENTS
        for run in list_runs(f"{name}/{name}")
    ]
    moves = list_versions(client, _MODEL).history
    happenings += [describe_move(move, find_hour(datetime.fromisoformat(move.when))) for move in moves]
    happenings.sort(key=lambda each: each.hour)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "a-day.md").write_text(write_page(happenings, seconds_per_hour), encoding="utf-8")
    draw(happenings, moves, [find_hour(datetime.fromisoformat(move.when)) for move in moves], folder)


def read_mlflow_runs(client: MlflowClient) -> dict[str, Run]:
    """Read the runs of all experiments, by the flow run that made them."""
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    found = client.search_runs(experiments, max_results=1000)
    return {run.data.tags.get("prefect.flow_run_id", ""): run for run in found}


def describe_run(run: FlowRun, name: str, hour: float, runs: dict[str, Run]) -> Happening:
    """Say what became of a run of a deployment."""
    state = run.state_name or "?"
    logged = runs.get(str(run.id))
    # the first sentence says what was wrong
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
    return Happening(hour, name, name_starter(run), result, state, ratio)


def name_starter(run: FlowRun) -> str:
    """Say who began a run."""
    if run.auto_scheduled:
        return "schedule"
    kind = run.created_by.type if run.created_by and run.created_by.type else ""
    return "drift event" if "AUTOMATION" in kind.upper() else "a person"


def describe_move(move: Move, hour: float) -> Happening:
    """Say which aliases a move has moved."""
    after = ", ".join(f"{alias} {version}" for alias, version in move.after.model_dump().items() if version)
    return Happening(hour, "aliases", "gate" if move.kind == "gate" else "a person", f"{after} ({move.kind})")


def write_page(happenings: Sequence[Happening], seconds_per_hour: float) -> str:
    """Write the page: what the day was, the table, and counts of the runs that came every hour."""
    counts = Counter((each.what, each.state) for each in happenings if each.state)
    rows = [each for each in happenings if each.what != "score" or each.state != "Completed"]
    lines = [
        "# A day of a plant",
        "",
        "Written by `make day`: a stack is started as `make stack` would, an hour lasts "
        f"{seconds_per_hour:g} seconds, and the table of simulated readings grows meanwhile. `score` is "
        "scheduled every hour, `monitor` every three and `retrain` every eight hours; at hour "
        f"{FAULT_HOUR:g} the transmitters of a third of the sensors turn noisy. A person promotes the "
        "challenger, if there is one, in the evening and rolls back three hours later. All else is done "
        "by schedules, the drift event and the gate. The model is `logistic`: a day shows what happens, not "
        "how well it warns.",
        "",
        "![What ran, what the monitor saw, and which version was champion](a-day.png)",
        "",
        "| hour | what | by | came to |",
        "|---:|---|---|---|",
        *(f"| {each.hour:.1f} | {each.what} | {each.by} | {each.result} |" for each in rows),
        "",
        "A new champion starts afresh, so the monitor may tell of drift again; the trigger takes no second "
        "event of a model for ten minutes of the clock, which are many of these hours. A run that comes "
        "while the one before it still runs is cancelled: its rows are scored by the next.",
        "",
        "Runs: "
        + "; ".join(f"{what} {state} {count}" for (what, state), count in sorted(counts.items()))
        + ".",
        "",
        f"Measured on {datetime.now(UTC):%Y-%m-%d}.",
    ]
    return "\n".join(lines) + "\n"


def draw(
    happenings: Sequence[Happening], moves: Sequence[Move], hours: Sequence[float], folder: Path
) -> None:
    """Draw the runs, the monitor's ratio and the champion over the hours."""
    figure, (lanes, ratio, champion) = plt.subplots(
        3, 1, figsize=(10, 7), sharex=True, height_ratios=(3, 2, 2), layout="constrained"
    )
    draw_lanes(lanes, happenings)
    watched = [each for each in happenings if each.ratio is not None]
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
    lanes.set_title("A day of a plant; grey: a third of the sensors is noisy")
    figure.savefig(folder / "a-day.png", dpi=110)
    plt.close(figure)


def draw_lanes(axes: Axes, happenings: Sequence[Happening]) -> None:
    """Draw each run as a dot in the lane of its deployment, coloured by how it ended."""
    lanes = {name: place for place, name in enumerate(reversed(_DEPLOYMENTS))}
    for state, colour in _COLOURS.items():
        found = [each for each in happenings if each.state == state]
        if found:
            places = [lanes[each.what] for each in found]
            axes.scatter([each.hour for each in found], places, color=colour, label=state, zorder=3)
    for each in happenings:
        if each.by == "drift event":
            axes.annotate("drift event", (each.hour, lanes[each.what]), (0, 7), textcoords="offset points")
    axes.set_yticks(list(lanes.values()), list(lanes))
    axes.set_ylim(-0.6, len(lanes) - 0.3)
    axes.legend(loc="lower left", ncols=len(_COLOURS))
