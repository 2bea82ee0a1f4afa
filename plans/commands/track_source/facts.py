"""What a track-source run reads of the organisation, and its scope: campaign, window, what partners agreed on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from gtm.core import canonical
from gtm.core.later import later
from plans.engine.running.steps import PermanentError, StepContext
from programs.analytics.path_rules import PathRules
from programs.analytics.taxonomy import StageMap, Vocabulary
from programs.datasets.local_time import end_of_day
from programs.models import (
    DEFAULT_AMOUNT_TOLERANCE,
    DEFAULT_MISMATCH_TOLERANCE,
    Campaign,
    MeasurementAgreement,
    Program,
    read_stages,
    read_vocabulary,
)
from programs.selectors import people_by_role

if TYPE_CHECKING:
    from programs.analytics import attribution
    from programs.datasets import OpenData
else:
    attribution = later("programs.analytics.attribution")

OWNERS = ("co-marketing-analytics-lead", "partner-marketer", "revops", "finance", "exec-sponsor")
JOINT = "joint"


def gather_facts(program: Program) -> dict[str, Any]:
    """The program's campaigns with partners and agreement, by slug, and who holds the roles."""
    campaigns = Campaign.objects.filter(program=program).prefetch_related("partners")
    agreements = {a.campaign_id: a for a in MeasurementAgreement.objects.filter(campaign__program=program)}
    return canonical.plain(
        {
            "campaigns": {c.slug: _campaign(c, agreements.get(c.pk)) for c in campaigns},
            "people": people_by_role(OWNERS),
        }
    )


def _campaign(campaign: Campaign, agreement: MeasurementAgreement | None) -> dict[str, Any]:
    rules = agreement or MeasurementAgreement(campaign=campaign)
    return {
        "name": campaign.name,
        "starts_on": campaign.starts_on,
        "ends_on": campaign.ends_on,
        "partners": {p.slug: p.name for p in campaign.partners.all()},
        "agreed": agreement is not None,
        "agreement": {
            name: getattr(rules, name)
            for name in (
                "attribution_model",
                "confidence_guardrail",
                "lookback_days",
                "dispute_days",
                "exclude_direct",
                "collapse_repeats",
                "longest_path",
                "amount_tolerance",
                "mismatch_tolerance",
                "vocabulary",
                "stages",
            )
        },
    }


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What the partners' books may differ by: ``amount`` of one deal, and on which share of the ``deals``."""

    amount: Decimal = DEFAULT_AMOUNT_TOLERANCE
    deals: Decimal = DEFAULT_MISMATCH_TOLERANCE

    @classmethod
    def of(cls, rules: Mapping[str, Any]) -> Tolerance:
        """As agreed; a plan of before partners could agree on it has the defaults."""
        return cls(
            Decimal(rules.get("amount_tolerance", DEFAULT_AMOUNT_TOLERANCE)),
            Decimal(rules.get("mismatch_tolerance", DEFAULT_MISMATCH_TOLERANCE)),
        )


@dataclass(frozen=True, slots=True)
class Scope:
    """From ``start`` until before ``end``, on the wall clock of ``zone``, the program's.

    ``model`` is the one that decides, ``agreed_name`` its name.
    """

    slug: str
    name: str
    partners: Mapping[str, str]
    start: datetime
    end: datetime
    currency: str
    zone: str
    vocabulary: Vocabulary
    stages: Mapping[str, StageMap]
    agreed_name: str
    model: str
    overridden: bool
    is_agreed: bool
    guardrail: float
    lookback: timedelta
    dispute_days: int
    path_rules: PathRules
    tolerance: Tolerance
    campaign_days: tuple[date | None, date | None]

    @property
    def label(self) -> str:
        return f"{self.start:%Y-%m-%d} to {self.end - timedelta(days=1):%Y-%m-%d}"

    @property
    def period(self) -> str:
        """What a breach is counted by: two runs that end on the same day measured the same moment."""
        return f"{self.slug} until {self.end - timedelta(days=1):%Y-%m-%d}"

    def partner(self, owner: str) -> str:
        """The slug behind an owner as the data write it; what is no partner stays as it is."""
        folded = owner.strip().casefold()
        return next(
            (s for s, name in self.partners.items() if folded in (s, name.casefold())), owner or JOINT
        )


def scope_of(context: StepContext) -> Scope:
    """Raises PermanentError where window and data do not meet or the taxonomy cannot be read."""
    name = context.inputs["campaign"]
    slug, told = next((s, c) for s, c in context.program["campaigns"].items() if c["name"] == name)
    first, last = (date.fromisoformat(told[key]) if told[key] else None for key in ("starts_on", "ends_on"))
    start, end = _window(context.inputs["window"], data_end(context.data), first, last, name)
    rules = told["agreement"]
    chosen = context.inputs.get("attribution_model") or rules["attribution_model"]
    try:
        vocabulary = read_vocabulary(_with_campaign(rules["vocabulary"], slug, name))
        stages = {p: read_stages(p, rules["stages"].get(p, {})) for p in [*told["partners"], JOINT]}
    except (ValueError, TypeError, AttributeError) as error:
        raise PermanentError(f"The taxonomy of {name} cannot be read: {error}") from error
    return Scope(
        slug=slug,
        name=name,
        partners=told["partners"],
        start=start,
        end=end,
        currency=context.program["currency"],
        zone=context.program["time_zone"],
        vocabulary=vocabulary,
        stages=stages,
        agreed_name=chosen,
        model=attribution.AGREED[chosen],
        overridden=chosen != rules["attribution_model"],
        is_agreed=told["agreed"],
        guardrail=float(rules["confidence_guardrail"]),
        lookback=timedelta(days=rules["lookback_days"]),
        dispute_days=rules["dispute_days"],
        path_rules=PathRules(
            rules.get("exclude_direct", False),
            rules.get("collapse_repeats", False),
            rules.get("longest_path"),
        ),
        tolerance=Tolerance.of(rules),
        campaign_days=(first, last),
    )


def data_end(data: OpenData) -> datetime:
    """Midnight after the last row of touches or deals, whichever partner's is the latest."""
    ends = [
        found.window_end
        for kind in ("touchpoints", "opportunities")
        for found in data.snapshots(kind).values()
        if found.window_end
    ]
    if not ends:
        raise PermanentError("Neither touchpoints nor opportunities hold a single dated row.")
    return end_of_day(max(ends))


def _window(
    window: str, end: datetime, first: date | None, last: date | None, name: str
) -> tuple[datetime, datetime]:
    if window != "campaign":
        return end - timedelta(days=int(window.removesuffix("d"))), end
    if first is None:
        raise PermanentError(f"{name} has no first day: enter it, or ask for a number of days.")
    start = datetime.combine(first, time(), UTC)
    over = datetime.combine(last + timedelta(days=1), time(), UTC) if last else end
    if start >= (end := min(end, over)):
        raise PermanentError(f"The data end before {name} begins on {first}.")
    return start, end


def _with_campaign(vocabulary: Mapping[str, Any], slug: str, name: str) -> dict[str, Any]:
    """The campaign's own slug and name are always understood."""
    allowed, aliases = dict(vocabulary.get("allowed", {})), dict(vocabulary.get("aliases", {}))
    if "campaign" in allowed:
        allowed["campaign"] = sorted({*allowed["campaign"], slug})
    aliases["campaign"] = (
        {name: slug} | dict(aliases.get("campaign", {})) if name != slug else aliases.get("campaign", {})
    )
    return {"allowed": allowed, "aliases": aliases}
