"""What the reward does: its efficiency, what an incremental customer costs, and changes worth a test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any

from django.utils.text import capfirst

from plans.commands.optimize_referrals.facts import knows_margins, window_of
from plans.commands.optimize_referrals.steps.proposed import (
    CHANCE_TO_WIN,
    EFFORT,
    OWNERS,
    Proposal,
    due,
    test_of,
)
from plans.commands.shared.figures import money, value_of
from plans.commands.shared.windows import Span
from plans.engine.running.steps import StepContext
from programs.analytics import incentives
from programs.analytics.backlog import ProposedAction
from programs.analytics.estimate import Estimate, Unavailable
from programs.analytics.incentives import RewardRank
from programs.analytics.referrals import IncentiveEfficiency, RewardLevel, incentive_efficiency

HOLDOUTS = ("holdout", "hold-out", "no reward", "no-reward", "no incentive", "without reward")
SIDES = ("both", "both sides", "two-sided", "double-sided", "friend", "referee", "referred", "referrer")
"""Names of arms that say who gets the reward."""


@dataclass(frozen=True, slots=True)
class RewardEvidence:
    """The efficiency of rewards, ``basis`` of the cost of an incremental customer, the ``levels``, the tests' arms.

    ``beside`` are the levels that stand side by side within one ``tier`` of partners ("" without tiers).
    """

    efficiency: IncentiveEfficiency
    basis: str
    levels: Sequence[RewardLevel]
    arms: Sequence[Mapping[str, Any]]
    tier: str
    beside: Sequence[RewardLevel]


def rewards_of(context: StepContext, span: Span) -> RewardEvidence:
    data = context.data
    asked = {
        "start": span.start,
        "end": span.end,
        "as_of": span.end,
        "payouts": data.find("referral_payouts"),
    }
    all_tiers = data.engine.reward_levels(data.snapshot("referrals"), **asked)
    levels = [level_of(row) for row in all_tiers.to_pylist()]
    by_tier: dict[str, list[RewardLevel]] = {}
    for row in data.engine.reward_levels(data.snapshot("referrals"), **asked, by_tier=True).to_pylist():
        by_tier.setdefault(row["tier"], []).append(level_of(row))
    tier, beside = incentives.side_by_side(by_tier)
    arms = (
        data.engine.experiment_arms(data.snapshot("experiments"), as_of=span.end).to_pylist()
        if data.has("experiments")
        else []
    )
    held_out = next(
        (a for a in arms if a["variant"].casefold() in HOLDOUTS and a["two_valued"] and a["units"]), None
    )
    baseline = held_out["total"] / held_out["units"] if held_out else None
    efficiency, basis = incentive_efficiency(levels, baseline=baseline), ""
    efficiency = replace(efficiency, steps=incentive_efficiency(beside).steps)
    if held_out:
        basis = f"hold-out “{held_out['variant']}” of the test {held_out['experiment']}"
    elif beside:
        low, high = beside[0], beside[-1]
        cost = incentives.cost_between(low, high)
        efficiency = replace(efficiency, cost_per_incremental=cost)
        basis = f"rewards of {low} and {high} side by side in the data{within(tier)}, not randomised"
    else:
        efficiency = replace(efficiency, cost_per_incremental=Unavailable(_why_unknown(levels, arms)))
    return RewardEvidence(efficiency, basis, levels, arms, tier, beside)


def level_of(row: Mapping[str, Any]) -> RewardLevel:
    return RewardLevel(
        float(row["reward"]),
        row["invites"],
        row["won"],
        float(row["payout"]),
        float(row["gross_margin"]),
        row["currency"],
    )


def within(tier: str) -> str:
    return f" within the tier {tier}" if tier else ""


def _why_unknown(levels: Sequence[RewardLevel], arms: Sequence[Mapping[str, Any]]) -> str:
    tests = sorted({arm["experiment"] for arm in arms})
    test = f"No test ({', '.join(tests)}) has an arm without a reward" if tests else "No test is loaded"
    return f"{test}, and {_one_level(levels)}: nothing tells how many would have come anyway."


def _one_level(levels: Sequence[RewardLevel]) -> str:
    if not levels:
        return "no invitation of the window names its reward"
    if len(levels) == 1:
        return f"all {levels[0].invites:,} invitations of the window promise {levels[0]}"
    told = ", ".join(f"{x} ({x.invites:,})" for x in levels)
    if len(incentives.usable_levels(levels)) > 1:
        return (
            f"each tier of partners has a reward of its own, so the tiers differ and not the rewards: {told}"
        )
    return f"fewer than two rewards have {incentives.SMALLEST_LEVEL} invitations in the window: {told}"


def evidence_values(found: RewardEvidence) -> dict[str, Any]:
    """As later tasks and the plan JSON read it."""
    efficiency = found.efficiency
    cost = efficiency.cost_per_incremental
    return {
        "payout_ratio": value_of(efficiency.payout_ratio),
        "cost_per_won": value_of(efficiency.cost_per_won),
        "cost_per_incremental": value_of(cost),
        "cost_per_incremental_low": cost.low if isinstance(cost, Estimate) else None,
        "cost_per_incremental_high": cost.high if isinstance(cost, Estimate) else None,
        "cost_per_incremental_basis": found.basis,
        "cost_per_incremental_reason": cost.reason if isinstance(cost, Unavailable) else "",
        "levels": [asdict(level) for level in found.levels],
        "tier": found.tier,
        "side_by_side": [asdict(level) for level in found.beside],
        "sides": sorted(
            {f"{arm['experiment']}: {arm['variant']}" for arm in found.arms if arm["variant"].casefold() in SIDES}
        ),
        "steps": [
            {"lower": step.lower, "higher": step.higher, "currency": step.currency, "extra_rate": step.extra_rate.value,
             "extra_low": step.extra_rate.low, "extra_high": step.extra_rate.high,
             "marginal_cost": value_of(step.marginal_cost), "extra_margin_per_invite": step.extra_margin_per_invite}
            for step in efficiency.steps
        ],
    }  # fmt: skip


NO_MARGINS = "The referrals record no margin: load them with a column of it."


@dataclass(frozen=True, slots=True)
class IncentiveFinding:
    """A change of the reward: ``proposal`` where the data are evidence for one, or else what is ``missing``."""

    change: str
    proposal: Proposal | None = None
    missing: str = ""


def findings(context: StepContext, today: date) -> list[IncentiveFinding]:
    """Amount, side and cap of the reward, each with a proposal or with the data that it would take."""
    return [*_amount(context, today), _side(context), _cap(context, today)]


def _amount(context: StepContext, today: date) -> Iterator[IncentiveFinding]:
    """Between neighbouring rewards of one tier: test the higher where it earned more, the lower where it did not.

    What stood side by side was not randomised, so a reward changes by a test or not at all.
    """
    found = context.outputs["performance"]
    known = found["incentives"]
    levels, tier = [RewardLevel(**level) for level in known.get("levels", ())], known.get("tier", "")
    beside = [RewardLevel(**level) for level in known.get("side_by_side", ())]
    if not beside:
        missing = (
            f"{capfirst(_one_level(levels))}. It takes a second reward, in a test or as new terms for a part."
        )
        yield IncentiveFinding("amount", missing=missing)
    elif not knows_margins(context.data):
        yield IncentiveFinding("amount", missing=f"Whether a higher reward pays is not known. {NO_MARGINS}")
        return
    currency = context.outputs["data"]["currency"]
    for low, high in zip(beside, beside[1:], strict=False):
        extra = incentives.margin_difference(low, high)
        rise = high.won / high.invites - low.won / low.invites
        up = extra.value > 0
        to, from_ = (high, low) if up else (low, high)
        test, proof = test_of(context, from_.won / from_.invites, to.won / to.invites - from_.won / from_.invites,
                       found["funnel"]["invites"])  # fmt: skip
        if test is None:
            yield IncentiveFinding("amount", missing=(
                f"A reward of {to} earned more an invitation than one of {from_}{within(tier)}, which nobody "
                f"randomised, and a reward is changed by a test alone. {proof}."
            ))  # fmt: skip
            continue
        low_end, high_end = extra.low or 0.0, extra.high or 0.0
        ends = (low_end, high_end) if up else (-high_end, -low_end)
        effect = replace(extra, value=abs(extra.value), low=ends[0], high=ends[1])
        dearer = to.payout / to.invites - from_.payout / from_.invites
        why = (
            f"{extra.value:+.2f} margin after reward an invitation from {low} to {high}{within(tier)} "
            f"({extra.low:+.2f} to {extra.high:+.2f}); rewards cost {dearer * found['funnel']['invites']:+,.0f} a window; "
            "not randomised"
        )
        told = (
            f"{proof}; arms: {from_} (control) and {to}; the test costs "
            f"{money(dearer * test.members_per_arm, currency)} of rewards more than without it"
        )
        yield IncentiveFinding("amount", Proposal(
            "incentive",
            ProposedAction(
                f"Test a reward of {to} against {from_}", OWNERS["incentive"],
                due(today, EFFORT["incentive"], test), CHANCE_TO_WIN, effect, found["funnel"]["invites"], 1.0,
                EFFORT["incentive"], why, test, told,
            ),
            f"won of invited {100 * rise:+.2f} points from {low} to {high}",
        ))  # fmt: skip


def _side(context: StepContext) -> IncentiveFinding:
    """Who gets the reward: only a test says, since the data record what referrers earn."""
    arms = context.outputs["performance"]["incentives"].get("sides", [])
    if len(arms) > 1:
        named = "; ".join(arms)
        missing = f"A test has such arms ({named}): name it in --experiments, and its readout decides."
    else:
        missing = "The data hold what referrers earn and nothing of their friends; it takes a test with arms for each side."
    return IncentiveFinding("side", missing=missing)


def _cap(context: StepContext, today: date) -> IncentiveFinding:
    """The lowest cap that few would feel; referrals in cases that are proposed for hold are left out."""
    span = window_of(context).current
    held = context.outputs["risk"]["held_referrals"]
    rows = context.data.engine.reward_ranks(
        context.data.snapshot("referrals"), start=span.start, end=span.end, without=held,
        payouts=context.data.find("referral_payouts"),
    ).to_pylist()  # fmt: skip
    found = incentives.find_cap([RewardRank(**row) for row in rows])
    if isinstance(found, Unavailable):
        return IncentiveFinding("cap", missing=found.reason)
    if not knows_margins(context.data):
        return IncentiveFinding("cap", missing=(
            f"Beyond a cap of {found.cap} lie {found.rewards:,} rewards of {found.referrers:,} referrers. What it would lose is "
            f"not known. {NO_MARGINS}"
        ))  # fmt: skip
    flow = context.outputs["performance"]["funnel"]
    rate = flow["won"] / flow["invites"] if flow["invites"] else 0.0
    lost = found.rewards / flow["invites"] if flow["invites"] else 0.0
    test, proof = test_of(context, rate, -lost, flow["invites"])
    currency = context.outputs["data"]["currency"]
    why = (
        f"{found.rewards:,} rewards of {found.referrers:,} referrers lie beyond it and cost {money(found.saved, currency)}; their "
        f"customers brought {money(found.margin, currency)} margin, of which nobody knows what is lost: {money(found.effect.low, currency)} to "
        f"{money(found.saved, currency)} a window"
    )
    return IncentiveFinding("cap", Proposal(
        "incentive",
        ProposedAction(
            f"Try a cap of {found.cap} rewards a referrer in {context.inputs['window']}", OWNERS["incentive"],
            due(today, EFFORT["incentive"], test), CHANCE_TO_WIN, found.effect, 1.0, 1.0, EFFORT["incentive"], why, test, proof,
        ),
        f"{found.rewards:,} rewards fewer, won of invited {-100 * lost:+.2f} points at worst",
    ))  # fmt: skip
