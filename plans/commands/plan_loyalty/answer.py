"""The answer of a plan-loyalty run: what to do, for how much money, how surely, and what would change it."""

from __future__ import annotations

from typing import Any

from plans.commands.shared.figures import money, percent

VERDICTS = {"launch": "go", "test first": "go with care", "do not launch": "do not"}
WORTH_A_CHANGE = 0.01
"""Of the pool: what rounding an earn rate gains is no reason for another structure."""
ROUNDING = 0.02
"""Of the budget: what rounding an earn rate leaves over is not worth a warning."""


def answer_of(
    design: dict[str, Any],
    economics: dict[str, Any],
    warnings: list[str],
    people: dict[str, str],
    currency: str,
) -> dict[str, Any]:
    """Headline, verdict, money, certainty, figures, caveats, alternative and next step."""
    base, months = economics["revenue_base"], economics["horizon_months"]
    loss, overrun = economics["probability_of_loss"], economics["overrun_probability"]
    what = (
        f"a {design['kind']} program with {len(design['tiers'])} tiers and a reward pool of "
        f"{money(design['annual_pool'], currency)} a year, within a budget of {money(design['annual_budget'], currency)}"
    )
    net = f"{money(economics['net_year'], currency)} in a full year"
    headlines = {
        "launch": f"Launch {what}: expected net {net}.",
        "test first": f"Test {what} before you launch it: expected net {net}. {economics['why']}",
        "do not launch": f"Do not launch: {economics['why']} The best found is {what}, with an expected net of {net}.",
    }
    words = (
        f"Chance of a loss within {months} months {percent(loss)}, of overrunning the budget in a year "
        f"{percent(overrun)}; median return on cost {percent(economics['roi_p50'])}."
    )
    return {
        "headline": headlines[economics["recommendation"]],
        "verdict": _verdict(economics),
        "money": {
            "label": f"Net present value, {months} months",
            "amount": economics["net_present_value"],
            "low": economics["net_present_value_p5"],
            "high": economics["net_present_value_p95"],
            "level": 0.9,
            "currency": currency,
        },
        "certainty": {"words": words, "probability_of_loss": loss, "overrun_probability": overrun},
        "figures": [
            {"label": "Net margin of a full year", "value": economics["net_year"], "unit": currency},
            {"label": "Revenue of the next twelve months", "value": base["next_twelve_months"], "unit": currency,
             "low": base["low"], "high": base["high"], "comparison": base["last_twelve_months"]},
            {"label": "Lift in spend at the proposed reward", "value": economics["expected_lift"], "unit": "share",
             "low": economics["expected_lift_low"], "high": economics["expected_lift_high"],
             "comparison": economics["break_even_lift"]},
        ],
        "caveats": warnings,
        "alternative": _alternative(economics, currency),
        "next": _next(economics, people),
    }  # fmt: skip


def _verdict(economics: dict[str, Any]) -> str:
    """A launch that rests on an assumed lift is one to watch."""
    verdict = VERDICTS[economics["recommendation"]]
    return "go with care" if verdict == "go" and economics["lift"]["is_assumed"] else verdict


def _alternative(economics: dict[str, Any], currency: str) -> str:
    """Another pool that would earn more, where the limits kept it out."""
    proposed, *others = economics["alternatives"]
    worth_it = proposed["net_present_value"] + WORTH_A_CHANGE * max(proposed["annual_pool"], 1.0)
    better = [row for row in others if row["net_present_value"] > worth_it]
    if not better:
        return "None of the alternatives earns more."
    best = max(better, key=lambda row: row["net_present_value"])
    return (
        f"{best['name']}: {money(best['annual_pool'], currency)} a year, expected net "
        f"{money(best['net_year'], currency)}, chance of an overrun {percent(best['overrun_probability'])}, of a loss "
        f"{percent(best['probability_of_loss'])}."
    )


def _next(economics: dict[str, Any], people: dict[str, str]) -> str:
    strategist = people.get("loyalty-strategist") or "The loyalty strategist"
    if economics["recommendation"] == "launch":
        return f"{people.get('finance') or 'Finance'} and {people.get('legal') or 'legal'} decide."
    test = economics["test"]["sentence"]
    if economics["recommendation"] == "test first":
        return f"{strategist} plans the test. {test}"
    return f"{strategist} looks for a higher lift or a lower cost, or leaves it. {test}"


def warnings_of(signals: dict[str, Any], design: dict[str, Any], economics: dict[str, Any]) -> list[str]:
    """What an approver must not overlook, in sentences, what decides most first."""
    found = []
    lift = economics["lift"]
    if lift["is_assumed"]:
        found.append(
            f"The lift in spend is assumed ({percent(lift['low'])} to {percent(lift['high'])}): no holdout is loaded and "
            "nobody has entered one, so the result is an assumption"
        )
    found += [note.rstrip(".") for note in lift["notes"]]
    if economics["recommendation"] == "do not launch":
        found.append(f"Do not launch: {economics['why'].rstrip('.')}")
    elif economics["recommendation"] == "test first":
        found.append(f"Test first: {economics['why'].rstrip('.')}")
    if economics["net_year"] < 0:
        found.append("The model expects a loss in a full year")
    if economics["net_present_value"] < 0 <= economics["net_year"]:
        found.append(
            f"The model expects a loss over {economics['horizon_months']} months, the launch included"
        )
    if economics["probability_of_loss"] > economics["tolerated_loss"]:
        found.append(f"The chance of a loss is {percent(economics['probability_of_loss'], 0)}")
    if economics["overrun_probability"] > economics["tolerated_overrun"]:
        found.append(f"The budget is overrun with a chance of {percent(economics['overrun_probability'], 0)}")
    if design["unspent"] > ROUNDING * design["annual_budget"]:
        unused = percent(design["unspent"] / design["annual_budget"], 0)
        found.append(f"{unused} of the budget is not used, because a bigger pool earns less or risks more")
    found += economics["revenue_base"]["warnings"]
    if economics["redemption_is_assumed"]:
        found.append("The redemption rate is an assumption, no point ledger is loaded")
    elif economics["reward_is_beyond_measurement"]:
        found.append(
            "The redemption rate was measured at less than half of the proposed reward; a higher reward is redeemed more"
        )
    if economics["costs_not_entered"]:
        names = " and ".join(name.replace("_", " ") for name in economics["costs_not_entered"])
        found.append(f"Nobody has entered the {names}; the model counts 0")
    if design.get("benefits_are_ideas"):
        found.append("The benefits named are ideas without a cost; the model counts 0 for them")
    if signals["unknown_personas"]:
        found.append(f"No segment in the data for {', '.join(signals['unknown_personas'])}")
    return found
