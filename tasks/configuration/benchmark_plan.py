"""Read and write `benchmark.yaml`, the description of the tables of a benchmark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from schemas.benchmark import PLAN_FILE, BenchmarkPlan, TablePlan
from schemas.configuration import Configuration
from schemas.errors import InputError
from tasks.configuration.configure import change_settings

# share of the rows for training where a folder has no plan
TRAIN_SHARE = 0.5
_EXAMPLE = """tables:
  - name: pump
    file: pump.csv
    train_end: 2024-03-01 12:00   # or a number of rows, or their share
    settings: {labels.rows_ahead: 0, readings.label_column: fault}"""


def read_plan(path: Path) -> BenchmarkPlan:
    """Read the plan of a benchmark.

    Raises:
        InputError: If the file cannot be read, or is no valid plan; the message has a line for each problem.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"{path} must be a YAML file of tables. It cannot be read: {error}") from error
    if not isinstance(content, Mapping):
        raise InputError(
            f"{path} must describe tables. Received {type(content).__name__}. Write for example:\n{_EXAMPLE}"
        )
    try:
        return BenchmarkPlan.model_validate(content)
    except ValidationError as error:
        lines = dict.fromkeys(_describe(dict(problem)) for problem in error.errors())
        raise InputError(
            f"{path} is not valid.\n"
            + "\n".join(f"  {line}" for line in lines)
            + f"\nWrite for example:\n{_EXAMPLE}"
        ) from error


def propose_plan(files: Sequence[str]) -> BenchmarkPlan:
    """Propose a plan for a folder without one: every file a table, the first half of its rows for training.

    Args:
        files: Names of the files, relative to the folder.
    """
    stems = [name.split(".")[0] for name in files]
    return BenchmarkPlan(
        tables=tuple(
            TablePlan(name=stem if stems.count(stem) == 1 else name, file=name, train_end=TRAIN_SHARE)
            for stem, name in zip(stems, files, strict=True)
        )
    )


def write_plan(plan: BenchmarkPlan) -> str:
    """Write a plan as YAML that `read_plan` reads."""
    content = plan.model_dump(exclude_none=True, exclude_defaults=True)
    content["tables"] = [dict(table) for table in content["tables"]]
    head = f"# {PLAN_FILE}: the tables of a benchmark; settings as for --set, such as labels.rows_ahead: 0\n"
    return head + yaml.safe_dump(content, sort_keys=False, allow_unicode=True)


def apply_settings(base: Configuration, settings: Mapping[str, Any]) -> Configuration:
    """Apply the settings of a table to those that all tables start from.

    Args:
        base: Settings of every table.
        settings: Values by full name, such as `labels.rows_ahead`, or by key in a section.

    Raises:
        InputError: If a setting is unknown or its value invalid.
    """
    changes: dict[str, dict[str, Any]] = {}
    for name, value in settings.items():
        section, _, key = str(name).partition(".")
        of_section = {key: value} if key else value
        if not isinstance(of_section, Mapping):
            raise InputError(
                "`settings` of a table must be values by full name, such as `labels.rows_ahead: 0`, or "
                f"sections. Received {name}: {value!r}."
            )
        changes[section] = {**changes.get(section, {}), **of_section}
    return change_settings(base, changes)


def _describe(problem: dict[str, Any]) -> str:
    """Describe a problem by its place, what was expected and what came."""
    place = ".".join(str(part) for part in problem["loc"] if isinstance(part, int) or part.isidentifier())
    message = problem["msg"].removeprefix("Value error, ")
    if "train_end" in place.split("."):
        return (
            f"`{place.partition('train_end')[0]}train_end`: expected a time, a number of rows or a share of "
            f"the rows between 0 and 1. Received {problem['input']!r}."
        )
    if problem["type"] == "value_error":
        return f"{message[0].upper()}{message[1:]}."
    received = "" if problem["type"] == "missing" else f". Received {problem['input']!r}"
    return f"`{place}`: {message[0].lower()}{message[1:]}{received}."
