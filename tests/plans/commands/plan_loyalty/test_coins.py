"""Plans in yen and in dinars: amounts with the decimals of their currency, and tables that add up as shown."""

from decimal import Decimal

import pytest

from gtm.core.money import amount_text
from plans.engine.running.replay import replay
from plans.templatetags.gtm import cell, rounding
from tests.factories import ProgramFactory
from tests.plans.commands.loyalty_program import outputs, rows, run, values
from tests.plans.commands.plan_loyalty.test_money import LINE, STEPS, load_shop, roles  # noqa: F401

PACKET = "governance-packet"


@pytest.fixture
def planned(tmp_path):
    def made(currency, budget, scale, more="", **settings):
        program = ProgramFactory(is_default=True, currency=currency, **settings)
        load_shop(program, tmp_path, scale=scale, members=600)
        plan = run(LINE.format(budget=budget, more=more))
        assert not plan.tasks.filter(key__in=STEPS).exclude(state="succeeded").exists()
        return plan

    return made


@pytest.fixture
def in_yen(planned):
    return planned(
        "JPY", "900000", 150.0, point_face_value=1, point_unit_cost="0.8", points_per_currency_unit="0.01"
    )


@pytest.fixture
def in_dinars(planned):
    return planned("KWD", "2500.125", 3.0, more="--lift 3%/5%/8%")


def fractions(payload, currency):
    """Amounts of an output in a currency that are no whole number, and large enough to be paid."""
    found = []
    for at, column in enumerate(payload.get("columns", ())):
        if payload["kind"] == "table" and column["unit"] == currency:
            found += [row[at] for row in payload["rows"]]
    named = [*payload.get("items", ()), *payload.get("figures", ()), payload.get("money") or {}]
    for one in named:
        if currency in (one.get("unit"), one.get("currency")):
            found += [one.get(key) for key in ("value", "amount", "low", "high", "comparison")]
    return [x for x in found if isinstance(x, float) and abs(x) >= 10 and not x.is_integer()]


def test_amounts_in_yen_have_no_fractions_wherever_they_are_kept(in_yen):
    told = outputs(in_yen)
    left = {key: found for key, payload in told.items() if (found := fractions(payload, "JPY"))}
    assert left == {}
    assert any(row["amount"] for row in rows(told["revenue_recognition"]))
    cost = [one["value"] for one in told["financial_model"]["items"] if one["key"] == "cost_per_point"]
    assert cost == [0.8]  # a price of one of many
    assert rounding(told["answer"]) == ""
    assert all(task.agrees for task in replay(in_yen))


def test_what_was_weighed_has_the_kinds_and_units_of_the_table_of_alternatives(in_dinars):
    told = outputs(in_dinars)
    weighed, table = told["tool-comparison-record"], told["alternatives"]
    assert (weighed["columns"], weighed["rows"]) == (table["columns"], table["rows"])
    kinds = {column["key"]: (column["kind"], column["unit"]) for column in weighed["columns"]}
    assert (kinds["annual_pool"], kinds["lift"]) == (("money", "KWD"), ("percent", ""))
    assert (
        weighed["note"]
        == f"Weighed: {len(table['rows'])}. Result: {values(in_dinars)['economics']['recommendation']}."
    )


def test_the_blueprint_says_what_of_the_pool_belongs_to_no_tier(in_dinars):
    told, design = outputs(in_dinars), values(in_dinars)["design"]
    shown = [
        Decimal(amount_text(Decimal(str(row["cost"])), "KWD").replace(",", ""))
        for row in rows(told["blueprint"])
    ]
    pool = round(Decimal(str(design["annual_pool"])), 3)
    rest = pool - sum(shown)
    assert float(rest) == pytest.approx(design["surprise"]["pool"], abs=0.003)
    assert (
        f"Of the reward pool of {amount_text(pool, 'KWD')} KWD a year, {amount_text(rest, 'KWD')} KWD for surprise moments "
        "belong to no tier." in told["blueprint"]["note"]
    )


def test_revenue_recognition_adds_up_as_it_is_shown(in_dinars):
    told = [[cell(row["amount"], "money", "KWD"), cell(row["points"], "number", "")] for row in
            rows(outputs(in_dinars)["revenue_recognition"])]  # fmt: skip
    sales, at_sale, deferred = (Decimal(told[n][0].replace(",", "")) for n in (0, 1, 2))
    issued, redeemed, breakage = (Decimal(told[n][1].replace(",", "")) for n in (3, 4, 5))
    assert sales == at_sale + deferred > deferred > 0
    assert issued == redeemed + breakage > breakage > 0


def test_an_answer_says_that_it_rounds_amounts_and_so_does_the_packet(in_dinars):
    told = outputs(in_dinars)
    said = (
        "Amounts from 100 KWD on are rounded to whole units here; the tables have them with their decimals."
    )
    assert rounding(told["answer"]) == said
    assert said in told["packet"]["sections"][0]["paragraphs"]
