"""Completeness: every state must be explained by the last event of its object.

A chain can be intact and still not tell the truth, when somebody wrote a state around the one door.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.db.models import Max, QuerySet

from gtm.core import fsm
from gtm.core.evidence import erasure
from gtm.core.evidence.changelog import Break
from gtm.core.models import ChangeLogEntry

CHUNK = 2000


def unexplained_states(chain: str | None = None) -> Iterator[Break]:
    """Objects whose stored state is not the one their last transition led to; of one chain, or of all."""
    for machine in fsm.machines():
        yield from _of_machine(machine, chain)


def _of_machine(machine: fsm.Machine, chain: str | None) -> Iterator[Break]:
    entity = machine.model._meta.label_lower
    log = ChangeLogEntry.objects.filter(entity=entity)
    if chain is not None:  # the last event of an object may stand in a chain that it has moved to
        log = log.filter(entity_id__in=log.filter(chain=chain).order_by().values("entity_id"))
    initial = machine.model._meta.get_field("state").get_default()
    stored = {str(pk): state for pk, state in machine.model._base_manager.values_list("pk", "state")}
    told = {pk: (*place, initial) for pk, *place in _rows(log, "created")}
    told |= _last_transitions(log.filter(event__in=machine.by_name))
    deleted = {pk for pk, *_ in _rows(log, "deleted")}
    for pk, (name, sequence, state) in sorted(told.items()):
        if chain not in (None, name):
            continue
        found = stored.get(pk)
        if found is None and pk not in deleted:
            yield Break(name, sequence, f"{entity} {pk} is gone, and no event says so")
        elif found is not None and state is not None and found != state:
            yield Break(name, sequence, f"{entity} {pk} is “{found}”, its last event says “{state}”")
    if chain is None:
        for pk, state in sorted(stored.items()):
            if pk not in told and state != initial:
                yield Break("-", 0, f"{entity} {pk} is “{state}”, and no event ever led there")


def _rows(log: QuerySet[ChangeLogEntry], event: str) -> Iterable[tuple[str, str, int]]:
    rows = log.filter(event=event).values_list("entity_id", "chain", "sequence")
    return rows.iterator(chunk_size=CHUNK)


def _last_transitions(log: QuerySet[ChangeLogEntry]) -> dict[str, tuple[str, int, str | None]]:
    """Object → where its last transition stands and the state it led to; None where nothing says so."""
    last = log.order_by().values("entity_id").annotate(last=Max("pk")).values("last")
    entries = ChangeLogEntry.objects.filter(pk__in=last).select_related("payload")
    found = {}
    for entry in entries.iterator(chunk_size=CHUNK):
        payload = getattr(entry, "payload", None)
        if payload is not None and payload.body is not None:
            state = payload.body["to"]
        else:
            state = erasure.states_kept(entry.chain).get(entry.sequence)
        found[entry.entity_id] = entry.chain, entry.sequence, state
    return found
