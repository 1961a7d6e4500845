"""Choose the rows of one machine from a table of several."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from schemas.configuration import ReadingsSection
from schemas.errors import InputError
from schemas.readings import Finding, RawTable
from tasks.tables.columns import shorten_list
from tasks.tables.format import format_values

SETTING = "readings.machine"


def list_machines(table: pd.DataFrame, section: ReadingsSection) -> tuple[str, ...]:
    """List the machines of a table in the order of their first rows; empty without a machine column."""
    if section.machine_column is None or section.machine_column not in table.columns:
        return ()
    return tuple(name for name in dict.fromkeys(_name_machines(table, section.machine_column)) if name)


def choose_machine(raw: RawTable, section: ReadingsSection) -> RawTable:
    """Keep the rows of the configured machine, or of the only one, without the column of machines.

    Args:
        raw: The table as loaded.
        section: Names the column of machines, and the machine.

    Returns:
        The table itself if no such column is configured. The machine is in `found` if it was not configured.

    Raises:
        InputError: If the column or the machine is missing, or the table holds several machines and none is
            chosen.
    """
    column = section.machine_column
    if column is None:
        if section.machine is None:
            return raw
        raise InputError(
            f"Expected the column of machines together with `{SETTING}`, which is {section.machine}. Set "
            "`readings.machine_column` to it, or the machine to null."
        )
    if column not in raw.table.columns:
        raise InputError(
            f"Expected the column {column} (`readings.machine_column`). {raw.source} has the columns "
            f"{shorten_list(list(raw.table.columns))}. Change the setting, or set it to null for a table of "
            "one machine."
        )
    names = pd.Series(_name_machines(raw.table, column), index=raw.table.index, dtype=object)
    machines = list_machines(raw.table, section)
    given = None if section.machine is None else format_values(pd.Series([section.machine]))[0]
    chosen = given or (machines[0] if len(machines) == 1 else None)
    if len(raw.table) and chosen not in machines:
        raise InputError(_ask(raw, section, machines))
    kept = raw.table[names.eq(str(chosen)).to_numpy(dtype=bool)].drop(columns=column)
    found = {} if section.machine is not None or chosen is None else {SETTING: chosen}
    findings = (*raw.findings, *_report(str(chosen), names))
    return replace(raw, table=kept, findings=findings, found={**raw.found, **found})


def _name_machines(table: pd.DataFrame, column: str) -> list[str | None]:
    """Name the machine of each row, so that 5, 5.0 and the text 5 are one."""
    return [name or None for name in format_values(table[column])]


def _report(chosen: str, names: pd.Series) -> tuple[Finding, ...]:
    """Report the rows of other machines, and those without one."""
    others = {str(name): int(rows) for name, rows in names[names.ne(chosen)].value_counts().items()}
    if missing := int(names.isna().sum()):
        others["(none)"] = missing
    if not others:
        return ()
    listed = shorten_list([f"{name}: {rows:,}" for name, rows in others.items()])
    message = (
        f"The rows of machine {chosen} are used, {int(names.eq(chosen).sum()):,} of {len(names):,}; those of "
        f"other machines are left out ({listed})."
    )
    return (Finding(check="other_machines", message=message, details={"rows": others}),)


def _ask(raw: RawTable, section: ReadingsSection, machines: tuple[str, ...]) -> str:
    listed = shorten_list(list(machines)) or "none"
    if section.machine is not None:
        return (
            f"Expected rows of machine {section.machine} (`{SETTING}`) in the column "
            f"{section.machine_column}. {raw.source} has the machines {listed}. Set `{SETTING}` to one of "
            "them."
        )
    return (
        f"Expected the rows of one machine. The column {section.machine_column} of {raw.source} names "
        f"{len(machines)}: {listed}. Set `{SETTING}` to one of them."
    )
