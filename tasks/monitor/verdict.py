"""Judge whether the champion has drifted, from its scores of normal rows alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from schemas.configuration import MonitorSection
from schemas.monitoring import LastEmission, MonitorWindow, Verdict, WatchedVersion
from tasks.monitor.cool_down import find_cool_down


def choose_reference(version: WatchedVersion, section: MonitorSection) -> float | None:
    """Choose the reference, the median score that ratios are relative to; None if unknown or not above 0."""
    reference = (
        version.normal_median_score if section.reference == "validation" else version.train_median_score
    )
    return reference if reference is not None and reference > 0 else None


def judge_drift(
    windows: Sequence[MonitorWindow],
    version: WatchedVersion,
    last: LastEmission | None,
    data_end: str,
    section: MonitorSection,
) -> Verdict:
    """Judge drift: confirmed if the ratio is above the bound in k of the last n windows and in the newest.

    A window with too few normal rows counts as neither above nor below. After a drift event the cool-down
    of `section` runs in the time of the data, and rows already reviewed never cause a second event. Feature
    drift, stability indices and data quality play no part.

    Args:
        windows: Oldest first.
        version: The champion, with its reference.
        last: The last drift event about this version, or None.
        data_end: Time of the newest row, ISO 8601.
        section: Windows, bound and cool-down.
    """
    recent = windows[-section.windows :]
    above = sum(window.is_above is True for window in recent)
    figures: dict[str, Any] = {
        "above": above,
        "judged": sum(window.is_above is not None for window in recent),
        "needed": section.windows_above,
        "ratio": recent[-1].ratio if recent else None,
    }
    problem = _find_problem(windows, version, section)
    if problem is not None:
        return Verdict(status="CANNOT_JUDGE", message=problem, **figures)
    share = f"{above} of the last {len(recent)} windows"
    seen = f"median score above {section.bound:g} times its reference in {share}"
    if above >= section.windows_above and recent[-1].is_above is True:
        return _apply_cool_down(seen, last, data_end, section, figures)
    newest = ", but not in the newest" if above and recent[-1].is_above is not True else ""
    needed = f"{section.windows_above} needed, including the newest"
    return Verdict(
        status="NOT_CONFIRMED", message=f"No drift confirmed: {seen}{newest}; {needed}.", **figures
    )


def _apply_cool_down(
    seen: str, last: LastEmission | None, data_end: str, section: MonitorSection, figures: dict[str, Any]
) -> Verdict:
    """Confirm the drift described by `seen`, unless the cool-down of the last event is still running."""
    found = find_cool_down(last, data_end, section.cool_down_hours)
    figures |= {"cool_down_until": found.until}
    if found.reported is not None:
        return Verdict(status="COOLING_DOWN", message=f"Drift, {seen}, {found}", **figures)
    message = f"Drift confirmed: {seen}, including the newest, whose ratio is {figures['ratio']:.2f}."
    return Verdict(status="CONFIRMED", message=message, **figures)


def _find_problem(
    windows: Sequence[MonitorWindow], version: WatchedVersion, section: MonitorSection
) -> str | None:
    """Explain why drift cannot be judged; None if it can."""
    if choose_reference(version, section) is None:
        return (
            f"Drift cannot be judged: version {version.number} has no median normal score above 0 as a "
            "reference. Versions registered by an older forewarn lack this tag. Retrain."
        )
    if version.last_seen is None:
        return (
            f"Drift cannot be judged: it is unknown which rows version {version.number} has seen, as its tag "
            "train_end is missing. Retrain."
        )
    if not windows:
        return (
            f"Drift cannot be judged: fewer than {section.window_hours:g} hours of rows come after "
            f"{version.last_seen}, the last row that version {version.number} has seen."
        )
    if len(windows) < section.windows_above:
        return (
            f"Drift cannot be judged yet: {len(windows)} windows of {section.window_hours:g} hours since "
            f"{version.last_seen}, {section.windows_above} needed."
        )
    return None
