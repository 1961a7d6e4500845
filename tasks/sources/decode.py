"""Decode the bytes of a CSV file: find its encoding, or use the configured one."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from schemas.errors import InputError
from schemas.readings import Finding

_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_UTF8 = ("utf-8", "utf-8-sig")
_LAST_RESORT = "cp1252"
_BYTES_TO_FIND_THE_ENCODING = 4096
# share of the zero bytes of UTF-16 that lie on one side of the pairs, in a table that is mostly ASCII
_ONE_SIDED = 0.9
# characters of one byte that no table holds
_NOT_TEXT = re.compile(r"[\x00-\x08\x0b\x0e-\x19\x1b-\x1f]")


@dataclass(frozen=True)
class Decoded:
    """The text of a file, with line feeds between its lines.

    Attributes:
        text: The text, without a byte order mark.
        encoding: Its encoding.
        is_cut: Whether the file ends within a character, so that its last line is not complete.
    """

    text: str
    encoding: str
    is_cut: bool


def decode(plain: bytes, name: str, encoding: str) -> Decoded:
    """Decode a CSV file.

    UTF-8 and UTF-16 are recognised with and without a byte order mark; what is neither is read as cp1252.

    Args:
        plain: The bytes.
        name: Name of the file in messages.
        encoding: Setting `readings.encoding`.

    Raises:
        InputError: If the bytes are not text of the encoding.
    """
    found = find_encoding(plain) if encoding == "auto" else encoding
    if found is None:
        raise InputError(
            f"Expected a text file, an Excel or a Parquet file. {name} is neither (zero bytes). Export the "
            "readings as CSV in UTF-8, or set `readings.encoding`."
        )
    try:
        decoder = codecs.getincrementaldecoder(found)()
        text = decoder.decode(plain, final=False).removeprefix("\ufeff")
    except (ValueError, LookupError) as error:
        raise InputError(
            f"Expected a text file in {found}. {name} has bytes that are none ({error}). Set "
            "`readings.encoding` to the encoding of the file, or export the readings as CSV in UTF-8."
        ) from error
    if found == _LAST_RESORT and encoding == "auto" and _NOT_TEXT.search(text):
        raise InputError(
            f"Expected a text file, an Excel or a Parquet file. {name} is neither. Export the readings as "
            "CSV in UTF-8."
        )
    if "\n" not in text:
        text = text.replace("\r", "\n")
    return Decoded(text, found, is_cut=bool(decoder.getstate()[0]))


def find_encoding(plain: bytes) -> str | None:
    """Find the encoding of text, or return None if the bytes are not text."""
    marked = next((encoding for mark, encoding in _MARKS.items() if plain.startswith(mark)), None)
    if marked is not None:
        return marked
    if b"\x00" in plain:
        return _find_zeros(plain[:_BYTES_TO_FIND_THE_ENCODING])
    try:
        # more bytes may follow the last character
        codecs.getincrementaldecoder("utf-8")().decode(plain, final=False)
    except ValueError:
        return _LAST_RESORT
    return "utf-8"


def report_encoding(encoding: str, setting: str, path: str) -> tuple[Finding, ...]:
    """Report an encoding that was found and is not UTF-8."""
    if encoding in _UTF8 or setting != "auto":
        return ()
    doubt = ""
    if encoding == _LAST_RESORT:
        doubt = ", because it is no UTF-8; set `readings.encoding` if names look wrong"
    message = f"{path} is read as {encoding} (`readings.encoding`){doubt}."
    return (Finding(check="encoding", message=message, details={"encoding": encoding}),)


def _find_zeros(head: bytes) -> str | None:
    """Find UTF-16 without a mark by the side on which the zero bytes of ASCII characters lie."""
    even, odd = head[::2].count(0), head[1::2].count(0)
    zeros = even + odd
    if zeros < len(head) / 4:
        return None
    if odd >= _ONE_SIDED * zeros:
        return "utf-16-le"
    return "utf-16-be" if even >= _ONE_SIDED * zeros else None
