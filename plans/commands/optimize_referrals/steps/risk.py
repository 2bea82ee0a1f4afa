"""Step 3, risk review: scored heuristics, suspicious cohorts, rules of paying, cases for people to decide."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import numpy as np

from gtm.core import canonical
from gtm.core.money import minor_units
from gtm.core.percents import percent_text
from plans.commands.optimize_referrals.facts import currency_of, is_full, window_of
from plans.commands.optimize_referrals.kpis import alerts_of, as_defined, kpi
from plans.commands.optimize_referrals.steps.labels import LabelAccuracy, labels_of, measure
from plans.commands.optimize_referrals.steps.payouts import (
    clawback_table,
    clawbacks_of,
    compliance,
    paying_rules,
    rule_table,
)
from plans.commands.optimize_referrals.steps.screen import patterns_in, policy_of, rules_of, screened
from plans.commands.shared.figures import figure, value_of
from plans.commands.shared.windows import Span, WindowPair
from plans.engine.running.steps import StepContext
from plans.schemas.outputs import Chart, Column, Metrics, Series, Signal, StepResult, Table
from programs.analytics.estimate import Estimate, MaybeEstimate, Unavailable
from programs.analytics.fraud.catalogue import CATALOGUE
from programs.analytics.fraud.peers import SIGNS
from programs.analytics.fraud.review import Review, review
from programs.analytics.fraud.scoring import OF_ACCOUNT, Case, due_rewards
from programs.analytics.fraud.spike import ControlPoint, control_chart
from programs.analytics.fraud.table import ReferralTable
from programs.analytics.rates import wilson_rate

FRAUD_SPIKE = "fraud-spike"
SIGNS_OF_FRAUD, PATTERN = "signs", "pattern"
COHORT_DAYS = 7
MOST_CASES = 500
"""Cases one run opens, worst money first; the others are counted and come with the next run."""
SHOWN_IN_SUMMARY = 10
OF_THE_WINDOW = "Invitations of the window; cases also hold earlier ones, whose rewards are due in them"


def review_risk(context: StepContext) -> StepResult:
    windows, currency = window_of(context), currency_of(context)
    policy = policy_of(context.program)
    context.progress(5, "Referrals to review")
    patterns = patterns_in(context.data, windows.current.end, policy)
    table, population = screened(context.data, windows.current.end, policy, patterns)
    context.progress(40, "Heuristics")
    now, before = (invited_in(table, span) for span in (windows.current, windows.previous))
    actionable = now | (~np.isnat(table.won_at) & np.isnat(table.paid_at))
    found = review(table, policy, population, within=actionable, patterns=patterns, labels=labels_of(context))
    context.progress(75, "Cohorts and payouts")
    held = found.scores >= policy.hold
    # The table holds what is worth a look; shares are of everybody invited.
    flows = context.outputs["data"]["flows"]
    rates = as_defined(context, {
        "fraud_rate": wilson_rate(int((held & now).sum()), int(flows["current"]["invites"])),
        "money_at_risk": Estimate(float(due_rewards(table, np.flatnonzero(held & now)).sum()), unit="currency", method="sum"),
    })  # fmt: skip
    earlier: MaybeEstimate = (
        wilson_rate(int((held & before).sum()), int(flows["previous"]["invites"]))
        if flows["previous"]
        else Unavailable(windows.why_alone)
    )
    alerts = alerts_of(context, rates, windows)
    chart = cohorts(context, table.invited_at[held], found.owners[held], windows.current)
    spikes = spikes_in(chart, windows)
    cases = found.cases
    holds = [case for case in cases if case.proposal == "hold"]
    # What somebody did as a whole is a question to people before it is a reason to hold.
    to_open = [case for case in cases if case.proposal == "hold" or is_pattern(case)]
    measured = measure(context, found, held, ~np.isnat(table.won_at), actionable, windows.current)
    broken = compliance(context, windows.current)
    outputs: list[Any] = [
        _figures(context, rates, earlier, holds, cases, measured, currency, windows),
        _case_table(cases if is_full(context) else holds[:SHOWN_IN_SUMMARY], len(cases), currency),
        rule_table(broken, paying_rules(context), context.data.has("referral_payouts"), currency),
    ]
    if not isinstance(chart, Unavailable):
        outputs.append(_control_chart(chart))
    outputs += measured.tables()
    clawbacks = clawbacks_of(context, windows.current)
    outputs.append(clawback_table(clawbacks, context.data.has("referral_payouts"), currency))
    if is_full(context):
        outputs += [_heuristics_table(found, now), _policy_table(context, found)]
    signals = [*alerts.signals, *spikes]
    looked_at = dict(alerts.measured) | ({} if isinstance(chart, Unavailable) else {FRAUD_SPIKE: ""})
    return StepResult(
        values={
            "kpis": {name: value_of(estimate) for name, estimate in rates.items()},
            "fraud_reduction": reduction_of(rates["fraud_rate"], earlier),
            "reviewed": population.referrals,
            "looked_at": len(table),
            "held": int(held.sum()),
            "cases": [case_values(case, currency) for case in to_open[:MOST_CASES]],
            "cases_left": max(len(to_open) - MOST_CASES, 0),
            "cases_to_review": len(cases) - len(holds),
            "expected_loss": sum(case.expected_loss for case in holds),
            "spikes": [signal.message for signal in spikes],
            "compliance": broken,
            "patterns": [
                {"level": each.level, "name": each.name, "sign": each.sign, "count": each.count, "of": each.of,
                 "expected": each.expected, "q": each.q_value}
                for each in patterns
            ],
            "suspected_partners": sorted({each.name for each in patterns if each.level == "partner"}),
            "held_referrals": sorted({key for case in holds for key in case.referral_ids}),
            "clawbacks": clawbacks.count,
            "clawback_amount": clawbacks.amount,
            "policy": {**rules_of(context.program), "fitted_on": found.fit.labels, "shift": found.fit.shift,
                       "slopes": dict(found.fit.slopes)},
            "payouts_checked": context.data.has("referral_payouts"),
            **measured.values(),
            "alerts": alerts.rows(),
            "headline": [
                {"label": "Fraud cases to decide", "value": f"{len(holds)}, {sum(c.at_risk for c in holds):,.0f} "
                                                            f"{currency} of rewards due in them"},
                {"label": "Spike", "value": "; ".join(s.message for s in spikes) or "none"},
            ],
        },
        outputs=outputs,
        signals=signals,
        measured=looked_at,
        limits=alerts.limits,
        period=windows.period,
        window=windows.name,
    )  # fmt: skip


def reduction_of(now: MaybeEstimate, before: MaybeEstimate) -> float | None:
    """By how much the share fell against the window before, a share of it; None where there was none."""
    here, there = value_of(now), value_of(before)
    return 1 - here / there if here is not None and there else None


def invited_in(table: ReferralTable, span: Span) -> np.ndarray:
    low, high = (np.datetime64(at.replace(tzinfo=None), "us") for at in (span.start, span.end))
    return (table.invited_at >= low) & (table.invited_at < high)


def cohorts(
    context: StepContext, held_at: np.ndarray, owners: np.ndarray, span: Span
) -> tuple[ControlPoint, ...] | Unavailable:
    """Weeks of invitations, counted back from the end of the data, on a control chart.

    What one of ``owners`` (a ring, a referrer) did in a week is one cluster.
    """
    referrals = context.data.snapshot("referrals")
    first = referrals.window_start
    if first is None or not referrals.rows:
        return Unavailable("No referrals.")
    weeks = -(-(span.end - first) // timedelta(days=COHORT_DAYS))
    start = span.end - timedelta(days=COHORT_DAYS * weeks)
    found = context.data.engine.referral_trend(referrals, start=start, end=span.end, step_days=COHORT_DAYS)
    sizes = dict(zip(found.column("step").to_pylist(), found.column("invites").to_pylist(), strict=True))
    since = (held_at - np.datetime64(start.replace(tzinfo=None), "us")) // np.timedelta64(COHORT_DAYS, "D")
    week_of = since.astype(int)
    flagged = np.bincount(week_of, minlength=weeks)
    clusters: list[list[int]] = [[] for _ in range(weeks)]
    for (week, _), size_of in Counter(zip(week_of.tolist(), owners.tolist(), strict=True)).items():
        clusters[week].append(size_of)
    names = [f"{start + timedelta(days=COHORT_DAYS * week):%Y-%m-%d}" for week in range(weeks)]
    size = [sizes.get(week, 0) for week in range(weeks)]
    # The first week is cut off by the start of the data.
    return control_chart(names[1:], flagged[1:].tolist(), size[1:], clusters=clusters[1:])


def spikes_in(chart: Sequence[ControlPoint] | Unavailable, windows: WindowPair) -> list[Signal]:
    """Cohorts of the window beyond the control limit."""
    if isinstance(chart, Unavailable):
        return []
    first = f"{windows.current.start - timedelta(days=COHORT_DAYS - 1):%Y-%m-%d}"
    return [
        Signal(
            FRAUD_SPIKE,
            f"week of {point.cohort}: {percent_text(rate_of(point))} proposed for hold against {percent_text(point.expected)}",
            f"week of {point.cohort}",
            round(rate_of(point), 6),
            windows.name,
        )
        for point in chart
        if point.spike and point.cohort >= first
    ]


def rate_of(point: ControlPoint) -> float:
    return point.rate.value if isinstance(point.rate, Estimate) else 0.0


def is_pattern(case: Case) -> bool:
    """Whether what a referrer, a partner or the payees of one account did as a whole is among the reasons."""
    return case.case_id.startswith(OF_ACCOUNT) or any(reason.heuristic in SIGNS for reason in case.reasons)


def case_values(case: Case, currency: str) -> dict[str, Any]:
    """A case as it is stored: traces of people appear as what was seen, not as the trace itself."""
    return {
        "key": f"fc-{canonical.digest([case.case_id, case.proposal])[:16]}",
        "kind": PATTERN if is_pattern(case) else SIGNS_OF_FRAUD,
        "proposal": case.proposal,
        "referrals": list(case.referral_ids),
        "referrers": len(case.referrer_ids),
        "score": round(case.score, 2),
        "at_risk": round(case.at_risk, minor_units(currency)),
        "paid": round(case.paid, minor_units(currency)),
        "expected_loss": round(case.expected_loss, minor_units(currency)),
        "currency": currency,
        "evidence": [
            {"heuristic": r.heuristic, "title": r.title, "referrals": r.referrals,
             "seen": without_traces(r.heuristic, r.example), "false_positives": r.false_positives}
            for r in case.reasons
        ],
    }  # fmt: skip


def without_traces(heuristic: str, example: str) -> str:
    """The sentence of evidence without what identifies a person: the case names referrals, not people."""
    if heuristic in ("self_customer", "self_name_address", "shared_payment", "shared_device", "shared_cookie",
                     "sequential_mailboxes"):  # fmt: skip
        return CATALOGUE[heuristic].explanation
    return re.sub(r"\S+@\S+", "one mailbox", example)


# ------------------------------------------------------------------ outputs


def _figures(
    context: StepContext,
    rates: Mapping[str, MaybeEstimate],
    earlier: MaybeEstimate,
    holds: Sequence[Case],
    cases: Sequence[Case],
    measured: LabelAccuracy,
    currency: str,
    windows: WindowPair,
) -> Metrics:
    was = percent_text(earlier.value, 2) if isinstance(earlier, Estimate) else "no comparison"
    items = [
        kpi(context, "fraud_rate", rates["fraud_rate"], currency, f"Window before: {was}"),
        kpi(context, "money_at_risk", rates["money_at_risk"], currency, OF_THE_WINDOW),
        figure("cases_to_hold", "Cases proposed for hold", float(len(holds)), unit="cases"),
        figure("cases_to_review", "Cases to look at", float(len(cases) - len(holds)), unit="cases"),
        figure("expected_loss", "Expected loss in the cases", sum(c.expected_loss for c in holds), unit=currency,
               definition="Rewards that are due, weighed by the chance of fraud"),
        figure("paid_in_cases", "Paid in the cases already", sum(c.paid for c in holds), unit=currency,
               definition="To be taken back where people confirm the case"),
    ]  # fmt: skip
    items += measured.figures()
    return Metrics("risk", "Fraud and risk", items, f"{windows.current.label}. {measured.note}")


def _case_table(cases: Sequence[Case], known: int, currency: str) -> Table:
    return Table(
        "fraud_cases",
        "Suspicious referrals",
        [Column("case", "Case"), Column("proposal", "Proposal"), Column("score", "Score 0–100", "number"),
         Column("referrals", "Referrals", "integer"), Column("people", "Referrers", "integer"),
         Column("at_risk", "Rewards due in the case", "money", currency),
         Column("expected_loss", "Expected loss", "money", currency), Column("why", "Why"),
         Column("else", "What else it can be")],
        [
            [case_values(case, currency)["key"], case.proposal, case.score, len(case.referral_ids),
             len(case.referrer_ids), case.at_risk, case.expected_loss,
             "; ".join(f"{r.title} ({r.referrals})" for r in case.reasons),
             case.reasons[0].false_positives if case.reasons else ""]
            for case in cases
        ],
        f"{len(cases)} of {known} cases shown, worst expected loss first. Rewards due are those of all referrals of a case, "
        "whenever the invitation was. A case is a question to people: hold, "
        "release or confirm, with two people on each; nothing is banned by itself.",
    )  # fmt: skip


def _policy_table(context: StepContext, found: Review) -> Table:
    rules = rules_of(context.program)
    own = context.program.get("referral_rules", {})
    rows = [[name, str(rules[name]), "the program" if name in own else "the house"] for name in sorted(rules)]
    rows += [
        [f"slope of {family}", f"{slope:.2f}", f"{found.fit.labels:g} decisions"]
        for family, slope in sorted(found.fit.slopes.items())
    ]
    if found.fit.slopes:
        rows.append(["shift of the prior", f"{found.fit.shift:+.2f}", f"{found.fit.labels:g} decisions"])
    return Table(
        "referral_rules",
        "Rules of the review",
        [Column("rule", "Rule"), Column("value", "Value"), Column("of", "Set by")],
        rows,
        f"As of version {context.program.get('version', '?')} of the program. From ten decisions on, what people decided "
        "moves the prior and the weights.",
    )


def _control_chart(points: Sequence[ControlPoint]) -> Chart:
    return Chart(
        "control_chart",
        "Share proposed for hold, week by week",
        "line",
        [point.cohort for point in points],
        [
            Series("Proposed for hold", [100 * rate_of(point) for point in points]),
            Series("Expected", [100 * point.expected for point in points]),
            Series("Upper limit", [100 * point.upper_limit for point in points]),
        ],
        "week of invitation",
        "share",
        "%",
        "Limits at p < .001 from the quiet weeks before, for flags that come in clusters.",
    )


def _heuristics_table(found: Review, now: np.ndarray) -> Table:
    counts: Counter[str] = Counter()
    within: Counter[str] = Counter()
    for hit in found.hits:
        counts[hit.key] += len(hit.rows)
        within[hit.key] += int(now[hit.rows].sum())
    return Table(
        "heuristics",
        "What was looked for",
        [Column("heuristic", "Heuristic"), Column("meaning", "Means"), Column("window", "In the window", "integer"),
         Column("ever", "Ever", "integer"), Column("weight", "Log-odds", "number"),
         Column("false_positives", "Known false positives")],
        [[h.title, h.explanation, within[key], counts[key], h.weight, h.false_positives]
         for key, h in CATALOGUE.items()],
        "Scores add log-odds; of one family the strongest counts in full and the others by half.",
    )  # fmt: skip
