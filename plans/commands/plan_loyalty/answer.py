"""The answer of a plan-loyalty run: what to do, for how much money, how surely, and what would change it."""

from __future__ import annotations

import math
from typing import Any

from gtm.core.money import minor_units
from plans.commands.shared.figures import chance, money, percent
from plans.schemas.answer import DO_NOT, GO, WITH_CARE, Alternative, Answer, AnswerFigure, Certainty, Worth

VERDICTS = {"launch": GO, "test first": WITH_CARE, "do not launch": DO_NOT}
QUARTERS = 4
"""A budget is entered for a quarter."""
WORTH_A_CHANGE = 0.01
"""Of the pool: what rounding an earn rate gains is no reason for another structure."""
ROUNDING = 0.02
"""Of the budget: what rounding an earn rate leaves over is not worth a warning."""
ALMOST_ALL = 0.995
"""From here on a share would read as all of it."""


def answer_of(
    design: dict[str, Any],
    economics: dict[str, Any],
    warnings: list[str],
    people: dict[str, str],
    currency: str,
) -> Answer:
    base, months = economics["revenue_base"], economics["horizon_months"]
    loss, overrun = economics["probability_of_loss"], economics["overrun_probability"]
    what = (
        f"{_named(design)} a reward pool of {money(design['annual_pool'], currency)} a year, within a budget of "
        f"{money(design['annual_budget'], currency)}"
    )
    net = f"{money(economics['net_year'], currency)} in a full year"
    headlines = {
        "launch": f"Launch {what}: expected net {net}.",
        "test first": f"Test {what} before you launch it: expected net {net}. {economics['why']}",
        "do not launch": f"Do not launch. {economics['why']}{_best_found(design, what, net)}",
    }
    headline = headlines[economics["recommendation"]]
    words = (
        f"Chance of a loss within {months} months {chance(loss)}, of overrunning the budget in a year "
        f"{chance(overrun)}{_return(economics)}."
    )
    return Answer(
        headline=headline,
        verdict=_verdict(economics),
        money=Worth(
            f"Net present value, {months} months", economics["net_present_value"], currency,
            economics["net_present_value_p5"], economics["net_present_value_p95"], 0.9,
        ),
        certainty=Certainty(words, loss, f"a loss within {months} months"),
        figures=(
            AnswerFigure("Net margin of a full year", economics["net_year"], currency),
            AnswerFigure("Revenue of the next twelve months", base["next_twelve_months"], currency, base["low"], base["high"],
                         comparison=base["last_twelve_months"], compared_with="the last twelve months"),
            AnswerFigure("Lift in spend at the proposed reward", 100 * economics["expected_lift"], "%",
                         100 * economics["expected_lift_low"], 100 * economics["expected_lift_high"],
                         0.95 if economics["lift"]["is_measured"] else None,
                         comparison=_in_percent(economics["break_even_lift"]), compared_with="needed to break even",
                         definition=_lift_source(economics["lift"])),
        ),
        caveats=[said for said in warnings if said not in headline and not _says_why(said, economics)],
        alternative=_alternative(economics, currency),
        next=_next(economics, people),
        chart="tornado",
        table="alternatives",
        columns=("name", "annual_pool", "lift", "net_year", "net_present_value", "overrun", "loss"),
    )  # fmt: skip


def _says_why(said: str, economics: dict[str, Any]) -> bool:
    """Whether a warning is the reason that the headline gives."""
    why = economics["why"].rstrip(".")
    return bool(why) and economics["recommendation"] == "test first" and said == f"Test first. {why}"


def _named(design: dict[str, Any]) -> str:
    """“a hybrid program with 3 tiers and”; a program without tiers names its kind alone."""
    kind = "" if design["kind"] == "tiers" else f" {design['kind']}"
    tiers = len(design["tiers"])
    return f"a{kind} program with" + (f" {tiers} tiers and" if tiers > 1 else "")


def _best_found(design: dict[str, Any], what: str, net: str) -> str:
    """Where no reward earns anything there is no program to describe."""
    return f" The best found is {what}, with an expected net of {net}." if design["annual_pool"] > 0 else ""


def _return(economics: dict[str, Any]) -> str:
    """The median return; where the mean lies on the other side of 0, why both are true."""
    median, mean = economics["roi_p50"], economics["net_present_value"]
    if median is None:
        return ""
    said = f"; median return on cost over {economics['horizon_months']} months {percent(median)}"
    if median < 0 < mean:
        return f"{said}, below 0 although net present value is above: that is a mean, and a few large gains raise it"
    if mean < 0 < median:
        return f"{said}, above 0 although net present value is below: that is a mean, and a few large losses lower it"
    return said


def _in_percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _verdict(economics: dict[str, Any]) -> str:
    """A launch is one to watch, if nobody has measured its lift, no lift was shown, or it is that of a smaller reward."""
    verdict = VERDICTS[economics["recommendation"]]
    lift = economics["lift"]
    shown = lift["is_measured"] and lift["low"] > 0
    return verdict if verdict != GO or (shown and not economics["lift_is_beyond_evidence"]) else WITH_CARE


def _lift_source(lift: dict[str, Any]) -> str:
    said = f"{percent(lift['likely'])} at a reward of {percent(lift['value_rate'])} of spend"
    return f"{said}: {lift['source']}"


def _alternative(economics: dict[str, Any], currency: str) -> Alternative:
    """Another pool that would earn more, where the limits kept it out, with what to enter for it."""
    proposed, *others = economics["alternatives"]
    least = WORTH_A_CHANGE * max(proposed["annual_pool"], 1.0)
    better = [row for row in others if row["net_present_value"] > proposed["net_present_value"] + least]
    if not better:
        return Alternative(_as_good(proposed, others, economics["horizon_months"], currency))
    best = max(better, key=lambda row: row["net_present_value"])
    return Alternative(
        f"{best['name']}: {money(best['annual_pool'], currency)} a year, expected net "
        f"{money(best['net_year'], currency)}, chance of an overrun {chance(best['overrun_probability'])}, of a loss "
        f"{chance(best['probability_of_loss'])}.",
        _inputs_for(best, proposed),
    )


def _as_good(proposed: dict[str, Any], others: list[dict[str, Any]], months: int, currency: str) -> str:
    """That no alternative is worth a change: all earn less, or the best of them earns hardly more."""
    best = max(others, key=lambda row: row["net_present_value"], default=proposed)
    more = best["net_present_value"] - proposed["net_present_value"]
    more = round(more, minor_units(currency))
    if more <= 0:
        return "None of the alternatives is expected to earn more than the proposal."
    return (
        f"Of the alternatives, “{best['name']}” is expected to earn most: {money(more, currency)} more than the proposal "
        f"over {months} months, which is too little to change it."
    )


def _inputs_for(best: dict[str, Any], proposed: dict[str, Any]) -> dict[str, str]:
    """What to enter for an alternative: another kind, other tiers, or a budget that holds its pool. A downgrade
    policy is no input."""
    if best["name"].startswith("Downgrade"):
        return {}
    if best["kind"] != proposed["kind"]:
        return {"tiers": best["kind"]}
    if best["tiers"] != proposed["tiers"]:
        return {"tiers": str(best["tiers"])}
    return {"budget": str(math.ceil(best["annual_pool"] / QUARTERS))}


def _next(economics: dict[str, Any], people: dict[str, str]) -> str:
    strategist = people.get("loyalty-strategist") or "The loyalty strategist"
    if economics["recommendation"] == "launch":
        return f"{people.get('finance') or 'Finance'} and {people.get('legal') or 'legal'} decide."
    if economics["recommendation"] == "test first":
        return f"{strategist} plans the test. {economics['test']['sentence']}"
    return f"{strategist} looks for a higher lift or a lower cost, or leaves it.{_needed(economics)}"


def _needed(economics: dict[str, Any]) -> str:
    """The lift from which on the best program found would earn, where there is one."""
    lift = economics["break_even_lift_over_the_horizon"]
    if not economics["annual_pool"] or lift is None:
        return ""
    return f" Over {economics['horizon_months']} months it would earn from a lift of {percent(lift)} on."


def warnings_of(signals: dict[str, Any], design: dict[str, Any], economics: dict[str, Any]) -> list[str]:
    """What an approver must not overlook, in sentences, what decides most first."""
    found = []
    lift = economics["lift"]
    if lift["is_assumed"]:
        found.append(
            f"The lift in spend is assumed ({percent(lift['low'])} to {percent(lift['high'])} at a reward of "
            f"{percent(lift['value_rate'])} of spend): no holdout measures it and "
            "nobody has entered one, so the result is an assumption"
        )
    elif not lift["is_measured"]:
        found.append(
            f"The lift in spend ({percent(lift['low'])} to {percent(lift['high'])}) is entered and not measured, so "
            f"the result is an assumption ({lift['source']})"
        )
    elif lift["low"] <= 0:
        found.append(
            f"The test does not show that spend rises: the lift that it measures is {percent(lift['low'])} to "
            f"{percent(lift['high'])}"
        )
    found += [note.rstrip(".") for note in lift["notes"]]
    if economics["lift_is_beyond_evidence"] and economics["expected_lift"]:
        found.append(
            f"The lift is {'measured' if lift['is_measured'] else 'entered'} at a reward of {percent(lift['value_rate'])} "
            f"of spend. The proposed reward is {percent(design['value_rate'])}: that it lifts spend by "
            f"{percent(economics['expected_lift'])} ({percent(economics['expected_lift_low'])} to "
            f"{percent(economics['expected_lift_high'])}) is an assumption"
        )
    if economics["recommendation"] == "do not launch":
        found.append(f"Do not launch. {economics['why'].rstrip('.')}")
    elif economics["recommendation"] == "test first":
        found.append(f"Test first. {economics['why'].rstrip('.')}")
    if economics["net_year"] < 0:
        found.append("The model expects a loss in a full year")
    if economics["probability_of_loss"] > economics["tolerated_loss"]:
        found.append(f"The chance of a loss is {chance(economics['probability_of_loss'], 0)}")
    if economics["overrun_probability"] > economics["tolerated_overrun"]:
        found.append(f"The budget is overrun with a chance of {chance(economics['overrun_probability'], 0)}")
    if design["unspent"] > ROUNDING * design["annual_budget"]:
        found.append(_unused(design, economics))
    found += economics["revenue_base"]["warnings"]
    if economics["redemption_is_assumed"]:
        found.append("The redemption rate is an assumption, no point ledger is loaded")
    elif economics["reward_is_beyond_measurement"]:
        found.append(
            "The redemption rate was measured where the reward was less than half of the proposed one; a higher reward is redeemed more"
        )
    if economics.get("points_caveat"):
        found.append(economics["points_caveat"])
    found += _costs_not_entered(economics)
    if design.get("benefits_are_ideas"):
        found.append("The benefits named are ideas without a cost; the model counts 0 for them")
    if signals["unknown_personas"]:
        found.append(f"No segment in the data for {', '.join(signals['unknown_personas'])}")
    return found


def _unused(design: dict[str, Any], economics: dict[str, Any]) -> str:
    """How much of the budget stays, and why."""
    if economics["cost_per_point"] == 0:
        return "A redeemed point is entered to cost nothing, so rewards use none of the budget"
    if design["annual_pool"] <= 0:
        return "None of the budget is used, because no reward earns what it costs"
    unused = design["unspent"] / design["annual_budget"]
    part = percent(unused, 0) if unused < ALMOST_ALL else "Nearly all"
    return f"{part} of the budget is not used, because a bigger pool earns less or risks more"


def _costs_not_entered(economics: dict[str, Any]) -> list[str]:
    """A platform cost of 0 may be entered or not: nobody can tell."""
    words = {"launch_cost": "the launch cost", "platform_cost": "a platform cost above 0"}
    names = " and ".join(words[name] for name in economics["costs_not_entered"])
    return [f"Nobody has entered {names}; the model counts 0"] if names else []
