"""Check: what a table holds, what was found in it, and what a retraining would do with it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np

from flows import line, steps
from schemas.check import CheckResult, FleetCheckResult, MachineCheck, PlannedPart, RetrainingPlan
from schemas.configuration import Configuration
from schemas.errors import InputError
from schemas.readings import LabelledReadings, RawTable, SensorReadings
from schemas.windows import Part
from tasks.alarms.episodes import select_events
from tasks.arrangement.machines import list_machines
from tasks.configuration.propose import add_found_settings, list_own_settings, write_settings
from tasks.labels.late_labels import drop_late_rows, fill_late_labels, report_late_labels
from tasks.readings.inspect import describe_format, find_future_rows
from tasks.tables.columns import shorten_list
from tasks.tables.format import count_things, format_times
from tasks.windows.label import find_events


def check(data: str, configuration: Configuration) -> CheckResult | FleetCheckResult:
    """Read and check a table as a retraining would, but train nothing.

    Args:
        data: Source of the readings, as `tasks.sources.load.load_readings` takes it.
        configuration: Settings of every step.

    Returns:
        What the table holds; for a table of several machines, of which none is chosen, what each machine's
        rows hold, or why they fail.

    Raises:
        InputError: If the table cannot be read or fails its schema; the message says what to set.
    """
    raw = steps.load_readings(data, configuration.readings)
    machines = list_machines(raw.table, configuration.readings)
    if configuration.readings.machine is not None or len(machines) <= 1:
        return check_table(data, raw, configuration)
    checks = tuple(check_machine(data, raw, configuration, machine) for machine in machines)
    return FleetCheckResult(data=data, sha256=raw.sha256, machines=checks)


def check_machine(data: str, raw: RawTable, configuration: Configuration, machine: str) -> MachineCheck:
    """Check the rows of one machine of a table."""
    section = configuration.readings.model_copy(update={"machine": machine})
    try:
        checked = check_table(data, raw, configuration.model_copy(update={"readings": section}))
    except InputError as error:
        return MachineCheck(machine=machine, error=str(error))
    return MachineCheck(machine=machine, check=checked)


def check_table(data: str, raw: RawTable, configuration: Configuration) -> CheckResult:
    """Check the rows of a table as loaded.

    Raises:
        InputError: If the table fails its schema.
    """
    is_kept = configuration.labels.are_event_rows_kept
    raw, section = line.arrange_table(raw, configuration)
    # the newest rows are checked as well: scoring and monitoring read them
    merge_minutes = configuration.labels.merge_minutes
    readings = steps.merge_events(
        steps.check_readings(fill_late_labels(raw, section), section, are_event_rows_kept=is_kept),
        merge_minutes,
    )
    readings = report_late_labels(readings, raw, section)
    future = find_future_rows(readings, datetime.now(UTC))
    first_time, last_time = format_times(readings.times[[0, -1]])
    known = drop_late_rows(raw, section)
    trained = (
        readings
        if known is raw
        else steps.merge_events(
            steps.check_readings(known, section, are_event_rows_kept=is_kept), merge_minutes
        )
    )
    return CheckResult(
        data=raw.source,
        sha256=raw.sha256,
        rows=len(readings.times),
        event_rows=int(readings.events.sum()),
        events=len(find_events(readings)[0]),
        sensors=len(readings.sensors),
        step_minutes=readings.step_minutes,
        first_time=first_time.replace(" ", "T"),
        last_time=last_time.replace(" ", "T"),
        time_format=readings.time_format,
        findings=(*readings.findings, *([future] if future else [])),
        found=dict(readings.found),
        settings=list_own_settings(add_found_settings(configuration, readings.found)),
        retraining=plan_retraining(trained, configuration),
    )


def plan_retraining(readings: SensorReadings, settings: Configuration) -> RetrainingPlan:
    """Say what a retraining would do with checked readings: parts, members, or why it would refuse them."""
    model = settings.model
    try:
        steps.refuse_future_rows(readings, datetime.now(UTC))
        labelled = steps.label_ahead(
            readings,
            settings.labels.rows_ahead,
            are_event_rows_kept=settings.labels.are_event_rows_kept,
            across_gaps=settings.labels.across_gaps,
        )
        windows = steps.make_windows(labelled, settings.window_rows, settings.windows.convention)
        split = steps.split_windows(
            windows,
            settings.split,
            settings.purge_rows,
            labelled.times,
            settings.promotion.minimum_test_events,
        )
        widened = steps.widen_labels(labelled, split.train, model.warning_rows)
        chosen, left_out = steps.choose_members(widened, model)
    except InputError as error:
        return RetrainingPlan(refused=str(error), family=model.family)
    _, replaced = steps.choose_rule(settings.threshold, split, labelled)
    missing = steps.report_missing_events(split, labelled, settings.promotion.minimum_test_events)
    return RetrainingPlan(
        parts={part.name: describe_part(part, labelled) for part in split.parts},
        family=model.family,
        members=chosen.families,
        left_out={each.family: each.reason for each in left_out},
        findings=(*split.findings, *missing, *replaced),
    )


def describe_part(part: Part, labelled: LabelledReadings) -> PlannedPart:
    """Describe one part of the split."""
    ends = labelled.times[part.end_rows]
    last = format_times(np.sort(ends)[-1:])
    return PlannedPart(
        windows=len(part.end_rows),
        normal=len(part.normal_end_rows),
        events=len(select_events(labelled, part)),
        last_time=last[0].replace(" ", "T") if last else None,
    )


def summarise_check(result: CheckResult) -> str:
    """Write the summary that `forewarn check` prints."""
    first, last = (time.replace("T", " ") for time in (result.first_time, result.last_time))
    lines = [
        f"{result.data}: {result.rows:,} rows, {count_things(result.events, 'event')} "
        f"({count_things(result.event_rows, 'event row')}), "
        f"{result.sensors:,} sensors, a row every {describe_minutes(result.step_minutes)}. The schema check "
        "passed.",
        f"  Times from {first} to {last}, {describe_format(result.time_format)}.",
        *(f"  {finding.check}: {finding.message}" for finding in result.findings),
        "",
        *_write_plan(result.retraining),
    ]
    written = write_found_settings(result)
    if result.settings or list_proposals(result):
        lines += ["", "Settings for this table, which `--write-config FILE` writes for `--config`:"]
        lines += [f"  {line}" for line in written.splitlines()]
    return "\n".join(lines)


def summarise_fleet(result: FleetCheckResult) -> str:
    """Write the summary that `forewarn check` prints for a table of several machines."""
    parts = [f"{result.data}: {len(result.machines)} machines."]
    for machine in result.machines:
        text = f"Refused. {machine.error}" if machine.check is None else summarise_check(machine.check)
        parts.append(f"Machine {machine.machine}\n{text}")
    return "\n\n".join(parts)


def require_sound_machines(result: CheckResult | FleetCheckResult) -> None:
    """Refuse a table of several machines if the rows of one fail.

    Raises:
        InputError: If they do.
    """
    if isinstance(result, CheckResult):
        return
    failing = [machine.machine for machine in result.machines if machine.check is None]
    if failing:
        raise InputError(
            f"Expected sound rows of all {len(result.machines)} machines of {result.data}. Those of "
            f"{shorten_list(failing)} fail, for the reasons above. Correct them, or choose another machine "
            "by `readings.machine`."
        )


def describe_minutes(minutes: float) -> str:
    """Describe the interval between rows: `minute`, `2 minutes`, `30 seconds`."""
    if minutes == 1:
        return "minute"
    return f"{60 * minutes:g} seconds" if minutes < 1 else f"{minutes:g} minutes"


def write_found_settings(result: CheckResult | FleetCheckResult) -> str:
    """Write the settings that were given or found, and as comments those that findings propose, as YAML.

    For several machines these are the settings of the first one with sound rows, without its name.
    """
    if isinstance(result, CheckResult):
        return write_settings(result.settings, result.found, list_proposals(result))
    first = next((machine.check for machine in result.machines if machine.check is not None), None)
    if first is None:
        return write_settings({})
    readings = {key: value for key, value in first.settings["readings"].items() if key != "machine"}
    return write_settings({**first.settings, "readings": readings}, first.found, list_proposals(first))


def list_proposals(result: CheckResult) -> list[tuple[str, Any, str]]:
    """List the settings that findings propose: full name, value, and the finding's check."""
    return [
        (name, value, finding.check)
        for finding in result.findings
        for name, value in finding.proposed.items()
    ]


def _write_plan(plan: RetrainingPlan) -> list[str]:
    """Say what a retraining would do."""
    if plan.refused is not None:
        first, *rest = plan.refused.splitlines()
        return [f"A retraining would refuse this table. {first}", *(f"  {line}" for line in rest)]
    lines = ["A retraining would use"]
    for name, part in plan.parts.items():
        until = "" if part.last_time is None else f", until {part.last_time.replace('T', ' ')}"
        lines.append(
            f"  {name:<12}{count_things(part.windows, 'window')} ({part.normal:,} of them normal), "
            f"{count_things(part.events, 'event')}{until}"
        )
    members = "" if plan.members == (plan.family,) else f" of {', '.join(plan.members)}"
    lines.append(f"  {'model':<12}{plan.family}{members}")
    lines += [f"  {'left out':<12}{family}: {reason}" for family, reason in plan.left_out.items()]
    lines += [f"  {finding.check}: {finding.message}" for finding in plan.findings]
    return lines
