"""Make the account under which worker and service log in to MLflow, and the registered model that is theirs.

To an account that is no administrator MLflow answers 403, not 404, when it asks for a registered model that
does not exist. So the model is made here, without a version, by the account that is to own it.
"""

from __future__ import annotations

import os

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.server.auth.client import AuthServiceClient

_EXISTS = "RESOURCE_ALREADY_EXISTS"


def prepare_account(server: str, name: str, password: str) -> str:
    """Make an account, or give it its password if it is there; an administrator must be logged in.

    Returns:
        What was done.
    """
    accounts = AuthServiceClient(server)
    try:
        accounts.create_user(name, password)
    except MlflowException as error:
        if error.error_code != _EXISTS:
            raise
        accounts.update_user_password(name, password)
        return f"account {name} has its password"
    return f"account {name} made"


def prepare_model(server: str, model: str) -> str:
    """Make a registered model that belongs to the account that is logged in, unless it is there.

    Returns:
        What was done.
    """
    try:
        MlflowClient(server).create_registered_model(model)
    except MlflowException as error:
        if error.error_code != _EXISTS:
            raise
        return f"registered model {model} is there"
    return f"registered model {model} made"


def main() -> None:
    """Do both on the server `MLFLOW_TRACKING_URI`.

    The account is `ACCOUNT_NAME` with `ACCOUNT_PASSWORD`, the model `FOREWARN_MODEL`.
    """
    server, name, password = (
        os.environ[key] for key in ("MLFLOW_TRACKING_URI", "ACCOUNT_NAME", "ACCOUNT_PASSWORD")
    )
    print(prepare_account(server, name, password))
    os.environ.update({"MLFLOW_TRACKING_USERNAME": name, "MLFLOW_TRACKING_PASSWORD": password})
    print(prepare_model(server, os.environ["FOREWARN_MODEL"]))


if __name__ == "__main__":
    main()
