"""Sources: a table from a file, several files, a database or standard input.

Text that names a source comes in, with the settings of how it is read; a `RawTable` goes out, or one error
that says what was expected. Numbers are plain whatever mark they were written with, nothing else in a cell is
judged here, and whatever is left out or found is reported in a finding.

Called by other rooms: `load.load_readings`, `addresses` (names of sources, without passwords),
`names.check_column_names`.
"""
