"""Tell whether a server answers: the health check of the containers, which have no curl."""

from __future__ import annotations

import sys
from urllib.request import urlopen

_SECONDS = 4


def main(address: str) -> int:
    """Ask once.

    Args:
        address: A page that needs no credentials.

    Returns:
        0 if the answer is a success, 1 otherwise.
    """
    try:
        with urlopen(address, timeout=_SECONDS):  # noqa: S310 - the address stands in compose.yaml
            return 0
    except OSError as error:
        print(f"{address}: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
