"""The verbs: one module per step, plain Python without Prefect."""
