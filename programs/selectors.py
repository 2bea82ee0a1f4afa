"""Questions about programs that several places ask."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.db.models import Q, QuerySet

from gtm.core import canonical, clock
from gtm.core.places.calendars import WorkingCalendar, days_away
from programs.models import (
    ECONOMICS,
    KEPT_FOR,
    TAKEN_FOR,
    Absence,
    Approver,
    Benefit,
    Dataset,
    Experiment,
    Metric,
    Partner,
    Person,
    Program,
    Runbook,
    RunbookAlert,
    RunbookTask,
    WaitingUpload,
)
from programs.schemas.metrics import DEFINITION, STANDARD

_FACTS = (
    "slug",
    "name",
    "kind",
    "currency",
    "country",
    "subdivision",
    "working_week",
    "region",
    "time_zone",
    *ECONOMICS,
    "banned_sources",
    "referral_rules",
    "tooling",
    "state",
    "version",
)


LOOKED_AHEAD = timedelta(days=3 * 366)
"""How far ahead absences are read: no launch is planned further off."""
PROGRAM_FACTS = (*(name for name in _FACTS if name not in ("slug", "state", "version")), "tiers")
"""Of the facts of a program those that a plan rests on."""


def default_program(kind: str) -> Program | None:
    return Program.objects.filter(kind=kind, is_default=True).first()


def program_facts(program: Program) -> dict[str, Any]:
    """What a run may read of its program, as plain values: the plan keeps this copy."""
    tiers = program.tiers.order_by("rank").values("rank", "name", "threshold", "earn_multiplier")
    return canonical.plain({name: getattr(program, name) for name in _FACTS} | {"tiers": list(tiers)})


def benefits_of(program: Program) -> list[dict[str, Any]]:
    """The benefits of the program's tiers, as plain values: the catalogue that a blueprint chooses from."""
    rows = Benefit.objects.filter(tier__program=program).order_by("tier__rank", "kind", "name")
    names = ("name", "kind", "description", "unit_cost")
    return [
        {"tier": benefit.tier.rank, **canonical.plain({name: getattr(benefit, name) for name in names})}
        for benefit in rows.select_related("tier")
    ]


def people_by_role(slugs: Sequence[str]) -> dict[str, str]:
    """Role → who holds it, the longest-serving first; "" where nobody does."""
    rows = Approver.objects.filter(role__slug__in=slugs, person__is_active=True).select_related(
        "person", "role"
    )
    held = {approver.role.slug: approver.person.name for approver in rows.order_by("-pk")}
    return {slug: held.get(slug, "") for slug in slugs}


def runbooks_of(kind: str) -> dict[str, Any]:
    """Channel → the runbook in force for that kind of program, "" being every launch, as plain values."""
    found = {}
    rows = Runbook.objects.filter(program_kind=kind, is_active=True)
    roles = ("responsible", "accountable", "substitute")
    for runbook in rows.prefetch_related(*(f"tasks__{role}" for role in roles), "alerts__owner"):
        found[runbook.channel] = {
            "title": runbook.title,
            "version": runbook.definition_version,
            "tasks": [_runbook_task(task) for task in runbook.tasks.all()],
            "alerts": [_runbook_alert(alert) for alert in runbook.alerts.all()],
            "sessions": runbook.sessions,
            "reviews": runbook.reviews,
            "looks": runbook.looks,
            "without_sessions": runbook.without_sessions,
            "without_reviews": runbook.without_reviews,
        }
    return found


def working_facts(people: Iterable[Person]) -> dict[int, dict[str, Any]]:
    """Where each works and on which days they are known to be away, as plain values, by primary key."""
    found = {person.pk: person for person in people}
    away: dict[int, list[list[str]]] = {pk: [] for pk in found}
    now = clock.now()
    known = Absence.objects.filter(person__in=found, ends_at__gt=now, starts_at__lt=now + LOOKED_AHEAD)
    for absence in known.order_by("starts_at", "pk"):
        person = found[absence.person_id]
        calendar = WorkingCalendar(person.country, person.subdivision, person.time_zone)
        until = min(absence.ends_at, now + LOOKED_AHEAD)
        if lost := days_away(calendar, max(absence.starts_at, now), until):
            away[person.pk].append([day.isoformat() for day in lost])
    names = ("name", "email", "country", "subdivision", "time_zone")
    return {
        pk: {name: getattr(person, name) for name in names} | {"person": pk, "away": away[pk]}
        for pk, person in found.items()
    }


def holders_of_roles() -> dict[str, list[dict[str, Any]]]:
    """Role → the working facts of everybody who holds it today, the longest-serving first."""
    now = clock.now()
    held = Approver.objects.filter(person__is_active=True).select_related("person", "role").order_by("pk")
    rows = [row for row in held if row.is_valid_at(now)]
    facts = working_facts(row.person for row in rows)
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(row.role.slug, []).append(facts[row.person_id])
    return found


def _runbook_task(task: RunbookTask) -> dict[str, Any]:
    same = ("key", "name", "purpose", "phase", "group", "consulted", "informed", "needs", "days_after_launch",
            "is_blocker", "not_before_days", "outside")  # fmt: skip
    estimates = (task.optimistic_days, task.likely_days, task.pessimistic_days)
    wanted = {"evidence": task.evidence} if task.evidence else {}
    return (
        {name: getattr(task, name) for name in same}
        | wanted
        | {
            "responsible": task.responsible.slug,
            "accountable": task.accountable.slug,
            "substitute": task.substitute.slug if task.substitute else "",
            "days": [float(days) for days in estimates],
            "wait_days": float(task.wait_days),
            "weight": float(task.weight),
        }
    )


def _runbook_alert(alert: RunbookAlert) -> dict[str, Any]:
    same = ("key", "name", "dashboard", "condition", "threshold", "response_minutes", "response")
    return {name: getattr(alert, name) for name in same} | {"owner": alert.owner.slug}


def metric_definitions(kind: str) -> dict[str, dict[str, Any]]:
    """The registry's metrics of a kind of program: name ("active_rate") → definition with its ``version``.

    A standard metric the registry has no row for stands with version 0, so that a reader sees nobody owns it.
    """
    prefix = f"{kind}-"
    found = {
        metric.key: canonical.plain(asdict(metric)) | {"version": 0}
        for metric in STANDARD
        if metric.key.startswith(prefix)
    }
    for row in Metric.objects.filter(key__startswith=prefix).select_related("owner_role"):
        found[row.key] = {
            **{name: getattr(row, name) for name in ("key", "name", *DEFINITION)},
            "owner_role": row.owner_role.slug if row.owner_role else "",
            "threshold": "" if row.threshold is None else format(row.threshold.normalize(), "f"),
            "version": row.definition_version,
        }
    return {key.removeprefix(prefix).replace("-", "_"): found[key] for key in sorted(found)}


def experiment_designs(program: Program) -> dict[str, dict[str, Any]]:
    """How the program's tests were planned, by key and by name in lower case."""
    fields = ("key", "name", "control", "metrics", "planned_per_arm", "split", "is_sequential")
    rows = list(Experiment.objects.filter(program=program).order_by("key").values(*fields))
    return {row[spelling].casefold(): row for spelling in ("name", "key") for row in rows}


def latest_datasets(program: Program, kinds: Sequence[str]) -> list[Dataset]:
    """The current dataset of each kind, per partner where partners bring their own: see ``series``."""
    rows = Dataset.objects.filter(program=program, kind__in=kinds, current_since__isnull=False)
    rows = rows.select_related("partner")
    newest: dict[tuple[str, int | None], Dataset] = {}
    for dataset in rows.order_by("current_since", "pk"):
        newest[dataset.kind, dataset.partner_id] = dataset
    return [newest[key] for key in sorted(newest, key=lambda k: (k[0], k[1] or 0))]


def partners_of(user: Any) -> list[Partner]:
    """The partners an account speaks for: those whose contact it belongs to."""
    if user is None or not user.is_active:
        return []
    return list(Partner.objects.filter(contact__accounts=user, contact__is_active=True).order_by("slug"))


def is_partners_contact(user: Any) -> bool:
    """Whether an account speaks for a partner: it sees its own records and tasks, and nothing of others."""
    known = getattr(user, "gtm_is_partners_contact", None)
    if known is None:
        known = user.gtm_is_partners_contact = Partner.objects.filter(contact__accounts=user.pk).exists()
    return bool(known)


def waiting_files(user: Any) -> QuerySet[WaitingUpload]:
    """Files that this user gave and nobody has loaded or is loading, the oldest first."""
    now = clock.now()
    free = Q(taken_at=None) | Q(taken_at__lt=now - TAKEN_FOR)
    rows = WaitingUpload.objects.filter(free, user_id=user.pk, dataset=None, kept_at__gt=now - KEPT_FOR)
    return rows.exclude(sha256="").order_by("kept_at", "name")
