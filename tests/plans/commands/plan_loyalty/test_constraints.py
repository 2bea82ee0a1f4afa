"""Constraints of plan-loyalty through its public door: read as rules, followed, checked, or for a person."""

from decimal import Decimal

import pyarrow as pa
import pytest
from django.contrib.auth import get_user_model

from gtm.core import canonical
from gtm.core.actors import ADMIN, Actor, acting_as
from gtm.core.errors import InvalidInput
from plans.engine.stopping import ripcord
from plans.export import document, rules
from plans.models import Plan
from plans.runs import start as base
from programs.datasets.loading import ingest as loading
from programs.datasets.loading.ingest import ingest
from programs.models import Benefit, Tier
from tests.plans.commands.loyalty_program import load, outputs, purchases, rows
from tests.plans.conftest import LOYALTY, finish, output_of, start, work_off

LINE = f"{LOYALTY} --goal retention --tiers 3 --budget 2000"
UNTIL_CHECKED = ("signal-review", "tier-design", "lifecycle-mapping")


def run(constraints="", *more, line=LINE):
    asked = f' --constraints "{constraints}"' if constraints else ""
    return work_off(start(f"{line}{asked}"), *(more or UNTIL_CHECKED))


def checked(plan):
    """Constraint → how the design stands to it, as the plan JSON has it."""
    told = canonical.plain(document.build(Plan.objects.get(pk=plan.pk)))
    assert rules.problems(told) == []
    return {one["text"]: one["status"] for one in told["guardrails"]["constraints"]}


def trigger(plan, key):
    found = output_of(plan, "lifecycle-mapping")["triggers"]
    return next((row for row in found if row["key"] == key), None)


@pytest.fixture
def regional(organisation, tmp_path, monkeypatch):
    """A loyalty program with 120 members in Quebec (QC) and 180 in Ontario, who buy wine and bread."""
    monkeypatch.setattr(loading, "ingest", ingest)
    program = base.draft(*base.parse_usage(LINE), None).program
    members, times, amounts = purchases()
    table = pa.table(
        {
            "member_id": members,
            "purchased_at": times,
            "amount": amounts,
            "category": ["Wine" if n % 3 == 0 else "Bread" for n in range(len(members))],
        }
    )
    load(program, tmp_path, "purchases", table)
    names = sorted(set(members))
    listed = pa.table(
        {
            "member_id": names,
            "enrolled_at": [
                min(t for m, t in zip(members, times, strict=True) if m == name) for name in names
            ],
            "region": ["QC" if n < 120 else "Ontario" for n in range(len(names))],
            "birth_date": ["2012-05-05" if n % 10 == 0 else "1980-01-01" for n in range(len(names))],
        }
    )
    load(program, tmp_path, "members", listed)
    return program


@pytest.mark.usefixtures("organisation")
def test_points_that_must_not_expire_in_a_region_nobody_records_expire_nowhere():
    before, after = run(), run("points must not expire in CA")
    assert trigger(before, "points-expiring")["entry_rule"] == "30 days before the expiry of points"
    assert trigger(after, "points-expiring") is None
    assert output_of(after, "lifecycle-mapping")["not_published"] == [
        {"key": "points-expiring", "why": "Points never lapse, so nobody is told that they will."}
    ]
    assert output_of(before, "tier-design")["expiry"]["days"] == 730
    assert output_of(after, "tier-design")["expiry"]["days"] is None
    assert checked(after) == {"points must not expire in CA": "met"}
    high = {row["name"]: row["high"] for row in rows(outputs(after)["assumptions"])}["redemption rate"]
    assert high == 1.0  # what does not lapse may all be redeemed


@pytest.mark.usefixtures("organisation")
def test_what_is_published_follows_the_constraints():
    plan = finish(start(f'{LINE} --constraints "no-expiry; no phone; exclude-channels:push"'))
    published = {t.key: t.channel for t in plan.program.triggers.all()}
    assert plan.state == "succeeded"
    assert "points-expiring" not in published and len(published) == 11
    assert set(published.values()) == {"email", "in-app"}
    assert trigger(plan, "detractor-recovery")["action"].startswith("Answer in person")
    assert set(checked(plan).values()) == {"met"}


@pytest.mark.parametrize(
    ("stated", "rule", "notice"),
    [
        ("expiry-notice:60d", "60 days before the expiry of points", 60),
        ("at least 2 months notice before points expire", "60 days before the expiry of points", 60),
        ("expiry-notice:10d", "30 days before the expiry of points", 30),
    ],
)
@pytest.mark.usefixtures("organisation")
def test_notice_before_expiry_is_at_least_what_is_asked(stated, rule, notice):
    plan = run(stated)
    assert trigger(plan, "points-expiring")["entry_rule"] == rule
    assert output_of(plan, "tier-design")["expiry"]["notice_days"] == notice
    assert checked(plan) == {stated: "met"}


@pytest.mark.usefixtures("organisation")
def test_the_life_of_points_and_the_value_of_benefits_keep_to_their_limits():
    program = base.draft(*base.parse_usage(LINE), None).program
    gold = Tier(program=program, rank=3, name="Gold", threshold=200)
    gold.save()
    for name, cost in (("Service within a day", "0.06"), ("Gift", "0.03")):
        Benefit(tier=gold, name=name, kind="perk", unit_cost=Decimal(cost)).save()
    before, after = run(), run("min-expiry:3y; max-benefit:0.07; no-cash; no-data:surveys")
    design = output_of(after, "tier-design")
    assert output_of(before, "tier-design")["tiers"][2]["benefit_per_member"] == pytest.approx(0.09)
    assert max(tier["benefit_per_member"] for tier in design["tiers"]) == pytest.approx(0.06)
    assert design["base_points_per_unit"] > output_of(before, "tier-design")["base_points_per_unit"]
    assert design["expiry"]["days"] == 1095
    assert list(checked(after).values()) == ["met"] * 4


def test_regions_ages_and_categories_are_left_out_of_the_design(regional):
    everybody = output_of(run(), "tier-design")
    without = run("exclude-regions:CA-QC")
    assert sum(t["members"] for t in everybody["tiers"]) > sum(
        t["members"] for t in output_of(without, "tier-design")["tiers"]
    )
    assert output_of(without, "signal-review")["members"] == 180
    told = run(
        "exclude-regions:CA-QC; min-age:18; no points on wine; no points on vodka; exclude-regions:Peru"
    )
    assert output_of(told, "signal-review")["members"] < 162 + 1
    assert list(checked(told).values()) == ["met", "met", "met", "not checked", "not checked"]
    how = {row["text"]: row["how"] for row in rows(outputs(told)["constraints"])}
    assert how["exclude-regions:CA-QC"].startswith("120 members there are left out")
    assert how["min-age:18"].startswith("30 members under 18")
    assert "they have Ontario, QC" in how["exclude-regions:Peru"]


def test_points_lapse_but_not_where_they_must_not(regional):
    plan = run("points never expire in QC")
    assert trigger(plan, "points-expiring")["entry_rule"] == (
        "30 days before the expiry of points, not for members in QC"
    )
    assert output_of(plan, "tier-design")["expiry"]["not_in"] == ["QC"]
    assert checked(plan) == {"points never expire in QC": "met"}


BROKEN = {
    "only-channels:email; exclude-channels:email": "No allowed channel is left for welcome",
    "no-data:purchases": "Tiers, economics and triggers rest on purchases.",
    "exclude-regions:QC,Ontario": "Nobody would be left",
    "exclude-categories:wine,bread": "Nobody would be left",
    "expiry-notice:3y": "Points lapse 730 days after they were earned",
}


@pytest.mark.parametrize("stated", BROKEN)
def test_a_constraint_the_design_cannot_follow_holds_the_plan_before_anybody_is_asked(regional, stated):
    plan = run(stated)
    assert (plan.state, plan.pulls.get().trigger) == ("held", "compliance-blocker")
    case = plan.escalations.get()
    assert f"“{stated.split(';')[0]}” is not met: {BROKEN[stated]}" in case.subject
    assert set(checked(plan).values()) == {"broken"}
    assert not plan.approvals.exists()


@pytest.mark.usefixtures("organisation")
def test_free_text_stays_text_and_is_left_to_a_person():
    text = "Points must not expire in CA unless the account is closed"
    plan = work_off(start(f'{LINE} --constraints "{text}; exclude employees; no sms"'))
    assert checked(plan) == {text: "not checked", "exclude employees": "not checked", "no sms": "met"}
    assert trigger(plan, "points-expiring") is not None
    packet = outputs(plan)["packet"]["sections"]
    told = {section["heading"]: section["bullets"] for section in packet}
    assert (
        f"“{text}”: No rule was read in it. Not checked by the system: a person must."
        in (told["Constraints that a person must check"])
    )
    assert "2 constraints must be checked by a person" in told["What to know before signing"]
    legal = plan.approvals.get(gate="legal-approval")
    assert "lifecycle" in legal.rules.scope  # the table of constraints is on the page of the approval
    item = next(one for one in plan.checklist if one["key"] == "constraints")
    assert (
        "“no sms” (exclude-channels)" in item["evidence"] and f"a person must: “{text}”" in item["evidence"]
    )


@pytest.mark.usefixtures("organisation")
def test_before_the_design_constraints_are_pending_in_the_plan_json():
    plan = start(f'{LINE} --constraints "no-cash; be nice"')
    assert checked(plan) == {"no-cash": "pending", "be nice": "pending"}
    assert checked(start(LINE)) == {}


@pytest.mark.parametrize(
    ("stated", "nearest", "message"),
    [
        ("no-expiri:US", "no-expiry", "there is no constraint form “no-expiri”."),
        ("exclude-channels:smss", "sms", "“smss” is no channel the system knows."),
        ("min-expiry:soon", "", "Write it like min-expiry:24m."),
        ("exclude-regions", "", "names nothing; write it like exclude-regions:CA-QC."),
        ("max-benefit:50 EUR", "", "the program runs in USD, but “50 EUR” is in EUR."),
    ],
)
@pytest.mark.usefixtures("organisation")
def test_a_form_that_is_none_is_refused_with_the_forms_there_are(stated, nearest, message):
    with pytest.raises(InvalidInput) as refused:
        start(f'{LINE} --constraints "{stated}"')
    (problem,) = refused.value.problems
    assert (problem.field, problem.nearest) == ("constraints", nearest)
    assert message in problem.message
    assert problem.allowed
    assert not Plan.objects.exists()


def test_after_two_people_have_released_it_legal_decides_with_the_broken_constraint_in_view(regional):
    plan = run("no-data:purchases")
    for username in ("exec", "deputy"):
        user = get_user_model().objects.get(username=username)
        with acting_as(Actor.of_user(user, ADMIN, interactive=True)):
            ripcord.release(plan, remediation="Legal shall decide on it.")
    work_off(plan)
    (row,) = rows(outputs(plan)["constraints"])
    assert (row["kind"], row["status"]) == ("no-data", "broken")
    assert "1 constraints are broken" in output_of(plan, "governance-packet")["warnings"]
    assert finish(plan).state == "succeeded"
