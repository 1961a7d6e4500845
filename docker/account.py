"""Create the MLflow account of the worker and the service, and the registered model that it owns.

When an account other than an administrator requests a registered model that does not exist, MLflow answers
403, not 404. So this creates the model, without a version, under the account that will own it.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.server.auth.client import AuthServiceClient


def create(call: Callable[[], object]) -> bool:
    """Create something, and return whether it is new."""
    try:
        call()
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
        return False
    return True


def main() -> None:
    """Create both on the server `MLFLOW_TRACKING_URI`; an existing account gets its password set again."""
    server, model = os.environ["MLFLOW_TRACKING_URI"], os.environ["FOREWARN_MODEL"]
    name, password = os.environ["ACCOUNT_NAME"], os.environ["ACCOUNT_PASSWORD"]
    administrator = AuthServiceClient(server)
    if not create(lambda: administrator.create_user(name, password)):
        administrator.update_user_password(name, password)
    os.environ.update({"MLFLOW_TRACKING_USERNAME": name, "MLFLOW_TRACKING_PASSWORD": password})
    create(lambda: MlflowClient(server).create_registered_model(model))
    print(f"account {name} and registered model {model} are ready")


if __name__ == "__main__":
    main()
