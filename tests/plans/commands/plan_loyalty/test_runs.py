"""plan-loyalty on the CDNOW purchases, end to end through the engine: figures that follow from the data."""

import csv
import gzip
from decimal import Decimal
from importlib import resources

import pytest

from plans.demo import organisation as demo
from programs import services
from programs.datasets.loading import ingest as loading
from programs.datasets.loading.ingest import ingest
from programs.models import LifecycleTrigger, Program, Tier
from tests.plans.conftest import (
    BLUEPRINT,
    LOYALTY,
    decide,
    finish,
    output_of,
    start,
    validated,
    work_off,
)

pytestmark = pytest.mark.usefixtures("organisation")
MEMBERS = 23_570


def model(tiers="3", budget="2000", goal="retention"):
    """Design and economics of a run, and the run."""
    line = f"{LOYALTY} --goal {goal} --tiers {tiers} --budget {budget}"
    plan = work_off(start(line), "tier-design", "economic-modeling")
    return output_of(plan, "tier-design"), output_of(plan, "economic-modeling"), plan


def thresholds(design):
    return [tier["threshold"] for tier in design["tiers"]]


def test_a_bigger_pool_earns_more_points_and_lift_and_pays_only_up_to_a_point():
    runs = [model(budget=budget)[:2] for budget in ("500", "1000", "2000", "4000", "10000")]
    designs, economics = zip(*runs, strict=True)
    rates = [d["base_points_per_unit"] for d in designs]
    lifts = [e["expected_lift"] for e in economics]
    assert (rates, lifts) == (sorted(rates), sorted(lifts))
    assert all(0.98 < d["annual_pool"] / d["annual_budget"] <= 1 for d in designs)
    assert {tuple(thresholds(d)) for d in designs} == {(0, 120, 320)}  # spend sets the tiers, not the budget
    net = [e["net_year"] for e in economics]
    assert net.index(max(net)) not in (0, len(net) - 1)


def test_a_pool_that_cannot_be_used_sensibly_is_not_used_and_the_approvers_are_told():
    plan = work_off(start(BLUEPRINT))
    design = output_of(plan, "tier-design")
    assert design["annual_pool"] + design["unspent"] == pytest.approx(design["annual_budget"])
    assert design["unspent"] > 0
    warnings = output_of(plan, "governance-packet")["warnings"]
    assert "68 % of the budget cannot be used sensibly" in warnings
    assert "The model expects a loss in a full year" in warnings


def test_a_monthly_pool_is_the_quarterly_one_three_times_as_often():
    monthly, quarterly = model(budget="1000/month")[0], model(budget="3000")[0]
    assert monthly["annual_budget"] == quarterly["annual_budget"] == 12_000


@pytest.mark.parametrize(
    ("asked", "kind", "expected"),
    [
        ("2", "tiers", [0, 120]),  # 80th percentile of first-year spend: 116.42
        ("3", "tiers", [0, 120, 320]),  # 95th: 321.17
        ("6", "tiers", [0, 120, 320, 670, 1200, 2500]),
        ("hybrid", "hybrid", [0, 120, 320]),
        ("missions", "missions", [0]),
    ],
)
def test_the_tiers_asked_for_hold_every_member_once(asked, kind, expected):
    design, _, _ = model(tiers=asked)
    assert (design["kind"], thresholds(design)) == (kind, expected)
    assert sum(tier["members"] for tier in design["tiers"]) == MEMBERS
    assert sum(tier["share_of_spend"] for tier in design["tiers"]) == pytest.approx(1)
    per_unit = [tier["points_per_unit"] for tier in design["tiers"]]
    assert per_unit == sorted(per_unit)


def test_twice_the_spend_is_twice_the_thresholds_and_the_same_loyalty(tmp_path, monkeypatch):
    before = work_off(start(BLUEPRINT), "signal-review", "tier-design")
    doubled = tmp_path / "doubled.csv"
    sample = resources.files("programs.datasets") / "samples" / demo.CDNOW
    with gzip.open(sample.open("rb"), "rt", newline="") as source, doubled.open("w", newline="") as target:
        rows = csv.DictReader(source)
        writer = csv.DictWriter(target, rows.fieldnames)
        writer.writeheader()
        writer.writerows({**row, "dollar_value": Decimal(row["dollar_value"]) * 2} for row in rows)
    monkeypatch.setattr(loading, "ingest", ingest)
    services.load_dataset("purchases", [doubled], program=before.program, series="replace", currency="USD")
    after = work_off(start(BLUEPRINT), "signal-review", "tier-design")
    assert thresholds(output_of(after, "tier-design")) == [0, 230, 640]  # of 232.84 and 642.34
    old, new = (output_of(plan, "signal-review") for plan in (before, after))
    assert new["average_order_value"] == pytest.approx(2 * old["average_order_value"])
    assert (new["repeat_rate"], new["survival_12"]) == (old["repeat_rate"], old["survival_12"])


def test_a_better_margin_is_a_better_return():
    _, poor, plan = model()
    program = Program.objects.get(pk=plan.program_id)
    program.gross_margin += Decimal("0.1")
    program.save()
    _, rich, _ = model()
    assert rich["roi_p50"] > poor["roi_p50"]
    assert rich["break_even_lift"] < poor["break_even_lift"]


def test_the_same_inputs_and_data_are_the_same_seed_and_the_same_bytes():
    runs = [work_off(start(BLUEPRINT)) for _ in range(2)]
    seeds = {plan.seed for plan in runs}
    outputs = {
        tuple(plan.tasks.order_by("position").values_list("output_sha256", flat=True)) for plan in runs
    }
    artifacts = {tuple(plan.artifacts.order_by("pk").values_list("sha256", flat=True)) for plan in runs}
    assert (len(seeds), len(outputs), len(artifacts)) == (1, 1, 1)
    assert model(goal="advocacy")[2].seed not in seeds


def cases(plan):
    return plan.escalations.filter(trigger="negative-roi")


def test_a_negative_return_twice_goes_up_the_ladder_with_both_values():
    first_loss, second_loss = model(budget="10000"), model(budget="50000")
    assert cases(first_loss[2]).count() == 0
    case = cases(second_loss[2]).get()
    assert [float(e["value"]) for e in case.evidence] == [
        round(economics["net_year"], 2) for _, economics, _ in (first_loss, second_loss)
    ]
    assert case.firings.get().role == "loyalty-strategist"


def test_the_same_design_again_and_a_good_one_in_between_do_not_add_up():
    assert cases(model(budget="10000")[2]).count() == 0
    assert cases(model(budget="10000")[2]).count() == 0
    model(budget="2000")
    assert cases(model(budget="50000")[2]).count() == 0


def states(plan, *keys):
    found = dict(plan.tasks.values_list("key", "state"))
    return [found[key] for key in keys]


def test_the_packet_waits_for_both_branches_and_for_the_analyst():
    plan = start(BLUEPRINT)
    work_off(plan, "tier-design", "economic-modeling")
    assert states(plan, "lifecycle-mapping", "governance-packet") == ["pending", "pending"]
    work_off(plan, "signal-review", "lifecycle-mapping")
    assert states(plan, "segment-validation", "governance-packet") == ["ready", "pending"]
    validated(plan)
    assert states(plan, "governance-packet", "finance-approval") == ["ready", "pending"]


@pytest.mark.parametrize(
    "order", [("finance-approval", "legal-approval"), ("legal-approval", "finance-approval")]
)
def test_nothing_is_published_before_both_have_approved(order):
    username = {"finance-approval": "finance", "legal-approval": "legal"}
    plan = work_off(start(BLUEPRINT))
    decide(plan, order[0], username[order[0]])
    assert states(work_off(plan), "publish-blueprint") == ["pending"]
    assert not Tier.objects.exists()
    decide(plan, order[1], username[order[1]])
    assert work_off(plan).state == "succeeded"
    published = Tier.objects.filter(program=plan.program).order_by("rank")
    approved = output_of(plan, "tier-design")["tiers"]
    assert [(t.name, float(t.threshold), float(t.earn_multiplier)) for t in published] == [
        (t["name"], t["threshold"], t["multiplier"]) for t in approved
    ]
    assert LifecycleTrigger.objects.count() == len(output_of(plan, "lifecycle-mapping")["triggers"])


def test_publishing_again_changes_what_is_there_and_doubles_nothing():
    finish(start(BLUEPRINT))
    finish(start(f"{LOYALTY} --goal retention --tiers 2 --budget 2000"))
    assert list(Tier.objects.order_by("rank").values_list("name", flat=True)) == ["Member", "Silver"]


def test_a_compliance_blocker_stops_the_plan_and_asks_the_ladder_at_once():
    plan = work_off(start(BLUEPRINT))
    decide(plan, "legal-approval", "legal", "request_changes")
    plan.refresh_from_db()
    assert plan.state == "changes_requested"
    assert plan.escalations.get(trigger="compliance-blocker").rung == 1
    assert not Tier.objects.exists()
