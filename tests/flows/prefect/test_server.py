"""What a command says when the Prefect server behind its flow fails."""

import httpx
import pytest
from prefect.exceptions import PrefectHTTPStatusError

from flows.prefect.server import report_server_trouble
from schemas.errors import InputError, StoreUnreachableError

REQUEST = httpx.Request("POST", "http://127.0.0.1:4200/api/flow_runs/1/set_state")


def fail_to_record() -> None:
    response = httpx.Response(500, request=REQUEST)
    raise PrefectHTTPStatusError("500 Internal Server Error", request=REQUEST, response=response)


def test_a_server_that_fails_is_named() -> None:
    with (
        pytest.raises(StoreUnreachableError, match="The Prefect server of this command failed"),
        report_server_trouble("of this command"),
    ):
        fail_to_record()


def test_what_the_flow_had_said_is_not_hidden_by_a_server_that_cannot_record_it() -> None:
    def end_badly() -> None:
        try:
            raise InputError("the table is empty")
        except InputError:
            fail_to_record()

    with pytest.raises(InputError, match="the table is empty"), report_server_trouble("of this command"):
        end_badly()


def test_a_defect_is_raised_as_it_is() -> None:
    with pytest.raises(ZeroDivisionError), report_server_trouble("of this command"):
        raise ZeroDivisionError
