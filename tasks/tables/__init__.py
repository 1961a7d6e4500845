"""Tables: the columns of a table, and its values as text.

Columns are chosen, checked and replaced by their names here, and values are written so that equal ones give
equal text, whatever rows stand beside them.

Called by other rooms: `columns` (time, label and sensor columns; lists of names in messages), `format`
(values as text, CSV).
"""
