"""The Prefect server behind a check of the Host header, which Prefect itself lacks.

Without the check, a web page whose host name resolves to this machine (DNS rebinding) could use the server.
"""

from __future__ import annotations

import os

from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp

HOSTS_VARIABLE = "FOREWARN_PREFECT_HOSTS"


def create_app() -> ASGIApp:
    """Create the application that `prefect server start` runs, with the check around it."""
    from prefect.server.api.server import create_app as create_prefect_app

    return require_hosts(create_prefect_app(final=True), read_hosts(os.environ.get(HOSTS_VARIABLE, "")))


def read_hosts(text: str) -> list[str]:
    """Read host names separated by commas; raise `ValueError` if there is none."""
    hosts = [host.strip() for host in text.split(",") if host.strip()]
    if not hosts:
        raise ValueError(
            f"{HOSTS_VARIABLE} must list the host names of the server, such as prefect,127.0.0.1. "
            f"Received {text!r}."
        )
    return hosts


def require_hosts(app: ASGIApp, hosts: list[str]) -> ASGIApp:
    """Wrap an application so that requests and web sockets under another host name get 400."""
    # the application inside stays unguarded: Prefect's automations call it under another name
    return TrustedHostMiddleware(app, allowed_hosts=hosts, www_redirect=False)
