"""Check whether a server answers: the health check of the containers, which have no curl."""

from __future__ import annotations

import sys
from urllib.request import urlopen

_SECONDS = 4


def main(address: str) -> int:
    """Return 0 if a page that needs no login is served successfully, and 1 otherwise."""
    try:
        with urlopen(address, timeout=_SECONDS):  # noqa: S310 - the address is the one in compose.yaml
            return 0
    except OSError as error:
        print(f"{address}: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
