"""The rows of one machine are used, and the others reported."""

from __future__ import annotations

import pandas as pd
import pytest

from schemas.configuration import ReadingsSection
from schemas.errors import InputError
from schemas.readings import RawTable
from tasks.arrangement.machines import choose_machine, list_machines


def choose(machines: list[object], **settings: object) -> RawTable:
    table = pd.DataFrame({"s1": range(len(machines)), "unit": machines})
    section = ReadingsSection.model_validate({"machine_column": "unit", **settings})
    return choose_machine(RawTable(table, "new.csv", ""), section)


def test_the_rows_of_the_machine_are_kept_and_the_others_counted() -> None:
    chosen = choose(["P1", "P2", "P1", "P3", None], machine="P1")
    assert chosen.table["s1"].tolist() == [0, 2]
    assert list(chosen.table.columns) == ["s1"]
    (finding,) = chosen.findings
    assert finding.check == "other_machines"
    assert finding.details == {"rows": {"P2": 1, "P3": 1, "(none)": 1}}
    assert chosen.found == {}


def test_the_only_machine_is_used_and_kept_with_the_version() -> None:
    chosen = choose(["P1", "P1"])
    assert (len(chosen.table), chosen.findings) == (2, ())
    assert chosen.found == {"readings.machine": "P1"}


@pytest.mark.parametrize("machine", [5, "5", 5.0])
@pytest.mark.parametrize("cells", [[5, 6], [5.0, 6.0], ["5", "6"]])
def test_numbers_are_names_in_any_form(machine: object, cells: list[object]) -> None:
    assert choose(cells, machine=machine).table["s1"].tolist() == [0]


def test_several_machines_are_refused_with_their_names() -> None:
    with pytest.raises(InputError, match=r"names 2: P1, P2. Set `readings.machine` to one of them\.$"):
        choose(["P1", "P2"])


def test_a_missing_machine_or_column_is_refused() -> None:
    with pytest.raises(InputError, match="machine P9.*has the machines P1. Set `readings.machine`"):
        choose(["P1", "P1"], machine="P9")
    with pytest.raises(InputError, match=r"Expected the column press \(`readings.machine_column`\)"):
        choose(["P1"], machine_column="press")
    with pytest.raises(InputError, match="the column of machines together with `readings.machine`"):
        choose(["P1"], machine_column=None, machine="P1")


def test_machines_are_listed_in_the_order_of_their_rows() -> None:
    table = pd.DataFrame({"unit": ["B", "A", None, "B"]})
    assert list_machines(table, ReadingsSection(machine_column="unit")) == ("B", "A")
    assert list_machines(table, ReadingsSection()) == ()
