"""The families of models, each in a file of its own; `tasks.fit` is how they enter."""
