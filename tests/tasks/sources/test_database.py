"""Tables by a query: what is read, and what is said where that fails."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import create_engine, make_url, text

from schemas.configuration import ReadingsSection
from schemas.errors import InputError, StoreUnreachableError
from schemas.readings import RawTable
from tasks.sources.database import _make_column, read_query
from tests.postgres import PASSWORD, Server, throw_away_postgres


@pytest.fixture
def database(tmp_path: Path) -> str:
    """A SQLite database with two readings; its address."""
    connection = sqlite3.connect(tmp_path / "plant.db")
    connection.execute("CREATE TABLE readings (time TEXT, y INTEGER, s1 REAL, s2 TEXT)")
    rows = [("2024-03-01 00:00", 0, 1.5, "1,5"), ("2024-03-01 00:02", 1, None, "bad")]
    connection.executemany("INSERT INTO readings VALUES (?, ?, ?, ?)", rows)
    connection.commit()
    connection.close()
    return f"sqlite:///{tmp_path / 'plant.db'}"


def read(address: str, query: str | None = "SELECT * FROM readings", **settings: Any) -> RawTable:
    return read_query(address, ReadingsSection(query=query, **settings), is_growing=False)


def refusal(address: str, query: str | None) -> str:
    with pytest.raises(InputError) as caught:
        read(address, query)
    return str(caught.value)


def test_a_query_returns_a_table_with_rows_from_1(database: str) -> None:
    raw = read(database)
    assert raw.table.index.tolist() == [1, 2]
    assert raw.table["y"].tolist() == [0, 1]
    assert raw.source == database


def test_numbers_in_columns_of_text_are_rewritten_and_reported(database: str) -> None:
    raw = read(database)
    assert raw.table["s2"].tolist() == ["1.5", "bad"]
    assert raw.found == {"readings.decimal": ","}


def test_the_hash_is_that_of_the_rows_in_any_order(database: str) -> None:
    upwards = read(database, "SELECT * FROM readings ORDER BY time")
    downwards = read(database, "SELECT * FROM readings ORDER BY time DESC")
    fewer = read(database, "SELECT * FROM readings LIMIT 1")
    assert upwards.sha256 == downwards.sha256
    assert upwards.sha256 != fewer.sha256


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (None, "`readings.query` must be the SQL query"),
        ("SELECT * FROM others", "It answers: no such table: others"),
        ("SELEKT", "syntax error"),
        ("DELETE FROM readings", "readonly"),
        ("SELECT * FROM readings WHERE y > 5", "returns none"),
        ("SELECT time, s1, s1 FROM readings", "more than one column named s1"),
        ("PRAGMA query_only = OFF", "must be a query that returns rows"),
    ],
)
def test_a_query_that_cannot_be_used_is_refused(database: str, query: str | None, message: str) -> None:
    assert message in refusal(database, query)


def test_a_database_that_is_missing_is_not_made(tmp_path: Path) -> None:
    assert "does not exist" in refusal(f"sqlite:///{tmp_path / 'other.db'}", "SELECT 1")
    assert not (tmp_path / "other.db").exists()


def test_a_driver_that_is_missing_is_named() -> None:
    assert "None is installed" in refusal("oracle://app:secret@host/plant", "SELECT 1 FROM dual")


def test_a_database_that_does_not_answer_may_answer_later() -> None:
    with pytest.raises(StoreUnreachableError) as caught:
        read("postgresql://app:secret@127.0.0.1:1/plant", "SELECT 1")
    assert "Connection refused" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([Decimal("1.50"), None], [1.5, None]),
        ([True, None], [1.0, None]),
        ([date(2024, 1, 2), None], [pd.Timestamp("2024-01-02"), None]),
        ([b"1.5", b"\xff"], ["1.5", "\\xff"]),
        ([None, None], [None, None]),
        ([datetime(2024, 1, 2, tzinfo=UTC), None], [pd.Timestamp("2024-01-02", tz="UTC"), None]),
        ([[1, 2], None], ["[1, 2]", None]),
    ],
)
def test_types_of_databases_become_those_of_a_csv_table(values: list[Any], expected: list[Any]) -> None:
    assert [None if pd.isna(value) else value for value in _make_column(values)] == expected


@pytest.fixture(scope="module")
def postgres() -> Iterator[Server]:
    """A throw-away PostgreSQL."""
    with throw_away_postgres("sources") as server:
        yield server


@pytest.mark.slow
def test_postgresql_gives_the_same_readings(postgres: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    address = postgres.make_database()
    table = pd.DataFrame(
        {
            "time": pd.date_range("2024-03-01", periods=500, freq="2min", tz="UTC"),
            "y": [0, 1] * 250,
            "s1": [place / 7 for place in range(500)],
        }
    )
    engine = create_engine(address)
    table.to_sql("readings", engine, index=False)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE readings ADD COLUMN s2 NUMERIC(10, 3)"))
        connection.execute(text("UPDATE readings SET s2 = s1"))
    engine.dispose()
    raw = read(address, "SELECT * FROM readings ORDER BY time")
    assert raw.table["s1"].tolist() == table["s1"].tolist()
    assert raw.table["s2"].tolist() == [round(value, 3) for value in table["s1"]]
    assert (pd.to_datetime(raw.table["time"]) == table["time"].to_numpy()).all()
    assert PASSWORD not in raw.source
    assert "read-only transaction" in refusal(address, "DELETE FROM readings")
    assert 'relation "others" does not exist' in refusal(address, "SELECT * FROM others")

    bare = make_url(address)._replace(password=None).render_as_string()
    monkeypatch.setenv("FOREWARN_DATA_PASSWORD", PASSWORD)
    assert len(read(bare).table) == 500
    monkeypatch.setenv("FOREWARN_DATA_PASSWORD", "wrong")
    message = refusal(bare, "SELECT * FROM readings")
    assert "authentication failed" in message
    assert "wrong" not in message
