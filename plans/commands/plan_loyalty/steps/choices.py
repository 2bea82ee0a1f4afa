"""What else could be done: other pools and structures on the same base, and the test that would tell."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from plans.commands.plan_loyalty.steps.planned import PlannedProgram
from plans.commands.shared.columns import columns
from plans.commands.shared.figures import money, percent
from plans.schemas.outputs import Column, Table
from programs.analytics import rewards, tiers
from programs.analytics.experiments import members_per_arm_for_mean
from programs.analytics.loyalty_finance import LaunchAdvice
from programs.analytics.rewards import RewardDesign
from programs.analytics.tiers import DowngradePolicy, QualificationPeriod

PROPOSED_POLICY = (DowngradePolicy.ONE_DOWN, QualificationPeriod.ROLLING)
DAYS_A_MONTH, LONGEST_MONTHS, MOST_MEMBERS = 30.4375, 24, 50_000
TEST_DAYS = 91
ACTIVE_DAYS = 365
NO_TEST = "No test can tell: no lift breaks even, or nobody who is active has spent in the last quarter."


def alternatives_of(planned: PlannedProgram) -> list[dict[str, Any]]:
    """The proposal first; each with the same figures, on the same base, assumptions and draws."""
    model, rate, structure = planned.model, planned.choice.value_rate, planned.structure
    found = [_row("Proposed", planned, planned.design)]
    seen = [planned.design.value_rate]

    def pool(name: str, value_rate: float) -> None:
        design = planned.design_for(structure, value_rate)
        if all(abs(design.value_rate - known) > 1e-3 * max(known, 1e-9) for known in seen):
            seen.append(design.value_rate)
            found.append(_row(name, planned, design))

    if rate > 0:
        pool("Half the pool", rate / 2)
    pool("The pool that earns most, whatever the budget", planned.choice.best_rate)
    pool("The whole budget, as far as it can be used", model.rate_of_pool(planned.budget))
    if structure.tiers > 1:
        fewer = rewards.parse_structure(str(structure.tiers - 1))
        found.append(_row("One tier fewer", planned, planned.design_for(fewer, rate)))
    if structure.kind is not rewards.RewardBasis.POINTS_ONLY:
        only = rewards.parse_structure("points-only")
        found.append(_row("Points only", planned, planned.design_for(only, rate)))
    return [*found, *_policies(planned)]


def _policies(planned: PlannedProgram) -> list[dict[str, Any]]:
    """The other downgrade policies at the proposed earn rates, played on what members spent after their first year."""
    design = planned.design
    points = sum(tier.points_cost for tier in design.tiers) / design.pool if design.pool > 0 else 0.0
    spend = _monthly_spend(planned) if len(design.tiers) > 1 and points > 0 else None
    if spend is None:
        return []
    thresholds = [tier.profile.threshold for tier in design.tiers]
    issued = tiers.points_by_policy(spend, thresholds, [tier.multiplier for tier in design.tiers])
    proposed = issued.pop(PROPOSED_POLICY)
    if proposed <= 0:
        return []
    alike: dict[tuple[DowngradePolicy, float], list[str]] = {}
    for (policy, period), each in issued.items():
        alike.setdefault((policy, each), []).append(period.value)
    found = []
    for (policy, each), periods in alike.items():
        more = 1 - points + points * each / proposed
        name = f"Downgrade {policy.value}, {' or '.join(periods)}"
        found.append(_row_at(name, planned, design, design.value_rate * more))
    return found


def _monthly_spend(planned: PlannedProgram) -> np.ndarray | None:
    """(members, months) of the members seen longest, as many months as a third of all have; None below 13 months."""
    data = planned.data
    as_of, purchases = data.as_of("purchases"), data.snapshot("purchases")
    tenure = columns(data.engine.member_rfm(purchases, as_of=as_of))["tenure_days"]
    months = int(min(np.quantile(tenure, 2 / 3) / DAYS_A_MONTH, LONGEST_MONTHS))
    if months < 13:
        return None
    table = columns(data.engine.spend_by_age_month(purchases, as_of=as_of, months=months))
    member, month = table["member"].astype(int), table["month"].astype(int)
    step = member.max() // MOST_MEMBERS + 1
    kept = member % step == 0
    spend = np.zeros((member.max() // step + 1, months))
    spend[member[kept] // step, month[kept]] = table["spend"][kept]
    return spend


def _row(name: str, planned: PlannedProgram, design: RewardDesign) -> dict[str, Any]:
    return _row_at(name, planned, design, design.value_rate)


def _row_at(name: str, planned: PlannedProgram, design: RewardDesign, rate: float) -> dict[str, Any]:
    """The rates of ``design``, where members get ``rate`` out of them."""
    model, inputs = planned.model, planned.choice.inputs
    return {
        "name": name,
        "kind": design.structure.kind.value,
        "tiers": len(design.tiers),
        "annual_pool": model.pool(rate),
        "points_per_unit": design.base_points_per_unit,
        "lift": model.lift(rate),
        "net_year": float(model.year(rate).net),
        "net_present_value": model.present_value(rate),
        "overrun_probability": model.overrun(rate, planned.budget, inputs),
        "probability_of_loss": model.loss(rate, inputs),
    }


def alternatives_table(rows: list[dict[str, Any]], months: int, currency: str) -> Table:
    keys = ("name", "kind", "tiers", "annual_pool", "points_per_unit", "lift", "net_year", "net_present_value",
            "overrun_probability", "probability_of_loss")  # fmt: skip
    return Table(
        "alternatives",
        "Alternatives",
        [Column("name", "Choice"), Column("kind", "Kind"), Column("tiers", "Tiers", "integer"),
         Column("annual_pool", "Reward pool a year", "money", currency),
         Column("points_per_unit", "Base points per unit", "number"), Column("lift", "Expected lift", "percent"),
         Column("net_year", "Net of a full year", "money", currency),
         Column("net_present_value", f"Net present value, {months} months", "money", currency),
         Column("overrun", "Chance of an overrun", "chance"), Column("loss", "Chance of a loss", "chance")],
        [[row[key] for key in keys] for row in rows],
        "The lift depends on what rewards are worth, not on how they are spread over tiers and benefits: nobody has "
        "measured that here, so structures of one pool differ in earn rate only. Downgrade policies are played on what "
        "members spent from the thirteenth month on (proposed: one-down, rolling); there are none where too few were "
        "seen that long.",
    )  # fmt: skip


def sized_test(planned: PlannedProgram) -> dict[str, Any]:
    """The holdout that would tell whether the program pays: members an arm, whether there are so many, and how long.

    Outcome: spend of a quarter of those who bought within the last year. Two arms, 5 % two-sided, power 80 %,
    for the lift at which the horizon breaks even.
    """
    data = planned.data
    as_of, purchases = data.as_of("purchases"), data.snapshot("purchases")
    active = columns(data.engine.trailing_spend(purchases, as_of=as_of, days=ACTIVE_DAYS))["orders"] > 0
    spend = columns(data.engine.trailing_spend(purchases, as_of=as_of, days=TEST_DAYS))["spend"][active]
    lift = planned.model.break_even_lift_over_the_horizon(planned.design.value_rate)
    mean, deviation = (float(spend.mean()), float(spend.std())) if spend.size else (0.0, 0.0)
    told: dict[str, Any] = {
        "outcome": f"spend of {TEST_DAYS} days",
        "members": int(spend.size),
        "mean": mean,
        "deviation": deviation,
        "lift_to_see": lift,
        "weeks": math.ceil(TEST_DAYS / 7),
        "members_per_arm": None,
        "smallest_lift_seen": None,
        "is_possible": False,
    }
    if lift is None or mean <= 0 or deviation <= 0 or lift <= 0:
        return told
    needed = math.ceil(members_per_arm_for_mean(deviation, mean * lift))
    # Members an arm fall with the square of the lift.
    smallest = lift * math.sqrt(2 * needed / spend.size)
    return told | {
        "members_per_arm": needed,
        "smallest_lift_seen": smallest,
        "is_possible": bool(2 * needed <= spend.size),
    }


def where_a_test_tells(planned: PlannedProgram) -> PlannedProgram:
    """The plan, not to be launched where a loss is expected and too few members buy for a test to tell."""
    if planned.recommendation is not LaunchAdvice.TEST_FIRST:
        return planned
    if planned.model.present_value(planned.design.value_rate) > 0:
        return planned
    test = sized_test(planned)
    if test["is_possible"]:
        return planned
    said = NO_TEST
    if test["members_per_arm"] is not None:
        said = (
            f"No test can tell: it needs {test['members_per_arm']:,} members an arm, and only {test['members']:,} have "
            "bought within the last year."
        )
    why = f"{planned.why.rstrip('.')}. {said}"
    return replace(planned, recommendation=LaunchAdvice.DO_NOT_LAUNCH, why=why)


def sentence_of_test(test: dict[str, Any]) -> str:
    """In words, for the packet."""
    if test["members_per_arm"] is None:
        return NO_TEST
    needed = (
        f"A holdout of {test['members_per_arm']:,} members an arm shows a lift of {percent(test['lift_to_see'])}, at which "
        f"the program breaks even, in {test['outcome']} ({test['weeks']} weeks, power 80 %)"
    )
    if test["is_possible"]:
        return f"{needed}; {test['members']:,} members have bought within the last year."
    return (
        f"{needed}, and only {test['members']:,} members have bought within the last year: with all of them the "
        f"smallest lift that shows is {percent(test['smallest_lift_seen'])}. A test here cannot tell by itself; test a "
        "bigger reward, or measure longer."
    )


def table_of_test(test: dict[str, Any], currency: str) -> Table:
    rows: list[list[Any]] = [
        ["Outcome", test["outcome"]],
        ["Mean of active members", money(test["mean"], currency)],
        ["Standard deviation", money(test["deviation"], currency)],
        ["Lift at which the program breaks even",
         "none" if test["lift_to_see"] is None else percent(test["lift_to_see"], 2)],
        ["Members an arm", "not available" if test["members_per_arm"] is None else f"{test['members_per_arm']:,}"],
        ["Members who bought within the last year", f"{test['members']:,}"],
        ["Weeks", str(test["weeks"])],
    ]  # fmt: skip
    return Table("test", "The test that would tell", [Column("what", "What"), Column("value", "Value")], rows,
                 sentence_of_test(test))  # fmt: skip
