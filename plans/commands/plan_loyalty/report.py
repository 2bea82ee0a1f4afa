"""Step 5, governance packet: owners, cadences, KPIs and thresholds for launch."""

from __future__ import annotations

from typing import Any

from gtm.core import canonical
from plans.commands.plan_loyalty.answer import answer_of, warnings_of
from plans.commands.plan_loyalty.kpis import kpis_of
from plans.commands.plan_loyalty.steps.goals import goal_kpis, goal_target
from plans.commands.plan_loyalty.steps.packet import (
    constraint_sections,
    constraint_warnings,
    expiry_rule,
    nrr_target,
)
from plans.commands.shared.figures import money, percent
from plans.engine.running.steps import StepContext
from plans.schemas.answer import rounding_note
from plans.schemas.coins import in_coins
from plans.schemas.outputs import Column, Document, Section, StepResult, Table

CADENCES = (
    ("Weekly", "loyalty-ops", "Trigger volumes, failed redemptions, complaints"),
    (
        "Monthly",
        "member-insights-analyst",
        "KPIs against thresholds; monitor-loyalty run with a 30-day window",
    ),
    ("Quarterly", "finance", "Point liability, breakage, reward pool against budget"),
    ("Yearly", "exec-sponsor", "Renewal of program, tiers and budget"),
)


def write_packet(context: StepContext) -> StepResult:
    signals, design = context.outputs["signals"], context.outputs["design"]
    economics, triggers = context.outputs["economics"], context.outputs["lifecycle"]
    people, currency = context.program["people"], context.program["currency"]
    kpis = [*kpis_of(signals, design, economics), *goal_kpis(design, economics)]
    warnings = warnings_of(signals, design, economics) + constraint_warnings(
        triggers.get("constraints") or ()
    )
    answer = answer_of(design, economics, warnings, people, currency)
    told = in_coins(canonical.plain(answer))
    sections = [
        Section("Decision asked", [*filter(None, (answer.headline, answer.certainty.words, rounding_note(told)))]),
        Section("What to know before signing", bullets=warnings or ["Nothing found."]),
        Section("Owners", bullets=[f"{_title(role)}: {name or 'nobody yet'}" for role, name in sorted(people.items())]),
        Section("Cadences", bullets=[f"{when}: {what} ({people.get(role) or role})" for when, role, what in CADENCES]),
        Section("Rules", bullets=[
            f"Tiers on {design['qualification_period']}; downgrade {design['downgrade_policy']}.",
            f"Surprise moment: {design['surprise']['moment']} (pool {money(design['surprise']['pool'], currency)} a year).",
            f"{triggers['counted']} of {len(triggers['triggers'])} lifecycle triggers are counted on data.",
            *expiry_rule(design),
        ]),
        *constraint_sections(triggers.get("constraints") or ()),
    ]  # fmt: skip
    return StepResult(
        values={
            "kpis": kpis,
            "goal_target": goal_target(design, economics),
            "nrr_target": nrr_target(signals, economics),
            "nrr_days": signals.get("nrr_days", 0),
            "warnings": warnings,
            "answer": told,
            "decision": answer.headline,
            "headline": [{"label": "Warnings", "value": "; ".join(warnings) or "none"}],
        },
        outputs=[
            answer,
            _kpi_table(kpis, people, currency),
            Document("packet", "Governance packet", sections),
        ],
    )


def _title(role: str) -> str:
    return role.replace("-", " ").capitalize()


def _kpi_table(kpis: list[dict[str, Any]], people: dict[str, str], currency: str) -> Table:
    def shown(value: Any, unit: str) -> str:
        if value is None:
            return "not available"
        if unit == "%":
            return percent(value)
        if unit == "money":
            # A point costs less than the smallest coin.
            return money(value, currency) if abs(value) >= 1 else f"{value:.4g} {currency}"
        return f"{value:,.4g}"

    return Table(
        "kpis",
        "KPIs for launch",
        [Column("kpi", "KPI"), Column("baseline", "Baseline or model"), Column("threshold", "Threshold"),
         Column("owner", "Owner")],
        [
            [k["label"], shown(k["baseline"], k["unit"]),
             "none" if k["threshold"] is None else f"{k['comparator']} {shown(k['threshold'], k['unit'])}",
             people.get(k["owner"]) or _title(k["owner"])]
            for k in kpis
        ],
        "A threshold breached twice in monitoring escalates.",
    )  # fmt: skip
