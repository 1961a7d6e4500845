"""Recognise the kind of a file by its first bytes, and decompress it."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from pathlib import Path

import pyarrow as pa

from schemas.errors import InputError

_MAGIC = {
    b"\x1f\x8b": "gz",
    b"BZh": "bz2",
    b"\xfd7zXZ\x00": "xz",
    b"PK\x03\x04": "zip",
    b"\x28\xb5\x2f\xfd": "zst",
    b"PAR1": "parquet",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "xls",
}
_COMPRESSED = {"gz", "bz2", "xz", "zst"}
# extension -> kind of the first bytes; a file whose first bytes are of another kind is rejected
_PROMISES = {kind: kind for kind in _MAGIC.values() if kind != "xls"} | {"xlsx": "zip", "xlsm": "zip"}
# what workbooks have within their zip archive; `xls` stands for the formats that are not read
_WORKBOOKS = {"xl/workbook.xml": "xlsx", "xl/workbook.bin": "xls", "content.xml": "xls"}
BROKEN = (
    OSError,
    EOFError,
    ValueError,
    RuntimeError,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    pa.ArrowException,
)


def find_kind(content: bytes) -> str | None:
    """Return `gz`, `bz2`, `xz`, `zst`, `zip`, `xlsx`, `xls` or `parquet` by the first bytes, else None."""
    kind = next((kind for magic, kind in _MAGIC.items() if content.startswith(magic)), None)
    return _find_workbook(content) or kind if kind == "zip" else kind


def decompress(content: bytes, name: str) -> bytes:
    """Decompress a file if it is compressed, one level only; an archive of several files is not unpacked.

    Args:
        content: The file's bytes.
        name: Its name in messages; its extension must not contradict the bytes.

    Raises:
        InputError: If the extension promises another kind, or the file is broken or empty.
    """
    kind, extension = find_kind(content), Path(name).suffix.lstrip(".").lower()
    first = "zip" if kind == "xlsx" else kind
    if extension in _PROMISES and _PROMISES[extension] != first:
        raise InputError(
            f"Expected a {extension} file because of the extension of {name}. The content is not "
            f"{extension}. Export or download the file again, or correct its extension."
        )
    if kind not in _COMPRESSED:
        return content
    try:
        plain = _unpack(content, kind)
    except BROKEN as error:
        raise _explain_broken(kind, name, error) from error
    return _require_plain(plain, kind, name)


def list_members(content: bytes, name: str) -> dict[str, bytes]:
    """Unpack the files of a zip archive, by name.

    Raises:
        InputError: If the archive is broken or holds no file.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = {member: archive.read(member) for member in archive.namelist() if _is_file(member)}
    except BROKEN as error:
        raise _explain_broken("zip", name, error) from error
    if not members:
        raise InputError(f"Expected files of readings in {name}. It contains none. Export them again.")
    return {member: _require_plain(plain, "zip", name) for member, plain in members.items()}


def _find_workbook(content: bytes) -> str | None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
    except BROKEN:
        return None
    return next((kind for name, kind in _WORKBOOKS.items() if name in names), None)


def _is_file(member: str) -> bool:
    return not member.endswith("/") and "__MACOSX/" not in member


def _require_plain(plain: bytes, kind: str, name: str) -> bytes:
    if not plain or plain.isspace():
        raise InputError(f"Expected readings compressed as {kind}. {name} is empty. Export them again.")
    return plain


def _explain_broken(kind: str, name: str, error: Exception) -> InputError:
    return InputError(
        f"Expected readings compressed as {kind}. {name} cannot be decompressed ({error}). "
        "It may be truncated: export or download it again."
    )


def _unpack(content: bytes, kind: str) -> bytes:
    if kind == "gz":
        return gzip.decompress(content)
    if kind == "bz2":
        return bz2.decompress(content)
    if kind == "xz":
        return lzma.decompress(content)
    with pa.CompressedInputStream(pa.BufferReader(content), "zstd") as stream:
        return bytes(stream.read())
