"""Wait until the registry has a champion, then become the given program.

Without a champion the scoring service would exit, and each restart takes 15 seconds of processor time.
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
# MLflow's answers for a missing alias or model
_MISSING = {400, 404}


def main(program: list[str]) -> None:
    """Wait until `FOREWARN_MODEL` has a champion on `MLFLOW_TRACKING_URI`, and become the program."""
    request = make_request(os.environ["MLFLOW_TRACKING_URI"], os.environ["FOREWARN_MODEL"])
    if not has_champion(request):
        print("waiting for a champion", flush=True)
    while not has_champion(request):
        time.sleep(_LOOK_SECONDS)
    os.execvp(program[0], program)  # noqa: S606 - running the program is the purpose


def make_request(server: str, model: str) -> Request:
    """Make the request for the champion's version."""
    query = urlencode({"name": model, "alias": "champion"})
    login = f"{os.environ['MLFLOW_TRACKING_USERNAME']}:{os.environ['MLFLOW_TRACKING_PASSWORD']}"
    address = f"{server.rstrip('/')}/api/2.0/mlflow/registered-models/alias?{query}"
    basic = base64.b64encode(login.encode()).decode()
    return Request(address, headers={"Authorization": f"Basic {basic}"})  # noqa: S310 - of compose.yaml


def has_champion(request: Request) -> bool:
    """Return whether there is a champion; false while the server restarts. A refused login is an error."""
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
