"""Parse the bytes of a Parquet file as a table of the types that a CSV file has."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.configuration import ReadingsSection
from schemas.errors import InputError
from schemas.readings import RawTable
from tasks.sources.columns import leave_out_unnamed
from tasks.sources.decompress import BROKEN
from tasks.sources.marks import settle_marks
from tasks.sources.names import check_column_names

# what pandas calls an index without a name
_INDEX = "__index_level_"


def parse_parquet(plain: bytes, path: str, section: ReadingsSection) -> RawTable:
    """Parse a Parquet file.

    Returns:
        `RawTable` without a hash. Its index is the row number, from 1.

    Raises:
        InputError: If the file is broken, or a column has no name.
    """
    try:
        file = pq.ParquetFile(pa.BufferReader(plain))
        names = file.schema_arrow.names
        labels = [place if name.startswith(_INDEX) or not name else name for place, name in enumerate(names)]
        check_column_names([label for label in labels if isinstance(label, str)], path)
        table: pd.DataFrame = convert_types(file.read()).to_pandas(ignore_metadata=True, date_as_object=False)
    except InputError:
        raise
    except BROKEN as error:
        raise InputError(
            f"Expected a Parquet file. {path} cannot be read ({error}). Export or download it again."
        ) from error
    table = table.set_axis(labels, axis=1).set_axis(pd.RangeIndex(1, len(table) + 1), axis=0)
    table, findings = leave_out_unnamed(table, path, can_be_last=True)
    return settle_marks(RawTable(table, path, "", findings), section)


def convert_types(table: pa.Table) -> pa.Table:
    """Convert the types that only Parquet has to those of a CSV table: numbers, text, bools and times.

    Args:
        table: Columns of any type.

    Returns:
        Decimals, half floats and bools with missing values as float64, dictionaries as their values, bytes as
        text if they are UTF-8, and lists, structures and maps as a text of their value.
    """
    return pa.table([_convert_column(column) for column in table.columns], names=table.column_names)


def _convert_column(column: pa.ChunkedArray) -> pa.ChunkedArray | pa.Array:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    if pa.types.is_decimal(kind):
        # by way of text: the direct cast is not correctly rounded
        return column.cast(pa.string()).cast(pa.float64())
    if pa.types.is_float16(kind):
        return column.cast(pa.float64())
    if pa.types.is_boolean(kind) and column.null_count > 0:
        return column.cast(pa.int8()).cast(pa.float64())
    if pa.types.is_nested(kind):
        return pa.array([None if value is None else str(value) for value in column.to_pylist()], pa.string())
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return pa.array([_decode_value(value) for value in column.to_pylist()], pa.string())
    return column


def _decode_value(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="backslashreplace")
