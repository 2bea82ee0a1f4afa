"""Changes of the reward, and what one more customer costs: from evidence, or what is missing is said."""

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest

from plans.demo import referrals as demo
from plans.engine.gates import rounds
from plans.engine.people import human_tasks
from tests.plans.commands.optimize_referrals.conftest import SHORT, output, payload, table, work

pytestmark = pytest.mark.usefixtures("db")


def of(plan, change):
    return [row for row in output(plan, "playbook")["incentives"] if row["change"] == change]


def items(plan):
    return [row for row in output(plan, "playbook")["backlog"] if row["kind"] == "incentive"]


def with_second_reward(world, more):
    """Every second referrer is promised 30; ``more`` of the lost of them are won after all."""
    rows = world["referrals"]
    referrers = {name: n for n, name in enumerate(sorted(set(rows.column("referrer_id").to_pylist())))}
    rng = np.random.default_rng(5)
    found = []
    for row in rows.to_pylist():
        if referrers[row["referrer_id"]] % 2:
            row = row | {"reward": 30.0}
            if row["won_at"] is None and row["submitted_at"] is not None and rng.random() < more:
                row = row | {"won_at": row["submitted_at"], "revenue": 100.0, "margin": 40.0}
        found.append(row)
    return world | {"referrals": pa.Table.from_pylist(found, schema=rows.schema)}


def test_one_reward_for_all_is_no_evidence_and_what_is_missing_is_said(site, world):
    site.load(world)
    plan = site.run()
    (amount,), (side,) = of(plan, "amount"), of(plan, "side")
    assert amount["item"] == "" and "invitations of the window promise 20" in amount["missing"]
    assert "a second reward" in amount["missing"]
    assert side["item"] == "" and "it takes a test with arms for each side" in side["missing"]
    found = output(plan, "performance")["incentives"]
    assert found["cost_per_incremental"] is None
    assert found["cost_per_incremental_reason"].startswith(
        "No test (warm-invite) has an arm without a reward"
    )
    told = {s["heading"]: s for s in payload(plan, "playbook")["sections"]}["Incentives"]
    assert "not available" in told["paragraphs"][0]
    assert any(line.startswith("Amount: nothing is proposed.") for line in told["bullets"])


def in_another_currency(world, code):
    rows = [row | {"currency": code} for row in world["referrals"].to_pylist()]
    return world | {"referrals": pa.Table.from_pylist(rows, schema=world["referrals"].schema)}


def test_one_promise_in_another_currency_is_one_reward_whatever_the_rates_of_its_days(site, world):
    site.load(in_another_currency(world, "GBP"))
    plan = site.run()
    (amount,) = of(plan, "amount")
    assert amount["item"] == "" and "invitations of the window promise 20 GBP" in amount["missing"]
    found = output(plan, "performance")["incentives"]
    assert [(level["reward"], level["currency"]) for level in found["levels"]] == [(20.0, "GBP")]
    assert found["steps"] == [] and found["cost_per_incremental"] is None


def test_two_promises_in_another_currency_are_compared_in_it(site, world):
    site.load(in_another_currency(with_second_reward(world, 0.5), "GBP"))
    titles = [item["title"] for item in items(site.run())]
    (one,) = [title for title in titles if title.startswith("Test a reward")]
    assert one in ("Test a reward of 30 GBP against 20 GBP", "Test a reward of 20 GBP against 30 GBP")


def with_eager_referrers(world, each):
    """Two referrers won ``each`` of the honest customers of the last days."""
    rows = world["referrals"].to_pylist()
    end = demo.START + timedelta(days=demo.DAYS - 1)
    won = [
        n
        for n, row in enumerate(rows)
        if row["won_at"] and row["won_at"] < end and not row["fraud"] and not row["refunded_at"]
    ]
    for place, n in enumerate(sorted(won, key=lambda n: rows[n]["won_at"])[-2 * each :]):
        rows[n] = rows[n] | {"referrer_id": f"eager-{place % 2}"}
    return world | {"referrals": pa.Table.from_pylist(rows, schema=world["referrals"].schema)}


def test_a_cap_is_proposed_with_what_it_saves_at_best_and_loses_at_worst(site, world):
    site.load(world)
    (without,) = of(site.run(), "cap")
    assert without["item"] == "" and "too few to judge a cap by" in without["missing"]
    site.load(with_eager_referrers(world, 12))
    plan = site.run()
    (cap,) = of(plan, "cap")
    assert cap["item"], cap["missing"]
    (item,) = [row for row in items(plan) if row["title"] == cap["item"]]
    assert item["title"].startswith("Try a cap of ")
    assert item["expected_low"] < item["expected_value"] == item["expected_high"]
    assert item["owner_role"] == "referral-architect" and item["proof"]


def test_what_changes_a_reward_is_valued_net_of_labour(site, world):
    """Three person-days of the architect, of the amount and of the cap alike."""
    before, after = {}, {}
    for found, cost in ((before, None), (after, 250)):
        site.program.person_day_cost = cost
        site.program.save()
        site.load(with_eager_referrers(with_second_reward(world, 0.5), 12))
        plan = site.run(f"{SHORT} --window 90d --detail full")
        found |= {row["title"]: row for row in items(plan)}
    assert before.keys() == after.keys() and len(before) >= 2
    for title, row in after.items():
        assert (before[title]["labour"], row["labour"]) == (0, 750)
        for end in ("expected_low", "expected_value", "expected_high"):
            assert row[end] == pytest.approx(before[title][end] - 750)


def test_two_rewards_in_the_data_make_an_item_with_effect_cost_interval_and_test(site, world):
    site.load(with_second_reward(world, 0.5))
    better = site.run(f"{SHORT} --window 90d --detail full")
    (amount,) = of(better, "amount")
    (item,) = [row for row in items(better) if row["title"] == amount["item"]]
    assert item["title"] == "Test a reward of 30 EUR against 20 EUR"
    assert item["expected_low"] < item["expected_value"] < item["expected_high"]
    assert "rewards cost +" in item["why"] and "not randomised" in item["why"]
    assert item["proof"].startswith("Test of ") and "80 % power" in item["proof"]
    assert "arms: 20 EUR (control) and 30 EUR; the test costs " in item["proof"]
    found = output(better, "performance")["incentives"]
    low, cost, high = (found[f"cost_per_incremental{end}"] for end in ("_low", "", "_high"))
    assert 0 < low < cost < high
    assert found["cost_per_incremental_basis"].startswith("rewards of 20 EUR and 30 EUR side by side")


def test_a_higher_reward_that_wins_no_more_is_turned_round(site, world):
    site.load(with_second_reward(world, 0.0))
    plan = site.run(f"{SHORT} --window 90d --detail full")
    (amount,) = of(plan, "amount")
    assert "30 EUR against 20 EUR" not in amount["item"]
    if not amount["item"]:
        assert "a reward is changed by a test alone" in amount["missing"]


def test_tiers_are_not_read_as_rewards(site, world):
    """Each tier of partners has its reward, and gold customers come anyway: nothing is proposed."""
    rows = world["referrals"]
    promised = {"bronze": 20.0, "silver": 30.0, "gold": 50.0}
    rng, found = np.random.default_rng(6), []
    for row in rows.to_pylist():
        row = row | {"reward": promised[row["partner_tier"]]}
        if (
            row["partner_tier"] == "gold"
            and row["won_at"] is None
            and row["submitted_at"]
            and rng.random() < 0.5
        ):
            row = row | {"won_at": row["submitted_at"], "revenue": 100.0, "margin": 90.0}
        found.append(row)
    site.load(world | {"referrals": pa.Table.from_pylist(found, schema=rows.schema)})
    plan = site.run(f"{SHORT} --window 90d --detail full")
    (amount,) = of(plan, "amount")
    assert amount["item"] == "" and "the tiers differ and not the rewards" in amount["missing"]
    told = output(plan, "performance")["incentives"]
    assert told["steps"] == [] and told["cost_per_incremental"] is None


def test_a_hold_out_without_reward_tells_what_an_incremental_customer_costs(site, world):
    units = 2000
    arm = np.repeat(["no reward", "rewarded"], units // 2)
    test = pa.table(
        {
            "experiment": ["reward-holdout"] * units,
            "unit_id": [f"h{n}" for n in range(units)],
            "variant": arm,
            "assigned_at": demo.instants(np.random.default_rng(3), units),
            "metric": ["won"] * units,
            "value": [float(n % 50 == 0) for n in range(units)],
        }
    )
    site.load(world | {"experiments": test})
    found = output(site.run(f"{SHORT} --window 30d"), "performance")["incentives"]
    assert found["cost_per_incremental_basis"] == "hold-out “no reward” of the test reward-holdout"
    assert found["cost_per_incremental"] > found["cost_per_won"]  # some would have come anyway
    assert found["cost_per_incremental_low"] < found["cost_per_incremental"]


def test_the_payout_log_is_confirmed_by_a_person_before_anybody_approves(site, world):
    site.load(world)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.plans.commands.optimize_referrals.conftest.confirmed", lambda plan: None)
        plan = site.run()
    task = plan.tasks.get(key="compliance-log")
    assert (task.kind, task.state, plan.tasks.get(key="playbook").state) == ("human", "ready", "succeeded")
    assert not plan.approvals.exists()
    brief = {row[1]: row[4] for row in table(plan, "compliance_to_confirm")}
    broken = {row["title"] for row in output(plan, "risk")["compliance"]}
    assert broken and broken <= set(brief)
    assert "Attach what was looked at" in payload(plan, "compliance_to_confirm")["note"]
    with site.by("ops"):
        human_tasks.complete(task, result={"log": "complete but for two"}, evidence={"export": "ledger.csv"})
    work(plan)
    assert plan.approvals.get().gate == "playbook-approval"
    with site.by("architect"):
        rounds.decide(plan.approvals.get(), "approve", comment="Sound.")
    work(plan)
    assert output(plan, "handed_over")["compliance"] == {
        "confirmed": True,
        "log": "complete but for two",
        "evidence": {"export": "ledger.csv"},
    }


def with_margins_of(world, named):
    """The world where only the orders that ``named`` says of have a margin; without the column where none."""
    rows = world["referrals"]
    told = [m if named(n) else None for n, m in enumerate(rows.column("margin").to_pylist())]
    place = rows.schema.get_field_index("margin")
    if not any(m is not None for m in told):
        return world | {"referrals": rows.remove_column(place)}
    return world | {
        "referrals": rows.set_column(place, "margin", pa.array(told, rows.schema.field(place).type))
    }


def test_without_margins_a_gap_has_no_worth_and_not_none_and_stands_behind_what_has_one(site, world):
    site.load(with_margins_of(world, lambda n: False))
    plan = site.run()
    backlog = output(plan, "playbook")["backlog"]
    unknown = [row for row in backlog if row["expected_value"] is None]
    assert {row["kind"] for row in unknown} >= {"message"}
    assert all(row["kind"] == "fraud" for row in backlog if row["expected_value"] is not None)
    assert backlog[-len(unknown) :] == unknown
    assert all("Without margin: not ranked by money. Expected: about " in row["why"] for row in unknown)
    per_day = [row["expected_count"] / row["effort_days"] for row in unknown]
    assert per_day == sorted(per_day, reverse=True)
    items = {item["title"]: item for item in payload(plan, "backlog")["items"]}
    assert all(items[row["title"]]["expected_value"] is None for row in unknown)


def test_orders_that_name_no_margin_make_the_others_no_cheaper(site, world):
    site.load(with_margins_of(world, lambda n: n % 2))
    half = {row["title"]: row for row in output(site.run(), "playbook")["backlog"]}
    site.load(world)
    rows = output(site.run(), "playbook")["backlog"]
    whole = [row for row in rows if row["kind"] in ("message", "enablement")]
    assert whole
    for row in whole:
        gross = [
            one[row["title"]]["expected_value"] + one[row["title"]]["labour"]
            for one in (half, {row["title"]: row})
        ]
        assert gross[0] == pytest.approx(gross[1], rel=0.25)
