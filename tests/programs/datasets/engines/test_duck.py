"""The questions on data small enough to count by hand."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from gtm.core.errors import InvalidInput
from programs.datasets.engines.duck import DuckDBEngine, MissingDataset, MixedCurrencies
from programs.datasets.loading.ingest import ingest

AS_OF = datetime(2024, 6, 1, tzinfo=UTC)


@pytest.fixture
def load(write, store, options):
    return lambda kind, text: (
        ingest([write(f"{kind}.csv", text)], kind, store=store, options=options).snapshot
    )


@pytest.fixture
def engine(store):
    return DuckDBEngine(store)


def test_missing_dataset_is_said_and_not_zero(engine, load):
    usage = load("usage_events", "member_id,occurred_at,event\n1,2024-01-01,login\n")
    with pytest.raises(MissingDataset, match="needs a dataset of kind purchases"):
        engine.cohort_matrix(None)
    with pytest.raises(MissingDataset, match="kind usage_events was given"):
        engine.cohort_matrix(usage)


def test_several_currencies_are_not_added(engine, load):
    text = "member_id,purchased_at,amount,currency\n1,2024-01-01,5,EUR\n1,2024-01-01,5,USD\n"
    with pytest.raises(MixedCurrencies, match="EUR, USD"):
        engine.cohort_matrix(load("purchases", text))


def test_period_and_as_of_are_checked(engine, load):
    purchases = load("purchases", "member_id,purchased_at,amount\n1,2024-01-01,5\n")
    with pytest.raises(InvalidInput, match="not a period"):
        engine.cohort_matrix(purchases, period="fortnight")
    with pytest.raises(InvalidInput, match="time zone"):
        engine.trailing_spend(purchases, as_of=datetime(2024, 6, 1))


def test_months_are_those_of_the_time_zone(store, load):
    purchases = load("purchases", "member_id,purchased_at,amount\n1,2024-01-31T23:30Z,5\n")
    (row,) = DuckDBEngine(store, zone="Europe/Berlin").revenue_by_period(purchases).to_pylist()
    assert row["period"].isoformat() == "2024-02-01"


def test_triggers_fire_on_their_day(engine, load):
    text = "member_id,purchased_at,amount\n" + "\n".join(
        [
            "new,2024-05-20,10",  # welcome
            "once,2024-04-20,10",  # 30 days without a second purchase on 05-20
            "often,2024-02-01,10",
            "often,2024-03-01,10",
            "often,2024-03-31,60",  # gaps of 29 and 30 days: lapses 59 days later, on 05-29
            "gone,2023-11-20,10",  # silent for 180 days on 05-18
            "year,2023-05-10,10",  # anniversary on 05-10
            "year,2024-05-12,85",  # 85 in 365 days: within 20 % of 100
        ]
    )
    table = engine.trigger_counts(load("purchases", text), as_of=AS_OF, thresholds=[Decimal(100)])
    assert [(row["trigger"], row["fired"]) for row in table.to_pylist()] == [
        ("anniversary", 1),
        ("lapsing_frequent_buyer", 1),
        ("near_tier", 1),
        ("no_second_purchase", 1),
        ("welcome", 1),
        ("win_back", 1),
    ]


def test_repeat_purchase_leaves_out_members_too_young_to_tell(engine, load):
    text = "member_id,purchased_at,amount\n1,2024-01-01,5\n1,2024-02-01,5\n2,2024-01-01,5\n3,2024-05-30,5\n"
    table = engine.repeat_purchase(load("purchases", text), as_of=AS_OF, days=90)
    assert table.to_pylist() == [{"members": 2, "repeat_members": 1, "too_young": 1}]


LEDGER = """member_id,posted_at,entry,points
1,2024-01-10,issue,100
1,2024-02-10,issue,100
1,2024-02-20,redeem,60
1,2024-03-20,redeem,80
1,2024-04-20,expire,70
"""


def test_points_leave_first_in_first_out_and_none_is_dropped(engine, load):
    ledger = load("point_ledger", LEDGER)
    cells = [
        (str(row["vintage"]), row["age"], int(row["redeemed"]), int(row["expired"]))
        for row in engine.ledger_triangle(ledger, as_of=AS_OF).to_pylist()
    ]
    assert cells == [
        ("2024-01-01", 1, 60, 0),
        ("2024-01-01", 2, 40, 0),
        ("2024-02-01", 1, 40, 0),
        ("2024-02-01", 2, 0, 60),
        ("None", None, 0, 10),
    ]


def test_stated_vintages_are_taken(engine, load):
    text = "member_id,posted_at,entry,points,issued_at\n"
    text += "1,2024-01-10,issue,100,\n1,2024-03-20,redeem,80,2024-01-10\n"
    (cell,) = engine.ledger_triangle(load("point_ledger", text), as_of=AS_OF).to_pylist()
    assert (str(cell["vintage"]), cell["age"], int(cell["redeemed"])) == ("2024-01-01", 2, 80)


def points_by_vintage(table):
    return {
        (str(row["vintage"]), row["age"]): tuple(int(row[n]) for n in ("redeemed", "expired", "reversed"))
        for row in table.to_pylist()
    }


def test_outflows_without_a_vintage_leave_first_in_first_out_beside_those_that_name_one(engine, load):
    text = "member_id,posted_at,entry,points,issued_at\n"
    text += "1,2024-01-10,issue,100,\n1,2024-02-10,issue,100,\n1,2024-03-01,redeem,70,2024-01-10\n"
    text += "1,2024-03-20,redeem,60,\n1,2024-03-25,expire,90,\n"
    cells = points_by_vintage(engine.ledger_triangle(load("point_ledger", text), as_of=AS_OF))
    assert cells == {
        ("2024-01-01", 2): (100, 0, 0),  # 70 by name, and the 30 left of January
        ("2024-02-01", 1): (30, 70, 0),
        ("None", None): (0, 20, 0),
    }


def test_months_of_a_ledger_hold_what_is_named_and_what_each_member_has_left(engine, load):
    text = "member_id,posted_at,entry,points,issued_at\n"
    text += "1,2024-01-10,issue,100,\n1,2024-02-10,adjust,50,\n1,2024-03-01,redeem,70,2024-01-10\n"
    text += "1,2024-03-20,redeem,60,\n2,2024-03-25,expire,90,\n"
    found = [
        (
            row["member"],
            str(row["vintage"])[:7],
            f"{row['period']:%Y-%m}",
            row["left"],
            row["redeemed"],
            row["expired"],
        )
        for row in engine.ledger_months(load("point_ledger", text), as_of=AS_OF).to_pylist()
    ]
    assert found == [
        (0, "2024-01", "2024-03", 0, 70, 0),
        (1, "None", "2024-01", 30, 0, 0),
        (1, "None", "2024-02", 50, 0, 0),
        (1, "None", "2024-03", 0, 60, 0),
        (2, "None", "2024-03", 0, 0, 90),
    ]


def test_how_many_named_points_first_in_first_out_would_have_taken_from_their_month(engine, load):
    text = "member_id,posted_at,entry,points,issued_at\n"
    text += "1,2024-01-10,issue,100,\n1,2024-02-10,issue,100,\n1,2024-03-01,redeem,70,2024-01-10\n"
    text += "1,2024-03-20,redeem,60,2024-02-10\n1,2024-03-25,redeem,10,\n"
    text += "2,2024-01-10,issue,50,\n2,2024-02-10,issue,50,\n2,2024-03-20,redeem,20,2024-02-10\n"
    (found,) = engine.ledger_first_in(load("point_ledger", text), as_of=AS_OF).to_pylist()
    # Of the 60, 30 are of January; the 20 are of January, too.
    assert found == {"agree": 70 + 30, "named": 70 + 60 + 20}


def test_one_named_redemption_of_another_member_changes_nothing_for_the_rest(engine, load):
    text = LEDGER.replace("points\n", "points,issued_at\n", 1).replace("\n1,", "\n1,")
    lines = [line if n == 0 else f"{line}," for n, line in enumerate(text.strip().split("\n"))]
    plain = points_by_vintage(engine.ledger_triangle(load("point_ledger", LEDGER), as_of=AS_OF))
    more = [*lines, "2,2024-01-05,issue,50,", "2,2024-02-05,redeem,50,2024-01-05"]
    mixed = points_by_vintage(
        engine.ledger_triangle(load("point_ledger", "\n".join(more) + "\n"), as_of=AS_OF)
    )
    assert mixed == {**plain, ("2024-01-01", 1): (110, 0, 0)}


def test_adjustments_are_vintages_of_their_own_or_take_points_back(engine, load):
    text = "member_id,posted_at,entry,points\n1,2024-01-10,issue,100\n1,2024-02-10,adjust,40\n"
    text += "1,2024-03-10,adjust,-30\n1,2024-04-10,redeem,100\n"
    ledger = load("point_ledger", text)
    issued = engine.ledger_vintages(ledger, as_of=AS_OF).to_pydict()["issued"]
    assert [int(points) for points in issued] == [100, 40]
    assert points_by_vintage(engine.ledger_triangle(ledger, as_of=AS_OF)) == {
        ("2024-01-01", 2): (0, 0, 30),
        ("2024-01-01", 3): (70, 0, 0),
        ("2024-02-01", 2): (30, 0, 0),
    }


def test_costs_of_redemptions_are_summed_by_reward(engine, load):
    text = "member_id,posted_at,entry,points,reward,cost\n1,2024-04-10,issue,900,,\n"
    text += "1,2024-04-20,redeem,100,voucher,0.90\n1,2024-04-21,redeem,300,mug,1.50\n"
    text += "1,2024-04-22,redeem,50,mug,\n"
    mug, voucher = engine.redemption_costs(load("point_ledger", text), as_of=AS_OF).to_pylist()
    assert (mug["reward"], mug["redemptions"], mug["points"], mug["stated"]) == ("mug", 2, 350, 1)
    assert (mug["cost"], mug["stated_points"], mug["cross_products"]) == (1.5, 300, 450)
    assert (voucher["cost"], voucher["point_squares"]) == (0.9, 10_000)


def test_balance_is_rolled_forward(engine, load):
    flows = engine.ledger_flows(load("point_ledger", LEDGER), as_of=AS_OF).to_pydict()
    assert [int(value) for value in flows["outstanding"]] == [100, 140, 60, -10]
    vintages = engine.ledger_vintages(load("point_ledger", LEDGER), as_of=AS_OF).to_pydict()
    assert [int(value) for value in vintages["issued"]] == [100, 100]


def test_survey_statistics(engine, load):
    text = (
        "answered_at,survey,score\n2024-01-01,nps,10\n2024-01-02,nps,6\n2024-01-03,nps,8\n2024-01-03,csat,4\n"
    )
    csat, nps = engine.survey_scores(load("survey_responses", text), as_of=AS_OF).to_pylist()
    assert (nps["responses"], nps["promoters"], nps["detractors"], nps["score_squares"]) == (3, 1, 1, 200)
    assert (csat["responses"], csat["satisfied"]) == (1, 1)


def test_usage_counts_rows_without_count_once(engine, load):
    text = "member_id,occurred_at,event,count\n1,2024-01-01,login,\n1,2024-01-02,login,4\n"
    (row,) = engine.usage_activity(load("usage_events", text), as_of=AS_OF).to_pylist()
    assert (row["members"], row["events"]) == (1, 5)
