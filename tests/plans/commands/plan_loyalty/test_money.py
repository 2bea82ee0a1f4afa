"""The money of plan-loyalty in worlds whose truth is known: what the command says, not what its functions
can."""

import re
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from gtm.core.errors import InvalidInput
from plans.models import Escalation
from tests.factories import PersonFactory, ProgramFactory
from tests.plans.commands.loyalty_program import load, outputs, rows, run, values

LINE = "/loyalty-lifecycle-orchestration:plan-loyalty --goal retention --tiers 3 --budget {budget} {more}"
STEPS = ("signal-review", "tier-design", "economic-modeling")
START = datetime(2024, 1, 1, 12, tzinfo=UTC)
HISTORY, YEAR = 700, 365


@pytest.fixture(autouse=True)
def roles(acting):  # noqa: F811
    for role in (
        "member-insights-analyst",
        "loyalty-strategist",
        "loyalty-ops",
        "exec-sponsor",
        "finance",
        "legal",
    ):
        PersonFactory(roles=[role])


@pytest.fixture
def program():
    return ProgramFactory(is_default=True, platform_cost_monthly=200)


def purchases(who, day, paid):
    return pa.table({
        "member_id": [f"m{n:05d}" for n in who],
        "purchased_at": [START + timedelta(days=int(d)) for d in day],
        "amount": [round(float(v), 2) for v in paid],
        "order_id": [f"o{n}" for n in range(len(who))],
    })  # fmt: skip


def shop(seed=0, growth=0.0, members=1500, scale=1.0):
    """Orders of 700 days and of the year after, in which newcomers keep to the rate of the last quarter."""
    rng, total = np.random.default_rng(seed), HISTORY + YEAR
    weight = np.exp(growth * np.arange(total) / YEAR)
    weight[HISTORY:] = weight[HISTORY - 91 : HISTORY].mean()
    size = round(members * weight.sum() / weight[:HISTORY].sum())
    first = rng.choice(total, size, p=weight / weight.sum())
    rate, stays, value = (
        rng.gamma(1.5, 0.02, size),
        rng.exponential(240, size),
        30 * rng.gamma(6, 1 / 6, size),
    )
    who = np.repeat(np.arange(size), rng.poisson(rate * stays))
    day = np.concatenate([first, np.floor(first[who] + rng.random(who.size) * stays[who])])
    who = np.concatenate([np.arange(size), who])
    paid = scale * value[who] * rng.gamma(4, 1 / 4, who.size) + 0.01
    order = day < total
    who, day, paid = who[order], day[order], paid[order]
    # The last day has an order, so that the data end where the history does.
    who, day, paid = np.append(who, 0), np.append(day, HISTORY - 1), np.append(paid, scale * 30.0)
    return who, day, paid


def load_shop(program, folder, **drawn):
    """Load what was seen; answers what was spent in the year after."""
    who, day, paid = shop(**drawn)
    seen = day < HISTORY
    load(program, folder, "purchases", purchases(who[seen], day[seen], paid[seen]))
    return float(paid[~seen].sum())


def planned(budget="5000", more=""):
    plan = run(LINE.format(budget=budget, more=more), *STEPS)
    failed = plan.tasks.filter(key__in=STEPS).exclude(state="succeeded")
    assert not failed.exists(), [task.error for task in failed]
    return values(plan), outputs(plan)


# ------------------------------------------------------------------ revenue base


@pytest.mark.parametrize("growth", [0.0, 0.6, -1.2])
def test_the_revenue_base_is_what_is_spent_in_the_year_after(program, tmp_path, growth):
    actual = load_shop(program, tmp_path, growth=growth)
    base = planned()[0]["economics"]["revenue_base"]
    assert base["low"] <= actual <= base["high"]
    assert base["next_twelve_months"] == pytest.approx(actual, rel=0.3)
    assert sum(base["by_month"][:12]) == pytest.approx(base["next_twelve_months"])
    assert base["last_twelve_months"] > 0 < base["run_rate"]


def test_a_shop_that_takes_back_a_third_of_its_orders_has_two_thirds_of_the_base(program, tmp_path):
    who, day, paid = shop()
    seen = day < HISTORY
    who, day, paid = who[seen], day[seen], paid[seen]
    back = np.arange(who.size) % 3 == 0
    sold = purchases(who, day, paid)
    refunds = pa.table({
        "member_id": [f"m{n:05d}" for n in who[back]],
        "purchased_at": [START + timedelta(days=int(d), hours=1) for d in day[back]],
        "amount": [-round(float(v), 2) for v in paid[back]],
        "order_id": [f"o{n}" for n in np.flatnonzero(back)],
    })  # fmt: skip
    load(program, tmp_path, "purchases", sold)
    gross = planned()[0]["economics"]["revenue_base"]["next_twelve_months"]
    load(program, tmp_path, "purchases", pa.concat_tables([sold, refunds]))
    net = planned()[0]["economics"]["revenue_base"]["next_twelve_months"]
    assert net == pytest.approx(gross * 2 / 3, rel=0.12)


# ------------------------------------------------------------------ twelve-month spend


def test_where_everybody_spends_370_a_year_the_design_says_370(program, tmp_path):
    """An order of 10 every ten days from the first on: 37 orders in 365 days. Members of 91 days to two
    years."""
    who, day = [], []
    for member, age in enumerate(range(91, HISTORY, 3)):
        own = np.arange(HISTORY - age, HISTORY, 10)
        who += [member] * own.size
        day += own.tolist()
    load(program, tmp_path, "purchases", purchases(who, day, [10.0] * len(who)))
    line = LINE.format(budget=5000, more="").replace("--tiers 3", "--tiers points-only")
    spend = values(run(line, *STEPS))["design"]["twelve_month_spend"]
    assert spend == pytest.approx(dict.fromkeys(("mean", "median", "p80", "p90", "p95"), 370))


# ------------------------------------------------------------------ pool


def amount_of(table, label, column="amount"):
    return next(row[column] for row in rows(table) if row[next(iter(row))] == label)


def test_all_tables_of_a_plan_agree_to_the_cent(program, tmp_path):
    load_shop(program, tmp_path)
    found, told = planned()
    design, economics = found["design"], found["economics"]
    year, recognition = told["year"], told["revenue_recognition"]
    pool = design["annual_pool"]
    rewards = amount_of(year, "Rewards on purchases that would have happened anyway") + amount_of(
        year, "Rewards on the lift"
    )
    of_tiers = sum(tier["reward_cost"] for tier in design["tiers"])
    surprise = design["surprise"]["pool"]
    points = economics["points"]
    assert [
        economics["annual_pool"],
        -rewards,
        of_tiers + surprise,
        points["expected_redeemed"] * economics["cost_per_point"],
        amount_of(recognition, "Cost of the points expected to be redeemed"),
        rows(told["alternatives"])[0]["annual_pool"],
    ] == pytest.approx([pool] * 6, abs=0.005)
    assert [amount_of(year, "Net"), rows(told["alternatives"])[0]["net_year"]] == pytest.approx(
        [economics["net_year"]] * 2, abs=0.005
    )
    assert amount_of(recognition, "Points issued", "points") == pytest.approx(points["issued"])
    assert amount_of(recognition, "Deferred for points") == pytest.approx(economics["deferred"], abs=0.005)
    assert amount_of(told["revenue_base"], "Next twelve months if nothing changes") == pytest.approx(
        economics["revenue_base"]["next_twelve_months"], abs=0.005
    )
    enrolled = economics["revenue_base"]["next_twelve_months"] * 0.5
    assert amount_of(recognition, "Sales of enrolled members, the lift included") == pytest.approx(
        enrolled * (1 + economics["expected_lift"]), abs=0.005
    )


@pytest.mark.parametrize("budget", ["300", "3000", "300000"])
def test_no_alternative_within_the_limits_earns_more_than_the_proposal(program, tmp_path, budget):
    load_shop(program, tmp_path)
    found, told = planned(budget, "--lift 3%/5%/8%")
    proposed, *others = rows(told["alternatives"])
    limit = found["design"]["annual_budget"]
    assert proposed["annual_pool"] <= limit
    assert found["economics"]["overrun_probability"] <= 0.1
    for other in (row for row in others if not row["name"].startswith("Downgrade")):
        within = (
            other["annual_pool"] <= limit
            and other["overrun"] <= 0.1
            and other["loss"] <= max(0.25, proposed["loss"])
        )
        assert not within or other["net_present_value"] <= proposed["net_present_value"] + 0.01 * limit


def test_downgrade_policies_stand_beside_the_proposal_and_keeping_tiers_costs_more(program, tmp_path):
    load_shop(program, tmp_path)
    table = {row["name"]: row for row in rows(planned(more="--lift 3%/5%/8%")[1]["alternatives"])}
    policies = {name: row for name, row in table.items() if name.startswith("Downgrade")}
    assert len(policies) == 4  # without a downgrade both periods are one
    proposed = table["Proposed"]
    assert policies["Downgrade none, anniversary or rolling"]["annual_pool"] >= proposed["annual_pool"]
    assert {row["points_per_unit"] for row in policies.values()} == {proposed["points_per_unit"]}
    assert {"Points only", "One tier fewer", "Half the pool"} <= table.keys()


def test_a_chance_of_an_overrun_never_stands_beside_nothing_out_of_the_ordinary(program, tmp_path):
    load_shop(program, tmp_path)
    plan = run(LINE.format(budget="300", more="--lift 3%/5%/8%"), *STEPS, "lifecycle-mapping")
    economics = values(plan)["economics"]
    assert economics["overrun_probability"] <= 0.1
    assert {"Chance of an overrun", "Chance of a loss"} <= {
        column["label"] for column in outputs(plan)["alternatives"]["columns"]
    }


@pytest.mark.parametrize(
    ("changed", "recommendation"),
    [
        ({"gross_margin": "-0.05"}, "do not launch"),
        ({"gross_margin": "0"}, "do not launch"),
        ({"point_unit_cost": "0"}, "launch"),
    ],
)
def test_a_negative_margin_and_a_free_point_are_cases(program, tmp_path, changed, recommendation):
    for name, value in changed.items():
        setattr(program, name, value)
    program.save()
    load_shop(program, tmp_path)
    economics = planned()[0]["economics"]
    assert economics["recommendation"] == recommendation
    assert economics["annual_pool"] == 0


def test_where_no_pool_earns_the_plan_says_do_not_and_that_a_year_loses(program, tmp_path):
    load_shop(program, tmp_path)
    plan = run(LINE.format(budget="50000", more="--lift 0%/0.1%/0.2%"), *STEPS)
    economics = values(plan)["economics"]
    assert (economics["recommendation"], economics["net_year"] < 0) == ("do not launch", True)
    assert economics["why"] == "No reward earns more than it costs, however small the pool."


def test_the_risks_that_are_tolerated_are_the_programs_or_the_runs(program, tmp_path):
    load_shop(program, tmp_path)
    usual = planned(budget="300", more="--lift 3%/9%/15%")[0]["economics"]
    assert (usual["tolerated_overrun"], usual["tolerated_loss"]) == (0.10, 0.25)
    # Nobody who tolerates no overrun is proposed a pool that may have one.
    careful, told = planned(budget="300", more="--lift 3%/9%/15% --tolerated_overrun 1%")
    assert careful["economics"]["overrun_probability"] <= 0.01
    assert careful["economics"]["annual_pool"] < usual["annual_pool"]
    said = {row["name"]: row["source"] for row in rows(told["assumptions"])}
    assert said["tolerated overrun"] == "entered with this run"
    assert said["tolerated loss"].startswith("program settings")
    program.tolerated_loss = 0
    program.save()
    strict = planned(budget="3000", more="--lift 3%/9%/15% --launch_cost 2000")[0]["economics"]
    assert (strict["recommendation"], strict["tolerated_loss"]) == ("test first", 0)


def test_an_unsure_lift_is_to_be_tested_with_members_who_exist(program, tmp_path):
    load_shop(program, tmp_path)
    economics = planned(more="--lift 0%/6%/20% --tolerated_loss 5%")[0]["economics"]
    assert economics["recommendation"] == "test first"
    assert economics["net_present_value"] > 0
    test = economics["test"]
    assert 0 < test["members"] < 1600
    assert test["is_possible"] is (2 * test["members_per_arm"] <= test["members"])


def test_no_test_is_proposed_that_too_few_members_could_tell_where_a_loss_is_expected(program, tmp_path):
    load_shop(program, tmp_path)
    economics = planned(more="--lift 0%/5%/14%")[0]["economics"]
    assert economics["net_present_value"] < 0
    assert 0.2 < 1 - economics["probability_of_loss"] < 0.5  # worth a test, if one could tell
    assert economics["recommendation"] == "do not launch"
    assert re.search(
        r"No test can tell: it needs [\d,]+ members an arm, and only [\d,]+ have", economics["why"]
    )
    assert "test" not in economics


# ------------------------------------------------------------------ assumptions


def test_a_program_in_yen_starts_without_made_up_yen(tmp_path):
    program = ProgramFactory(is_default=True, currency="JPY", point_face_value=1, point_unit_cost="0.8",
                             points_per_currency_unit="0.01")  # fmt: skip
    load_shop(program, tmp_path, scale=150.0)
    found, told = planned(budget="900000")
    assert told["cash"]["series"][0]["values"][0] == 0
    assert found["economics"]["costs_not_entered"] == ["launch_cost", "platform_cost"]
    assert (
        planned(budget="900000", more="--launch_cost 250000")[1]["cash"]["series"][0]["values"][0] == -250_000
    )


def test_a_loss_is_told_in_the_coins_of_its_currency(tmp_path):
    program = ProgramFactory(is_default=True, currency="JPY", point_face_value=1, point_unit_cost="0.8",
                             points_per_currency_unit="0.01")  # fmt: skip
    load_shop(program, tmp_path, scale=150.0)
    for budget in ("900000", "600000"):
        planned(budget=budget, more="--platform_cost 900000000")
    case = Escalation.objects.get(trigger="negative-roi")
    lost = r"design \w+: Over 36 months, the launch included, a loss of \d{1,3}(,\d{3})+ JPY is expected"
    assert re.fullmatch(rf"Breached {lost}; {lost}\.", case.detail)
    assert all(re.fullmatch(r"-\d+", told["value"]) for told in case.evidence)


def test_what_is_entered_for_the_run_goes_before_the_program_and_names_its_source(program, tmp_path):
    program.lift_likely, program.enrolment_likely, program.launch_cost = "0.05", "0.4", 7000
    program.assumptions_source = "CFO memo, March 2025"
    program.assumptions_owner = PersonFactory(name="Carla Moss")
    program.save()
    load_shop(program, tmp_path)
    _, told = planned()
    sources = {row["name"]: (row["mode"], row["source"]) for row in rows(told["assumptions"])}
    said = "program settings: CFO memo, March 2025; owner Carla Moss"
    assert sources["lift"] == (0.05, said)
    assert (sources["enrolment"], sources["launch cost"]) == ((0.4, said), (7000, said))
    assert sources["half lift value rate"] == (0.02, "stated assumption")
    assert "half lift value rate" in told["tornado"]["categories"]
    found, told = planned(more="--lift 2%/6%/9% --half_lift 3% --horizon 24 --discount_rate 8% --margin 35%")
    assert "half lift value rate" not in told["tornado"]["categories"]  # one value has no range
    sources = {row["name"]: (row["mode"], row["source"]) for row in rows(told["assumptions"])}
    assert sources["lift"] == (0.06, "entered with this run")
    assert sources["half lift value rate"] == (0.03, "entered with this run")
    assert (sources["horizon"][0], sources["discount rate"][0], sources["margin rate"][0]) == (24, 0.08, 0.35)
    assert found["economics"]["lift"]["likely"] == 0.06
    assert len(told["cash"]["categories"]) == 25


def test_assumptions_that_do_not_fit_together_are_refused_at_the_door(program, tmp_path):
    load_shop(program, tmp_path, members=300)
    for more, said in (
        ("--lift 9%/2%/5%", "does not rise"),
        ("--lift much", "no number"),
        ("--enrolment 140%", "not between"),
        ("--launch_cost '5 EUR'", "the program runs in USD"),
        ("--horizon 2", "out of range"),
    ):
        with pytest.raises(InvalidInput) as refused:
            run(LINE.format(budget="5000", more=more))
        assert said in str(refused.value.problems)


def holdout(lift, members=4000, seed=3):
    rng = np.random.default_rng(seed)
    arm = np.arange(members) % 2
    spend = rng.gamma(2.0, 50.0, members) * np.where(arm == 1, 1 + lift, 1.0)
    when = [START + timedelta(days=HISTORY - 200)] * members
    return pa.table({
        "experiment": ["Loyalty holdout"] * members,
        "unit_id": [f"h{n:05d}" for n in range(members)],
        "variant": ["holdout" if a == 0 else "program" for a in arm],
        "assigned_at": when,
        "metric": ["spend"] * members,
        "value": [round(float(v), 2) for v in spend],
    })  # fmt: skip


def test_a_holdout_moves_the_lift_and_the_plan_says_so(program, tmp_path):
    load_shop(program, tmp_path)
    assumed = planned()[0]["economics"]
    assert assumed["lift"]["is_assumed"]
    load(program, tmp_path, "experiments", holdout(0.15))
    found, told = planned(more="--lift 1%")
    lift = found["economics"]["lift"]
    assert lift["low"] <= 0.15 <= lift["high"]
    assert lift["source"] == "measured by the test “Loyalty holdout”, spend, 4,000 members"
    assert not lift["is_assumed"]
    assert lift["notes"] == ["The entered lift of 1.0 % is not used, because a test measured it."]
    assert found["economics"]["expected_lift"] > assumed["expected_lift"]
    assert amount_of(told["assumptions"], "lift", "source") == lift["source"]


def test_a_test_of_something_else_is_no_holdout(program, tmp_path):
    load_shop(program, tmp_path)
    table = holdout(0.15)
    other = table.set_column(0, "experiment", pa.array(["red button"] * table.num_rows))
    other = other.set_column(2, "variant", pa.array(["a" if n % 2 else "b" for n in range(table.num_rows)]))
    load(program, tmp_path, "experiments", other)
    assert planned()[0]["economics"]["lift"]["is_assumed"]
    asked = planned(more='--lift_test "red button"')[0]["economics"]["lift"]
    assert asked["source"].startswith("measured by the test “red button”")
