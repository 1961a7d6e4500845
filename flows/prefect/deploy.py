"""Deploy: bring a Prefect server to the state described in prefect.yaml; idempotent."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import DeploymentSchedule
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule
from prefect.exceptions import ObjectNotFound
from prefect.flows import Flow, load_flow_from_entrypoint
from prefect.workers.process import ProcessWorker

from flows.prefect.automations import (
    PREFIX,
    find_notice,
    keep_address,
    lay_automations,
    list_cures,
    list_notices,
)
from flows.prefect.server import report_refusal, require_configured_server
from schemas.configuration import Configuration
from schemas.deployments import (
    DEFAULT_PATIENCE,
    DeployedAutomation,
    DeployedFlow,
    DeployedSchedule,
    DeployResult,
    Patience,
    PlacesOfData,
)
from schemas.errors import ForewarnError, InputError

POOL = "forewarn"
_LAST_LINES = 12


@dataclass(frozen=True)
class Order:
    """What to deploy.

    Attributes:
        file: The `prefect.yaml`.
        places: Paths of the table and the scores on the workers' machine.
        configuration: Settings of the plant; those that differ from the defaults go to each deployment.
        notify: Block that sends notifications, as TYPE/NAME, or none.
        notify_address: Address to store in such a block, or none.
        patience: How long the automations wait.
    """

    file: Path
    places: PlacesOfData
    configuration: Configuration
    notify: str | None = None
    notify_address: str | None = None
    patience: Patience = DEFAULT_PATIENCE


def deploy(order: Order) -> DeployResult:
    """Create the work pool, deploy everything in the file, and create the automations.

    Repeating this changes nothing. A deployment, schedule or automation that a person has disabled in the UI
    stays disabled.

    Args:
        order: What to deploy.

    Returns:
        The deployments and automations that the server then has.

    Raises:
        InputError: If no server is configured, or the file or the notification cannot be used.
        StoreUnreachableError: If the server does not answer or refuses the credentials.
        ForewarnError: If Prefect refuses a deployment.
    """
    address = require_configured_server()
    content = read_file(order.file)
    with get_client(sync_client=True) as client, report_refusal(address):
        make_pool(client)
        wanted = list_cures(order.patience)
        block = keep_address(order.notify_address) if order.notify_address else order.notify
        if block:
            wanted += list_notices(order.patience, find_notice(client, block), POOL)
        deploy_file(prepare_file(client, content, order.configuration), order.places)
        lay_automations(client, wanted)
        return describe_server(client, address, content, block)


def find_file() -> Path:
    """Find the `prefect.yaml` of the checkout that this code runs from, or of the installed package."""
    package = Path(__file__).resolve().parents[1]
    checkout = package.parent / "prefect.yaml"
    return checkout if checkout.is_file() else package / "prefect.yaml"


def read_file(path: Path) -> dict[str, Any]:
    """Read a `prefect.yaml`.

    Raises:
        InputError: If the file is missing, is not YAML or has no deployments.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"`--file` must name a readable prefect.yaml. Received {path}: {error}") from error
    if not isinstance(content, dict) or not content.get("deployments"):
        raise InputError(f"`--file` must name a prefect.yaml with `deployments:`. {path} has none.")
    return content


def make_pool(client: SyncPrefectClient) -> None:
    """Create the work pool, unless it exists.

    Raises:
        InputError: If a pool of this name has another type.
    """
    try:
        pool = client.read_work_pool(POOL)
    except ObjectNotFound:
        template = ProcessWorker.get_default_base_job_template()
        client.create_work_pool(WorkPoolCreate(name=POOL, type="process", base_job_template=template))
        return
    if pool.type != "process":
        raise InputError(
            f"The work pool {POOL} must be of type process. On this server it is of type {pool.type}. Delete "
            "the pool, or use another server."
        )


def prepare_file(
    client: SyncPrefectClient, content: Mapping[str, Any], configuration: Configuration
) -> dict[str, Any]:
    """Add to the file the plant's settings, and whatever a person has disabled or added on the server."""
    switched_off = [
        automation.name for automation in client.read_automations() if automation.enabled is False
    ]
    deployments = []
    for entry in content["deployments"]:
        flow: Flow[..., Any] = load_flow_from_entrypoint(entry["entrypoint"])
        parameters = add_settings(entry.get("parameters") or {}, inspect.signature(flow.fn), configuration)
        triggers = [
            {**trigger, "enabled": trigger.get("enabled", True) and trigger.get("name") not in switched_off}
            for trigger in entry.get("triggers") or []
        ]
        known = find_deployment(client, f"{flow.name}/{entry['name']}")
        deployments.append(
            {
                **entry,
                "parameters": parameters,
                "triggers": triggers,
                "schedules": keep_schedules(entry.get("schedules") or [], known.schedules if known else []),
                **({"paused": known.paused} if known else {}),
            }
        )
    return {**content, "deployments": deployments}


def add_settings(
    parameters: Mapping[str, Any], signature: inspect.Signature, configuration: Configuration
) -> dict[str, Any]:
    """Merge the settings that differ from the defaults into the parameters of a flow that takes them."""
    added = dict(parameters)
    changes = configuration.model_dump(mode="json", exclude_defaults=True)
    if "configuration" in signature.parameters and changes:
        below = added.get("configuration") or {}
        added["configuration"] = below | {
            name: {**below.get(name, {}), **value} if isinstance(value, dict) else value
            for name, value in changes.items()
        }
    if "model_name" in signature.parameters:
        added.setdefault("model_name", configuration.tracking.model_name)
    return added


def keep_schedules(wanted: list[dict[str, Any]], known: list[DeploymentSchedule]) -> list[dict[str, Any]]:
    """Keep the schedules that a person has disabled disabled, and keep those that a person has added."""
    active = {schedule.slug: schedule.active for schedule in known if schedule.slug}
    slugs = {schedule.get("slug") for schedule in wanted}
    kept = [
        {"active": active[schedule["slug"]], **schedule} if schedule.get("slug") in active else schedule
        for schedule in wanted
    ]
    for number, schedule in enumerate(known, start=1):
        if schedule.slug not in slugs:
            times = schedule.schedule.model_dump(mode="json", exclude_none=True)
            slug = schedule.slug or f"added-by-hand-{number}"
            kept.append({**times, "slug": slug, "active": schedule.active, "parameters": schedule.parameters})
    return kept


def deploy_file(content: Mapping[str, Any], places: PlacesOfData) -> None:
    """Let Prefect deploy a prepared file, with the paths of the data filled in.

    Raises:
        ForewarnError: If Prefect refuses the file.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "prefect.yaml"
        path.write_text(yaml.safe_dump(dict(content), sort_keys=False), encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file", str(path)],
            env={**os.environ, "FOREWARN_DATA": str(places.data), "FOREWARN_SCORES": str(places.scores)},
            cwd=folder,
            capture_output=True,
            text=True,
            errors="backslashreplace",
            check=False,
        )
    if done.returncode:
        lines = (done.stdout + done.stderr).strip().splitlines()[-_LAST_LINES:]
        raise ForewarnError(
            "`prefect deploy` failed. The end of its output:\n" + "\n".join(f"  {line}" for line in lines)
        )


def find_deployment(client: SyncPrefectClient, name: str) -> DeploymentResponse | None:
    """Find a deployment by FLOW/NAME, or return none."""
    try:
        return client.read_deployment_by_name(name)
    except ObjectNotFound:
        return None


def describe_server(
    client: SyncPrefectClient, address: str, content: Mapping[str, Any], block: str | None
) -> DeployResult:
    """Read back the deployments and automations of the server."""
    flows = []
    for entry in content["deployments"]:
        name = f"{load_flow_from_entrypoint(entry['entrypoint']).name}/{entry['name']}"
        flows.append(describe_deployment(client.read_deployment_by_name(name), name, address))
    automations = [
        DeployedAutomation(name=automation.name, is_enabled=automation.enabled)
        for automation in client.read_automations()
        if automation.name.startswith(PREFIX)
    ]
    return DeployResult(
        server=address,
        pool=POOL,
        deployments=tuple(flows),
        automations=tuple(sorted(automations, key=lambda automation: automation.name)),
        notified=block,
    )


def describe_deployment(found: DeploymentResponse, name: str, address: str) -> DeployedFlow:
    """Describe a deployment as recorded on the server."""
    limit = found.global_concurrency_limit
    return DeployedFlow(
        name=name,
        id=str(found.id),
        url=f"{address.removesuffix('/').removesuffix('/api')}/deployments/deployment/{found.id}",
        is_paused=found.paused,
        limit=None if limit is None else limit.limit,
        parameters=found.parameters,
        schedules=tuple(
            DeployedSchedule(slug=schedule.slug, when=describe_times(schedule), is_active=schedule.active)
            for schedule in found.schedules
        ),
    )


def describe_times(schedule: DeploymentSchedule) -> str:
    """Describe when a schedule creates runs."""
    times = schedule.schedule
    if isinstance(times, CronSchedule):
        return f"{times.cron} ({times.timezone or 'UTC'})"
    if isinstance(times, IntervalSchedule):
        return f"every {times.interval}"
    return getattr(times, "rrule", "no schedule")


def summarise_deploying(result: DeployResult) -> str:
    """Write the summary that `forewarn deploy` prints."""
    lines = [f"Server      {result.server}", f"Work pool   {result.pool}, type process"]
    for number, flow in enumerate(result.deployments):
        times = ", ".join(
            f"{schedule.when}{'' if schedule.is_active else ' PAUSED'}" for schedule in flow.schedules
        )
        limit = "" if flow.limit is None else f"; {flow.limit} at a time"
        paused = "; PAUSED" if flow.is_paused else ""
        lines.append(
            f"{'' if number else 'Deployed':<12}{flow.name:<20}{times or 'on demand'}{limit}{paused}"
        )
    for number, automation in enumerate(result.automations):
        off = "" if automation.is_enabled else ", switched off"
        lines.append(f"{'' if number else 'Automations':<12}{automation.name.removeprefix(PREFIX)}{off}")
    channel = (
        f"through {result.notified}"
        if result.notified
        else "no channel given; `--notify TYPE/NAME` names a block"
    )
    lines += [
        f"Notified    {channel}",
        "Next        forewarn worker   (on the machine that does the work)",
    ]
    return "\n".join(lines)
