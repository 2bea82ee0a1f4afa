"""What plan-loyalty reads beside purchases: enrolment, first redemptions and words of members."""

from datetime import timedelta

import pyarrow as pa
import pytest

from gtm.core.errors import GuardNotMet
from plans.engine.gates import future_rounds
from programs.datasets.loading import ingest as loading
from programs.datasets.loading.ingest import ingest
from tests.plans.commands.loyalty_program import load, outputs, purchases, rows
from tests.plans.conftest import LOYALTY, output_of, start, work_off

LINE = f"{LOYALTY} --goal retention --tiers 3 --budget 2000"
STEPS = ("signal-review", "tier-design", "lifecycle-mapping")


@pytest.fixture
def small(organisation, tmp_path, monkeypatch):
    """Load tables into the demo's loyalty program, whose purchases are the small ones."""
    monkeypatch.setattr(loading, "ingest", ingest)
    members, times, amounts = purchases()
    program = work_off(start(LINE), "none").program
    load(
        program,
        tmp_path,
        "purchases",
        pa.table({"member_id": members, "purchased_at": times, "amount": amounts}),
    )
    return lambda kind, **columns: load(program, tmp_path, kind, pa.table(columns))


def triggers(line=LINE):
    return {
        row["key"]: row for row in output_of(work_off(start(line), *STEPS), "lifecycle-mapping")["triggers"]
    }


def test_onboarding_is_counted_from_the_member_list_and_unused_points_from_the_ledger(small):
    before = triggers()
    assert before["welcome"]["why_not_counted"] == "The data hold no enrolment."
    assert before["points-unused"]["why_not_counted"] == "The data hold no first redemption."
    members, times, _ = purchases()
    end = max(times)
    joined = [f"new{n}" for n in range(7)]
    small(
        "members",
        member_id=[*sorted(set(members)), *joined],
        enrolled_at=[min(times)] * len(set(members)) + [end - timedelta(days=20)] * 7,
    )
    small(
        "point_ledger",
        entry_id=["e1"], member_id=[members[0]], posted_at=[end - timedelta(days=3)], entry=["redeem"],
        points=[5.0],
    )  # fmt: skip
    after = triggers()
    assert after["welcome"]["fired"] == 7  # enrolled in the last 30 days
    assert after["first-purchase-missing"]["fired"] == 7  # and none of them has bought after 14 days
    assert after["points-unused"]["fired"] is not None
    assert {k: r["fired"] for k, r in after.items() if k in ("lapsing", "habit-formed")} == {
        k: r["fired"] for k, r in before.items() if k in ("lapsing", "habit-formed")
    }


def test_comments_are_counted_by_theme_with_an_example_unless_they_may_not_be_used(small):
    _, times, _ = purchases()
    said = ["Delivery was late again", "late!", "Points expire too soon", None, "ok"]
    small(
        "survey_responses",
        response_id=[f"s{n}" for n in range(5)],
        answered_at=[max(times) - timedelta(days=n) for n in range(5)],
        survey=["csat"] * 5, score=[1, 2, 2, 5, 5], comment=said,
    )  # fmt: skip
    plan = work_off(start(LINE), "signal-review")
    found = {row["theme"]: row for row in rows(outputs(plan)["voice_themes"])}
    assert (found["Delivery"]["answers"], found["Delivery"]["low"]) == (2, 2)
    assert found["Delivery"]["example"] == said[0]
    voice = output_of(plan, "signal-review")["voice"]
    assert voice["comments"]["answers"] == 4
    assert voice["comments"]["themes"]["Delivery"] == {
        "answers": 2,
        "low": 2,
        "words": {"late": 2, "delivery": 1},
    }
    without = work_off(start(f'{LINE} --constraints "no-data:comments"'), "signal-review")
    assert "voice_themes" not in outputs(without)
    assert output_of(without, "signal-review")["voice"] == {"csat": voice["csat"]}


def test_net_revenue_retention_is_what_the_members_of_the_period_before_spend_now(small):
    members, times, amounts = purchases()
    end = max(times).replace(hour=0) + timedelta(days=1)
    since, before = end - timedelta(days=91), end - timedelta(days=182)
    bought = list(zip(members, times, amounts, strict=True))
    then = [(who, amount) for who, at, amount in bought if before <= at < since]
    who_then = {who for who, _ in then}
    now = sum(amount for who, at, amount in bought if at >= since and who in who_then)
    plan = work_off(start(LINE), "signal-review")
    found = output_of(plan, "signal-review")
    assert found["nrr_days"] == 91
    assert found["nrr"] == pytest.approx(now / sum(amount for _, amount in then))
    figure = next(item for item in outputs(plan)["signals"]["items"] if item["key"] == "nrr")
    assert figure["low"] < figure["value"] < figure["high"]


@pytest.mark.usefixtures("organisation")
def test_a_pool_is_signed_as_what_it_is_a_year():
    line = f"{LOYALTY} --goal retention --tiers 3 --budget"
    month, quarter = start(f"{line} 33000/month"), start(f"{line} 99000")
    assert month.amount == quarter.amount == 396_000
    assert "33,000 USD a month" in month.objective
    asked = {
        budget: [seat.role for seat in future_rounds.who_must_approve(run, run.rules.gates[0]).seats]
        for budget in ("33333/month", "33334/month", "100000", "100001")
        for run in [start(f"{line} {budget}")]
    }
    assert asked == {
        "33333/month": ["finance"], "33334/month": ["finance", "exec-sponsor"],
        "100000": ["finance"], "100001": ["finance", "exec-sponsor"],
    }  # fmt: skip
    for budget in ("99000/month", "297000"):  # beyond what anybody may sign; 99000 a quarter is not
        with pytest.raises(GuardNotMet) as refused:
            start(f"{line} {budget}")
        assert "Today's people can give every approval" in refused.value.problems[0].message
