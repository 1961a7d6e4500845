"""Registry: versions of a registered model, their aliases, and the history of who moved which, when and why.

In come a fitted detector or a decision; out go a version in MLflow's registry and moves of its aliases.
Every move is announced, carried out and recorded, so that an interrupted one is completed or undone by the
next command.

Called by other rooms: `register.log_detector`, `loading.load_version`, `resolve.resolve_version`,
`promote`, `versions` (look-ups), `list_versions`, `rescore` (test rows scored from the registry),
`smoke_test.run_smoke_test`.
"""
