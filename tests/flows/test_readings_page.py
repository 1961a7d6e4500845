"""Every command in docs/readings.md is executed, and its output contains what the page shows."""

import re
import shlex
from pathlib import Path

import pytest

from flows.commands import run_command_line
from tests.plant_tables import write_page_tables

PAGE = Path(__file__).parents[2] / "docs" / "readings.md"
# commands that train take a minute
LONG = ("retrain", "score", "monitor", "backtest")


def find_commands() -> list[tuple[list[str], list[str]]]:
    """Find the commands of the page, with the lines of output that the page shows for each."""
    found: list[tuple[list[str], list[str]]] = []
    for block in re.findall(
        r"^```console\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    ):
        for line in block.replace("\\\n", " ").splitlines():
            if line.startswith("$ "):
                found.append((shlex.split(line.removeprefix("$ "))[1:], []))
            elif line.strip() != "...":
                found[-1][1].append(line)
    return found


def shorten(text: str) -> str:
    return " ".join(text.split())


def assert_shown(expected: list[str], output: str) -> None:
    """Assert that the shown lines are in the output, in order; `...` stands for anything."""
    place, whole = 0, shorten(output)
    for line in expected:
        for piece in filter(None, (shorten(part) for part in line.split("..."))):
            found = whole.find(piece, place)
            assert found >= 0, f"not in the output from {place} on: {piece!r}\n{output}"
            place = found + len(piece)


def run_page(capsys: pytest.CaptureFixture[str], *, has_long: bool) -> int:
    executed = 0
    for arguments, expected in find_commands():
        if arguments[0] in LONG and not has_long:
            continue
        code = run_command_line(arguments)
        shown = capsys.readouterr()
        assert code == (2 if expected and expected[0].startswith("forewarn: ") else 0), shown.err
        assert_shown(expected, shown.out + shown.err)
        executed += 1
    return executed


def test_commands_that_do_not_train(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_page_tables(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert run_page(capsys, has_long=False) >= 5


@pytest.mark.slow
def test_all_commands_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_page_tables(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FOREWARN_HOME", str(tmp_path / "home"))
    assert run_page(capsys, has_long=True) > len(
        [None for command, _ in find_commands() if command[0] in LONG]
    )
