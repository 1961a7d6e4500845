"""Limits: how many requests are scored at once, and how long and large a body may be."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import HTTPException, Request
from starlette.requests import ClientDisconnect

_RETRY_SECONDS = "1"


class Slots:
    """Counts the requests being scored or waiting; used by the event loop alone."""

    def __init__(self, places: int) -> None:
        """Begin with all `places` free."""
        self.places = places
        self.taken = 0

    @contextmanager
    def take(self) -> Iterator[None]:
        """Hold a place.

        Raises:
            HTTPException: 503, if no place is free.
        """
        if self.taken >= self.places:
            raise refuse_for_now(
                f"Expected at most {self.places} requests at a time, and all are in use. Try again soon."
            )
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1


def refuse_for_now(why: str) -> HTTPException:
    """Make a 503 answer to a request that may be sent again."""
    return HTTPException(503, why, headers={"Retry-After": _RETRY_SECONDS})


def require_json(request: Request) -> None:
    """Require the JSON content type, which a foreign page in a browser cannot send without a preflight.

    Raises:
        HTTPException: 415, if the content type is another one.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise HTTPException(
            415, f"Expected the header `Content-Type: application/json`. Received {kind[:60]!r}."
        )


async def read_body(request: Request, bytes_at_most: int, seconds: float) -> bytes:
    """Read a whole body within limits of size and time.

    Raises:
        HTTPException: 413 if the body is too large, 408 if it is too slow, 400 if it is incomplete.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > bytes_at_most:
        raise _refuse_large(bytes_at_most, f"{int(declared)} are declared")
    pieces, size = [], 0
    try:
        async with asyncio.timeout(seconds):
            async for piece in request.stream():
                size += len(piece)
                if size > bytes_at_most:
                    raise _refuse_large(bytes_at_most, "received more")
                pieces.append(piece)
    except TimeoutError:
        raise HTTPException(
            408,
            f"Expected the whole body within {seconds:g} seconds. Received {size} bytes. Send it in one go.",
            headers={"Connection": "close"},
        ) from None
    except ClientDisconnect:
        raise HTTPException(400, f"Expected a complete body. It ended after {size} bytes.") from None
    return b"".join(pieces)


def _refuse_large(bytes_at_most: int, received: str) -> HTTPException:
    return HTTPException(
        413,
        f"Expected a body of at most {bytes_at_most} bytes; {received}. Send fewer rows at a time, or score "
        "a file with `forewarn score`.",
        headers={"Connection": "close"},
    )
