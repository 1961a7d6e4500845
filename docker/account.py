"""Make the account under which worker and service log in to MLflow, once its server answers."""

from __future__ import annotations

import os


def prepare_account() -> None:
    """Make the account `ACCOUNT_NAME`, or give it the password `ACCOUNT_PASSWORD` if it is there.

    The server is `MLFLOW_TRACKING_URI`; an administrator logs in by `MLFLOW_TRACKING_USERNAME` and
    `MLFLOW_TRACKING_PASSWORD`.
    """
    from mlflow.exceptions import MlflowException
    from mlflow.server.auth.client import AuthServiceClient

    name, password = os.environ["ACCOUNT_NAME"], os.environ["ACCOUNT_PASSWORD"]
    client = AuthServiceClient(os.environ["MLFLOW_TRACKING_URI"])
    try:
        client.create_user(name, password)
        print(f"account {name} made")
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
        client.update_user_password(name, password)
        print(f"account {name} has its password")


if __name__ == "__main__":
    prepare_account()
