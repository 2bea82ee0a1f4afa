"""What one run of the usage line says, read as its users read it."""

import re
from datetime import timedelta

import numpy as np
import pyarrow.compute as pc
import pytest

from gtm.core.actors import ADMIN, Actor, acting_as
from gtm.core.clock import standing_at
from plans.cases.fraud.models import FraudCase
from plans.commands.optimize_referrals import report
from plans.commands.optimize_referrals.steps import proposed
from plans.demo import referrals as demo
from plans.engine.gates import rounds
from plans.schemas.outputs import payload_of
from programs.datasets.worlds.referral_world import build_referral_world
from programs.models import Person
from tests.plans.commands.optimize_referrals.conftest import (
    ADVOCATES,
    NOW,
    keys,
    output,
    payload,
    table,
    work,
)

HONEST = ("office", "power", "kiosk")


@pytest.fixture(scope="module")
def truth():
    """What was planted, by referral."""
    world = build_referral_world(
        np.random.default_rng(demo.SEED), advocates=ADVOCATES, start=demo.START, days=demo.DAYS
    )
    return dict(
        zip(*(world.truth.column(name).to_pylist() for name in ("referral_id", "scheme")), strict=True)
    )


BREAKDOWNS = ["funnel_by_channel", "funnel_by_partner_tier", "funnel_by_channel_partner_tier"]


def test_the_usage_line_runs_verbatim_up_to_its_approval(plan):
    approval = plan.approvals.get()
    assert (plan.state, approval.gate) == ("running", "playbook-approval")
    assert keys(plan) == {
        "answer", "window_comparison", "referrals_movements", "nps", "flows_by_group",
        "definitions", "dashboard", "funnel", "drop_offs",
        "funnel_steps",
        "trend", "trend_table", *BREAKDOWNS, *(f"{key}_chart" for key in BREAKDOWNS), "incentives",
        "risk", "fraud_cases", "compliance", "control_chart",
        "heuristics", "reliability", "clawbacks", "referral_rules",
        "partner_figures", "partner_health", "partner_scores", "partner_drivers", "backlog",
        "playbook", "compliance_to_confirm",
        "tool-definition-diff", "tool-procedure-library", "tool-retro-record",
    }  # fmt: skip


def test_once_approved_it_hands_over_and_people_go_on(plan):
    architect = Person.objects.get(name="architect").accounts.get()
    with standing_at(lambda: NOW), acting_as(Actor.of_user(architect, ADMIN, interactive=True)):
        rounds.decide(plan.approvals.get(), "approve", comment="Sound.")
    with standing_at(lambda: NOW), acting_as(Actor.system("Test")):
        work(plan)
    waiting = plan.tasks.filter(kind="human", state="ready").order_by("position")
    assert [task.key for task in waiting] == ["tooling-changes", "partner-communications"]
    held = {row[1] for row in table(plan, "payout_holds")}
    proposed = [case for case in output(plan, "risk")["cases"] if case["proposal"] == "hold"]
    assert held == {key for case in proposed for key in case["referrals"]}
    assert output(plan, "handed_over")["held_referrals"] == len(held)


@pytest.mark.parametrize("key", BREAKDOWNS)
def test_every_breakdown_adds_up_to_the_total(plan, key):
    funnel = list(output(plan, "performance")["funnel"].values())
    *groups, total = table(plan, key)
    assert [sum(row[place] for row in groups) for place in range(1, 8)] == funnel == total[1:8]
    drawn = payload(plan, f"{key}_chart")
    assert drawn["categories"] == [row[0] for row in [*groups, total]]
    assert drawn["series"][0]["low"] == pytest.approx([100 * row[9] for row in [*groups, total]])


def test_the_funnel_counts_the_invitations_of_the_window(plan, world):
    found = output(plan, "performance")["funnel"]
    last = pc.max(world["referrals"].column("invited_at")).as_py()
    end = last.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    rows = [r for r in world["referrals"].to_pylist() if end - timedelta(days=30) <= r["invited_at"] < end]
    assert found["invites"] == len(rows)
    won = [r for r in rows if r["won_at"] is not None and r["won_at"] < end]
    refunded = [r for r in won if r["refunded_at"] is not None and r["refunded_at"] < end]
    assert refunded
    assert found["won"] == len(won) - len(refunded)


def test_the_planted_break_is_beyond_chance_once_rings_are_left_out(plan):
    """Rings pass every step as one: until they are left out, its 88 cases count as half as many."""

    def of_channels(name):
        return [d for d in output(plan, name)["drops"] if d["breakdown"] == ["channel"]]

    before = min(of_channels("performance"), key=lambda drop: drop["p"])
    assert (before["group"], before["source"], before["target"]) == ("in_app", "qualified", "pipeline")
    assert before["effective"] < 0.6 * before["entered"]
    real = [d for d in of_channels("playbook") if d["significant"]]
    assert [(d["group"], d["source"], d["target"]) for d in real] == [("in_app", "qualified", "pipeline")]


# ------------------------------------------------------------------ risk


def test_planted_cases_are_found_and_little_else(plan):
    risk = output(plan, "risk")
    assert risk["case_precision"] >= 0.95 and risk["case_recall"] >= 0.90
    assert risk["precision"] >= 0.95 and risk["recall"] >= 0.90


def test_precision_and_recall_in_referrals_count_the_same_hits(plan, world):
    risk = output(plan, "risk")
    fraud = pc.sum(world["referrals"].column("fraud")).as_py()
    assert risk["precision"] * risk["held"] == pytest.approx(risk["recall"] * fraud)


def test_precision_and_recall_stand_in_the_output_with_their_intervals(plan):
    items = {item["key"]: item for item in payload(plan, "risk")["items"]}
    for key in ("case_precision", "case_recall", "precision", "recall"):
        assert items[key]["low"] <= items[key]["value"] <= items[key]["high"]
        assert items[key]["denominator"] > 0


@pytest.mark.parametrize("scheme", HONEST)
def test_honest_look_alikes_are_not_held(plan, truth, scheme):
    cases = FraudCase.objects.filter(plan=plan, proposal="hold")
    held = {key for case in cases for key in case.referrals}
    ours = {key for key, name in truth.items() if name == scheme}
    assert ours and not held & ours


def test_every_proposal_is_an_open_case_with_evidence_and_no_trace_of_a_person(plan):
    cases = FraudCase.objects.filter(plan=plan)
    assert {case.key for case in cases} == {case["key"] for case in output(plan, "risk")["cases"]}
    assert all(case.state == "open" and case.evidence and case.currency == "EUR" for case in cases)
    told = " ".join(row["seen"] for case in cases for row in case.evidence)
    assert "@" not in told and not re.search(r"\d+\.\d+\.\d+\.\d+", told)


# ------------------------------------------------------------------ partners


def test_partners_are_ranked_with_the_uncertainty_of_their_ranks(plan):
    partners = output(plan, "partners")["partners"]
    assert len(partners) == demo.PARTNERS
    assert [p["score"] for p in partners] == sorted((p["score"] for p in partners), reverse=True)
    assert all(p["rank_low"] <= p["rank"] <= p["rank_high"] for p in partners)
    assert any(p["rank_high"] - p["rank_low"] >= 2 for p in partners)


def test_conversion_is_shrunk_toward_the_tier(plan):
    partners = output(plan, "partners")["partners"]
    raw = [p["won"] / p["referrals"] for p in partners]
    shrunk = [p["conversion"] for p in partners]
    assert max(shrunk) - min(shrunk) < max(raw) - min(raw)
    assert all(p["conversion_low"] <= p["conversion"] <= p["conversion_high"] for p in partners)


def test_share_of_voice_adds_up_and_drivers_cancel_out(plan):
    partners = output(plan, "partners")["partners"]
    assert sum(p["share_of_voice"] for p in partners) == pytest.approx(1)
    drivers = table(plan, "partner_drivers")
    assert len(drivers) == 6 * len(partners)
    assert sum(row[3] for row in drivers if row[1] == "conversion") == pytest.approx(0)


def test_partner_nps_has_its_interval(plan):
    nps = payload(plan, "partner_figures")["items"][0]
    assert nps["key"] == "partner_nps" and nps["low"] < nps["value"] < nps["high"]


# ------------------------------------------------------------------ playbook


def test_the_backlog_names_owner_date_and_value_best_first(plan):
    backlog = output(plan, "playbook")["backlog"]
    assert {row["kind"] for row in backlog} >= {"message", "fraud"}
    assert {row["owner"] for row in backlog} <= {"ops", "architect"}
    assert all(row["eta"] > "2026-11-23" and row["currency"] == "EUR" for row in backlog)
    per_day = [row["expected_value"] / row["effort_days"] for row in backlog]
    assert per_day == sorted(per_day, reverse=True)


def test_a_test_is_promised_only_where_it_has_the_power_for_what_is_valued(plan):
    backlog = [row for row in output(plan, "playbook")["backlog"] if row["kind"] != "fraud"]
    promised = [row for row in backlog if row["sample_size_per_arm"]]
    others = [row for row in backlog if not row["sample_size_per_arm"]]
    assert others  # in this world every gap takes longer to test than anybody would wait
    assert all(
        row["test_weeks"] <= proposed.LONGEST_TEST and "80 % power" in row["proof"] for row in promised
    )
    told = "cannot be tested here; compare windows, with regression to the mean"
    assert all(told in row["proof"] and row["test_weeks"] is None for row in others)
    assert any("are luck and close by themselves" in row["proof"] for row in others)
    items = {item["title"]: item for item in payload(plan, "backlog")["items"]}
    assert all(row["proof"] in items[row["title"]]["why"] for row in backlog)


class Window:
    """What sizing a test reads of a run."""

    outputs = {"data": {"window": {"days": 28}}}


def test_a_test_that_is_promised_has_the_members_and_the_weeks_it_takes():
    found, proof = proposed.test_of(Window(), 0.2, 0.05, 4000)
    assert (found.members_per_arm, found.weeks) == (1094, 3)  # 20 % + 5 points, pooled variance; 1,000 a week
    assert proof == "Test of 1,094 an arm, 3 weeks, 80 % power for what is valued"
    found, proof = proposed.test_of(Window(), 0.2, 0.01, 400, proposed.by_itself(0.02, 0.2, 400))
    assert found is None
    assert "weeks at this volume: it cannot be tested here; compare windows" in proof
    assert proof.endswith("About 2.0 of the 2.0 points are luck and close by themselves")


def test_no_sum_of_messages_is_worth_more_than_the_revenue_it_stands_on(plan):
    backlog = output(plan, "playbook")["backlog"]
    revenue = output(plan, "performance")["revenue"]
    assert sum(row["expected_value"] for row in backlog if row["kind"] == "message") < revenue


def test_every_partner_hears_its_own_figures(plan):
    told = {row["partner"]: row["message"] for row in output(plan, "playbook")["messages"]}
    partners = output(plan, "partners")["partners"]
    assert set(told) == {p["partner"] for p in partners}
    assert f"{partners[0]['score']:.0f} of 100" in told[partners[0]["partner"]]


def test_the_playbook_tells_how_good_the_review_is(plan):
    text = str(payload(plan, "playbook")["sections"])
    assert "precision" in text and "People decide, two on each" in text


class Handed:
    """What hand_over reads, and nothing else."""

    def __init__(self, cases, labels, held):
        self.outputs = {"playbook": {"backlog": [], "messages": []}, "risk": {"cases": cases}}
        self.program = {"case_labels": labels, "held_referrals": held}


def holds(*given):
    found = report.gather_packet(Handed(*given))
    return [tuple(row) for row in payload_of(found.outputs[0])["rows"]]


def test_what_people_released_is_not_held_again_and_what_they_hold_stays():
    cases = [
        {"key": "fc-1", "proposal": "hold", "referrals": ["r1", "r2"]},
        {"key": "fc-2", "proposal": "review", "referrals": ["r3"]},
    ]
    assert holds(cases, {"r2": False}, ["r9", "r1"]) == [
        ("fc-1", "r1", "proposed by this run"),
        ("an earlier run", "r9", "held by people before it"),
    ]


def test_revenue_is_net_and_stands_beside_what_was_gross(plan):
    rows = {row[0]: row[2] for row in table(plan, "window_comparison")}
    assert 0 < rows["Revenue won"] < rows["Gross revenue won"]
    assert rows["Won in the window"] < rows["Won in the window, before refunds"]
    assert rows["Revenue refunded, by day of refund"] > 0
    assert "Orders of referrals are net of" in payload(plan, "window_comparison")["note"]
    assert {row[0] for row in table(plan, "referrals_movements")} == {"refund"}
