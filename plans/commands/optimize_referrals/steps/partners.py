"""Step 4, partner health: top and bottom partners, share of voice, engagement, concentration."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np

from plans.commands.optimize_referrals.facts import currency_of, is_full, window_of
from plans.commands.optimize_referrals.kpis import alerts_of, as_defined, kpi
from plans.commands.optimize_referrals.steps.refresh import net_promoters, survey
from plans.commands.shared.data_quality import net_note
from plans.commands.shared.figures import figure, value_of
from plans.commands.shared.thresholds import alert_table
from plans.commands.shared.windows import Span, WindowPair
from plans.engine.running.steps import StepContext
from plans.schemas.outputs import Chart, Column, Metrics, Series, StepResult, Table
from programs.analytics.estimate import Estimate, MaybeEstimate, Unavailable
from programs.analytics.partner_health import (
    Concentration,
    PartnerCounts,
    PartnerHealth,
    concentration,
    partner_health,
)

ENDS = 3
"""Partners shown at either end where the detail is a summary."""


def assess_partners(context: StepContext) -> StepResult:
    windows, currency = window_of(context), currency_of(context)
    answers = survey(context.data, windows.current)
    counts = partner_counts(context, windows, answers)
    context.progress(40, "Scores and ranks")
    found = partner_health(counts, np.random.default_rng(context.seed))
    suspected = set(context.outputs["risk"]["suspected_partners"])
    # Whoever is asked about is nobody's example, whatever the figures say.
    healthy = (
        () if isinstance(found, Unavailable) else tuple(sorted(found, key=lambda p: p.partner in suspected))
    )
    shares = concentration([max(partner.revenue, 0.0) for partner in counts])
    of_partners = [row for row in answers if row["partner"]]
    kpis = as_defined(context, {
        "partner_nps": net_promoters(of_partners),
        "concentration": Estimate(shares.hhi, unit="index", method="sum of squares")
        if isinstance(shares, Concentration)
        else shares,
    })  # fmt: skip
    alerts = alerts_of(context, kpis, windows)
    outputs: list[Any] = [
        _figures(context, kpis, shares, windows.current),
        _health_table(
            healthy,
            counts,
            suspected,
            currency,
            net_note(context.data, "referrals", "referral_payouts"),
            full=is_full(context),
        ),
    ]
    if healthy:
        outputs.append(_score_chart(healthy))
    if is_full(context):
        outputs.append(_driver_table(healthy))
    if alerts.rows():
        outputs.append(alert_table(alerts.rows()))
    return StepResult(
        values={
            "kpis": {name: value_of(estimate) for name, estimate in kpis.items()},
            "partner_nps": value_of(kpis["partner_nps"]),
            "partners": [
                _values(partner) | {"suspected": partner.partner in suspected} for partner in healthy
            ],
            "alerts": alerts.rows(),
            "why_none": found.reason if isinstance(found, Unavailable) else "",
            "headline": _headline([each for each in healthy if each.partner not in suspected]),
        },
        outputs=outputs,
        signals=alerts.signals,
        measured=alerts.measured,
        limits=alerts.limits,
        period=windows.period,
        window=windows.name,
    )


def partner_counts(
    context: StepContext, windows: WindowPair, answers: Sequence[Mapping[str, Any]]
) -> list[PartnerCounts]:
    """What each partner did in the window; a partner with activity and no referral counts too."""
    data, span, before = context.data, windows.current, windows.previous
    referrals, without = data.snapshot("referrals"), suspected_of(context)
    rows = data.engine.partner_referrals(
        referrals,
        start=span.start,
        end=span.end,
        before=before.start,
        payouts=data.find("referral_payouts"),
        without=without,
    ).to_pylist()
    events: dict[str, Mapping[str, Any]] = {}
    if data.has("partner_activity"):
        activity = data.snapshot("partner_activity")
        active = data.engine.partner_events(activity, start=span.start, end=span.end).to_pylist()
        events = {row["partner"]: row for row in active}
    said: dict[str, dict[str, int]] = defaultdict(lambda: {"promoters": 0, "passives": 0, "detractors": 0})
    for row in answers:
        for name in said[row["partner"]]:
            said[row["partner"]][name] += row[name]
    by_partner = {row["partner"]: row for row in rows}
    found = []
    for partner in sorted(by_partner.keys() | events.keys()):
        row, event = by_partner.get(partner, {}), events.get(partner, {})
        found.append(
            PartnerCounts(
                partner,
                row.get("tier") or event.get("tier") or "",
                int(event.get("events", 0)),
                row.get("referrals", 0),
                row.get("won", 0),
                float(row.get("revenue", 0)),
                None if windows.why_alone else float(row.get("revenue_before", 0)),
                float(row.get("gross_margin", 0)),
                float(row.get("payout", 0)),
                days_since(span.end, row.get("last_invited_at"), event.get("last_active_at")),
                **said[partner],
                heard=int(event.get("heard", 0)),
                orders=row.get("orders", 0),
                revenue_squares=float(row.get("revenue_squares", 0)),
            )
        )
    return found


def suspected_of(context: StepContext) -> list[str]:
    """Referrals that earn a partner nothing here: proposed for hold, held or confirmed, and not released."""
    released = {key for key, fraud in context.program.get("case_labels", {}).items() if not fraud}
    found = {*context.outputs["risk"]["held_referrals"], *context.program["held_referrals"]}
    return sorted(found - released)


def days_since(end: datetime, *seen: datetime | None) -> float | None:
    """Days from the latest sign of life until ``end``; None for never."""
    known = [at for at in seen if at is not None]
    return (end - max(known)).total_seconds() / 86_400 if known else None


def _values(found: PartnerHealth) -> dict[str, Any]:
    return {
        "partner": found.partner, "tier": found.tier, "score": found.score.value, "rank": found.rank.value,
        "rank_low": found.rank.low, "rank_high": found.rank.high, "conversion": found.conversion.value,
        "conversion_low": found.conversion.low, "conversion_high": found.conversion.high,
        "won": found.conversion.numerator, "referrals": found.conversion.denominator,
        "share_of_voice": found.share_of_voice, "trend": value_of(found.trend),
        "payout_ratio": value_of(found.payout_ratio), "nps": value_of(found.nps),
        "weakest": min(found.drivers, key=lambda driver: driver.effect).name,
    }  # fmt: skip


def _headline(healthy: Sequence[PartnerHealth]) -> list[dict[str, str]]:
    if not healthy:
        return [{"label": "Partners", "value": "none in the window"}]
    best, worst = healthy[0], healthy[-1]
    return [
        {"label": "Best partner", "value": f"{best.partner}, {best.score.value:.0f} of 100"},
        {"label": "Weakest partner", "value": f"{worst.partner}, {worst.score.value:.0f} of 100"},
    ]


# ------------------------------------------------------------------ outputs


def _figures(context: StepContext, kpis: Mapping[str, MaybeEstimate], shares: Any, span: Span) -> Metrics:
    items = [kpi(context, name, value, currency_of(context)) for name, value in kpis.items()]
    if isinstance(shares, Concentration):
        items.append(figure("effective_partners", "Effective number of partners", shares.effective_partners))
        items.append(
            figure("top_share", "Share of the largest partner", shares.top_share, unit="%", scale=100)
        )
    return Metrics("partner_figures", "Partners", items, f"{span.label}.")


def _health_table(
    healthy: Sequence[PartnerHealth],
    counts: Sequence[PartnerCounts],
    suspected: Collection[str],
    currency: str,
    note: str,
    *,
    full: bool,
) -> Table:
    known = {item.partner: item for item in counts}
    shown = healthy if full or len(healthy) <= 2 * ENDS else [*healthy[:ENDS], *healthy[-ENDS:]]
    return Table(
        "partner_health",
        "Partner health",
        [Column("partner", "Partner"), Column("tier", "Tier"), Column("score", "Score 0–100", "number"),
         Column("rank", "Rank", "integer"), Column("rank_low", "from", "integer"), Column("rank_high", "to", "integer"),
         Column("referrals", "Referrals", "integer"), Column("conversion", "Conversion, shrunk", "percent"),
         Column("low", "from", "percent"), Column("high", "to", "percent"),
         Column("revenue", "Revenue", "money", currency), Column("trend", "Change", "percent"),
         Column("payout", "Payout / margin", "percent"), Column("events", "Activities", "integer"),
         Column("voice", "Share of voice", "percent"), Column("nps", "NPS", "number"),
         Column("asked", "Asked about")],
        [
            [p.partner, p.tier, p.score.value, p.rank.value, p.rank.low, p.rank.high, known[p.partner].referrals,
             p.conversion.value, p.conversion.low, p.conversion.high, known[p.partner].revenue, value_of(p.trend),
             value_of(p.payout_ratio), known[p.partner].events, p.share_of_voice, value_of(p.nps),
             "fraud case" if p.partner in suspected else ""]
            for p in shown
        ],
        f"{len(shown)} of {len(healthy)} partners. Conversion is shrunk toward the mean of the tier; where the ranges "
        f"of ranks overlap, the data do not tell the partners apart. Referrals proposed for hold or held count for nobody. {note}".rstrip(),
    )  # fmt: skip


def _score_chart(healthy: Sequence[PartnerHealth]) -> Chart:
    return Chart(
        "partner_scores",
        "Partner scores",
        "bar",
        [partner.partner for partner in healthy],
        [
            Series(
                "Score",
                [p.score.value for p in healthy],
                [p.score.low for p in healthy],
                [p.score.high for p in healthy],
            )
        ],
        "partner",
        "score 0–100",
    )


def _driver_table(healthy: Sequence[PartnerHealth]) -> Table:
    return Table(
        "partner_drivers",
        "What stands behind the scores",
        [Column("partner", "Partner"), Column("driver", "Part"), Column("part", "Part, 0–100", "number"),
         Column("effect", "Points against the mean partner", "number")],
        [[p.partner, d.name, d.score, d.effect] for p in healthy for d in p.drivers],
        "The score is where a partner stands by the revenue to be expected of it, after returns and without referrals "
        "proposed for hold or held. The parts explain it and do not move it.",
    )  # fmt: skip
