"""Windows: labelling rows, cutting windows, and splitting them into training, validation and test.

`SensorReadings` come in; `LabelledReadings`, `Windows` and a `Split` go out. A window never crosses a time
gap, an event or a boundary between parts, except in the published convention and the random split.

Called by other rooms: `label.label_ahead` (curve shift), `window.make_windows` (temporalize),
`split.split_windows`.
"""
