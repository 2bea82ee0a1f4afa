"""Personas are segments of members: they split design, triggers and economics, to the cent."""

from decimal import Decimal

import pyarrow as pa
import pytest

from gtm.core.errors import InvalidInput
from plans.models import Plan
from programs.datasets.loading import ingest as loading
from programs.datasets.loading.ingest import ingest
from tests.plans.commands.loyalty_program import load, outputs, purchases, rows
from tests.plans.conftest import LOYALTY, output_of, start, validated, work_off

LINE = f"{LOYALTY} --goal retention --tiers 3 --budget 2000"
STEPS = ("signal-review", "tier-design", "lifecycle-mapping", "economic-modeling")
ITEMS = ("margin", "reward_on_baseline", "reward_on_incremental", "fixed_cost", "net")


@pytest.fixture
def program(organisation, tmp_path, monkeypatch):
    """300 members, every third a student by the member list, every third a collector."""
    monkeypatch.setattr(loading, "ingest", ingest)
    members, times, amounts = purchases()
    found = work_off(start(LINE), "none").program
    bought = pa.table({"member_id": members, "purchased_at": times, "amount": amounts})
    load(found, tmp_path, "purchases", bought)
    names = sorted(set(members))
    persona = [("Students", "Collectors", None)[n % 3] for n in range(len(names))]
    listed = pa.table({"member_id": names, "enrolled_at": [min(times)] * len(names), "persona": persona})
    load(found, tmp_path, "members", listed)
    return found


def run(personas=""):
    return work_off(start(f'{LINE} --personas "{personas}"' if personas else LINE), *STEPS)


def test_personas_split_design_triggers_and_economics_and_add_up_to_the_whole(program):
    plan = run("students,Collectors")
    design, economics = output_of(plan, "tier-design"), output_of(plan, "economic-modeling")
    found = {row["persona"]: row for row in design["personas"]}
    assert list(found) == ["Students", "Collectors", "Everybody else"]
    assert found["Students"]["rule"] == "members.persona is “Students”"
    tiers = design["tiers"]
    assert sum(row["members"] for row in found.values()) == sum(tier["members"] for tier in tiers)
    for tier in tiers:
        assert sum(row["tiers"][tier["name"]] for row in found.values()) == tier["members"]
    assert sum(row["share_of_spend"] for row in found.values()) == pytest.approx(1)
    assert sum(row["reward_cost"] for row in found.values()) == pytest.approx(design["annual_pool"])
    by_persona = economics["by_persona"]
    assert [row["persona"] for row in by_persona] == list(found)
    year = {row["item"]: row["amount"] for row in rows(outputs(plan)["year"])}
    whole = dict(zip(ITEMS, (abs(amount) for amount in list(year.values())[:4]), strict=False))
    for item in ITEMS[:4]:
        exact = sum(Decimal(repr(row[item])) for row in by_persona)
        assert exact == Decimal(repr(whole[item])).quantize(Decimal("0.01"))
    *parts, total = rows(outputs(plan)["economics_by_persona"])
    assert (total["persona"], len(parts)) == ("All", 3)
    assert sum(Decimal(repr(part["net"])) for part in parts) == Decimal(repr(total["net"]))
    assert total["net"] == pytest.approx(economics["net_year"], abs=0.03)
    lapsing = next(r for r in output_of(plan, "lifecycle-mapping")["triggers"] if r["key"] == "lapsing")
    assert 0 < sum(lapsing["fired_by_persona"].values()) <= lapsing["fired"]


def test_without_personas_nothing_is_split_and_the_design_is_the_same(program):
    plain, split = run(), run("students")
    without, design = output_of(plain, "tier-design"), output_of(split, "tier-design")
    assert "personas" not in without and "by_persona" not in output_of(plain, "economic-modeling")
    assert [t["threshold"] for t in without["tiers"]] == [t["threshold"] for t in design["tiers"]]
    assert "fired_by_persona" not in output_of(plain, "lifecycle-mapping")["triggers"][0]


def test_a_segment_of_how_members_buy_is_a_persona_too_and_the_first_named_counts(program):
    plan = run("champions,students")
    found = {row["persona"]: row for row in output_of(plan, "tier-design")["personas"]}
    assert found["Champions"]["rule"].startswith("RFM quintiles")
    turned = {row["persona"]: row for row in output_of(run("students,champions"), "tier-design")["personas"]}
    assert turned["Champions"]["members"] < found["Champions"]["members"]
    assert turned["Students"]["members"] > found["Students"]["members"]


def test_an_unknown_persona_is_refused_with_those_there_are(program):
    plans = Plan.objects.count()
    with pytest.raises(InvalidInput) as refused:
        start(f"{LINE} --personas studnts")
    (problem,) = refused.value.problems
    assert (problem.field, problem.nearest) == ("personas", "students")
    assert {"students", "collectors", "champions", "hibernating"} <= set(problem.allowed)
    assert Plan.objects.count() == plans


def test_the_analyst_is_shown_who_each_persona_is(program):
    plan = start(f"{LINE} --personas students")
    work_off(plan, *STEPS)
    assert validated(plan) is not None
    shown = [row for row in rows(outputs(plan)["segments_to_validate"]) if row["kind"] == "Persona"]
    assert [(row["name"], row["basis"]) for row in shown][0] == ("Students", "members.persona is “Students”")
