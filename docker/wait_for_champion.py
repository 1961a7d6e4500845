"""Wait until the registry has a champion, then become the program that is given.

The scoring service would end without one; starting it again and again costs a processor 15 seconds each time.
"""

from __future__ import annotations

import base64
import os
import sys
import time
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

_LOOK_SECONDS = 3.0
_ANSWER_SECONDS = 10.0
# MLflow answers the one way or the other where there is no such alias
_MISSING = {400, 404}


def main(program: list[str]) -> None:
    """Wait, and become the program.

    The server is `MLFLOW_TRACKING_URI`, the login `MLFLOW_TRACKING_USERNAME` and `MLFLOW_TRACKING_PASSWORD`,
    the registered model `FOREWARN_MODEL`.

    Args:
        program: The words of its command.
    """
    request = make_request(os.environ["MLFLOW_TRACKING_URI"], os.environ["FOREWARN_MODEL"])
    if not has_champion(request):
        print("waiting for a champion", flush=True)
    while not has_champion(request):
        time.sleep(_LOOK_SECONDS)
    os.execvp(program[0], program)  # noqa: S606 - that is what it is for


def make_request(server: str, model: str) -> Request:
    """Make the question for the champion."""
    query = urlencode({"name": model, "alias": "champion"})
    login = f"{os.environ['MLFLOW_TRACKING_USERNAME']}:{os.environ['MLFLOW_TRACKING_PASSWORD']}"
    address = f"{server.rstrip('/')}/api/2.0/mlflow/registered-models/alias?{query}"
    basic = base64.b64encode(login.encode()).decode()
    return Request(address, headers={"Authorization": f"Basic {basic}"})  # noqa: S310 - of compose.yaml


def has_champion(request: Request) -> bool:
    """Tell whether there is a champion; a server that is being restarted has none for a moment.

    Raises:
        HTTPError: If the server refuses the login.
    """
    try:
        with urlopen(request, timeout=_ANSWER_SECONDS):  # noqa: S310 - the address is the stack's own
            return True
    except HTTPError as error:
        if error.code in _MISSING or error.code >= 500:
            return False
        raise
    except OSError:
        return False


if __name__ == "__main__":
    main(sys.argv[1:])
