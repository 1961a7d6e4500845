"""Move the aliases of the registry as a decision says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from tasks.register import find_alias

if TYPE_CHECKING:
    from mlflow import MlflowClient


def apply_decision(
    client: MlflowClient, model_name: str, number: str, decision: Literal["PROMOTE", "REJECT", "HOLD"]
) -> None:
    """Make a version champion, keep it as challenger, or leave the aliases alone.

    On PROMOTE the old champion becomes `previous` first; if the second step fails, the first is
    taken back. On HOLD the version becomes `challenger`.

    Args:
        client: Client of the registry.
        model_name: Registered model.
        number: The version that was judged.
        decision: What the gate said of it.
    """
    if decision == "HOLD":
        client.set_registered_model_alias(model_name, "challenger", number)
    if decision != "PROMOTE":
        return
    champion = find_alias(client, model_name, "champion")
    previous = find_alias(client, model_name, "previous")
    try:
        if champion is not None:
            client.set_registered_model_alias(model_name, "previous", champion.version)
        client.set_registered_model_alias(model_name, "champion", number)
    except BaseException:
        _restore_alias(client, model_name, "previous", previous.version if previous else None)
        _restore_alias(client, model_name, "champion", champion.version if champion else None)
        raise
    challenger = find_alias(client, model_name, "challenger")
    if challenger is not None and str(challenger.version) == number:
        client.delete_registered_model_alias(model_name, "challenger")


def _restore_alias(client: MlflowClient, model_name: str, alias: str, number: str | None) -> None:
    if number is not None:
        client.set_registered_model_alias(model_name, alias, number)
    elif find_alias(client, model_name, alias) is not None:
        client.delete_registered_model_alias(model_name, alias)
