"""The goal moves what is optimised: tiers, earn rules, bonus, reach of the lift, triggers, benefits."""

from decimal import Decimal

import pytest

from gtm.core import canonical
from plans.export import document, rules
from plans.models import Plan
from programs.models import Benefit, Program, Tier
from tests.plans.commands.loyalty_program import outputs
from tests.plans.commands.loyalty_program import rows as rows_of
from tests.plans.conftest import LOYALTY, finish, output_of, start, work_off

pytestmark = pytest.mark.usefixtures("organisation")
GOALS = ("retention", "expansion", "engagement", "advocacy")
STEPS = ("signal-review", "tier-design", "lifecycle-mapping", "economic-modeling")


def run(goal, more="", *steps):
    return work_off(start(f"{LOYALTY} --goal {goal} --tiers 3 --budget 2000{more}"), *(steps or STEPS))


def test_each_goal_has_tiers_earn_rules_reach_bonus_and_triggers_of_its_own():
    plans = {goal: run(goal) for goal in GOALS}
    designs = {goal: output_of(plan, "tier-design") for goal, plan in plans.items()}
    first = {goal: [t["threshold"] for t in d["tiers"]][1] for goal, d in designs.items()}
    assert first["engagement"] < first["retention"] == first["advocacy"] < first["expansion"]
    steps = {goal: [t["multiplier"] for t in d["tiers"]][2] for goal, d in designs.items()}
    assert steps == {"retention": 1.5, "expansion": 1.8, "engagement": 1.3, "advocacy": 1.2}
    reached = {goal: d["goal"]["reached_share"] for goal, d in designs.items()}
    assert 0 < reached["engagement"] < reached["expansion"] < reached["retention"] == 1
    missions = {goal: [m["name"] for m in d["missions"]] for goal, d in designs.items()}
    assert missions["retention"] == []
    assert missions["expansion"][0].startswith("Order of ")
    assert missions["engagement"] == ["Second purchase", "Fourth purchase"]
    assert missions["advocacy"] == ["First purchase of a friend"]
    assert all(designs[goal]["points_per_mission"] > 0 for goal in GOALS[1:])
    lifts = {goal: output_of(plan, "economic-modeling")["lift"] for goal, plan in plans.items()}
    for goal in ("expansion", "engagement"):
        assert lifts[goal]["likely"] == pytest.approx(reached[goal] * lifts["retention"]["likely"])
        assert designs[goal]["goal"]["why_reach"] in lifts[goal]["notes"]
    net = {output_of(plan, "economic-modeling")["net_year"] for plan in plans.values()}
    assert len(net) == 4
    own = {
        goal: {row["key"] for row in output_of(plan, "lifecycle-mapping")["triggers"]}
        for goal, plan in plans.items()
    }
    extra = {goal: keys - own["retention"] for goal, keys in own.items()}
    assert extra == {
        "retention": set(),
        "expansion": {"basket-below-bonus"},
        "engagement": {"usual-gap-passed"},
        "advocacy": {"frequent-buyer-invites"},
    }
    fired = {
        row["key"]: row["fired"] for row in output_of(plans["expansion"], "lifecycle-mapping")["triggers"]
    }
    assert fired["basket-below-bonus"] > 0


def test_a_lift_that_somebody_entered_is_of_all_spend_and_stays():
    found = [output_of(run(goal, " --lift 4%"), "economic-modeling")["lift"] for goal in GOALS]
    assert {(lift["low"], lift["likely"], lift["high"]) for lift in found} == {(0.04, 0.04, 0.04)}


def test_the_measure_of_the_goal_is_a_success_metric_with_a_target_and_a_kpi():
    plan = work_off(start(f"{LOYALTY} --goal expansion --tiers 3 --budget 2000"))
    told = canonical.plain(document.build(Plan.objects.get(pk=plan.pk)))
    assert rules.problems(told) == []
    metrics = {metric["key"]: metric for metric in told["success_metrics"]}
    basket, design = metrics["average_order_value"], output_of(plan, "tier-design")["goal"]
    lift = output_of(plan, "economic-modeling")["expected_lift"]
    assert basket["target"] == pytest.approx(design["baseline"] * (1 + lift / design["reached_share"]))
    assert basket["target"] > design["baseline"] > 0
    kpis = {kpi["key"]: kpi for kpi in output_of(plan, "governance-packet")["kpis"]}
    assert kpis["average_order_value"]["threshold"] == pytest.approx(basket["target"])
    other = canonical.plain(document.build(start(f"{LOYALTY} --goal advocacy --tiers 3 --budget 2000")))
    keys = {metric["key"] for metric in other["success_metrics"]}
    assert "average_order_value" not in keys and "referred_members" in keys


@pytest.fixture
def catalogue(organisation):
    program = Program.objects.get(slug="cdnow")
    for rank, name in enumerate(("Member", "Silver", "Gold"), start=1):
        Tier(program=program, rank=rank, name=name, threshold=Decimal(100 * (rank - 1))).save()
    for rank, name, kind, cost in (
        (1, "Newsletter of the shop", "perk", "0"),
        (2, "Free delivery for a friend", "perk", "0.10"),
        (2, "Birthday delivery", "perk", "0.10"),
        (2, "Cashback of one coin", "perk", "0.01"),
        (3, "A golden record", "perk", "9000"),
        (1, "A guest pass", "surprise", "0"),
    ):
        tier = Tier.objects.get(program=program, rank=rank)
        Benefit(tier=tier, name=name, kind=kind, unit_cost=Decimal(cost)).save()


def perks(plan):
    return [tier["perks"] for tier in output_of(plan, "tier-design")["tiers"]]


@pytest.mark.usefixtures("catalogue")
def test_benefits_come_from_the_catalogue_the_goals_own_first_as_far_as_the_pool_pays():
    advocacy, retention = run("advocacy", "", "tier-design"), run("retention", "", "tier-design")
    assert perks(advocacy)[0] == ["Newsletter of the shop"]
    assert perks(advocacy)[1][0] == "Free delivery for a friend"
    assert perks(retention)[1][0] == "Birthday delivery"
    assert not any("A golden record" in names for names in perks(advocacy))  # no pool pays for it
    assert output_of(advocacy, "tier-design")["surprise"]["moment"] == "A guest pass"
    without = run("advocacy", " --constraints no-cash", "tier-design")
    assert "Cashback of one coin" in perks(advocacy)[2] and "Cashback of one coin" not in perks(without)[2]
    assert "Shareable offers" not in str(perks(advocacy))


@pytest.mark.usefixtures("catalogue")
def test_benefits_cost_what_the_catalogue_says_however_big_the_pool_is():
    for budget in ("2000", "1000"):
        plan = work_off(
            start(f"{LOYALTY} --goal retention --tiers 3 --budget {budget}"), "signal-review", "tier-design"
        )
        tiers = output_of(plan, "tier-design")["tiers"]
        for tier in tiers:
            assert tier["benefit_per_member"] == pytest.approx(sum(tier["perk_costs"].values()))
        # Delivery for a friend and on birthdays, cashback; the newsletter is free; no pool pays for a record.
        assert tiers[2]["benefit_per_member"] == pytest.approx(0.10 + 0.10 + 0.01)
        assert "ideas" not in outputs(plan)["blueprint"]["note"]


def test_ideas_of_ours_cost_nothing_and_the_plan_says_so(organisation):
    plan = run("retention", "", "tier-design")
    assert {tier["benefit_per_member"] for tier in output_of(plan, "tier-design")["tiers"]} == {0}
    assert "ideas that nobody has costed" in outputs(plan)["blueprint"]["note"]


@pytest.mark.usefixtures("catalogue")
def test_what_is_published_keeps_the_cost_of_the_catalogue_and_a_later_run_finds_it_there():
    plan = finish(start(f"{LOYALTY} --goal advocacy --tiers 3 --budget 2000"))
    silver = Tier.objects.get(program=plan.program, rank=2)
    costs = dict(silver.benefits.filter(kind="perk").values_list("name", "unit_cost"))
    assert costs["Free delivery for a friend"] == Decimal("0.1000")
    assert "Free delivery for a friend" in perks(run("retention", "", "tier-design"))[1]


def test_our_own_ideas_of_an_earlier_blueprint_are_no_catalogue():
    finish(start(f"{LOYALTY} --goal retention --tiers 3 --budget 2000"))
    assert perks(run("advocacy", "", "tier-design"))[2] == [
        "Shareable offers", "Badge and early reviews", "Seat on the customer council",
    ]  # fmt: skip


def test_the_design_says_what_the_goal_moves_and_why():
    (told,) = [rows_of(outputs(run("engagement", "", "tier-design"))["goal"])]
    said = {row["what"]: row for row in told}
    assert said["Optimises"]["is"] == "frequency"
    assert "after first orders" in said["Lift reaches"]["is"]
    assert all(row["why"] for row in told)
