import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from programs.analytics.estimate import Unavailable
from programs.analytics.lifecycle import (
    EVENTS,
    TRIGGERS,
    EntryRule,
    Goal,
    MemberStage,
    count_fired,
    triggers_for,
)

NAN = float("nan")
RULE = EntryRule("first_purchase", 30, "second_purchase")


def test_a_missing_second_purchase_fires_once_on_day_thirty():
    days = {"first_purchase": [0, 0, 0, 10, NAN], "second_purchase": [NAN, 30, 31, NAN, NAN]}
    assert count_fired(RULE, days, 30, 31) == 2
    assert count_fired(RULE, days, 31, 60) == 1


def test_a_cancelling_event_before_the_anchor_does_not_count():
    assert count_fired(RULE, {"first_purchase": [50], "second_purchase": [20]}, 80, 81) == 1


def test_a_negative_delay_fires_before_its_anchor():
    rule = EntryRule("points_expiry", -30)
    assert count_fired(rule, {"points_expiry": [100, 131]}, 70, 100) == 1


def test_a_rule_whose_event_is_not_in_the_data_is_unavailable():
    assert count_fired(RULE, {"first_purchase": [1]}, 0, 9) == Unavailable(
        "The data hold no second purchase."
    )


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 200)), max_size=40), st.integers(0, 300))
def test_windows_that_meet_count_every_firing_once(members, split):
    days = dict(zip(("first_purchase", "second_purchase"), np.array(members).reshape(-1, 2).T, strict=True))
    parts = count_fired(RULE, days, 0, split) + count_fired(RULE, days, split, 400)
    assert parts == count_fired(RULE, days, 0, 400)


@pytest.mark.parametrize("goal", list(Goal))
def test_every_goal_covers_every_stage_and_leads_with_its_own_triggers(goal):
    rows = triggers_for(goal)
    assert list(dict.fromkeys(row.stage for row in rows)) == list(MemberStage)
    assert sorted(row.key for row in rows) == sorted({row.key for row in TRIGGERS})
    adoption = [goal in row.goals for row in rows if row.stage is MemberStage.ADOPTION]
    assert adoption == sorted(adoption, reverse=True)


@pytest.mark.parametrize("trigger", TRIGGERS, ids=lambda trigger: trigger.key)
def test_every_rule_uses_known_events_and_reads_as_a_sentence(trigger):
    assert set(trigger.rule.events) <= set(EVENTS)
    assert EVENTS[trigger.rule.anchor] in trigger.rule.sentence()


def test_a_rule_reads_as_a_sentence():
    assert RULE.sentence() == "30 days after the first purchase, without a second purchase since"
