"""Whether what plans have published is still that, or marked as departed from it (invariant I13).

The tables are held against the change log elsewhere; here the log is asked who wrote last.
"""

from __future__ import annotations

from collections.abc import Iterator

from gtm.core.evidence.changelog import Break
from gtm.core.models import ChangeLogEntry
from programs.models import Benefit, LifecycleTrigger, PublishedModel, Tier

PUBLISHED: tuple[type[PublishedModel], ...] = (Tier, Benefit, LifecycleTrigger)


def unmarked_departures(plan_id: str = "") -> Iterator[Break]:
    """Published rows that a person has changed since, and that nothing marks; of one plan, or of all."""
    for model in PUBLISHED:
        known = {row.pk: row for row in model._base_manager.filter(departs=False).order_by("pk")}
        published = {pk: by for pk, row in known.items() if (by := row.published_by())}
        for pk, by in published.items():
            if plan_id in ("", by) and (entry := _by_a_person(known[pk], by)) is not None:
                sentence = f"{model._meta.label_lower} {pk}: a person changed it after {by} had published it"
                yield Break(entry.chain, entry.sequence, f"{sentence}, and it is not marked as departed")


def _by_a_person(row: PublishedModel, plan_id: str) -> ChangeLogEntry | None:
    """The last row about ``row`` that a person is behind and that was written after its publication."""
    carrier = row.tier if isinstance(row, Benefit) else row
    since = 0
    for entry in _entries(carrier):
        body = entry.payload.body or {}
        told = body.get("fields", {}).get("from_plan", {}).get("to")
        if plan_id in (told, body.get("to") if body.get("field") == "from_plan" else None):
            since = entry.pk
    later = [entry for entry in _entries(row) if entry.pk > since]
    return next((entry for entry in reversed(later) if (entry.payload.body or {}).get("actor_id")), None)


def _entries(row: PublishedModel) -> list[ChangeLogEntry]:
    log = ChangeLogEntry.objects.filter(entity=row._meta.label_lower, entity_id=str(row.pk))
    return list(log.filter(event__in=("created", "changed")).select_related("payload").order_by("pk"))
