"""Standard input as a source."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator

import pytest

from schemas.configuration import ReadingsSection
from schemas.errors import InputError
from tasks.sources.load import load_readings
from tasks.sources.read_bytes import read_standard_input


@pytest.fixture(autouse=True)
def _forget_standard_input() -> Iterator[None]:
    read_standard_input.cache_clear()
    yield
    read_standard_input.cache_clear()


def give(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_table_is_read_from_standard_input(monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    give(monkeypatch, "time,y,s1\n2024-03-01 00:00,0,1.5\n".encode(encoding))
    raw = load_readings("-", ReadingsSection())
    assert (raw.source, raw.table["s1"].tolist()) == ("standard input", [1.5])


def test_standard_input_can_be_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, b"time,y,s1\n2024-03-01 00:00,0,1.5\n")
    first, second = (load_readings("-", ReadingsSection()) for _ in range(2))
    assert first.sha256 == second.sha256


def test_empty_standard_input_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, b"")
    with pytest.raises(InputError, match="standard input is empty"):
        load_readings("-", ReadingsSection())
