"""Ledgers whose redemptions are known: what plan-loyalty and monitor-loyalty make of them."""

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from tests.factories import PersonFactory, ProgramFactory
from tests.plans.commands.loyalty_program import SUMMARY, load, load_purchases, outputs, rows, run, values

LINE = "/loyalty-lifecycle-orchestration:plan-loyalty --goal retention --tiers points-only --budget 5000"
STEPS = ("signal-review", "tier-design", "economic-modeling")
SHARES = (0.10, 0.15, 0.12, 0.09, 0.06, 0.04, 0.03, 0.01)
"""Of the points of a month, redeemed in that month and in those after it: 60 % in the end."""
MONTHS, MEMBERS, POINTS = 10, 30, 1000


@pytest.fixture(autouse=True)
def roles(acting):  # noqa: F811
    for role in (
        "member-insights-analyst",
        "loyalty-strategist",
        "loyalty-ops",
        "exec-sponsor",
        "finance",
        "legal",
    ):
        PersonFactory(roles=[role])


@pytest.fixture
def program(tmp_path):
    found = ProgramFactory(is_default=True, platform_cost_monthly=100)
    load_purchases(found, tmp_path)
    return found


def ledger(*, pending=0, named=0, more=(), cost=None):
    """Each month 30 members get 1,000 points; what is redeemed waits ``pending`` months. Of the redemptions
    the first ``named`` name their vintage."""
    found, redemptions = [], 0
    for month in range(MONTHS):
        for n in range(MEMBERS):
            who = f"p{month:02d}-{n:02d}"
            found.append((who, "issue", datetime(2025, month + 1, 2, 12, tzinfo=UTC), None, POINTS))
            for age, share in enumerate(SHARES):
                at = month + age + pending
                if at < MONTHS:
                    vintage = datetime(2025, month + 1, 2, 12, tzinfo=UTC) if redemptions < named else None
                    redemptions += 1
                    # A little more one month than another, so that the factors scatter.
                    points = round(POINTS * share * (1 + 0.1 * ((month * 7 + n) % 3 - 1)))
                    found.append((who, "redeem", datetime(2025, at + 1, 20, 12, tzinfo=UTC), vintage, points))
    found += more
    who, entry, posted, issued, points = zip(
        *sorted(found, key=lambda row: (row[2], row[0], row[1])), strict=True
    )
    table = {
        "entry_id": [f"e{n:06d}" for n in range(len(who))],
        "member_id": who,
        "entry": entry,
        "posted_at": pa.array(posted, pa.timestamp("us", "UTC")),
        "issued_at": pa.array(issued, pa.timestamp("us", "UTC")),
        "points": [float(p) for p in points],
    }
    if cost is not None:
        table["cost"] = [p * cost if e == "redeem" else None for e, p in zip(entry, points, strict=True)]
    return pa.table(table)


def redemption(program, folder, **drawn):
    load(program, folder, "point_ledger", ledger(**drawn))
    return values(run(LINE, *STEPS))["economics"]


TRUE_RATE = sum(SHARES)


@pytest.mark.parametrize("named", [0, 3, 10_000])
def test_however_many_redemptions_name_their_vintage_the_rate_is_the_true_one(program, tmp_path, named):
    economics = redemption(program, tmp_path, named=named)
    assert not economics["redemption_is_assumed"]
    assert economics["redemption_rate"] == pytest.approx(TRUE_RATE, abs=0.02)


def test_points_that_are_pending_at_first_are_forecast_all_the_same(program, tmp_path):
    economics = redemption(program, tmp_path, pending=1)
    assert not economics["redemption_is_assumed"]
    # The last share of the oldest month is not seen yet.
    assert economics["redemption_rate"] == pytest.approx(TRUE_RATE, abs=0.03)


def test_reversed_issues_are_neither_issued_nor_breakage(program, tmp_path):
    back = []
    for month in range(MONTHS):
        when = datetime(2025, month + 1, 3, 12, tzinfo=UTC)
        back.append((f"x{month:02d}", "issue", when, None, 30_000))
        back.append((f"x{month:02d}", "reverse", when, None, 30_000))
    economics = redemption(program, tmp_path, more=back)
    assert economics["redemption_rate"] == pytest.approx(TRUE_RATE, abs=0.02)


def test_points_given_by_adjustment_are_points(program, tmp_path):
    given = []
    for month in range(MONTHS):
        when = datetime(2025, month + 1, 3, 12, tzinfo=UTC)
        given.append((f"a{month:02d}", "adjust", when, None, 30_000))
    economics = redemption(program, tmp_path, more=given)
    assert economics["redemption_rate"] == pytest.approx(TRUE_RATE / 2, abs=0.02)


def test_the_liability_of_monitor_loyalty_holds_with_few_named_vintages(program, tmp_path):
    owed = []
    for named in (10_000, 3):
        load(program, tmp_path, "point_ledger", ledger(named=named))
        owed.append(values(run(SUMMARY, "data-pull", "health-diagnostics"))["health"]["liability"])
    assert owed[1] == pytest.approx(owed[0], rel=0.01)
    to_come = MEMBERS * POINTS * sum(sum(SHARES[MONTHS - month :]) for month in range(MONTHS))
    assert owed[1] / float(program.point_unit_cost) == pytest.approx(to_come, rel=0.1)


def test_the_cost_of_a_point_is_that_of_what_was_redeemed(program, tmp_path):
    assert redemption(program, tmp_path)["cost_per_point"] == pytest.approx(0.008)
    load(program, tmp_path, "point_ledger", ledger(cost=0.005))
    plan = run(LINE, *STEPS)
    assert values(plan)["economics"]["cost_per_point"] == pytest.approx(0.005)
    sources = {row["name"]: row["source"] for row in rows(outputs(plan)["assumptions"])}
    assert sources["cost per point"].startswith("point ledger: cost of ")


def test_both_commands_owe_at_the_cost_that_the_ledger_states(program, tmp_path):
    load(program, tmp_path, "point_ledger", ledger(named=10_000))
    as_set = values(run(SUMMARY, "data-pull", "health-diagnostics"))["health"]["liability"]
    load(program, tmp_path, "point_ledger", ledger(named=10_000, cost=0.005))
    plan = run(SUMMARY, "data-pull", "health-diagnostics")
    assert values(plan)["health"]["liability"] == pytest.approx(as_set * 0.005 / 0.008, rel=1e-6)
    cost = next(item for item in outputs(plan)["health"]["items"] if item["key"] == "cost_per_point")
    assert cost["value"] == pytest.approx(0.005)
    assert cost["definition"].startswith("point ledger: cost of ")


@pytest.mark.parametrize(("entry", "share"), [("adjust", 2), ("reverse", 1)])
def test_points_given_by_hand_are_earned_and_points_taken_back_are_not(program, tmp_path, entry, share):
    """As many points again are given by adjustment, or issued and reversed: of what members earned, the
    redeemed share is half, or the same."""
    more = []
    for month in range(MONTHS):
        when = datetime(2025, month + 1, 3, 12, tzinfo=UTC)
        more += [(f"x{month:02d}", entry, when, None, MEMBERS * POINTS)]
        more += [(f"x{month:02d}", "issue", when, None, MEMBERS * POINTS)] if entry == "reverse" else []
    load(program, tmp_path, "point_ledger", ledger(named=10_000))
    plain = values(run(SUMMARY, "data-pull", "health-diagnostics"))
    load(program, tmp_path, "point_ledger", ledger(named=10_000, more=more))
    found = values(run(SUMMARY, "data-pull", "health-diagnostics"))
    to_date = plain["health"]["redemption_to_date"]
    assert found["health"]["redemption_to_date"] == pytest.approx(to_date / share, rel=1e-9)
    of_window = plain["data"]["kpis"]["redemption_rate"]
    assert found["data"]["kpis"]["redemption_rate"] == pytest.approx(of_window / share, rel=1e-9)


def test_the_roll_forward_adds_up_and_ends_where_the_deferral_says(program, tmp_path):
    load(program, tmp_path, "point_ledger", ledger(named=10_000))
    plan = run(LINE + " --lift 5%/8%/12%", *STEPS)
    economics, told = values(plan)["economics"], outputs(plan)
    *quarters, year = rows(told["roll_forward"])
    assert len(quarters) == 4
    assert quarters[0]["opening"] == 0
    for before, after in zip(quarters, quarters[1:], strict=False):
        assert after["opening"] == pytest.approx(before["closing"], abs=0.005)
    for row in quarters:
        moved = row["opening"] + row["deferred"] + row["redeemed"] + row["breakage"]
        assert row["closing"] == pytest.approx(moved, abs=0.005)
    assert year["deferred"] == pytest.approx(economics["deferred"], abs=0.005)
    assert year["closing"] == pytest.approx(quarters[-1]["closing"], abs=0.005)
    assert year["breakage"] / (year["breakage"] + year["redeemed"]) == pytest.approx(
        1 - economics["redemption_rate"]
    )
    same = [row for row in rows(told["liability_sensitivity"]) if row["catch_up"] == 0]
    assert [row["liability"] for row in same] == pytest.approx([year["closing"]], abs=0.005)
    higher = rows(told["liability_sensitivity"])[-1]
    assert higher["rate"] > economics["redemption_rate"]
    assert higher["catch_up"] < 0 < higher["cost"]  # more will be redeemed, so less was earned so far


def two_tiers(gold, base, *, more=1):
    """Each month forty gold and forty base members get 1,000 points, in the last three months gold ``more``
    times as many; of them ``gold`` and ``base`` are redeemed, in the month of issue and the two after it."""
    rows_, tiers = [], {}
    for month in range(MONTHS):
        for n in range(80):
            who = f"p{month:02d}-{n:02d}"
            tiers[who], rate = ("Gold", gold) if n % 2 else ("Base", base)
            points = POINTS * (more if n % 2 and month >= MONTHS - 3 else 1)
            rows_.append((who, "issue", datetime(2025, month + 1, 2, 12, tzinfo=UTC), points))
            for age, share in enumerate((0.5, 0.3, 0.2)):
                if month + age < MONTHS:
                    redeemed = round(points * rate * share * (1 + 0.2 * ((month + n) % 3 - 1)))
                    rows_.append(
                        (who, "redeem", datetime(2025, month + age + 1, 20, 12, tzinfo=UTC), redeemed)
                    )
    who, entry, posted, points = zip(*sorted(rows_, key=lambda row: (row[2], row[0], row[1])), strict=True)
    flows = pa.table({
        "entry_id": [f"e{n:06d}" for n in range(len(who))], "member_id": who, "entry": entry,
        "posted_at": pa.array(posted, pa.timestamp("us", "UTC")), "points": [float(p) for p in points],
    })  # fmt: skip
    listed = pa.table({
        "member_id": list(tiers), "tier": list(tiers.values()),
        "enrolled_at": pa.array([datetime(2025, 1, 1, tzinfo=UTC)] * len(tiers), pa.timestamp("us", "UTC")),
    })  # fmt: skip
    return flows, listed


def rate_and_source(program, folder, flows, listed):
    load(program, folder, "point_ledger", flows)
    load(program, folder, "members", listed)
    plan = run(LINE, *STEPS)
    source = next(
        row["source"] for row in rows(outputs(plan)["assumptions"]) if row["name"] == "redemption rate"
    )
    return values(plan)["economics"]["redemption_rate"], source


def test_where_tiers_redeem_differently_the_rate_is_that_of_the_tiers_points_go_to_now(program, tmp_path):
    """In the last quarter gold members, who redeem 70 %, get three quarters of the points, and base members,
    who redeem 30 %, the rest: of new points 60 % will be redeemed, of the older ones it was half."""
    rate, source = rate_and_source(program, tmp_path, *two_tiers(0.7, 0.3, more=3))
    assert rate == pytest.approx(0.75 * 0.7 + 0.25 * 0.3, abs=0.06)
    assert "tiers redeem differently (Base 30 %, Gold 70 % of points so far)" in source


def test_where_tiers_redeem_alike_the_rate_is_that_of_all(program, tmp_path):
    rate, source = rate_and_source(program, tmp_path, *two_tiers(0.5, 0.5, more=3))
    assert rate == pytest.approx(0.5, abs=0.02)
    assert "tiers redeem differently" not in source


def spenders_who_let_points_lie(*, named):
    """Each month forty members get 1,000 points and within the month spend 580 of the new ones; what lies
    stays. Newest first is the truth; the ledger says so for this share of the redemptions."""
    found, count = [], 0
    for month in range(MONTHS):
        for n in range(40):
            issued = datetime(2025, month + 1, 2, 12, tzinfo=UTC)
            found.append((f"s{n:02d}", "issue", issued, None, POINTS))
            count += 1
            points = 580 + 20 * ((month + n) % 3 - 1)
            told = issued if count % 100 < 100 * named else None
            found.append((f"s{n:02d}", "redeem", datetime(2025, month + 1, 20, 12, tzinfo=UTC), told, points))
    who, entry, posted, issued, points = zip(
        *sorted(found, key=lambda row: (row[2], row[0], row[1])), strict=True
    )
    return pa.table({
        "entry_id": [f"e{n:06d}" for n in range(len(who))], "member_id": who, "entry": entry,
        "posted_at": pa.array(posted, pa.timestamp("us", "UTC")),
        "issued_at": pa.array(issued, pa.timestamp("us", "UTC")), "points": [float(p) for p in points],
    })  # fmt: skip


def both_commands(program, folder, flows):
    load(program, folder, "point_ledger", flows)
    plan = run(LINE, *STEPS)
    source = next(
        row["source"] for row in rows(outputs(plan)["assumptions"]) if row["name"] == "redemption rate"
    )
    watched = run(SUMMARY, "data-pull", "health-diagnostics")
    return values(plan)["economics"], source, values(watched)["health"], outputs(watched)


def test_both_commands_say_how_many_redeemed_points_name_no_month_and_cover_both_orders(program, tmp_path):
    """The truth, 42 % breakage, is newest first. First in first out makes another figure of the same ledger:
    it is stated with the order, and the interval of both commands reaches to the truth."""
    economics, source, health, told = both_commands(program, tmp_path, spenders_who_let_points_lie(named=0))
    said = "100 % of the redeemed points name no month of issue; they are taken first in first out"
    assert said in source
    assert economics["points_caveat"].startswith(said)
    assert health["points_caveat"] == economics["points_caveat"]
    figures = {each["key"]: each for each in told["health"]["items"]}
    assert said in figures["redemption_of_outstanding"]["definition"]
    assert economics["breakage_rate"] == pytest.approx(health["breakage"], abs=1e-6)
    assert 1 - economics["redemption_rate_high"] == pytest.approx(health["breakage_low"], abs=1e-6)
    assert 1 - economics["redemption_rate_low"] == pytest.approx(health["breakage_high"], abs=1e-6)
    assert health["breakage"] < 0.35
    assert health["breakage_low"] < health["breakage"] < 0.42 <= health["breakage_high"] + 0.001


def test_what_is_owed_by_a_ledger_without_months_of_issue_is_said_to_be_unknown(program, tmp_path):
    """What lies stays, so nothing is owed; first in first out says that much is. The first caveat of all says
    between what the liability lies, and its interval holds the truth."""
    load(program, tmp_path, "point_ledger", spenders_who_let_points_lie(named=0.03))
    plan = run(SUMMARY)
    health, answer = values(plan)["health"], outputs(plan)["answer"]
    assert health["liability_low"] <= 0.05 * health["liability"] < health["liability"]
    (told,) = [said for said in answer["caveats"] if "cannot tell what is owed" in said]
    assert "97 % of the redeemed points name no month of issue" in told
    assert "is its figure first in first out" in told


def test_where_redemptions_name_their_month_both_commands_say_the_truth_and_no_caveat(program, tmp_path):
    economics, source, health, _ = both_commands(program, tmp_path, spenders_who_let_points_lie(named=1))
    assert "Every redeemed point names its month of issue" in source
    assert economics["points_caveat"] == health["points_caveat"] == ""
    assert health["breakage"] == pytest.approx(0.42, abs=0.005)
    assert economics["breakage_rate"] == pytest.approx(health["breakage"], abs=1e-6)


def test_the_redemptions_that_name_their_month_choose_between_the_orders(program, tmp_path):
    """One in ten names its month, that in which it was redeemed: so the others are taken, though first in
    first out would have them be older. The caveat stays, with what either order says."""
    economics, source, health, _ = both_commands(program, tmp_path, spenders_who_let_points_lie(named=0.1))
    assert health["breakage"] == pytest.approx(0.42, abs=0.01)
    assert economics["breakage_rate"] == pytest.approx(health["breakage"], abs=1e-6)
    assert health["breakage_low"] - 1e-6 <= 0.42 <= health["breakage_high"] + 1e-6
    said = (
        " of the redeemed points name no month of issue; they are taken to be as old as those that name one"
    )
    assert said in source
    assert said in health["points_caveat"]
    assert "first in first out it would be 25 %, and" in health["points_caveat"]
    assert "42 % newest first" in health["points_caveat"]


def test_the_answer_says_what_is_owed_in_either_order(program, tmp_path):
    load(program, tmp_path, "point_ledger", spenders_who_let_points_lie(named=0.1))
    plan = run(SUMMARY)
    health, answer = values(plan)["health"], outputs(plan)["answer"]
    first, newest = health["liability_by_order"]
    assert health["liability"] < 0.2 * first
    assert health["liability_low"] <= newest + 0.01
    (told,) = [said for said in answer["caveats"] if "as old as those that name one" in said]
    assert "first in first out and" in told
    assert "cannot tell what is owed" not in told


def oldest_first(*, named):
    """Each month forty members get 1,000 points and spend 500 of their oldest; the ledger names the month of
    this share of the redemptions."""
    found = []
    for n in range(40):
        for month in range(MONTHS):
            found.append((f"s{n:02d}", "issue", datetime(2025, month + 1, 2, 12, tzinfo=UTC), None, POINTS))
            issued = datetime(2025, month // 2 + 1, 2, 12, tzinfo=UTC)
            told = issued if (month + n) % 10 < 10 * named else None
            when = datetime(2025, month + 1, 20, 12, tzinfo=UTC)
            found.append((f"s{n:02d}", "redeem", when, told, POINTS // 2))
    who, entry, posted, issued, points = zip(
        *sorted(found, key=lambda row: (row[2], row[0], row[1])), strict=True
    )
    return pa.table({
        "entry_id": [f"e{n:06d}" for n in range(len(who))], "member_id": who, "entry": entry,
        "posted_at": pa.array(posted, pa.timestamp("us", "UTC")),
        "issued_at": pa.array(issued, pa.timestamp("us", "UTC")), "points": [float(p) for p in points],
    })  # fmt: skip


def test_where_first_in_first_out_is_right_of_the_named_redemptions_it_counts_for_all(program, tmp_path):
    owed = []
    for named in (1, 0.1):
        load(program, tmp_path, "point_ledger", oldest_first(named=named))
        health = values(run(SUMMARY, "data-pull", "health-diagnostics"))["health"]
        owed.append((health["liability"], health["breakage"], health["breakage_high"]))
    assert owed[1] == pytest.approx(owed[0], rel=1e-9)
    assert "first in first out, which is right of 100 % of those that name one" in health["order_of_points"]
    assert health["points_caveat"] == ""
