"""What an optimize-referrals run reads of the organisation, and what every step reads of the run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gtm.core.percents import percent_text
from plans.cases.fraud import verbs
from plans.commands.shared.launched import launched_on
from plans.commands.shared.metrics import facts_of
from plans.commands.shared.windows import WindowPair, windows_until
from plans.engine.running.steps import StepContext
from programs.models import Program
from programs.schemas.referral_rules import payout_tolerance
from programs.selectors import people_by_role

if TYPE_CHECKING:
    from programs.datasets import OpenData

PLUGIN, NAME = "referral-program-orchestration", "optimize-referrals"
KEY = f"{PLUGIN}:{NAME}"
ARCHITECT, LIFECYCLE, PARTNERS, SPONSOR = "referral-architect", "lifecycle-ops", "partner-ops", "exec-sponsor"


def gather_facts(program: Program) -> dict[str, Any]:
    """Who owns the backlog, what the registry defines and did in the last run, what people decided so far."""
    return {
        **facts_of(program, KEY),
        "launched_on": launched_on(program),
        "people": people_by_role([ARCHITECT, LIFECYCLE, PARTNERS, SPONSOR, "finance"]),
        "held_referrals": sorted(verbs.held_referrals(program)),
        "case_labels": verbs.decided_labels(program),
        "decided_cases": verbs.count_decided(program),
        "decisions": verbs.decisions(program),
        "audited_referrals": sorted(verbs.audited_referrals(program)),
    }


def window_of(context: StepContext) -> WindowPair:
    """The run's window: it ends with the last day of the referrals, so that a report stands where the data end."""
    since = context.data.snapshot("referrals").window_start
    return windows_until(context.data.as_of("referrals"), context.inputs["window"], since=since)


def currency_of(context: StepContext) -> str:
    """Amounts are added and shown in the program's currency, whatever they were loaded in."""
    return str(context.program["currency"])


def elsewhere_note(paid: Mapping[str, int], program: Mapping[str, Any]) -> str:
    """What becomes of rewards ``paid`` in another currency than they were promised in, "" where none were."""
    if not paid["rewards"]:
        return ""
    near = percent_text(payout_tolerance(program), 1)
    many = f"{paid['rewards']:,} rewards were" if paid["rewards"] != 1 else "One reward was"
    return (
        f"{many} paid in another currency than promised. {paid['whole']:,} of them came within {near} of the promise and "
        "count as all of it (payout_tolerance in the referral rules of the program); of the others what was paid counts."
    )


def knows_margins(data: OpenData) -> bool:
    """Whether the referrals have a column of gross margins: without one, a margin is not known and not zero."""
    told = data.snapshot("referrals").profile
    return told is None or "margin" in told


def is_full(context: StepContext) -> bool:
    return bool(context.inputs["detail"] == "full")
