"""The families of models, each in a file of its own; `tasks.models.fit` is how they enter."""
