"""How satisfied the partners of a campaign are: the net promoter score of their answers in the window."""

from __future__ import annotations

from typing import Any

from plans.commands.shared.figures import figure, value_of
from plans.commands.track_source.facts import Scope
from plans.engine.running.steps import StepContext
from plans.schemas.outputs import Metrics
from programs.analytics.estimate import MaybeEstimate, Unavailable
from programs.analytics.retention import net_promoter_score

SURVEYS = "survey_responses"
COUNTS = ("promoters", "passives", "detractors")


def partner_score(context: StepContext, scope: Scope) -> MaybeEstimate | None:
    """Over the answers that partners of the campaign gave in the window; None where no surveys are loaded.

    What a partner brought are its own answers; in ours each answer names its partner.
    """
    if not context.data.has(SURVEYS):
        return None
    answers = []
    for owner, snapshot in context.data.snapshots(SURVEYS).items():
        rows = context.data.engine.nps_groups(snapshot, start=scope.start, end=scope.end).to_pylist()
        answers += [row for row in rows if scope.partner(owner or row["partner"]) in scope.partners]
    counts = [sum(row[name] for row in answers) for name in COUNTS]
    if not sum(counts):
        return Unavailable(f"No partner of {scope.name} answered a survey in {scope.label}.")
    return net_promoter_score(*counts)


def values_of(score: MaybeEstimate | None) -> dict[str, Any]:
    """What later readers find: the score, or the reason why there is none; nothing without surveys."""
    if score is None:
        return {}
    reason = score.reason if isinstance(score, Unavailable) else ""
    return {"partner_satisfaction": value_of(score), "partner_satisfaction_reason": reason}


def outputs_of(score: MaybeEstimate | None) -> list[Metrics]:
    if score is None:
        return []
    told = "Promoters less detractors among answers of 0 to 10, a hundredth each"
    items = [
        figure("partner_satisfaction", "Partner satisfaction, NPS", score, unit="points", definition=told)
    ]
    return [Metrics("satisfaction", "Partner satisfaction", items)]
