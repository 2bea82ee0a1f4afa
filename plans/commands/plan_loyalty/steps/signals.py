"""Step 1, signal review: churn, cohort revenue, repeat behaviour, segments, voice of the customer, usage."""

from __future__ import annotations

from typing import Any

import numpy as np

from plans.commands.plan_loyalty.steps.constraints import eligible_members, stated
from plans.commands.plan_loyalty.steps.voice import read_comments
from plans.commands.shared.columns import columns
from plans.commands.shared.data_quality import movement_tables, movement_values, purchase_notes
from plans.commands.shared.figures import figure, value_of
from plans.commands.shared.net_retention import net_retention_of
from plans.engine.running.steps import StepContext
from plans.schemas.outputs import Chart, Column, Figure, Metrics, Series, StepResult, Table
from programs.analytics import retention, segments
from programs.analytics.estimate import Estimate, MaybeEstimate, Unavailable
from programs.analytics.rates import wilson_rate
from programs.analytics.retention import CohortMatrix
from programs.datasets import OpenData
from programs.datasets.local_time import to_instant
from programs.schemas.metrics import REPEAT_DAYS

LAPSE_DAYS = 90
SATISFIED_FROM = 4


def review_signals(context: StepContext) -> StepResult:
    data: OpenData = eligible_members(context).data
    currency = context.program["currency"]
    as_of = data.as_of("purchases")
    purchases = data.snapshot("purchases")
    context.progress(5, "Members")
    rfm = columns(data.engine.member_rfm(purchases, as_of=as_of))
    context.progress(25, "Cohorts")
    labels, matrix = cohorts(data)
    context.progress(50, "Repeat purchases and churn")
    repeat = data.engine.repeat_purchase(purchases, as_of=as_of, days=REPEAT_DAYS).to_pylist()[0]
    lapse = columns(data.engine.lapse_table(purchases, as_of=as_of, inactive_days=LAPSE_DAYS))
    orders, spend = rfm["orders"], rfm["monetary"]
    tenure_years = max(float(np.mean(rfm["tenure_days"])) / 365, 1 / 365)
    figures = [
        Figure("members", "Members with a purchase", int(orders.size), "members"),
        figure(
            "repeat_rate",
            f"Bought again within {REPEAT_DAYS} days",
            retention.repeat_rate(repeat["members"], repeat["repeat_members"]),
            unit="%",
            scale=100,
            definition=f"Members observed for {REPEAT_DAYS} days; {repeat['too_young']:,} younger ones left out",
        ),
        figure(
            "frequency",
            "Purchases per member and year",
            retention.purchase_frequency(
                orders.size, float(orders.sum()), float((orders**2).sum()), years=tenure_years
            ),
        ),
        figure(
            "average_order_value",
            "Average order value",
            retention.average_order_value(
                orders.size,
                float(spend.sum()),
                float(orders.sum()),
                float((spend**2).sum()),
                float((orders**2).sum()),
                float((spend * orders).sum()),
            ),
            unit=currency,
            definition="Revenue per order; interval clustered by member",
        ),
    ]
    table = _life_table(lapse)
    figures += [
        figure(
            "first_month_hazard",
            "Lapse after the first month",
            float(table.hazard[0]),
            unit="%",
            scale=100,
            definition=f"Hazard in month 1; lapsed means {LAPSE_DAYS} silent days",
        ),
        figure("survival_12", "Still buying after 12 months", _survival(table, 12), unit="%", scale=100),
    ]
    net = net_retention_of(data)
    figures.append(
        figure("nrr", "Net revenue retention", net.value, unit="%", scale=100, definition=net.sentence())
    )
    context.progress(75, "Segments and voice of the customer")
    scores = segments.rfm_scores(rfm["inactive_days"], orders, spend)
    rows = segments.summarise_segments(scores, rfm["inactive_days"], orders, spend)
    voice, heard = voice_of_customer(data, as_of)
    written, comments = read_comments(data, as_of, stated(context))
    usage, used = product_usage(data, as_of)
    known = {row.name.lower() for row in rows} | {*(context.program.get("personas") or {})}
    asked = context.inputs.get("personas", [])
    unknown = [name for name in asked if name not in known]
    context.progress(100, "")
    return StepResult(
        values={
            "members": int(orders.size),
            "as_of": to_instant(as_of, context.program["time_zone"]),
            "repeat_rate": value_of(retention.repeat_rate(repeat["members"], repeat["repeat_members"])),
            "average_order_value": float(spend.sum() / orders.sum()),
            "survival_12": value_of(_survival(table, 12)),
            "nrr": value_of(net.value),
            "nrr_days": net.days,
            **({"nrr_reason": net.value.reason} if isinstance(net.value, Unavailable) else {}),
            "segments": {row.name: row.members for row in rows},
            "unknown_personas": unknown,
            "voice": {**heard, **({"comments": comments} if comments else {})},
            "usage": used,
            **movement_values(data),
        },
        outputs=[
            Metrics(
                "signals",
                "Signals",
                [*figures, *voice, *usage],
                note=" ".join([_note(asked, unknown), *purchase_notes(data)]).strip(),
            ),
            _retention_chart(labels, matrix),
            _revenue_chart(matrix, currency),
            _churn_chart(table),
            _segment_table(rows, currency, asked),
            *written,
            *movement_tables(data),
        ],
    )


def cohorts(data: OpenData) -> tuple[list[str], CohortMatrix]:
    """Monthly cohorts of complete months only: an age that has not passed is not a loss."""
    table = data.engine.cohort_matrix(data.snapshot("purchases"), period="month")
    starts = [str(day)[:7] for day in table.column("cohort").to_pylist()]
    labels = sorted(set(starts))
    values = columns(table)
    ages = values["age"].astype(int)
    row = np.array([labels.index(s) for s in starts])
    shape = (len(labels), int(ages.max()) + 1)
    sizes = np.zeros(len(labels))
    sizes[row] = values["cohort_size"]
    last = int((row + ages).max()) if data.is_month_complete("purchases") else int((row + ages).max()) - 1
    month_of = _month_index(labels)
    observed = month_of[:, None] + np.arange(shape[1])[None, :] <= month_of[0] + last
    active = np.where(observed, 0.0, np.nan)
    revenue = active.copy()
    inside = observed[row, ages]
    active[row[inside], ages[inside]] = values["members"][inside]
    revenue[row[inside], ages[inside]] = values["revenue"][inside]
    return labels, retention.cohort_matrix(sizes, active, revenue)


def _month_index(labels: list[str]) -> np.ndarray:
    return np.array([int(label[:4]) * 12 + int(label[5:7]) for label in labels])


def _life_table(lapse: dict[str, np.ndarray]) -> retention.LifeTable:
    periods = int(lapse["tenure"].max()) + 1
    events, censored = np.zeros(periods), np.zeros(periods)
    events[lapse["tenure"].astype(int)] = lapse["lapsed"]
    censored[lapse["tenure"].astype(int)] = lapse["censored"]
    return retention.life_table(events, censored)


def _survival(table: retention.LifeTable, month: int) -> MaybeEstimate:
    if table.survival.size < month:
        return Unavailable(f"The data reach back {table.survival.size} months, not {month}.")
    at = month - 1
    return Estimate(
        float(table.survival[at]),
        float(table.low[at]),
        float(table.high[at]),
        standard_error=float(table.standard_error[at]),
        method="Kaplan–Meier, Greenwood",
    )


def voice_of_customer(data: OpenData, as_of: Any) -> tuple[list[Figure], dict[str, Any]]:
    """NPS and CSAT over all answers before ``as_of``, where surveys are loaded."""
    if not data.has("survey_responses"):
        missing = "No survey_responses are loaded."
        return [
            Figure("nps", "Net promoter score", None, "points", unavailable=missing),
            Figure("csat", "Customer satisfaction", None, "%", unavailable=missing),
        ], {}
    table = data.engine.survey_scores(data.snapshot("survey_responses"), as_of=as_of).to_pylist()
    found, heard = [], {}
    for survey in sorted({row["survey"] for row in table}):
        mine = [row for row in table if row["survey"] == survey]
        answers = sum(row["responses"] for row in mine)
        if survey == "nps":
            promoters, detractors = (sum(row[k] for row in mine) for k in ("promoters", "detractors"))
            estimate = retention.net_promoter_score(promoters, answers - promoters - detractors, detractors)
            found.append(figure("nps", "Net promoter score", estimate))
        else:
            estimate = wilson_rate(sum(row["satisfied"] for row in mine), answers)
            found.append(figure(survey, survey.upper(), estimate, unit="%", scale=100))
        heard[survey] = value_of(estimate)
    return found, heard


def product_usage(data: OpenData, as_of: Any) -> tuple[list[Figure], dict[str, Any]]:
    """Active members of the last month by event, where usage is loaded."""
    if not data.has("usage_events"):
        return [Figure("usage", "Product usage", None, unavailable="No usage_events are loaded.")], {}
    rows = data.engine.usage_activity(data.snapshot("usage_events"), as_of=as_of).to_pylist()
    newest = max(row["period"] for row in rows)
    latest = {row["event"]: row["members"] for row in rows if row["period"] == newest}
    return [
        Figure(f"usage_{event}", f"Members with “{event}” in {newest:%Y-%m}", members, "members")
        for event, members in sorted(latest.items())
    ], latest


def _note(asked: list[str], unknown: list[str]) -> str:
    if not asked:
        return ""
    return (
        f"Personas without a segment of that name in the data: {', '.join(unknown)}."
        if unknown
        else ("Every persona has a segment in the data.")
    )


def _retention_chart(labels: list[str], matrix: CohortMatrix) -> Chart:
    ages = [f"month {n}" for n in range(matrix.retention.shape[1])]
    series = [Series(label, [None if np.isnan(v) else 100 * float(v) for v in row]) for label, row in
              zip(labels, matrix.retention, strict=True)]  # fmt: skip
    return Chart(
        "cohort_retention", "Cohort retention", "heatmap", ages, series, "age", "cohort", "%",
        "Share of the cohort buying in the month; empty where the month is not over.",
    )  # fmt: skip


def _revenue_chart(matrix: CohortMatrix, currency: str) -> Chart:
    curve = matrix.cumulative_revenue
    ages = [f"month {n}" for n in range(curve.size)]
    values = [None if np.isnan(v) else float(v) for v in curve]
    return Chart(
        "cohort_revenue", "Revenue per member by age", "line", ages, [Series("Cumulative revenue", values)],
        "age", "revenue per member", currency, "All cohorts that reached the age.",
    )  # fmt: skip


def _churn_chart(table: retention.LifeTable) -> Chart:
    months = [f"month {n + 1}" for n in range(table.survival.size)]
    survival = Series(
        "Still buying",
        [100 * float(v) for v in table.survival],
        [100 * float(v) for v in table.low],
        [100 * float(v) for v in table.high],
    )
    hazard = Series("Lapse in the month", [100 * float(v) for v in table.hazard])
    return Chart("churn", "Survival and churn hazard", "line", months, [survival, hazard], "tenure", "share", "%",
                 f"Kaplan–Meier; lapsed after {LAPSE_DAYS} silent days.")  # fmt: skip


def _segment_table(rows: Any, currency: str, asked: list[str]) -> Table:
    return Table(
        "segments",
        "Segments (RFM quintiles)",
        [
            Column("segment", "Segment"),
            Column("members", "Members", "integer"),
            Column("share_of_members", "Share of members", "percent"),
            Column("monetary", "Spend", "money", currency),
            Column("share_of_monetary", "Share of spend", "percent"),
            Column("median_recency", "Days since last purchase, median", "number", "days"),
            Column("mean_frequency", "Purchases, mean", "number"),
            Column("persona", "Asked for"),
        ],
        [
            [r.name, r.members, r.share_of_members, r.monetary, r.share_of_monetary, r.median_recency,
             r.mean_frequency, "yes" if r.name.lower() in asked else ""]
            for r in rows
        ],
    )  # fmt: skip
