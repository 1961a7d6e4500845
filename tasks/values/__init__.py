"""Values: from the cells of the sensors to numbers, categories and missing values.

Words for no value and impossible values become missing, two words 0 and 1, a few words a category. A value
is held for a few rows at most, never across a time gap, and what is left out is in a finding.

Called by other rooms: `cells.read_cells`, `missing` (words and limits), `texts` (sensors of words), `fill`
(held values), `incomplete` (rows and sensors without values), `sentinels` and `counters` (findings).
"""
