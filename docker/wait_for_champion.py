"""Wait until the registry has a champion, then become the given program.

Without a champion the scoring service would end, and each new start takes 15 seconds of processor time.
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
# MLflow answers with either if there is no such alias
_MISSING = {400, 404}


def main(program: list[str]) -> None:
    """Wait until `FOREWARN_MODEL` has a champion on `MLFLOW_TRACKING_URI`, and become the program."""
    request = make_request(os.environ["MLFLOW_TRACKING_URI"], os.environ["FOREWARN_MODEL"])
    if not has_champion(request):
        print("waiting for a champion", flush=True)
    while not has_champion(request):
        time.sleep(_LOOK_SECONDS)
    os.execvp(program[0], program)  # noqa: S606 - that is what it is for


def make_request(server: str, model: str) -> Request:
    """Make the request for the champion's version."""
    query = urlencode({"name": model, "alias": "champion"})
    login = f"{os.environ['MLFLOW_TRACKING_USERNAME']}:{os.environ['MLFLOW_TRACKING_PASSWORD']}"
    address = f"{server.rstrip('/')}/api/2.0/mlflow/registered-models/alias?{query}"
    basic = base64.b64encode(login.encode()).decode()
    return Request(address, headers={"Authorization": f"Basic {basic}"})  # noqa: S310 - of compose.yaml


def has_champion(request: Request) -> bool:
    """Return whether there is a champion; false while the server is restarting. A refused login raises."""
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
