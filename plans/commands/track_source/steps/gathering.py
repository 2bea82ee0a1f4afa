"""Step 1, data gathering: what each partner brought, and how well it is tagged."""

from __future__ import annotations

from plans.commands.shared.figures import figure, percent, value_of
from plans.commands.track_source.facts import Scope, scope_of
from plans.commands.track_source.steps.touches import Taxonomy, read_taxonomy
from plans.engine.running.steps import PermanentError, StepContext
from plans.schemas.outputs import Column, Figure, Metrics, StepResult, Table
from programs.datasets.local_time import on_wall_clock, to_instant

STALE_DAYS = 7
KINDS = ("touchpoints", "opportunities", "contacts", "targets")


def gather_data(context: StepContext) -> StepResult:
    scope = scope_of(context)
    context.progress(30, "UTM parameters")
    taxonomy = read_taxonomy(context.data, scope)
    if not taxonomy.table.num_rows:
        raise PermanentError(
            f"No touch names {scope.name}, neither in its campaign column nor in utm_campaign.",
            hint="Check the spellings of the campaign in the measurement agreement.",
        )
    warnings = warnings_of(context, scope, taxonomy)
    audit = taxonomy.audit
    return StepResult(
        values={
            "campaign": scope.name,
            "window": window_values(scope),
            "touches": dict(taxonomy.touches),
            "other_campaigns": taxonomy.other_campaigns,
            "utm_coverage": value_of(audit.coverage),
            "amount_tolerance": scope.tolerance.amount,
            "mismatch_tolerance": scope.tolerance.deals,
            "review": [{"field": i.field, "raw": i.raw, "rows": i.rows} for i in audit.review],
            "warnings": warnings,
            "headline": [{"label": "UTM coverage", "value": percent(value_of(audit.coverage))}],
        },
        outputs=[
            Metrics(
                "gathered",
                "Data gathered",
                [
                    Figure("touches", "Touches of the campaign", sum(taxonomy.touches.values()), "touches"),
                    Figure(
                        "other", "Touches of other campaigns, left out", taxonomy.other_campaigns, "touches"
                    ),
                    figure("coverage", "UTM coverage", audit.coverage, unit="%", scale=100,
                           definition="Touches whose source, medium and campaign are tagged and known / all touches"),
                    *[
                        figure(f"coverage_{p}", f"UTM coverage of {scope.partners.get(p, p)}", one.coverage, unit="%", scale=100)
                        for p, one in taxonomy.audits.items()
                    ],
                ],
                note=f"{scope.label}. " + (" ".join(warnings) or "Every partner's data reach to the end."),
            ),
            _sources(context, scope),
            _review(taxonomy),
        ],
    )  # fmt: skip


def window_values(scope: Scope) -> dict[str, str]:
    """The window as later tasks and the plan JSON read it: instants of the program's zone."""
    ends = {"start": scope.start, "end": scope.end}
    return {name: to_instant(at, scope.zone).isoformat() for name, at in ends.items()} | {
        "label": scope.label
    }


def warnings_of(context: StepContext, scope: Scope, taxonomy: Taxonomy) -> list[str]:
    """What a reader must know before believing any figure, in sentences."""
    found = []
    if not scope.is_agreed:
        found.append(
            "No measurement agreement is stored for this campaign: models, rules and taxonomy are defaults."
        )
    for slug, name in scope.partners.items():
        if not taxonomy.touches.get(slug):
            found.append(f"{name} has no touch of the campaign in the window: load its touchpoints.")
    for owner, snapshot in sorted(context.data.snapshots("touchpoints").items()):
        behind = (scope.end - snapshot.window_end).days if snapshot.window_end else 0
        if behind > STALE_DAYS:
            found.append(
                f"The touches of {scope.partners.get(owner, owner or 'the joint file')} end {behind} days before the window does."
            )
    if (
        context.inputs["window"] != "campaign"
        and (age := (on_wall_clock(context.now, scope.zone) - scope.end).days) > STALE_DAYS
    ):
        found.append(f"The window ends with the data, {age} days before this run: load newer ones.")
    if taxonomy.taken_whole:
        found.append(
            f"No row of {', '.join(taxonomy.taken_whole)} names a campaign: all its touches count as {scope.name}."
        )
    first, last = scope.campaign_days
    if first and scope.start.date() < first:
        found.append(f"The window begins before the campaign does ({first}).")
    if last and scope.start.date() > last:
        found.append(f"The window lies after the end of the campaign ({last}).")
    return found


def _sources(context: StepContext, scope: Scope) -> Table:
    rows = [
        [scope.partners.get(owner, owner or "joint"), kind, snapshot.rows, ", ".join(snapshot.currencies),
         snapshot.window_start and snapshot.window_start.date(), snapshot.window_end and snapshot.window_end.date()]
        for kind in KINDS
        for owner, snapshot in sorted(context.data.snapshots(kind).items())
    ]  # fmt: skip
    return Table(
        "sources",
        "Data sources",
        [Column("partner", "Partner"), Column("kind", "Data"), Column("rows", "Rows", "integer"),
         Column("currency", "Currencies"), Column("first", "First day", "date"), Column("last", "Last day", "date")],
        rows,
        "Times are read in each partner's time zone; days are the program's.",
    )  # fmt: skip


def _review(taxonomy: Taxonomy) -> Table:
    missing = [[f"utm_{field}", "(none)", rows, ""] for field, rows in sorted(taxonomy.audit.missing.items())]
    unknown = [[f"utm_{i.field}", i.raw, i.rows, ", ".join(i.candidates)] for i in taxonomy.audit.review]
    return Table(
        "tag_review",
        "Tags for a person to decide on",
        [Column("field", "Field"), Column("value", "Value"), Column("touches", "Touches", "integer"),
         Column("known", "Known values")],
        missing + unknown,
        "These touches count as untagged; nothing is guessed and nothing is dropped.",
    )  # fmt: skip
