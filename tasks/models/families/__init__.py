"""Families: one module per family of models, each with a function to fit it and one to load it.

In come `Material` and the settings of the model, or a model's folder; out goes a `FittedModel`. The score of
a window must not depend on the windows scored with it, and a model is saved without pickle.

Called from outside only through `tasks.models.fit`, which registers the families; `join.join_models` and
`join.load_joined` combine fitted ones.
"""
