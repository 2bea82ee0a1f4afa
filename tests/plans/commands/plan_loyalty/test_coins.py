"""Plans in yen and in dinars: amounts with the decimals of their currency, tables that add up as shown."""

from decimal import Decimal

import pytest

from gtm.core.money import amount_text
from plans.engine.running.replay import replay
from plans.templatetags.gtm import cell, rounding
from tests.factories import PersonFactory, ProgramFactory
from tests.plans.commands.loyalty_program import outputs, rows, run, values
from tests.plans.commands.plan_loyalty.test_money import LINE, load_shop
from tests.plans.conftest import validated, work_off

ROLES = ("member-insights-analyst", "loyalty-strategist", "loyalty-ops", "exec-sponsor", "finance", "legal")
IN_COINS = ("value", "amount", "low", "high", "comparison")


@pytest.fixture
def planned(acting, tmp_path):  # noqa: F811
    def made(currency, budget, scale, more="", **settings):
        for role in ROLES:
            PersonFactory(roles=[role])
        program = ProgramFactory(is_default=True, currency=currency, **settings)
        load_shop(program, tmp_path, scale=scale, members=600)
        plan = run(LINE.format(budget=budget, more=more))
        validated(plan)
        work_off(plan, "governance-packet")
        return plan

    return made


def fractions(payload, currency):
    """Amounts of an output in a currency that are no whole number, and large enough to be paid."""
    found = []
    for at, column in enumerate(payload.get("columns", ())):
        if payload.get("kind") == "table" and column["unit"] == currency:
            found += [row[at] for row in payload["rows"]]
    for one in [*payload.get("items", ()), *payload.get("figures", ()), payload.get("money") or {}]:
        if currency in (one.get("unit"), one.get("currency")):
            found += [one.get(key) for key in IN_COINS]
    return [x for x in found if isinstance(x, float) and abs(x) >= 10 and not x.is_integer()]


def test_amounts_in_yen_have_no_fractions_wherever_they_are_kept(planned):
    plan = planned("JPY", "900000", 150.0, point_face_value=1, point_unit_cost="0.8",
                   points_per_currency_unit="0.01")  # fmt: skip
    told = outputs(plan)
    assert {key: found for key, payload in told.items() if (found := fractions(payload, "JPY"))} == {}
    answer = values(plan)["packet"]["answer"]
    assert fractions(answer, "JPY") == []
    assert abs(answer["money"]["amount"]) > 1000
    cost = [one["value"] for one in told["financial_model"]["items"] if one["key"] == "cost_per_point"]
    assert cost == [0.8]  # the price of one of many
    assert rounding(told["answer"]) == ""
    assert all(task.same for task in replay(plan))


def test_tables_in_dinars_have_thousandths_and_add_up_as_they_are_shown(planned):
    plan = planned("KWD", "2500.125", 3.0, more="--lift 3%/5%/8%")
    told, found = outputs(plan), values(plan)
    weighed_as_the_table_of_alternatives(told, found["economics"]["recommendation"])
    the_blueprint_adds_up_to_the_pool(told["blueprint"], found["design"])
    recognition_adds_up(told["revenue_recognition"])
    said = (
        "Amounts from 100 KWD on are rounded to whole units here; the tables have them with their decimals."
    )
    assert rounding(told["answer"]) == said
    assert said in told["packet"]["sections"][0]["paragraphs"]


def weighed_as_the_table_of_alternatives(told, recommendation):
    weighed, table = told["tool-comparison-record"], told["alternatives"]
    assert (weighed["columns"], weighed["rows"]) == (table["columns"], table["rows"])
    kinds = {column["key"]: (column["kind"], column["unit"]) for column in weighed["columns"]}
    assert (kinds["annual_pool"], kinds["lift"]) == (("money", "KWD"), ("percent", ""))
    assert weighed["note"] == f"Weighed: {len(table['rows'])}. Result: {recommendation}."


def the_blueprint_adds_up_to_the_pool(table, design):
    costs = [shown(row["cost"], "money", "KWD") for row in rows(table)]
    pool = shown(design["annual_pool"], "money", "KWD")
    surprise = shown(design["surprise"]["pool"], "money", "KWD")
    assert (
        f"Of the reward pool of {amount_text(pool, 'KWD')} KWD a year, "
        f"{amount_text(surprise, 'KWD')} KWD for surprise moments belong to no tier."
    ) in table["note"]
    assert sum(costs) < pool == pytest.approx(sum(costs) + surprise, abs=Decimal("0.003"))
    assert ("Each amount is rounded by itself." in table["note"]) is (sum(costs) + surprise != pool)


def recognition_adds_up(table):
    amounts = [shown(row["amount"], "money", "KWD") for row in rows(table)[:3]]
    points = [shown(row["points"], "number", "") for row in rows(table)[3:6]]
    assert amounts[0] == amounts[1] + amounts[2] > amounts[2] > 0
    assert points[0] == points[1] + points[2] > points[2] > 0


def shown(value, kind, unit):
    return Decimal(cell(value, kind, unit).replace(",", ""))
