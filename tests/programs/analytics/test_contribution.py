from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from programs.analytics.contribution import Deal, contribution_table

names = st.frozensets(st.sampled_from("abc"))
deals = st.lists(
    st.builds(
        Deal,
        st.uuids().map(str),
        names,
        names,
        st.decimals(0, 10**6, places=2),
        st.decimals(0, 10**6, places=2),
    ),
    max_size=10,
)


def deal(name, sources, influencers, revenue):
    return Deal(name, frozenset(sources), frozenset(influencers), Decimal(2 * revenue), Decimal(revenue))


def test_sourced_influenced_and_contested_are_kept_apart():
    table = contribution_table(
        [deal("1", "a", "ab", 100), deal("2", "b", "a", 40), deal("3", "ab", "ab", 7), deal("4", "", "a", 3)],
        {"a": Decimal(80), "c": Decimal(10)},
    )
    first, second, third = table.contributions
    assert (first.name, first.sourced_revenue, first.influenced_revenue, first.contested_revenue) == (
        "a",
        100,
        43,
        7,
    )
    assert (first.gap_to_target, first.attainment) == (20, Decimal("1.25"))
    assert (second.name, second.sourced_revenue, second.influenced_deals, second.gap_to_target) == (
        "b",
        40,
        1,
        None,
    )
    assert (third.name, third.sourced_deals, third.gap_to_target) == ("c", 0, -10)
    assert [row.deal for row in table.contested] == ["3"]
    assert [row.deal for row in table.unsourced] == ["4"]


@given(deals)
def test_sourced_contested_and_unsourced_add_up_to_the_total(rows):
    table = contribution_table(rows, {})
    parts = sum((row.sourced_revenue for row in table.contributions), Decimal(0)) + sum(
        (row.revenue for row in (*table.contested, *table.unsourced)), Decimal(0)
    )
    assert parts == table.total_revenue == sum((row.revenue for row in rows), Decimal(0))


def test_a_deal_counted_twice_is_refused():
    with pytest.raises(ValueError, match="once"):
        contribution_table([deal("1", "a", "", 1), deal("1", "b", "", 1)], {})
