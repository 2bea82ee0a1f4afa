import pytest
from hypothesis import given
from hypothesis import strategies as st

from programs.analytics.grouping import merge_small_groups

groups = st.dictionaries(st.text(min_size=1, max_size=5), st.integers(0, 100), max_size=8)


def test_small_groups_are_merged_and_counted():
    found = merge_small_groups({"north": 80, "east": 20, "west": 15, "south": 40}, minimum=30)
    assert found.members == {"north": 80, "south": 40, "other (2 groups merged)": 35}
    assert found.label_of["east"] == "other (2 groups merged)"
    assert found.merged == ("east", "west")


def test_a_lone_small_group_takes_the_next_one_along():
    found = merge_small_groups({"north": 80, "east": 5, "south": 40}, minimum=30)
    assert found.members == {"north": 80, "other (2 groups merged)": 45}


def test_nothing_is_merged_without_need():
    assert merge_small_groups({"a": 30, "b": 31}, minimum=30).members == {"b": 31, "a": 30}


@given(groups, st.integers(1, 60))
def test_members_are_kept_and_no_group_stays_too_small_while_there_are_two(members, minimum):
    found = merge_small_groups(members, minimum=minimum)
    assert sum(found.members.values()) == sum(members.values())
    assert set(found.label_of) == set(members)
    assert all(count >= minimum for count in found.members.values()) or len(found.members) == 1


def test_negative_counts_are_refused():
    with pytest.raises(ValueError):
        merge_small_groups({"a": -1})
