"""Readiness: the share with its sums, and the veto of an open blocker."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from programs.analytics.estimate import Unavailable
from programs.analytics.readiness import ReadinessItem, readiness

shares = st.floats(0, 1)
items = st.lists(
    st.builds(
        ReadinessItem,
        key=st.uuids().map(str),
        title=st.just("x"),
        progress=shares,
        weight=st.floats(0.1, 10),
        group=st.sampled_from(["tooling", "legal"]),
        is_blocker=st.booleans(),
        waiver=st.sampled_from(["", "not sold there"]),
    ),
    max_size=8,
)


def test_97_percent_with_an_open_legal_approval_is_a_no_go():
    legal = ReadinessItem("legal", "Legal approval", 0, weight=3, is_blocker=True)
    result = readiness([ReadinessItem("rest", "Everything else", 1, weight=97), legal])
    assert (result.share.value, result.share.numerator, result.share.denominator) == (0.97, 97, 100)
    assert (result.decision, result.open_blockers) == ("no-go", (legal,))
    assert result.reasons == ("Legal approval is open and blocks the launch.",)


def test_several_open_blockers_are_named_in_one_sentence():
    found = readiness(
        [ReadinessItem(key, key, 0, is_blocker=True) for key in ("Terms", "Tracking and tags")], minimum=0
    )
    assert found.reasons == ("Open and blocking the launch: Terms; Tracking and tags.",)


def test_a_closed_blocker_and_enough_of_the_rest_is_a_go():
    done = [
        ReadinessItem("legal", "Legal approval", 1, weight=95, is_blocker=True),
        ReadinessItem("faq", "FAQ", 0, weight=5),
    ]
    result = readiness(done)
    assert (result.decision, result.reasons, result.share.value) == ("go", (), 0.95)


def test_too_little_is_a_no_go_that_says_how_much_is_asked_for():
    result = readiness(
        [ReadinessItem("a", "A", 1, weight=31), ReadinessItem("b", "B", 0, weight=9)], minimum=0.9
    )
    assert result.reasons == ("Ready to 77.5 %, 90.0 % is asked for.",)


def test_an_almost_finished_blocker_still_blocks():
    assert readiness([ReadinessItem("legal", "Legal approval", 0.999, is_blocker=True)]).decision == "no-go"


def test_a_waived_item_counts_on_neither_side_and_is_listed():
    waived = ReadinessItem(
        "app", "App review", 0, weight=50, is_blocker=True, waiver="The app launches in spring."
    )
    result = readiness([ReadinessItem("mail", "E-mail", 1), waived])
    assert (result.decision, result.share.denominator, result.waived) == ("go", 1, (waived,))


def test_nothing_to_be_ready_is_a_no_go_not_a_hundred_percent():
    result = readiness([])
    assert result.decision == "no-go"
    assert result.share == Unavailable("There is nothing that has to be ready.")


def test_every_group_has_its_own_share():
    parts = [ReadinessItem("a", "A", 1, group="legal"), ReadinessItem("b", "B", 0.5, group="tooling")]
    assert {group: share.value for group, share in readiness(parts).by_group.items()} == {
        "legal": 1,
        "tooling": 0.5,
    }


@pytest.mark.parametrize(
    "wrong", [{"progress": 1.01}, {"progress": -0.1}, {"weight": 0}, {"weight": float("nan")}]
)
def test_numbers_without_a_meaning_are_refused(wrong):
    with pytest.raises(ValueError, match="lies outside|is not positive"):
        ReadinessItem(**{"key": "a", "title": "A", "progress": 0.5} | wrong)


@given(items, shares)
def test_go_means_no_open_blocker_and_the_minimum(found, minimum):
    result = readiness(found, minimum=minimum)
    closed = not any(item.is_blocker and item.progress < 1 and not item.waiver for item in found)
    enough = bool(result.share) and result.share.value >= minimum
    assert (result.decision == "go") == (closed and enough)


@given(items)
def test_the_order_of_items_changes_no_number(found):
    turned, straight = readiness(found[::-1]), readiness(found)
    assert (turned.decision, set(turned.open_blockers)) == (straight.decision, set(straight.open_blockers))
    assert turned.by_group.keys() == straight.by_group.keys()
