"""Models: from scaled windows to a fitted model that scores them.

In comes `Material` (rows, parts and labels); out goes a `FittedModel` that scores windows, explains its
scores and saves itself without pickle. The same seed gives the same weights, and only normal training
windows are learnt from unless a family says that it needs labels.

Called by other rooms: `fit.fit_model`, `fit.load_model`, `fit.save_model`, `training_cache` (models kept
for the next run), `baselines.score_controls`.
"""
