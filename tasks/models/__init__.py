"""Models: from scaled windows to a fitted model that scores them.

In comes `Material` (rows, parts and labels); out goes a `FittedModel` that scores windows, explains its
scores and saves itself without pickle. The same seed must give the same weights, and a family learns from
normal training windows only, unless it is one that learns from labels.

Called by other rooms: `fit.fit_model`, `fit.load_model`, `fit.save_model`, `training_cache` (models cached
between runs), `baselines.score_controls`.
"""
