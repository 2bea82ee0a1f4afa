"""Refunds and claw-backs through the command: net, the same however they are written; unplaced ones shown."""

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest

from plans.demo import referrals as demo
from tests.plans.commands.optimize_referrals.conftest import SHORT, output, payload, table

WON = ("won_at", "paid_at", "revenue", "margin")


def cleared(row, *names):
    return row | dict.fromkeys(names)


@pytest.fixture(scope="module")
def small():
    """A world a tenth of the demo's: every fifth order won is refunded, its reward was never paid."""
    tables = demo.tables(np.random.default_rng(5), advocates=100)
    rows = [cleared(row, "refunded_at") for row in tables["referrals"].to_pylist()]
    end = max(row["invited_at"] for row in rows)
    won = [n for n, row in enumerate(rows) if row["won_at"] and row["won_at"] < end - timedelta(days=6)]
    for n in won[::5]:
        rows[n] |= {"refunded_at": rows[n]["won_at"] + timedelta(days=5), "paid_at": None}
    refunded = {row["referral_id"] for row in rows if row["refunded_at"]}
    assert len(refunded) > 3
    payouts = [p for p in tables["referral_payouts"].to_pylist() if p["referral_id"] not in refunded]
    schemas = {kind: tables[kind].schema for kind in ("referrals", "referral_payouts")}
    return rows, payouts, schemas


def refund(row):
    """The refund as a row of its own, without what the referral says of people and of its way."""
    told = {"referral_id": row["referral_id"], "referrer_id": row["referrer_id"], "currency": row["currency"]}
    return dict.fromkeys(row) | told | {"invited_at": row["refunded_at"], "revenue": -row["revenue"]}


def judged(site, rows, payouts, schemas, line=f"{SHORT} --window 90d"):
    """Figures of a run that are net; those of refunds themselves and what a seed draws are left out."""
    listed = pa.Table.from_pylist(rows, schema=schemas["referrals"])
    paid = pa.Table.from_pylist(payouts, schema=schemas["referral_payouts"])
    site.load({"referrals": listed, "referral_payouts": paid})
    plan = site.run(line)
    performance, partners = output(plan, "performance"), output(plan, "partners")["partners"]
    kpis = {name: value for name, value in performance["kpis"].items() if name != "refund_rate"}
    told = {name: performance[name] for name in ("funnel", "revenue", "margin", "reward", "incentives")}
    names = ("partner", "won", "referrals", "conversion", "payout_ratio", "trend", "share_of_voice")
    return plan, {
        "kpis": kpis,
        **told,
        "partners": sorted([partner[name] for name in names] for partner in partners),
    }


def test_refunds_in_rows_columns_or_left_out_give_one_set_of_figures(site, small):
    rows, payouts, schemas = small
    refunded = [row for row in rows if row["refunded_at"]]
    left_out = [cleared(row, *WON, "refunded_at") if row["refunded_at"] else row for row in rows]
    apart = [cleared(row, "refunded_at") for row in rows] + [refund(row) for row in refunded]
    _, wanted = judged(site, left_out, payouts, schemas)
    beside, found = judged(site, rows, payouts, schemas)
    assert same(found, wanted)
    plan, again = judged(site, apart, payouts, schemas)
    assert same(again, wanted)
    for each in (beside, plan):
        flows = {row[0]: row[2] for row in table(each, "window_comparison")}
        back = flows["Revenue refunded, by day of refund"]
        assert flows["Gross revenue won"] - flows["Revenue won"] == pytest.approx(back)
        assert sum(row[2] for row in table(each, "referrals_movements")) == len(refunded)


def same(one, other):
    """Equal but for the last digits of sums."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == (pytest.approx(other) if isinstance(other, float) else other)


def test_claw_backs_lower_what_was_paid_and_those_of_nothing_are_shown(site, small):
    rows, payouts, schemas = small
    plan, before = judged(site, rows, payouts, schemas)
    paid = output(plan, "data")["flows"]["current"]["paid_out"]
    end = max(row["invited_at"] for row in rows)
    inside = [p for p in payouts if end - timedelta(days=80) < p["paid_at"] < end - timedelta(days=5)][:6]
    back = [
        p
        | {"payout_id": f"back-{p['payout_id']}", "paid_at": end - timedelta(days=1), "amount": -p["amount"]}
        for p in inside
    ]
    stranger = back[0] | {"payout_id": "back-of-nothing", "referral_id": "of last year"}
    plan, after = judged(site, rows, [*payouts, *back, stranger], schemas)
    now = output(plan, "data")["flows"]["current"]
    taken = sum(p["amount"] for p in inside)
    assert (now["paid_out"], now["gross_paid_out"]) == pytest.approx((paid - taken, paid))
    assert after["reward"] == pytest.approx(before["reward"] - taken)
    assert after["kpis"]["payout_ratio"] < before["kpis"]["payout_ratio"]
    assert any("Unplaced, for want of a payout" in note for note in output(plan, "data")["notes"])
    placings = {row[1]: row[2] for row in table(plan, "referral_payouts_movements")}
    assert placings["unplaced: fits no payout, in no figure"] == 1
    assert "Unplaced" in payload(plan, "window_comparison")["note"]


def test_a_window_whose_orders_may_still_come_back_is_not_called_a_rise(site, small):
    """Every third order comes back after twenty days, so hardly any of this window has yet."""
    rows, _, schemas = small
    end = max(row["invited_at"] for row in rows)
    late = []
    for n, row in enumerate(rows):
        back = row["won_at"] and n % 3 == 0 and row["won_at"] + timedelta(days=20) < end
        late.append(
            cleared(row, "refunded_at")
            | ({"refunded_at": row["won_at"] + timedelta(days=20)} if back else {})
        )
    site.load({"referrals": pa.Table.from_pylist(late, schema=schemas["referrals"])})
    plan = site.run(f"{SHORT} --window 30d")
    answer = output(plan, "playbook")["answer"]
    said = next(
        text for text in answer["caveats"] if text.startswith("Of the orders won in the window before ")
    )
    assert "may still fall" in said
    share = answer["figures"][0]
    assert (share["label"], share["definition"]) == (
        "Referral conversion",
        "Referrals won / referrals submitted",
    )
