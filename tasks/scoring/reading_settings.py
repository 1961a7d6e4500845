"""Choose the settings by which a new table is read: those of the version's training, with overrides."""

from __future__ import annotations

from schemas.configuration import Configuration, ReadingsSection
from schemas.detector import Detector
from schemas.errors import InputError

# settings by which missing values are judged again when the rows are scored
_MISSING_SETTINGS = ("missing_values", "fill_rows_at_most", "dead_sensors_at_most")
# settings of the table that the command may override; the version determines all others
_TABLE_SETTINGS = (
    "time_column",
    "label_column",
    "encoding",
    "separator",
    "skip_lines",
    "units_row",
    "sheet",
    "query",
    "decimal",
    "thousands",
    "time_format",
    "day_first",
    "time_unit",
    "time_zone",
    "layout",
    "tag_column",
    "value_column",
    "machine_column",
    "machine",
    "missing_words",
    "limits",
    *_MISSING_SETTINGS,
)


def choose_reading_settings(detector: Detector, configuration: Configuration) -> ReadingsSection:
    """Return the settings for reading a new table: those of training, with explicitly configured overrides.

    Raises:
        InputError: If a causal replay is requested, which is only for historical files.
    """
    configured = configuration.readings
    if configured.replay != "none":
        raise InputError(
            "`readings.replay` must be none for scoring, because a replay would change rows that have "
            f"already been scored. Received {configured.replay}. Remove the setting."
        )
    explicit = {
        name: getattr(configured, name) for name in _TABLE_SETTINGS if name in configured.model_fields_set
    }
    return detector.readings.model_copy(update=explicit)


def take_missing_settings(detector: Detector, section: ReadingsSection) -> Detector:
    """Return the detector with a table's settings for missing values, which scoring fills and judges by."""
    changes = {name: getattr(section, name) for name in _MISSING_SETTINGS}
    return detector.model_copy(update={"readings": detector.readings.model_copy(update=changes)})
