"""Prefect: its server, the worker, deployments, automations, events, and where folds run.

The input is a configuration and the address of a server; the output is deployments, events and runs in their
final state. Nothing here trains, judges or scores. Without a configured server, each command starts an
embedded one.

Called by the flows: `server`, `events.send_event`, `fold_runner`, `clean_up`; by the commands: `deploy`,
`worker`.
"""
