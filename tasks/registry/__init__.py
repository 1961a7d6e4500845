"""Registry: versions of a registered model, their aliases, and the history of who moved which, when and why.

In come a fitted detector or a decision; out go a version in MLflow's registry and moves of its aliases.
Every move is announced, carried out and recorded, so that the next command completes or undoes an
interrupted one. `previous` always names the version that the next rollback restores, by the history.

Called by other rooms: `register` (log and register a detector), `loading` (load a version),
`resolve.resolve_version`, `versions` (look-ups), `rescore` (rows scored by registered versions),
`earlier_tests.find_earlier_tests`, `smoke_test.run_smoke_test`, `history.describe_person`, `history.shorten`,
`finished_runs`, `sweep.close_abandoned_runs`, and what the commands run: `promote`, `quarantine`, `delete`,
`list_versions`.
"""
