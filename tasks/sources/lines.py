"""Take the lines of readings out of a CSV file: no comments, no units, no unfinished last line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from schemas.readings import UNFINISHED_LINE, Finding
from tasks.sources.layout import (
    COMMENT,
    ROWS_TO_FIND_THE_SEPARATOR,
    Layout,
    looks_like_reading,
    read_records,
)
from tasks.sources.units_row import LINES_AT_MOST, count_lines_of_words

# and the mark of the end of a file of MS-DOS
LINE_ENDS = "\r\n\x1a"
_LINES_SHOWN = 3
_FOOTER_LINES_AT_MOST = 3
_CHARACTERS_SHOWN = 60


@dataclass(frozen=True, eq=False)
class Lines:
    """The lines below the header of a file.

    Attributes:
        text: The lines of readings, without a line end after the last.
        rows: Number of each line in the file, from 1, shape (lines,).
        words: Fields of the lines directly below the header that hold no reading.
        comments: Lines of comment.
        unfinished: The last line, if it is not complete yet.
    """

    text: str
    rows: pd.Index
    words: tuple[tuple[str, ...], ...] = ()
    comments: tuple[str, ...] = ()
    unfinished: str | None = None


def cut_unfinished_line(text: str) -> tuple[str, str | None]:
    """Cut a last line without a line end off the text of a growing file; a header alone stays."""
    if text.endswith(tuple(LINE_ENDS)) or "\n" not in text:
        return text, None
    lines, end, last = text.rpartition("\n")
    return lines + end, last


def take_lines(text: str, layout: Layout, path: str, *, units_row: bool | None, is_cut: bool) -> Lines:
    """Take the lines below the header.

    Args:
        text: The file, without its last line if that is not complete.
        layout: Where its header is.
        path: Its name in messages.
        units_row: Setting `readings.units_row`.
        is_cut: Whether the last line has been cut off already.
    """
    body = text[layout.body :].rstrip(LINE_ENDS)
    count = body.count("\n") + 1 if body else 0
    lines = Lines(body, pd.RangeIndex(layout.line + 1, layout.line + 1 + count))
    if body.startswith(COMMENT) or f"\n{COMMENT}" in body:
        lines = _drop_comments(lines)
    lines = _drop_footer(_take_words(lines, layout, path, units_row), layout)
    return lines if is_cut or text.endswith(tuple(LINE_ENDS)) else _cut_short_line(lines, layout)


def report_lines(lines: Lines, layout: Layout, path: str, *, is_found: bool) -> tuple[Finding, ...]:
    """Report the lines above the header, if they were found, and the lines of comment."""
    above = [line for line in layout.skipped if line] if is_found else []
    left_out = [*above, *lines.comments]
    if not left_out:
        return ()
    shown = ", ".join(repr(line[:_CHARACTERS_SHOWN]) for line in left_out[:_LINES_SHOWN])
    more = f" and {len(left_out) - _LINES_SHOWN} more" if len(left_out) > _LINES_SHOWN else ""
    count = "1 line" if len(left_out) == 1 else f"{len(left_out)} lines"
    where = f"; its header is row {layout.line} (`readings.skip_lines`)" if above else ""
    message = f"{count} of {path} without readings skipped: {shown}{more}{where}."
    details = {"lines": len(left_out), "header_row": layout.line, "first": left_out[:_LINES_SHOWN]}
    return (Finding(check="skipped_lines", message=message, details=details),)


def report_unfinished_line(lines: Lines, layout: Layout, path: str) -> tuple[Finding, ...]:
    """Report a last line that is left out because it is not complete yet."""
    if lines.unfinished is None:
        return ()
    row = int(lines.rows[-1]) + 1 if len(lines.rows) else layout.line + len(lines.words) + 1
    fields = lines.unfinished.count(layout.separator) + 1
    message = (
        f"The last line of {path}, row {row}, has no line end and {fields} of {len(layout.names)} fields, so "
        "it may not be complete yet: it is left out. It is read once a line end follows it."
    )
    return (Finding(check=UNFINISHED_LINE, message=message, details={"row": row, "fields": fields}),)


def _drop_comments(lines: Lines) -> Lines:
    """Leave out the lines that begin with the mark of a comment, unless most do: then it belongs to them."""
    texts = lines.text.split("\n")
    is_comment = np.array([text.startswith(COMMENT) for text in texts])
    if 2 * is_comment.sum() > len(texts):
        return lines
    return replace(
        lines,
        text="\n".join(text for text in texts if not text.startswith(COMMENT)).rstrip(LINE_ENDS),
        rows=pd.Index(lines.rows[~is_comment]),
        comments=tuple(text.strip() for text in texts if text.startswith(COMMENT)),
    )


def _drop_footer(lines: Lines, layout: Layout) -> Lines:
    """Leave out single words and sentences below the last reading, such as `(1500 rows)`."""
    footer: list[str] = []
    text = lines.text
    while len(footer) < _FOOTER_LINES_AT_MOST and "\n" in text:
        above, _, last = text.rpartition("\n")
        if layout.separator in last or looks_like_reading(last):
            break
        text = above.rstrip(LINE_ENDS)
        footer.insert(0, last.strip())
    if not footer:
        return lines
    rows = lines.rows[: text.count("\n") + 1]
    comments = (*lines.comments, *(line for line in footer if line))
    return replace(lines, text=text, rows=rows, comments=comments)


def _take_words(lines: Lines, layout: Layout, path: str, units_row: bool | None) -> Lines:
    """Take the lines of units and descriptions off the lines of readings."""
    head = lines.text.split("\n", ROWS_TO_FIND_THE_SEPARATOR + LINES_AT_MOST)
    head = head[: ROWS_TO_FIND_THE_SEPARATOR + LINES_AT_MOST]
    if not lines.text or not _are_records(head):
        return lines
    records = read_records("\n".join(head), layout.separator, path)
    count = count_lines_of_words(records, units_row=units_row)
    if not count:
        return lines
    _, *rest = lines.text.split("\n", count) if count == 1 else ["", *lines.text.split("\n", count)[count:]]
    return replace(
        lines,
        text=rest[0] if rest else "",
        rows=lines.rows[count:],
        words=tuple(tuple(record) for record in records[:count]),
    )


def _are_records(lines: Sequence[str]) -> bool:
    """Return whether every quote is closed on its line."""
    return all(line.count('"') % 2 == 0 for line in lines)


def _cut_short_line(lines: Lines, layout: Layout) -> Lines:
    """Cut off a last line that has no line end and fewer fields than the line above it."""
    above, _, last = lines.text.rpartition("\n")
    mark = layout.separator
    fields = above.rpartition("\n")[2].count(mark) if above else len(layout.names) - 1
    if not lines.text or last.count(mark) >= fields:
        return lines
    return replace(lines, text=above.rstrip(LINE_ENDS), rows=lines.rows[:-1], unfinished=last)
