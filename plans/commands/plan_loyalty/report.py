"""Step 5, governance packet: owners, cadences, KPIs and thresholds for launch."""

from __future__ import annotations

from typing import Any

from plans.commands.plan_loyalty.kpis import kpis_of
from plans.commands.plan_loyalty.steps.packet import constraint_sections, constraint_warnings, expiry_rule
from plans.commands.shared.figures import money, percent
from plans.engine.running.steps import StepContext
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
    kpis = kpis_of(signals, design, economics)
    warnings = warnings_of(signals, design, economics) + constraint_warnings(
        triggers.get("constraints") or ()
    )
    sections = [
        Section("Decision asked", [
            f"Launch a {design['kind']} program with {len(design['tiers'])} tiers and a reward pool of "
            f"{money(design['annual_pool'], currency)} a year, within a budget of {money(design['annual_budget'], currency)}.",
            f"Median return on cost {percent(economics['roi_p50'])}, chance of a loss {percent(economics['probability_of_loss'])}.",
        ]),
        Section("What to know before signing", bullets=warnings or ["Nothing out of the ordinary."]),
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
            "warnings": warnings,
            "decision": sections[0].paragraphs[0],
            "headline": [{"label": "Warnings", "value": "; ".join(warnings) or "none"}],
        },
        outputs=[_kpi_table(kpis, people), Document("packet", "Governance packet", sections)],
        evidence={"Context7": "Rules, owners and constraints gathered in the packet for finance and legal."},
    )


def warnings_of(signals: dict[str, Any], design: dict[str, Any], economics: dict[str, Any]) -> list[str]:
    """What an approver must not overlook, in sentences."""
    found = []
    if economics["net_year"] < 0:
        found.append("The model expects a loss in a full year")
    if design["unspent"] > 0.05 * design["annual_budget"]:
        found.append(
            f"{percent(design['unspent'] / design['annual_budget'], 0)} of the budget cannot be used sensibly"
        )
    if (design["overrun_probability"] or 0) > 0.5:
        found.append(f"The budget is overrun with a chance of {percent(design['overrun_probability'], 0)}; "
                     f"the cautious earn rate is {design['cautious_points_per_unit']:g}")  # fmt: skip
    if economics["redemption_is_assumed"]:
        found.append("The redemption rate is an assumption, no point ledger is loaded")
    if signals["unknown_personas"]:
        found.append(f"No segment in the data for {', '.join(signals['unknown_personas'])}")
    return found


def _title(role: str) -> str:
    return role.replace("-", " ").capitalize()


def _kpi_table(kpis: list[dict[str, Any]], people: dict[str, str]) -> Table:
    def shown(value: Any, unit: str) -> str:
        if value is None:
            return "not available"
        return percent(value) if unit == "%" else f"{value:,.4g}"

    return Table(
        "kpis",
        "KPIs for launch",
        [Column("kpi", "KPI"), Column("baseline", "Baseline or model"), Column("threshold", "Threshold"),
         Column("owner", "Owner")],
        [
            [k["label"], shown(k["baseline"], k["unit"]), f"{k['comparator']} {shown(k['threshold'], k['unit'])}",
             people.get(k["owner"]) or _title(k["owner"])]
            for k in kpis
        ],
        "A threshold breached twice in monitoring escalates.",
    )  # fmt: skip
