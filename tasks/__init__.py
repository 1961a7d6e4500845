"""The verbs: the steps of training, evaluating, promoting, serving and monitoring, as plain Python functions.

Tables, configurations and stored models come in; frozen objects of `schemas` go out, or files, runs and
versions are written. No module imports Prefect or `flows`, and a room imports only rooms that come before it.

Each room's docstring names the functions that other rooms may call.
"""
