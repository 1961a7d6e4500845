"""The model card of a version."""

from schemas.configuration import Configuration
from schemas.results import RetrainResult
from tasks.reports.model_card import CARD_CHARACTERS, list_limits, render_card
from tests.evidence import NOT_BETTER, warnings_with
from tests.tasks.reports.test_report import result

TAGS = {
    "train_end": "2024-03-01T00:00:00",
    "threshold_end": "2024-03-08T00:00:00",
    "decided_at": "2024-04-01T00:00:00+00:00",
}


def card_of(outcome: RetrainResult) -> str:
    return render_card(outcome, Configuration(), TAGS)


def test_a_card_says_what_the_version_is_for_and_what_not() -> None:
    card = card_of(result())
    assert "**For:** warning people shortly before a rare event" in card
    assert "**Not for:** stopping or steering a machine" in card


def test_a_card_has_data_window_hash_and_code() -> None:
    outcome = result()
    card = card_of(outcome)
    assert "rows until 2024-03-01T00:00:00, threshold chosen on rows until 2024-03-08T00:00:00" in card
    assert f"`{outcome.data.sha256}`" in card
    assert f"`{outcome.code_version}`" in card


def test_a_card_has_the_metrics_with_intervals_beside_the_controls() -> None:
    (row,) = [line for line in card_of(result()).splitlines() if line.startswith("| ROC area")]
    assert row.count("|") == 2 + 1 + len(result().controls)
    assert " to " in row


def test_a_card_has_the_decision_with_its_reasons() -> None:
    card = card_of(result(decision="HOLD", reasons=("too few events", "leaky split")))
    assert "## Decision: HOLD, 2024-04-01T00:00:00+00:00\n- too few events\n- leaky split\n" in card


def test_a_card_fits_the_store_whatever_the_reasons_are() -> None:
    card = card_of(result(reasons=tuple(f"reason {number}: {'x' * 3_000}" for number in range(40))))
    assert len(card) <= CARD_CHARACTERS
    assert "and 34 more, in the tag `decision_reasons`" in card
    assert "## Known limits" in card


def test_a_leaky_split_is_the_first_limit() -> None:
    assert list_limits(result(is_leaky_split=True))[0].startswith("The split is leaky")
    assert not any("leaky" in limit for limit in list_limits(result(is_leaky_split=False)))


def test_a_version_that_is_not_known_to_warn_says_so() -> None:
    limit = "It has not been shown to catch more events than random alarms"
    assert limit in card_of(result(warnings=warnings_with(random=NOT_BETTER)))
    assert limit not in card_of(result(warnings=warnings_with()))


def test_a_card_says_where_the_events_of_several_tests_come_from() -> None:
    card = card_of(result(warnings=warnings_with(tests=3)))
    assert "judged on 34 events of 3 tests since 2024-01-01: of versions of its kind" in card
