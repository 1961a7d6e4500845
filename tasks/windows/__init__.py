"""Windows: from checked readings to labelled windows of rows, divided into training, validation and test.

In come `SensorReadings`; out go `LabelledReadings`, `Windows` and a `Split`. A window never bridges a gap,
an event or the boundary of a part.

Called by other rooms: `label.label_ahead` (curve shift), `window.make_windows` (temporalize),
`split.split_windows`.
"""
