"""What plans rest on: a change of it stands in the log of each plan that it concerns, from what to what."""

from datetime import date
from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model

from gtm.core.actors import ADMIN, Actor, acting_as
from gtm.core.errors import GuardNotMet
from gtm.core.evidence.audit import audit_values
from plans import tasks
from plans.engine.record import around
from plans.export import document, rules
from plans.export.measures import number_of
from plans.models import AROUND, OutsideChange, Schedule
from plans.runs import policies
from programs.models import (
    Benefit,
    Campaign,
    LifecycleTrigger,
    MeasurementAgreement,
    Metric,
    Partner,
    Tier,
)
from tests.factories import ProgramFactory, UserFactory, make_run
from tests.plans.conftest import BLUEPRINT, start


@pytest.fixture
def plan(acting):
    """A plan at work on a campaign of a program that has everything a plan may rest on."""
    program = ProgramFactory(kind="loyalty")
    plan = make_run(program=program).plan
    campaign = Campaign(slug="tour", name="Tour", program=program, ends_on=date(2026, 6, 30))
    campaign.save()
    plan.campaign, plan.context = campaign, {"metrics": {"own": {"key": "loyalty-own"}}}
    plan.save()
    MeasurementAgreement(campaign=campaign).save()
    partner = Partner(slug="fabrikam", name="Fabrikam", tier="silver")
    partner.save()
    partner.programs.add(program)
    tier = Tier(program=program, name="Gold", rank=2, threshold=Decimal(300))
    tier.save()
    Benefit(tier=tier, name="Early access", kind="perk", unit_cost=Decimal("1.5")).save()
    LifecycleTrigger(
        program=program,
        key="welcome",
        stage="onboarding",
        event="e",
        entry_rule="r",
        action="a",
        channel="email",
    ).save()
    Metric(key="loyalty-own", name="Our own", unit="%", direction="higher", threshold=Decimal("0.8")).save()
    Schedule(
        name="weekly", command="p:proof", program=program, crontab="0 6 * * 1", owner=UserFactory()
    ).save()
    OutsideChange.objects.all().delete()
    return plan


def told(plan):
    rows = [row for row in document.build(plan)["change_log"] if row["event"] == AROUND]
    return {row["field"]: (row["from"], row["to"]) for row in rows}


@pytest.mark.parametrize(
    ("model", "column", "value", "place", "before", "after"),
    [
        (MeasurementAgreement, "confidence_guardrail", Decimal("0.95"), "agreement/confidence_guardrail",
         "0.6",
         "0.95"),
        (MeasurementAgreement, "attribution_model", "last-touch", "agreement/attribution_model",
         "multi-touch",
         "last-touch"),
        (Tier, "threshold", Decimal(250), "tiers/2/threshold", "300.00", "250"),
        (Benefit, "unit_cost", Decimal(2), "tiers/2/benefits/Early access/unit_cost", "1.5000", "2"),
        (LifecycleTrigger, "channel", "in-app", "triggers/welcome/channel", "email", "in-app"),
        (Partner, "tier", "gold", "partners/fabrikam/tier", "silver", "gold"),
        (Metric, "threshold", Decimal("0.9"), "metrics/loyalty-own/threshold", "0.800000", "0.9"),
        (Schedule, "crontab", "0 6 1 * *", "schedules/weekly/crontab", "0 6 * * 1", "0 6 1 * *"),
        (Campaign, "ends_on", date(2026, 7, 31), "campaign/ends_on", "2026-06-30", "2026-07-31"),
    ],
)  # fmt: skip
def test_a_change_stands_in_the_log_of_the_plan_with_old_and_new(
    plan, model, column, value, place, before, after
):
    other = make_run().plan
    with acting_as(Actor.system("Ann"), "Agreed on the call."):
        row = model.objects.latest("pk")
        setattr(row, column, value)
        row.save()
    around.carry_waiting()
    found = told(plan)
    assert list(found) == [place]
    assert [number_of(side) or side for side in found[place]] == [number_of(x) or x for x in (before, after)]
    body = document.build(plan)
    row = next(r for r in body["change_log"] if r["event"] == AROUND)
    assert (row["actor"], row["reason"], rules.problems(body)) == ("Ann", "Agreed on the call.", [])
    assert told(other) == {}
    assert audit_values(plan.change_chain()).breaks == ()


def test_a_tier_that_comes_and_goes_is_one_row_each(plan):
    tier = Tier(program=plan.program, name="Platinum", rank=3, threshold=Decimal(900))
    tier.save()
    tier.delete()
    around.carry_waiting()
    rows = [row for row in document.build(plan)["change_log"] if row["event"] == AROUND]
    names = [[side and side["name"] for side in (row["from"], row["to"])] for row in rows]
    assert [row["field"] for row in rows] == ["tiers/3", "tiers/3"]
    assert names == [[None, "Platinum"], ["Platinum", None]]


def test_what_a_crash_left_is_carried_by_the_sweep_once(plan):
    tier = Tier.objects.latest("pk")
    tier.threshold = Decimal(250)
    tier.save()  # the test's transaction never commits, as if the process had died before it carried
    assert told(plan) == {}
    tasks.sweep()
    tasks.write_plans()
    assert list(told(plan)) == ["tiers/2/threshold"]
    assert OutsideChange.objects.filter(carried_at=None).count() == 0


def test_a_person_moves_a_guardrail_with_a_reason_only(plan):
    agreement = MeasurementAgreement.objects.latest("pk")
    agreement.confidence_guardrail = Decimal("0.95")
    ann = Actor.of_user(UserFactory(), ADMIN)
    with acting_as(ann), pytest.raises(GuardNotMet, match="Say why confidence guardrail"):
        agreement.save()
    assert MeasurementAgreement.objects.latest("pk").confidence_guardrail == Decimal("0.6")
    with acting_as(ann, "The board asked for it."):
        agreement.save()
    assert MeasurementAgreement.objects.latest("pk").confidence_guardrail == Decimal("0.95")


def test_a_policy_that_comes_into_force_is_told_to_the_plan_that_keeps_its_own_text(organisation):
    plan = start(BLUEPRINT)
    users = {name: get_user_model().objects.get(username=name) for name in ("ops", "exec")}
    with acting_as(Actor.of_user(users["ops"], ADMIN, interactive=True)):
        row = policies.propose("plan-loyalty", "finance-approval", {"hours": 24}, reason="More time.")
    with acting_as(Actor.of_user(users["exec"], ADMIN, interactive=True)):
        policies.decide(row, "adopt", comment="Agreed.")
    around.carry_waiting()
    assert told(plan) == {"policies/finance-approval/hours": (16, 24)}
    assert plan.rules.gate("finance-approval").hours == 16


def test_the_run_that_stands_is_told_after_its_end(finished):
    program = finished.program
    program.gross_margin = Decimal("0.33")
    program.save()
    around.carry_waiting()
    assert told(finished)["program/gross_margin"][1] == "0.33"
