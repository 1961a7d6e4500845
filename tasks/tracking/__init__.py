"""Tracking: the inputs and results of runs, in MLflow.

In come configurations, tables, metrics and files; out go MLflow runs that can be traced to the hash of the
data and the version of the code. A run must belong to one process at a time, and an interrupted run can be
resumed.

Called by other rooms: `store` (open the tracking store, report its failures), `runs` (start, resume, end and
close runs), `log` and `backtest_log` (parameters, datasets, metrics, files), `fingerprint.identify_work`,
`code_version.find_code_version`, `home.find_home`, `locks` (one command at a time per model).
"""
