"""Features: computing features of labelled readings, and scaling them.

`LabelledReadings` come in; a `FeatureTable` and rows scaled by a `Scaler` go out. A feature depends only on
its own row and earlier rows, and by default the scaler is fitted only on normal training rows.

Called by other rooms: `featurise.compute_features`, `scale.fit_scaler`, `scale.scale_rows`,
`neutralise` (features of dead sensors), `absurd` (values that the scale is computed without).
"""
