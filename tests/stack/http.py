"""Requests to servers, and waiting for expected outcomes."""

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
    """A server's answer."""

    status: int
    body: bytes

    def read(self) -> Any:
        """Parse the body as JSON."""
        return json.loads(self.body)


class StepError(ForewarnError):
    """A step failed."""


def require(is_so: bool, expected: str, received: object) -> None:
    """Check that a condition holds.

    Raises:
        StepError: If it does not.
    """
    if not is_so:
        raise StepError(f"Expected {expected}. Received: {received}")


def ask(address: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Answer:
    """Send a request, and return the answer whatever its status.

    Args:
        address: URL.
        body: Body of a POST; without it, a GET is sent.
        headers: Headers.
    """
    request = Request(address, body, dict(headers or {}))  # noqa: S310 - on loopback
    try:
        with urlopen(request, timeout=_ANSWER_SECONDS) as answer:  # noqa: S310 - on loopback
            return Answer(answer.status, answer.read())
    except HTTPError as error:
        return Answer(error.code, error.read())


def write_basic(login: str) -> str:
    """Write the `Authorization` header for a login `user:password`."""
    return f"Basic {base64.b64encode(login.encode()).decode()}"


def wait_for(look: Callable[[], Found | None], seconds: float, what: str) -> Found:
    """Call a function repeatedly until it returns something other than none, and return that.

    Raises:
        StepError: If it returns none until the time is over.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = look()
        if found is not None:
            return found
        time.sleep(_LOOK_SECONDS)
    raise StepError(f"Expected {what} within {seconds:g} seconds. That did not happen.")
