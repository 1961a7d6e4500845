"""Ask servers over HTTP, wait for what must come, and say what came instead."""

from __future__ import annotations

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
    """A step did not come out as it must."""


def require(is_so: bool, expected: str, came: object) -> None:
    """Make sure that something is so.

    Raises:
        StepError: If it is not.
    """
    if not is_so:
        raise StepError(f"Expected {expected}. Received: {came}")


def ask(address: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Answer:
    """Ask a server, whatever the status of its answer.

    Args:
        address: Whole address.
        body: What is sent; a GET without it.
        headers: Headers.
    """
    request = Request(address, body, dict(headers or {}))  # noqa: S310 - on loopback
    try:
        with urlopen(request, timeout=_ANSWER_SECONDS) as answer:  # noqa: S310 - on loopback
            return Answer(answer.status, answer.read())
    except HTTPError as error:
        return Answer(error.code, error.read())


def wait_for(look: Callable[[], Found | None], seconds: float, what: str) -> Found:
    """Look again and again until something is found.

    Raises:
        StepError: If it is not in time.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = look()
        if found is not None:
            return found
        time.sleep(_LOOK_SECONDS)
    raise StepError(f"Expected {what} within {seconds:g} seconds. It did not come.")
