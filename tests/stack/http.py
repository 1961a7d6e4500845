"""Requests to servers, and waiting for what they must come to."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from schemas.errors import ForewarnError

Found = TypeVar("Found")
_LOOK_SECONDS = 0.5
_ANSWER_SECONDS = 30.0


@dataclass(frozen=True)
class Answer:
    """An answer of a server."""

    status: int
    body: bytes

    def read(self) -> Any:
        """Read its JSON."""
        return json.loads(self.body)


class StepError(ForewarnError):
    """A step failed."""


def require(is_so: bool, expected: str, received: object) -> None:
    """Make sure that a condition holds.

    Raises:
        StepError: If it does not.
    """
    if not is_so:
        raise StepError(f"Expected {expected}. Received: {received}")


def ask(address: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Answer:
    """Send a request, and return the answer whatever its status.

    Args:
        address: Whole address.
        body: Body of a POST; a GET is sent without it.
        headers: Headers.
    """
    request = Request(address, body, dict(headers or {}))  # noqa: S310 - on loopback
    try:
        with urlopen(request, timeout=_ANSWER_SECONDS) as answer:  # noqa: S310 - on loopback
            return Answer(answer.status, answer.read())
    except HTTPError as error:
        return Answer(error.code, error.read())


def write_basic(login: str) -> str:
    """Write the header of a login `user:password`."""
    return f"Basic {base64.b64encode(login.encode()).decode()}"


def wait_for(look: Callable[[], Found | None], seconds: float, what: str) -> Found:
    """Call a function until it finds something, and return that.

    Raises:
        StepError: If it finds nothing in time.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = look()
        if found is not None:
            return found
        time.sleep(_LOOK_SECONDS)
    raise StepError(f"Expected {what} within {seconds:g} seconds. It did not come.")
