"""Automations as code: what the server does when a run fails, is late, gets stuck or stops responding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from prefect.blocks.core import Block
from prefect.blocks.notifications import SlackWebhook
from prefect.blocks.webhook import Webhook
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import StateType
from prefect.events.actions import CallWebhook, ChangeFlowRunState, SendNotification
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.exceptions import ObjectNotFound

from flows.prefect.events import RECALL_EVENT
from schemas.deployments import Patience
from schemas.errors import InputError

PREFIX = "forewarn: "
# tag of our deployments, which their runs and the events about those inherit
TAG = "forewarn"
# name of the block that stores a notification address
_BLOCK_NAME = "forewarn"

_RUNS = {"prefect.resource.id": "prefect.flow-run.*"}
_OURS = {"prefect.resource.role": "tag", "prefect.resource.id": f"prefect.tag.{TAG}"}
_EACH_RUN = {"prefect.resource.id"}
_EACH_DEPLOYMENT = {"related:deployment:prefect.resource.id"}
_FINAL = {f"prefect.flow-run.{state}" for state in ("Completed", "Failed", "Cancelled", "Crashed")}
# events are named after states; these are the states of a run that has not started
_PENDING = {f"prefect.flow-run.{state}" for state in ("Pending", "Submitting", "InfrastructurePending")}
_STARTED = {f"prefect.flow-run.{state}" for state in ("Running", "Cancelling", "Paused", "Suspended")}


@dataclass(frozen=True)
class Notice:
    """Where notifications go: a block on the server, which holds the address."""

    block: str
    block_id: UUID
    is_webhook: bool

    def make_action(self, subject: str, body: str) -> CallWebhook | SendNotification:
        """Make the action that sends a text; `body` is a Jinja template."""
        if self.is_webhook:
            # Slack, Teams and Mattermost read `text`
            text = f"{{% set text %}}{subject}: {body}{{% endset %}}"
            payload = f'{text}{{"text": {{{{ text | tojson }}}}}}'
            return CallWebhook(block_document_id=self.block_id, payload=payload)
        return SendNotification(block_document_id=self.block_id, subject=subject, body=body)


_RUN = (
    "{{ flow.name }}, run {{ flow_run.name }}: {{ flow_run.state.name }}. {{ flow_run.state.message }} "
    "{{ flow_run | ui_url }}"
)


def list_cures(patience: Patience) -> list[AutomationCore]:
    """List the automations that end hanging runs; each sets the run Crashed, and that is notified."""
    return [
        AutomationCore(
            name=f"{PREFIX}stuck pending",
            description="Ends a run that does not start and would block the next ones.",
            trigger=watch_runs(
                after=_PENDING, expect={*_STARTED, *_FINAL}, each=_EACH_RUN, seconds=patience.pending
            ),
            actions=[crash(f"Pending for {patience.pending:g} seconds: no worker has started the run.")],
        ),
        AutomationCore(
            name=f"{PREFIX}no heartbeat",
            description="Ends a run whose process is gone without having reported an end.",
            trigger=watch_runs(
                # a process may die before its first heartbeat
                after={"prefect.flow-run.Running", "prefect.flow-run.heartbeat"},
                expect={"prefect.flow-run.heartbeat", *_FINAL},
                each=_EACH_RUN,
                seconds=patience.silent,
            ),
            actions=[crash(f"No heartbeat for {patience.silent:g} seconds: its process or machine is gone.")],
        ),
    ]


def list_notices(patience: Patience, notice: Notice, pool: str) -> list[AutomationCore]:
    """List the automations that notify a person, at most once in `patience.again` for each subject."""
    return [
        AutomationCore(
            name=f"{PREFIX}run failed",
            description="Notifies when a run has failed or crashed.",
            trigger=watch_runs(
                expect={"prefect.flow-run.Failed", "prefect.flow-run.Crashed"},
                each=_EACH_DEPLOYMENT,
                seconds=patience.again,
            ),
            actions=[notice.make_action("forewarn: a run has failed", _RUN)],
        ),
        AutomationCore(
            name=f"{PREFIX}schedule missed",
            description="Notifies when a run is late and no run of the same deployment starts.",
            trigger=watch_runs(
                after={"prefect.flow-run.Late"},
                expect={*_PENDING, *_STARTED},
                each=_EACH_DEPLOYMENT,
                seconds=patience.late,
            ),
            actions=[
                notice.make_action(
                    "forewarn: a schedule was missed",
                    f"{_RUN} Check that a worker is running: `forewarn worker` starts one.",
                )
            ],
        ),
        AutomationCore(
            name=f"{PREFIX}no worker",
            description="Notifies when the work pool has no worker left.",
            trigger=EventTrigger(
                expect={"prefect.work-pool.not-ready"},
                match={"prefect.resource.id": "prefect.work-pool.*", "prefect.resource.name": pool},
                posture=Posture.Reactive,
                threshold=1,
                within=timedelta(seconds=patience.again),
            ),
            actions=[
                notice.make_action(
                    "forewarn: no worker",
                    f"The work pool {pool} has no running worker. `forewarn worker` starts one.",
                )
            ],
        ),
        AutomationCore(
            name=f"{PREFIX}recall low",
            description="Notifies when the monitor finds that the champion does not warn of events.",
            trigger=EventTrigger(
                expect={RECALL_EVENT},
                match={"prefect.resource.id": "forewarn.model.*"},
                for_each={"prefect.resource.id"},
                posture=Posture.Reactive,
                threshold=1,
                within=timedelta(seconds=patience.again),
            ),
            actions=[
                notice.make_action(
                    "forewarn: the champion does not warn",
                    "{{ event.payload.model_name }}, version {{ event.payload.version }}, data until "
                    "{{ event.payload.data_end }}. {{ event.payload.message }}",
                )
            ],
        ),
    ]


def watch_runs(
    expect: set[str], each: set[str], seconds: float, after: set[str] | None = None
) -> EventTrigger:
    """Make a trigger on events of our runs.

    Args:
        expect: Events to watch for.
        each: Labels to group events by; the trigger fires for each group separately.
        seconds: With `after`, the longest wait for `expect`; else the period in which to fire once at most.
        after: Events that must be followed by `expect`, else the trigger fires; without them, the trigger
            fires when `expect` comes.
    """
    return EventTrigger(
        after=after or set(),
        expect=expect,
        match=_RUNS,
        match_related=_OURS,
        for_each=each,
        posture=Posture.Proactive if after else Posture.Reactive,
        threshold=1,
        within=timedelta(seconds=seconds),
    )


def crash(message: str) -> ChangeFlowRunState:
    """Make the action that sets a run Crashed."""
    return ChangeFlowRunState(state=StateType.CRASHED, message=message)


def find_notice(client: SyncPrefectClient, block: str) -> Notice:
    """Find the notification block that a person has named.

    Args:
        client: Client of the server.
        block: Type and name, such as `slack-webhook/plant`.

    Raises:
        InputError: If the server has no such block, or the block cannot send notifications.
    """
    kind, slash, name = block.partition("/")
    expected = (
        "`--notify` or FOREWARN_NOTIFY must name a notification block on the Prefect server as TYPE/NAME, "
        "such as slack-webhook/plant. "
    )
    if not (kind and slash and name):
        raise InputError(f"{expected}Received {block!r}.")
    try:
        found = client.read_block_document_by_name(name, kind, include_secrets=False)
    except ObjectNotFound as error:
        raise InputError(
            f"{expected}The server has no {block}. Create it in the UI under Blocks, or name another one."
        ) from error
    capabilities = found.block_schema.capabilities if found.block_schema else []
    if kind != "webhook" and "notify" not in capabilities:
        raise InputError(f"{expected}{block} cannot send notifications. Name another block.")
    return Notice(block, found.id, kind == "webhook")


def keep_address(address: str) -> str:
    """Store a notification address in a block on the server, and only there.

    Args:
        address: Where notifications go: an http or https URL of a webhook that takes `{"text": ...}`, or any
            Apprise URL, such as `mailtos://user:password@smtp.example.com?to=shift@example.com`.

    Returns:
        Type and name of the block.
    """
    if address.startswith(("http://", "https://")):
        block: Block = Webhook(url=address, headers={"Content-Type": "application/json"})
    else:
        # the Slack block passes any address that is not Slack's to Apprise unchanged
        block = SlackWebhook(url=address)
    block.save(_BLOCK_NAME, overwrite=True)
    return f"{block.get_block_type_slug()}/{_BLOCK_NAME}"


def lay_automations(client: SyncPrefectClient, wanted: Sequence[AutomationCore]) -> None:
    """Create or update automations by name; an automation that a person has disabled stays disabled."""
    for automation in wanted:
        known = client.read_automations_by_name(automation.name)
        if not known:
            client.create_automation(automation)
            continue
        changed = automation.model_copy(update={"enabled": known[0].enabled})
        client.update_automation(known[0].id, changed)
        for double in known[1:]:
            client.delete_automation(double.id)
