"""Names of sources: paths, patterns, standard input, and addresses of databases without their passwords."""

from __future__ import annotations

import os
import re
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import SQLAlchemyError

from schemas.errors import InputError

STANDARD_INPUT = "-"
PASSWORD_VARIABLE = "FOREWARN_DATA_PASSWORD"  # noqa: S105 - the name of a variable
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_SECRET = re.compile(r"pass|pwd|secret|token|odbc_connect", re.IGNORECASE)
_PATTERN = re.compile(r"[*?]|\[.+\]")
_HIDDEN = "***"


def is_database(source: str | Path) -> bool:
    """Return whether a source is the address of a database, such as `postgresql://host/plant`."""
    return isinstance(source, str) and bool(_SCHEME.match(source))


def is_pattern(source: str | Path) -> bool:
    """Return whether a source is a pattern of files, such as `archive/2024-*.csv`, and no such file."""
    text = str(source)
    return not is_database(source) and bool(_PATTERN.search(text)) and not Path(text).exists()


def parse_address(source: str) -> URL:
    """Parse the address of a database.

    Raises:
        InputError: If it cannot be parsed; the message does not repeat it, since it may hold a password.
    """
    try:
        return make_url(source)
    except (SQLAlchemyError, ValueError):
        raise InputError(
            "`--data` must be a path or the address of a database, such as postgresql://user@host/database "
            "or sqlite:///plant.db. The address cannot be parsed. Write special characters of a password as "
            f"%XX, or put the password into {PASSWORD_VARIABLE}."
        ) from None


def name_source(source: str | Path) -> str:
    """Name a source for people and records; passwords are hidden."""
    if not is_database(source):
        return "standard input" if str(source) == STANDARD_INPUT else str(source)
    url = parse_address(str(source))
    hidden = {name: _HIDDEN for name in url.query if _SECRET.search(name)}
    return url.update_query_dict(hidden).render_as_string(hide_password=True)


def take_password(source: str) -> str:
    """Move the password of an address into the environment variable from which it is read.

    Args:
        source: Any source.

    Returns:
        The source without a password, to be passed on and recorded.
    """
    if not is_database(source):
        return source
    url = parse_address(source)
    queried = url.query.get("password")
    password = url.password if queried is None else queried
    if password is None:
        return source
    os.environ[PASSWORD_VARIABLE] = str(password)
    # `set` takes None for a part that stays
    bare = url.difference_update_query(["password"])._replace(password=None)
    return bare.render_as_string(hide_password=False)


def make_absolute(source: str | Path) -> str:
    """Return a source that means the same in another folder."""
    if is_database(source):
        return _make_database_absolute(str(source))
    text = str(source)
    return text if text == STANDARD_INPUT else os.path.abspath(Path(text).expanduser())  # noqa: PTH100 - `..`


def _make_database_absolute(source: str) -> str:
    url = parse_address(source)
    is_file = url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:")
    if not is_file or str(url.database).startswith("file:"):
        return source
    path = Path(str(url.database)).expanduser().absolute()
    return url.set(database=str(path)).render_as_string(hide_password=False)
