"""Step 1, data refresh: submissions, conversions, payouts, fraud flags and NPS of the window and the one before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from plans.commands.optimize_referrals.facts import (
    currency_of,
    elsewhere_note,
    is_full,
    knows_margins,
    window_of,
)
from plans.commands.optimize_referrals.kpis import thresholds_of
from plans.commands.shared.breakdowns import NOT_RECORDED, column_of, merge_small
from plans.commands.shared.data_quality import (
    conversion_notes,
    movement_notes,
    movement_tables,
    movement_values,
)
from plans.commands.shared.figures import figure
from plans.commands.shared.metrics import changes_since, definition_table
from plans.commands.shared.windows import Span, WindowPair
from plans.engine.running.steps import StepContext
from plans.schemas.outputs import Column, Metrics, StepResult, Table
from programs.analytics.estimate import Estimate, MaybeEstimate
from programs.analytics.retention import net_promoter_score
from programs.datasets import OpenData
from programs.datasets.questions.referrals import DIMENSIONS

SMALLEST_GROUP = 30
FLOWS = (
    ("invites", "Invitations", "integer"),
    ("submissions", "Referrals submitted", "integer"),
    ("qualified", "Qualified in the window", "integer"),
    ("conversions", "Won in the window", "integer"),
    ("refunds", "Refunded", "integer"),
    ("revenue", "Revenue won", "money"),
    ("margin", "Gross margin won", "money"),
    ("payouts", "Payouts", "integer"),
    ("paid_out", "Paid out", "money"),
    ("held", "Payouts held", "money"),
    ("reversed", "Payouts reversed", "money"),
    ("fraud_flags", "Referrals labelled fraud", "integer"),
)
OF_PAYOUTS = {"payouts", "paid_out", "held", "reversed"}
MOVED = {
    "referrals": (
        ("gross_conversions", "Won in the window, before refunds", "integer"),
        ("gross_revenue", "Gross revenue won", "money"),
        ("refunded", "Revenue refunded, by day of refund", "money"),
    ),
    "referral_payouts": (
        ("gross_paid_out", "Gross paid out", "money"),
        ("clawed_back", "Clawed back, by day of claw-back", "money"),
    ),
}
"""What stands beside the net flows where rows of the kind were refunded or clawed back."""
BY_EVENT = "Each event is counted by its own time, whenever the invitation was; the funnel follows the window's invitations."
NAMES = tuple(name for name, _, _ in (*FLOWS, *MOVED["referrals"], *MOVED["referral_payouts"]))
SURVEY_COLUMNS = {"channel": "channel", "partner_tier": "tier", "region": "region"}


def refresh_data(context: StepContext) -> StepResult:
    data, windows, currency = context.data, window_of(context), currency_of(context)
    recorded = data.engine.filled_dimensions(data.snapshot("referrals"))
    asked = context.inputs.get("dimensions", [])
    dimensions = [name for name in asked if recorded[column_of(name)]]
    context.progress(20, "The window")
    now = flows(data, windows.current, dimensions)
    context.progress(50, "The window before")
    before = flows(data, windows.previous, dimensions)
    context.progress(80, "Surveys")
    groups = merge_small(now, dimensions, size="invites", minimum=SMALLEST_GROUP)
    answers = survey(data, windows.current)
    changes = changes_since(context.program, context.inputs.get("alert_threshold", ""))
    alone, shown = windows.why_alone, shown_flows(data)
    elsewhere = paid_elsewhere(data)
    totals = {"current": total(now), "previous": None if alone else total(before)}
    notes = [note for note in (
        groups.note,
        *(f"No referral records {name}; that breakdown is left out." for name in asked if name not in dimensions),
        "" if data.has("referral_payouts") else "No payouts are loaded.",
        "" if answers else "No NPS answers in the window.",
        alone,
        *conversion_notes(data, *MOVED),
        elsewhere_note(elsewhere, context.program),
        *movement_notes(data, *MOVED),
    ) if note]  # fmt: skip
    outputs: list[Any] = [
        _comparison(totals, shown, windows, currency, notes),
        *movement_tables(data, *MOVED),
    ]
    if answers:
        outputs.append(_survey_metrics(answers, dimensions))
    if is_full(context) and dimensions:
        outputs.append(_group_table(groups.rows, shown, dimensions, currency, groups.note))
    if is_full(context):
        people = context.program["people"]
        outputs.append(definition_table(context.program["metrics"], currency, people, changes))
    return StepResult(
        values={
            "window": windows.values(context.program["time_zone"]),
            "currency": currency,
            "dimensions": dimensions,
            "label_of": dict(groups.label_of),
            "merge_note": groups.note,
            "flows": totals,
            **movement_values(data, *MOVED),
            "paid_elsewhere": elsewhere,
            "notes": notes,
            "metric_versions": context.program["metric_versions"],
            "definition_changes": changes,
            "thresholds": thresholds_of(context),
            "nps": _survey_values(answers),
            "headline": [
                {"label": "Window", "value": windows.compared}
            ],
        },
        outputs=outputs,
    )  # fmt: skip


def shown_flows(data: OpenData) -> list[tuple[str, str, str]]:
    """The net flows that the data tell, and what is gross beside them where the two differ.

    Without a column of margins, or without payouts, there is no such figure: it is not zero.
    """
    left_out = set() if knows_margins(data) else {"margin"}
    left_out |= set() if data.has("referral_payouts") else OF_PAYOUTS
    net = [flow for flow in FLOWS if flow[0] not in left_out]
    return [*net, *(flow for kind, flows in MOVED.items() if data.movements(kind) for flow in flows)]


def paid_elsewhere(data: OpenData) -> dict[str, int]:
    """Rewards paid in another currency than they were promised in, and those that count as all of the promise."""
    if not data.has("referral_payouts") or not data.conversions("referrals", "referral_payouts"):
        return {"rewards": 0, "whole": 0}
    referrals, payouts = data.snapshot("referrals"), data.snapshot("referral_payouts")
    return data.engine.payouts_elsewhere(referrals, payouts, as_of=data.as_of("referrals"))


def flows(data: OpenData, span: Span, dimensions: Sequence[str]) -> list[dict[str, Any]]:
    """Events of the window by their own time, a row a group, payouts beside them."""
    by = [column_of(name) for name in dimensions]
    referrals = data.snapshot("referrals")
    rows = data.engine.referral_flows(referrals, start=span.start, end=span.end, by=by).to_pylist()
    nothing = dict.fromkeys(("payouts", "paid_out", "gross_paid_out", "held", "reversed", "clawed_back"), 0)
    found = {tuple(row[name] for name in DIMENSIONS): row | nothing for row in rows}
    if data.has("referral_payouts"):
        paid = data.engine.referral_payout_flows(
            referrals, data.snapshot("referral_payouts"), start=span.start, end=span.end, by=by
        )
        empty = dict.fromkeys(NAMES, 0) | {"labelled": 0}
        for row in paid.to_pylist():
            key = tuple(row[name] for name in DIMENSIONS)
            found[key] = found.get(key, empty | dict(zip(DIMENSIONS, key, strict=True))) | row
    return [found[key] for key in sorted(found)]


def total(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    return {name: float(sum(row[name] for row in rows)) for name in (*NAMES, "labelled")}


def survey(data: OpenData, span: Span) -> list[dict[str, Any]]:
    if not data.has("survey_responses"):
        return []
    snapshot = data.snapshot("survey_responses")
    return data.engine.nps_groups(snapshot, start=span.start, end=span.end).to_pylist()


def net_promoters(rows: Sequence[Mapping[str, Any]]) -> MaybeEstimate:
    counts = [sum(row[name] for row in rows) for name in ("promoters", "passives", "detractors")]
    return net_promoter_score(*counts)


def _comparison(
    totals: Mapping[str, Mapping[str, float] | None],
    shown: Sequence[tuple[str, str, str]],
    windows: WindowPair,
    currency: str,
    notes: Sequence[str],
) -> Table:
    now, before = totals["current"] or {}, totals["previous"]
    rows = []
    for name, title, kind in shown:
        was = before[name] if before else None
        change = float(now[name]) / float(was) - 1 if was else None
        unit = currency if kind == "money" else ""
        amounts = [value if kind == "money" or value is None else round(value) for value in (now[name], was)]
        rows.append([title, unit, *amounts, change])
    return Table(
        "window_comparison",
        "The window and the one before",
        [Column("flow", "What happened"), Column("unit", "Unit"),
         Column("current", windows.current.label, "number"), Column("previous", windows.previous.label, "number"),
         Column("change", "Change", "percent")],
        rows,
        " ".join([BY_EVENT, *notes]),
    )  # fmt: skip


def _survey_metrics(answers: Sequence[Mapping[str, Any]], dimensions: Sequence[str]) -> Metrics:
    items = [figure("nps", "NPS", net_promoters(answers), unit="points")]
    missing = []
    for dimension in dimensions:
        column = SURVEY_COLUMNS.get(column_of(dimension))
        if column is None:
            missing.append(dimension)
            continue
        values = sorted({row[column] for row in answers})
        if not any(values):
            missing.append(dimension)
            continue
        for value in values:
            rows = [row for row in answers if row[column] == value]
            name = value or NOT_RECORDED
            items.append(
                figure(
                    f"nps {dimension} {name}", f"NPS, {dimension} {name}", net_promoters(rows), unit="points"
                )
            )
    note = f"Surveys do not record {' and '.join(missing)}." if missing else ""
    return Metrics("nps", "Net promoter score", items, note)


def _survey_values(answers: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    found = net_promoters(answers)
    if not isinstance(found, Estimate):
        return None
    return {"value": found.value, "low": found.low, "high": found.high, "answers": found.denominator}


def _group_table(
    rows: Mapping[str, Mapping[str, Any]],
    shown: Sequence[tuple[str, str, str]],
    dimensions: Sequence[str],
    currency: str,
    note: str,
) -> Table:
    columns = [Column("group", " · ".join(dimensions))] + [
        Column(name, title, kind, currency if kind == "money" else "") for name, title, kind in shown
    ]
    body = [[label, *(float(row[name]) for name, _, _ in shown)] for label, row in rows.items()]
    return Table("flows_by_group", "The window by group", columns, body, note)
