"""Prefect: its server, the worker, deployments, automations, events, and where folds run.

In come a configuration and the address of a server; out go deployments, events and runs in their final
state. Nothing here trains, judges or scores; with no server configured, a command has an embedded one of
its own.

Called by the flows: `server`, `events.send_event`, `fold_runner`, `clean_up`; by the commands: `deploy`,
`worker`.
"""
