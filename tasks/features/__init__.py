"""Features: from labelled readings to scaled columns of features.

In come `LabelledReadings`; out go a `FeatureTable`, and rows scaled by a `Scaler`. A feature looks only at
its own row and at earlier rows of the same run, and a scaler is fitted on normal training rows only.

Called by other rooms: `featurise.compute_features`, `scale.fit_scaler`, `scale.scale_rows`.
"""
