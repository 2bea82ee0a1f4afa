"""What partners agreed to measure by: model, rules, taxonomy; and the values that wait for a person."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from unfold.widgets import UnfoldAdminTextareaWidget

from gtm.core.admin import GovernedAdmin
from gtm.core.admin.base import ReasonedForm
from plans.selectors import latest_plan_with
from programs.analytics.taxonomy import UTM_FIELDS, fold
from programs.models import COMMON_STAGES, MeasurementAgreement

RULES = (
    "attribution_model",
    "confidence_guardrail",
    "lookback_days",
    "exclude_direct",
    "collapse_repeats",
    "longest_path",
    "dispute_days",
    "amount_tolerance",
    "mismatch_tolerance",
)
ANY = "*"
SPELLINGS = (
    "Write one value per line, with its other spellings after “=”: email = e-mail, newsletter. "
    f"Empty, or a line {ANY}: every other value is kept as it is."
)
STAGES = (
    "Write a partner's slug in brackets. Then write its stages, one per line: Won "
    "deal = won. Several meanings "
    f"(Open = qualified | discovery) wait for a person. Common stages: {', '.join(COMMON_STAGES)}."
)


def _lines(label: str, rows: int, told: str) -> forms.CharField:
    area = UnfoldAdminTextareaWidget(attrs={"rows": rows})
    return forms.CharField(label=label, required=False, widget=area, help_text=told)


class TaxonomyForm(ReasonedForm):
    """The taxonomy as lines of text; stored as the agreement's versioned vocabulary and stages."""

    utm_source = _lines("utm_source", 4, SPELLINGS)
    utm_medium = _lines("utm_medium", 8, SPELLINGS)
    utm_campaign = _lines("utm_campaign", 4, SPELLINGS)
    utm_content = _lines("utm_content", 4, SPELLINGS)
    utm_term = _lines("utm_term", 4, SPELLINGS)
    partner_stages = _lines("Stages of the partners", 16, STAGES)

    class Meta:
        model = MeasurementAgreement
        fields = ["campaign", *RULES]

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        for name in UTM_FIELDS:
            self.initial.setdefault(f"utm_{name}", write_values(self.instance.vocabulary, name))
        self.initial.setdefault("partner_stages", write_stages(self.instance.stages))

    def clean(self) -> dict[str, Any]:
        found = super().clean() or self.cleaned_data
        vocabulary: dict[str, dict[str, Any]] = {"allowed": {}, "aliases": {}}
        for name in UTM_FIELDS:
            try:
                allowed, aliases = read_values(found.get(f"utm_{name}", ""))
            except ValueError as error:
                self.add_error(f"utm_{name}", str(error))
                continue
            if allowed:
                vocabulary["allowed"][name] = allowed
            if aliases:
                vocabulary["aliases"][name] = aliases
        try:
            self.instance.stages = self._stages(found)
        except ValueError as error:
            self.add_error("partner_stages", str(error))
        self.instance.vocabulary = vocabulary
        return found

    def _stages(self, found: dict[str, Any]) -> dict[str, dict[str, list[str]]]:
        stages = read_stage_lines(found.get("partner_stages", ""))
        campaign = found.get("campaign")
        partners = {p.slug for p in campaign.partners.all()} if campaign else set(stages)
        if strangers := sorted(set(stages) - partners):
            raise ValueError(f"{', '.join(strangers)} is not a partner of {campaign}.")
        return stages


def write_values(vocabulary: dict[str, Any], name: str) -> str:
    """A UTM field as lines: a value, and after "=" its other spellings."""
    allowed = vocabulary.get("allowed", {}).get(name, [])
    aliases = vocabulary.get("aliases", {}).get(name, {})
    values = [*allowed, *dict.fromkeys(value for value in aliases.values() if value not in allowed)]
    lines = []
    for value in values:
        spellings = [spelling for spelling, meant in aliases.items() if meant == value]
        lines.append(f"{value} = {', '.join(spellings)}" if spellings else value)
    if lines and not allowed:
        lines.append(ANY)
    return "\n".join(lines)


def read_values(text: str) -> tuple[list[str], dict[str, str]]:
    """Allowed values and aliases of lines. Raises ValueError for a spelling with two meanings."""
    allowed: list[str] = []
    aliases: dict[str, str] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        value, _, rest = (part.strip() for part in line.partition("="))
        if not value:
            raise ValueError(f"“{line}” names no value.")
        allowed.append(value)
        for spelling in filter(None, map(str.strip, rest.split(","))):
            if aliases.setdefault(spelling, value) != value:
                raise ValueError(f"“{spelling}” means both {aliases[spelling]} and {value}.")
    return ([] if ANY in allowed else allowed), aliases


def write_stages(stages: dict[str, dict[str, list[str]]]) -> str:
    """The partners' stages as lines under their partners."""
    return "\n".join(
        "\n".join([f"[{partner}]", *(f"{theirs} = {' | '.join(meant)}" for theirs, meant in found.items())])
        for partner, found in stages.items()
    )


def read_stage_lines(text: str) -> dict[str, dict[str, list[str]]]:
    """Partner → stage → common stages it may mean. Raises ValueError for lines that say neither."""
    stages: dict[str, dict[str, list[str]]] = {}
    partner = ""
    for line in filter(None, map(str.strip, text.splitlines())):
        if line.startswith("[") and line.endswith("]"):
            partner = line[1:-1].strip()
            stages[partner] = {}
            continue
        theirs, equals, meant = (part.strip() for part in line.partition("="))
        if not partner or not equals or not theirs or not meant:
            raise ValueError(f"“{line}”: write [partner] first, then stage = common stage.")
        stages[partner][theirs] = [one.strip() for one in meant.split("|")]
    return stages


@admin.register(MeasurementAgreement)
class MeasurementAgreementAdmin(GovernedAdmin):
    form = TaxonomyForm
    list_display = ["campaign", *RULES, "version"]
    list_select_related = ["campaign"]
    readonly_fields = ["waiting"]
    fieldsets = [
        (None, {"fields": ["campaign", *RULES, "reason"]}),
        ("Waits for a person", {"fields": ["waiting"]}),
        ("UTM taxonomy", {"fields": [f"utm_{name}" for name in UTM_FIELDS]}),
        ("Funnel stages", {"fields": ["partner_stages"]}),
        ("Record", {"fields": ["version", "created_at", "updated_at"]}),
    ]  # fmt: skip

    def has_import_permission(self, request: HttpRequest) -> bool:
        return False

    @admin.display(description="Unknown values of the last run")
    def waiting(self, agreement: MeasurementAgreement) -> str:
        """Values that the campaign's last run could not place and that this agreement still does not hold."""
        plan = latest_plan_with(agreement.campaign, "gathered") if agreement.pk else None
        if plan is None:
            return "No run of this campaign has read any data yet."
        lines = [
            (f"{where} “{raw}”", f"{rows:,} {'row' if rows == 1 else 'rows'}", ", ".join(may_be))
            for where, raw, rows, may_be in open_values(agreement, outputs_of(plan))
        ]
        if not lines:
            return f"None. Every value of {plan.plan_id} is known."
        items = format_html_join("", "<li><b>{}</b>, {}: {}</li>", lines)
        return format_html(
            (
                "<ul>{}</ul><p>Give each value a line below. The plan {} found them. The next run "
                "reads what you save here.</p>"
            ),
            items,
            plan.plan_id,
        )


def outputs_of(plan: Any) -> dict[str, Any]:
    """What the plan's tasks recorded, by output variable."""
    return {task.output_var: task.output for task in plan.tasks.all() if task.output}


def open_values(
    agreement: MeasurementAgreement, outputs: dict[str, Any]
) -> list[tuple[str, str, int, list[str]]]:
    """(where, raw value, rows, what it may be) of those that the agreement as it is now does not settle."""
    found = []
    for item in outputs.get("gathered", {}).get("review", []):
        name = item["field"]
        allowed = agreement.vocabulary.get("allowed", {}).get(name, [])
        known = {fold(v) for v in (*allowed, *agreement.vocabulary.get("aliases", {}).get(name, {}))}
        if allowed and fold(item["raw"]) not in known:
            found.append((f"utm_{name}", item["raw"], item["rows"], allowed))
    for item in outputs.get("normalised", {}).get("stage_review", []):
        partner = item["field"].removeprefix("stage of ")
        stages = {fold(s): meant for s, meant in agreement.stages.get(partner, {}).items()}
        if len(stages.get(fold(item["raw"]), ())) != 1:
            found.append(
                (item["field"], item["raw"], item["rows"], item["candidates"] or list(COMMON_STAGES))
            )
    return found
