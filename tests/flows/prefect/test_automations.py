"""Automations: made of what is asked for, and told of in a form that others read."""

import json
from uuid import uuid4

import pytest
from jinja2.sandbox import SandboxedEnvironment
from prefect.events.actions import CallWebhook, SendNotification

from flows.prefect.automations import Notice, list_cures, list_notices
from schemas.deployments import Patience


def test_a_webhook_gets_json_whatever_the_message_holds() -> None:
    action = Notice("webhook/plant", uuid4(), is_webhook=True).make_action("failed", "{{ message }}")
    assert isinstance(action, CallWebhook)
    message = 'expected "a"\nreceived \\b'
    text = SandboxedEnvironment().from_string(action.payload).render(message=message)
    assert json.loads(text) == {"text": f"failed: {message}"}


def test_a_notification_block_gets_subject_and_body() -> None:
    action = Notice("slack-webhook/plant", uuid4(), is_webhook=False).make_action("failed", "why")
    assert isinstance(action, SendNotification)
    assert (action.subject, action.body) == ("failed", "why")


@pytest.mark.parametrize("place", [0, 1])
def test_cures_look_at_each_run_of_ours_alone(place: int) -> None:
    trigger = list_cures(Patience())[place].trigger
    assert trigger.for_each == {"prefect.resource.id"}
    assert trigger.match_related.root["prefect.resource.id"] == "prefect.tag.forewarn"


def test_the_waits_are_those_that_were_asked_for() -> None:
    pending, silent = list_cures(Patience(pending=20, silent=40))
    assert pending.trigger.within.total_seconds() == 20
    assert silent.trigger.within.total_seconds() == 40


def test_a_person_is_told_of_failures_missed_schedules_a_missing_worker_and_low_recall() -> None:
    notice = Notice("webhook/plant", uuid4(), is_webhook=True)
    names = [automation.name for automation in list_notices(Patience(), notice, "forewarn")]
    assert names == [
        "forewarn: run failed",
        "forewarn: schedule missed",
        "forewarn: no worker",
        "forewarn: recall low",
    ]


def test_the_notice_of_low_recall_waits_for_each_model_apart_and_holds_the_figures() -> None:
    notice = Notice("webhook/plant", uuid4(), is_webhook=True)
    automation = list_notices(Patience(again=20), notice, "forewarn")[-1]
    trigger, (action,) = automation.trigger, automation.actions
    assert trigger.expect == {"model.recall.low"}
    assert trigger.for_each == {"prefect.resource.id"}
    assert trigger.within.total_seconds() == 20
    assert isinstance(action, CallWebhook)
    payload = {"model_name": "mill", "version": "3", "data_end": "2024", "message": 'within "4" minutes'}
    text = SandboxedEnvironment().from_string(action.payload).render(event={"payload": payload})
    assert json.loads(text) == {
        "text": 'forewarn: the champion does not warn: mill, version 3, data until 2024. within "4" minutes'
    }
