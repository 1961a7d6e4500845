"""A file that ends too early is bad input, and no interruption."""

import asyncio
import os
from pathlib import Path

import click
import pyarrow as pa
import pytest

from flows.commands import run_command_line
from flows.commands.group import ForewarnCommand, commands
from tests.archives import write_archive
from tests.detectors import simulated_table


def add_command(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Add a command that fails while it reads a file."""

    def fail(data: Path | None) -> None:
        raise error

    option = click.Option(["--data"], type=click.Path(path_type=Path))
    command = ForewarnCommand("read", callback=fail, params=[option])
    monkeypatch.setitem(commands.commands, "read", command)


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.999])
def test_an_archive_that_is_cut_short_is_bad_input(
    kept: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {"database.sqlite": os.urandom(300_000)}
    path = write_archive(tmp_path / "a.tar.gz", files)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    places = ["--store", f"sqlite:///{tmp_path}/new.db", "--artifacts", str(tmp_path / "new")]
    assert run_command_line(["restore", "--from", str(path), *places]) == 2
    shown = capsys.readouterr().err
    assert f"{path} is not: it is cut short" in shown
    assert "interrupted" not in shown


@pytest.mark.parametrize(
    ("command", "suffix"),
    [
        *(("check", suffix) for suffix in ("csv.gz", "csv.xz", "csv.bz2", "csv.zst", "zip", "parquet")),
        ("retrain", "csv.gz"),
    ],
)
def test_a_table_that_is_cut_short_is_bad_input(
    command: str, suffix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"readings.{suffix}"
    table = simulated_table().head(500)
    if suffix == "csv.zst":
        path.write_bytes(pa.compress(table.to_csv().encode(), codec="zstd", asbytes=True))
    elif suffix == "parquet":
        table.to_parquet(path)
    else:
        table.to_csv(path)
    path.write_bytes(path.read_bytes()[:-1000])
    assert run_command_line([command, "--data", str(path)]) == 2
    shown = capsys.readouterr().err
    assert "download it again" in shown
    assert "interrupted" not in shown


def test_any_command_names_its_file_that_ends_too_early(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "readings.bin").touch()
    add_command(monkeypatch, EOFError("no end-of-stream marker"))
    assert run_command_line(["read", "--data", str(tmp_path / "readings.bin")]) == 2
    assert "readings.bin is cut short (no end-of-stream marker)" in capsys.readouterr().err


def test_a_connection_that_ends_too_early_is_a_server_that_does_not_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    add_command(monkeypatch, asyncio.IncompleteReadError(b"", 4))
    assert run_command_line(["read"]) == 4
    assert "A server must answer completely" in capsys.readouterr().err


def test_an_early_end_without_a_file_is_a_defect(monkeypatch: pytest.MonkeyPatch) -> None:
    add_command(monkeypatch, EOFError())
    with pytest.raises(RuntimeError, match="ended too early"):
        run_command_line(["read"])


def test_an_interruption_is_still_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    add_command(monkeypatch, KeyboardInterrupt())
    assert run_command_line(["read"]) == 130
    assert "interrupted" in capsys.readouterr().err
