"""The assumptions of a run: measured where data tell, else entered for the run, else those of the program,
else stated here, shares only. Amounts of money are never made up: what nobody entered counts as 0 and says so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from plans.commands.shared.experiments import find_experiments
from plans.commands.shared.figures import percent
from plans.commands.shared.ledger import forecast, outlook_of, read_vintages
from plans.commands.shared.point_cost import measured_cost
from plans.commands.shared.tiers_apart import mix_of_tiers, redeem_unlike
from programs.analytics.assumptions import Assumption, LoyaltyAssumptions
from programs.analytics.estimate import Estimate, Unavailable
from programs.analytics.experiments import Comparison, MetricReadout, read_experiment
from programs.analytics.tier_redemption import TierMix
from programs.datasets import OpenData

HOLDOUT_ARMS = ("holdout", "hold-out", "hold out", "no program", "no-program")
HOLDOUT_WORDS = ("holdout", "hold-out", "hold out")
PROGRAM_WORDS = ("loyalty", "program", "reward")
"""A test with such a name may be about anything within the program: a person has to say that it holds members out."""
SPEND_WORDS = ("spend", "revenue", "sales", "turnover", "order value", "amount", "gmv")
FOR_THE_RUN = "entered with this run"
SETTINGS = "program settings"
NORMAL_95 = 1.96
DEFAULTS = LoyaltyAssumptions()


@dataclass(frozen=True, slots=True)
class LiftFound:
    """The lift in spend with its interval, where it comes from, and what a reader must know of it."""

    assumption: Assumption
    low: float
    likely: float
    high: float
    source: str
    notes: tuple[str, ...] = ()

    @property
    def is_assumed(self) -> bool:
        return self.assumption.is_stated

    @property
    def is_measured(self) -> bool:
        """By a test; what somebody entered is not."""
        return self.assumption.standard_error is not None

    def values(self) -> dict[str, Any]:
        return {"low": self.low, "likely": self.likely, "high": self.high, "source": self.source,
                "is_assumed": self.is_assumed, "is_measured": self.is_measured, "notes": list(self.notes)}  # fmt: skip


def assumptions_of(
    program: Mapping[str, Any], inputs: Mapping[str, Any], data: OpenData
) -> tuple[LoyaltyAssumptions, LiftFound]:
    """All of them, and the lift apart: it decides."""
    lift = lift_of(program, inputs, data)
    reward = float(program["points_per_currency_unit"]) * float(program["point_face_value"])
    # A stated lift is seen at the stated reward; any other at the program's own.
    seen_at = DEFAULTS.lift_value_rate
    if not lift.is_assumed and reward > 0:
        unit = "face value per unit spent, at which the lift holds"
        seen_at = Assumption.known(
            "lift_value_rate", reward, unit, "program settings: earn rate × face value"
        )
    rate = float(program["redemption_rate_assumption"])
    horizon = inputs.get("horizon")
    known = replace(
        DEFAULTS,
        lift=lift.assumption,
        lift_value_rate=seen_at,
        half_lift_value_rate=_entered(
            "half_lift_value_rate", "half_lift", DEFAULTS.half_lift_value_rate.unit, program, inputs
        )
        or DEFAULTS.half_lift_value_rate,
        enrolment=_entered("enrolment", "enrolment", DEFAULTS.enrolment.unit, program, inputs) or DEFAULTS.enrolment,
        margin_rate=_of_input("margin_rate", inputs.get("margin"), DEFAULTS.margin_rate.unit)
        or _around(program, "margin_rate", "gross_margin", DEFAULTS.margin_rate.unit, ceiling=1.0),
        cost_per_point=measured_cost(data)
        or _around(program, "cost_per_point", "point_unit_cost", DEFAULTS.cost_per_point.unit),
        face_value=Assumption.known("face_value", float(program["point_face_value"]), "money per point", SETTINGS),
        redemption_rate=measured_redemption(data)
        or Assumption("redemption_rate", max(rate - 0.15, 0.0), rate, min(rate + 0.15, 1.0), "share of issued points"),
        platform_cost=_platform(program, inputs),
        launch_cost=_of_input("launch_cost", inputs.get("launch_cost"), DEFAULTS.launch_cost.unit)
        or _of_program("launch_cost", program.get("launch_cost"), DEFAULTS.launch_cost.unit, program)
        or DEFAULTS.launch_cost,
        discount_rate=_of_input("discount_rate", inputs.get("discount_rate"), "per year")
        or _of_program("discount_rate", program.get("discount_rate"), "per year", program)
        or DEFAULTS.discount_rate,
        horizon_months=int(horizon or program.get("horizon_months") or DEFAULTS.horizon_months),
        horizon_source=FOR_THE_RUN if horizon else SETTINGS,
        **_limits(program, inputs),
    )  # fmt: skip
    return known, lift


def _limits(program: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The risks that are tolerated, and who says so."""
    found: dict[str, Any] = {}
    for name in ("tolerated_overrun", "tolerated_loss"):
        entered = inputs.get(name)
        limit = program.get(name) if entered is None else entered
        if limit is not None:
            found[name] = float(limit)
            found[f"{name}_source"] = SETTINGS if entered is None else FOR_THE_RUN
    return found


def _platform(program: Mapping[str, Any], inputs: Mapping[str, Any]) -> Assumption:
    unit = DEFAULTS.platform_cost.unit
    if entered := _of_input("platform_cost", inputs.get("platform_cost"), unit, times=12):
        return entered
    yearly = 12 * float(program["platform_cost_monthly"])
    if not yearly:
        return DEFAULTS.platform_cost
    return Assumption(
        "platform_cost", 0.9 * yearly, yearly, 1.2 * yearly, unit, "program settings, −10 % to +20 %"
    )


def _around(
    program: Mapping[str, Any], name: str, field: str, unit: str, *, ceiling: float = float("inf")
) -> Assumption:
    return Assumption.around(
        name, float(program[field]), 0.1, unit, "program settings, ± 10 %", ceiling=ceiling
    )


def _of_input(name: str, entered: Any, unit: str, *, times: float = 1.0) -> Assumption | None:
    if not entered:
        return None
    low, likely, high = (times * float(entered[part]) for part in ("low", "likely", "high"))
    return Assumption(name, low, likely, high, unit, FOR_THE_RUN)


def _of_program(name: str, value: Any, unit: str, program: Mapping[str, Any]) -> Assumption | None:
    if value is None:
        return None
    return Assumption.known(name, float(value), unit, _said_by(program))


def _entered(
    name: str, field: str, unit: str, program: Mapping[str, Any], inputs: Mapping[str, Any]
) -> Assumption | None:
    if found := _of_input(name, inputs.get(field), unit):
        return found
    parts = [program.get(f"{field}_{part}") for part in ("low", "likely", "high")]
    if parts[1] is None:
        return None
    low, likely, high = (float(parts[1] if part is None else part) for part in parts)
    return Assumption(name, low, likely, high, unit, _said_by(program))


def _said_by(program: Mapping[str, Any]) -> str:
    """The program's settings with the source and the owner that were entered beside them."""
    source = program.get("assumptions_source") or ""
    owner = program.get("assumptions_owner") or ""
    told = "; ".join(part for part in (source, f"owner {owner}" if owner else "") if part)
    return f"{SETTINGS}: {told}" if told else f"{SETTINGS}, no source given"


def measured_redemption(data: OpenData) -> Assumption | None:
    """The ultimate redemption rate, 1 − the breakage that monitor-loyalty states; None without a ledger that tells.

    Chain ladder and Cape Cod on the same triangle stand beside it. Points that tiers redeem differently count as they are
    granted now, as far as that is beyond chance, with the error of it.
    """
    vintages = read_vintages(data)
    if isinstance(vintages, Unavailable) or isinstance(outlook := outlook_of(vintages), Unavailable):
        return None
    lost, mix = outlook.breakage, mix_of_tiers(data)
    assert lost.low is not None and lost.high is not None
    ends = [1 - lost.high, 1 - lost.value, 1 - lost.low]
    source = f"point ledger, additive method; {vintages.tail.sentence}; {outlook.sentence}"
    if not isinstance(other := forecast(vintages), Unavailable):
        source = (
            f"{source}; chain ladder says {percent(other.rate_of_issued.value)}, "
            f"Cape Cod {percent(other.cape_cod_rate)}"
        )
    if isinstance(mix, TierMix) and redeem_unlike(mix):
        ends = _weighed(ends, mix)
        source = f"{source}; {mix.sentence}"
    elif isinstance(mix, TierMix):
        source = f"{source}; one rate for all tiers, whose redemption does not differ beyond chance"
    else:
        source = f"{source}; one rate for all tiers: {mix.reason[:1].lower()}{mix.reason[1:].rstrip('.')}"
    low, likely, high = ends
    error = max(high - likely, likely - low) / NORMAL_95
    return Assumption(
        "redemption_rate", low, likely, high, "share of issued points", source, error, floor=low, ceiling=high
    )


def _weighed(ends: list[float], mix: TierMix) -> list[float]:
    """Low, likely and high rate at the tiers that points go to now: the error of that weighing widens each side."""
    low, likely, high = (end * mix.factor for end in ends)
    reach = NORMAL_95 * mix.standard_error * ends[1]
    likely = min(likely, 1.0)
    below, above = math.hypot(likely - low, reach), math.hypot(high - likely, reach)
    return [max(likely - below, 0.0), likely, min(likely + above, 1.0)]


def order_caveat(data: OpenData) -> str:
    """That redemptions name no month of issue, where the order in which points leave matters; else empty."""
    vintages = read_vintages(data)
    outlook = vintages if isinstance(vintages, Unavailable) else outlook_of(vintages)
    return "" if isinstance(outlook, Unavailable) else outlook.caveat


# ------------------------------------------------------------------ lift


def lift_of(program: Mapping[str, Any], inputs: Mapping[str, Any], data: OpenData) -> LiftFound:
    """From a holdout that is loaded, else as entered, else stated."""
    entered = _entered("lift", "lift", DEFAULTS.lift.unit, program, inputs)
    asked = inputs.get("lift_test")
    measured, notes = _measured_lift(program, asked, data)
    if measured is not None:
        if entered is not None:
            notes = (
                *notes,
                f"The entered lift of {percent(entered.mode)} is not used, because a test measured it.",
            )
        return replace(measured, notes=(*measured.notes, *notes))
    chosen = entered or DEFAULTS.lift
    return LiftFound(chosen, chosen.low, chosen.mode, chosen.high, chosen.source, notes)


def _measured_lift(
    program: Mapping[str, Any], asked: str | None, data: OpenData
) -> tuple[LiftFound | None, tuple[str, ...]]:
    """The lift of the test asked for, or of the one that holds members out of the program, and why there is none."""
    if not data.has("experiments"):
        return None, ((f"The test “{asked}” is not read: no experiments are loaded.",) if asked else ())
    rows = data.engine.experiment_arms(
        data.snapshot("experiments"), as_of=data.as_of("experiments"), purchases=data.find("purchases")
    ).to_pylist()
    designs = program.get("experiments") or {}
    names = [asked] if asked else sorted({row["experiment"] for row in rows if _holds_out(row, rows)})
    found, unread = find_experiments(rows, names, designs)
    notes = [f"The test “{each.experiment}” is not read: {each.reason}" for each in unread]
    best: LiftFound | None = None
    for each in found:
        readout = read_experiment(each.test)
        if isinstance(readout.arms, Unavailable):
            notes.append(f"The test “{readout.experiment}” is not read: {readout.arms.reason}")
            continue
        for arm in readout.arms:
            for metric in arm.metrics:
                lift = _lift_in_spend(metric)
                if lift is None:
                    continue
                members = sum(each.test.members.values())
                source = f"measured by the test “{readout.experiment}”, {metric.name}, {members:,} members"
                candidate = _as_found(lift, source, (metric.caution,) if metric.caution else ())
                if best is None or _error(candidate) < _error(best):
                    best = candidate
    if best is None and not asked:
        maybe = sorted({row["experiment"] for row in rows if _may_hold_out(row["experiment"])} - set(names))
        notes += [
            f"The test “{name}” is not read: no arm of it is called holdout. If one arm was without the program, enter "
            "the test as lift_test"
            for name in maybe
        ]
    if best is None and asked and not notes:
        notes.append(f"The test “{asked}” has no outcome in money, such as spend, so it measures no lift.")
    return best, tuple(notes)


def _holds_out(row: Mapping[str, Any], rows: list[dict[str, Any]]) -> bool:
    """Whether a test compares members with the program to others without: by its name, or that of an arm."""
    arms = {each["variant"].casefold() for each in rows if each["experiment"] == row["experiment"]}
    name = row["experiment"].casefold()
    return bool(arms & set(HOLDOUT_ARMS)) or any(word in name for word in HOLDOUT_WORDS)


def _may_hold_out(name: str) -> bool:
    return any(word in name.casefold() for word in PROGRAM_WORDS)


def _lift_in_spend(metric: MetricReadout) -> Estimate | None:
    if not any(word in metric.name.casefold().replace("_", " ") for word in SPEND_WORDS):
        return None
    return metric.lift.effect if isinstance(metric.lift, Comparison) else None


def _as_found(lift: Estimate, source: str, notes: tuple[str, ...]) -> LiftFound:
    low = lift.value if lift.low is None else lift.low
    high = lift.value if lift.high is None else lift.high
    assumption = Assumption(
        "lift", low, lift.value, high, DEFAULTS.lift.unit, source, standard_error=lift.standard_error or 0.0,
        floor=-0.95,
    )  # fmt: skip
    return LiftFound(assumption, low, lift.value, high, source, notes)


def _error(found: LiftFound) -> float:
    return found.assumption.standard_error or 0.0
