"""Completeness: every state must be explained by the last event of its object.

A chain can be intact and still not tell the truth, when somebody wrote a state around the one door.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Max

from gtm.core import fsm
from gtm.core.changelog import Break
from gtm.core.models import ChangeLogEntry

CHUNK = 2000


def unexplained_states(chain: str | None = None) -> Iterator[Break]:
    """Objects whose stored state is not the one their last transition led to; of one chain, or of all."""
    for machine in fsm.machines():
        yield from _of_machine(machine, chain)


def _of_machine(machine: fsm.Machine, chain: str | None) -> Iterator[Break]:
    entity = machine.model._meta.label_lower
    events = ChangeLogEntry.objects.filter(entity=entity, event__in=machine.by_name)
    if chain is not None:
        events = events.filter(chain=chain)
    last = events.values("entity_id").annotate(last=Max("pk")).values("last")
    entries = ChangeLogEntry.objects.filter(pk__in=last).select_related("payload")
    stored = {str(pk): state for pk, state in machine.model._base_manager.values_list("pk", "state")}
    explained = set()
    for entry in entries.iterator(chunk_size=CHUNK):
        explained.add(entry.entity_id)
        if entry.payload.body is None:
            continue
        told, found = entry.payload.body["to"], stored.get(entry.entity_id)
        if found is not None and found != told:
            yield Break(
                entry.chain,
                entry.sequence,
                f"{entity} {entry.entity_id} is “{found}”, its last event says “{told}”",
            )
    if chain is None:
        initial = machine.model._meta.get_field("state").get_default()
        for pk, state in sorted(stored.items()):
            if pk not in explained and state != initial:
                yield Break("-", 0, f"{entity} {pk} is “{state}”, and no event ever led there")
