"""Tracking: what a run was made from and what came out of it, in MLflow.

In come configurations, tables, metrics and files; out go MLflow runs that can be traced to the data's hash
and the code's version. A run belongs to one process at a time, and one that was stopped can be resumed.

Called by other rooms: `store.open_store`, `runs` (start, resume and end), `log` (parameters, datasets,
metrics, files), `fingerprint.identify_work`, `code_version.find_code_version`, `home.find_home`, `locks`.
"""
