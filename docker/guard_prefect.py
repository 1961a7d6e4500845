"""The Prefect server behind a check of the Host header, which Prefect itself does not have.

Without it a page in a browser whose name was made to point to this machine (DNS rebinding) could ask the
server.
"""

from __future__ import annotations

import os

from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp

HOSTS_VARIABLE = "FOREWARN_PREFECT_HOSTS"


def create_app() -> ASGIApp:
    """Make the application that `prefect server start` runs, with the check around it.

    Raises:
        ValueError: If no host is allowed.
    """
    from prefect.server.api.server import create_app as create_prefect_app

    return require_hosts(create_prefect_app(final=True), read_hosts(os.environ.get(HOSTS_VARIABLE, "")))


def read_hosts(text: str) -> list[str]:
    """Read names of hosts, separated by commas.

    Raises:
        ValueError: If there is none.
    """
    hosts = [host.strip() for host in text.split(",") if host.strip()]
    if not hosts:
        raise ValueError(
            f"{HOSTS_VARIABLE} must hold the names under which the server may be asked, such as "
            f"prefect,127.0.0.1. Received {text!r}."
        )
    return hosts


def require_hosts(app: ASGIApp, hosts: list[str]) -> ASGIApp:
    """Stand before an application, and answer 400 to requests and web sockets under another name.

    The application itself is left as it is: Prefect's automations ask it from within, under a name of their
    own.
    """
    return TrustedHostMiddleware(app, allowed_hosts=hosts, www_redirect=False)
