"""Completeness: every state must be explained by the last event of its object, every value by the last row.

A chain can be intact and still not tell the truth, when somebody wrote a row around the one door.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby, islice
from typing import Any

from django.apps import apps
from django.db.models import Max, QuerySet

from gtm.core import fsm
from gtm.core.evidence import changelog, erasure, told
from gtm.core.evidence.changelog import Break
from gtm.core.evidence.refusals import REFUSED
from gtm.core.governed import GovernedModel
from gtm.core.models import ChangeLogEntry

CHUNK = 2000
OBJECTS = 200
"""Rows of a governed model, with all their content, held at once."""


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
    known = {pk: (*place, initial) for pk, *place in _rows(log, "created")}
    known |= _last_transitions(log.filter(event__in=machine.by_name), machine)
    deleted = {pk for pk, *_ in _rows(log, "deleted")}
    for pk, (name, sequence, state) in sorted(known.items()):
        if chain not in (None, name):
            continue
        found = stored.get(pk)
        if found is None and pk not in deleted:
            yield Break(name, sequence, f"{entity} {pk} is gone, but no event records this")
        elif found is not None and state is not None and found != state:
            yield Break(name, sequence, f"{entity} {pk} is “{found}”, but its last event says “{state}”")
    if chain is None:
        for pk, state in sorted(stored.items()):
            if pk not in known and state != initial:
                yield Break("-", 0, f"{entity} {pk} is “{state}”, but no event led to this state")


def _rows(log: QuerySet[ChangeLogEntry], event: str) -> Iterable[tuple[str, str, int]]:
    rows = log.filter(event=event).values_list("entity_id", "chain", "sequence")
    return rows.iterator(chunk_size=CHUNK)


def _last_transitions(
    log: QuerySet[ChangeLogEntry], machine: fsm.Machine
) -> dict[str, tuple[str, int, str | None]]:
    """Object → where its last transition stands and the state it led to; None where nothing says so.

    Of an erased row its event says so. Where that leads to several states, only the row of the erasure does.
    """
    last = log.order_by().values("entity_id").annotate(last=Max("pk")).values("last")
    entries = ChangeLogEntry.objects.filter(pk__in=last).select_related("payload")
    found = {}
    for entry in entries.iterator(chunk_size=CHUNK):
        payload = getattr(entry, "payload", None)
        if payload is not None and payload.body is not None:
            state = payload.body["to"]
        else:
            target = machine.by_name[entry.event].target
            kept = erasure.states_kept(entry.chain)
            state = target if isinstance(target, str) else kept.get(entry.sequence)
        found[entry.entity_id] = entry.chain, entry.sequence, state
    return found


# ------------------------------------------------------------------ values


@dataclass(frozen=True, slots=True)
class ValuesAudit:
    """What a check of stored values came to.

    ``before_digests``: objects made before rows told values. ``erased``: those of which a row is erased and
    no later row tells all that stands there.
    """

    breaks: tuple[Break, ...]
    checked: int
    before_digests: int
    erased: int = 0


def audit_values(chain: str | None = None) -> ValuesAudit:
    """Compare every column of evidence with the last row that told it; of one chain, or of all.

    An object made before rows told what they write is compared where a later row told a column. What an
    erased row told nobody knows any more, so a column counts again from the next row that tells it.
    """
    breaks: list[Break] = []
    checked = before = erased = 0
    for model in governed_models():
        log = ChangeLogEntry.objects.filter(entity=model._meta.label_lower)
        # A refusal changed nothing, and until 2026-11 it may name the key of an object that was undone.
        log = log.exclude(event=REFUSED)
        if chain is not None:
            log = log.filter(entity_id__in=log.filter(chain=chain).order_by().values("entity_id"))
        rows = log.select_related("payload").order_by("entity_id", "pk").iterator(chunk_size=CHUNK)
        stories = (_story(*group) for group in groupby(rows, key=lambda entry: entry.entity_id))
        for batch in batches(stories, OBJECTS):
            stored = model._base_manager.in_bulk([story.pk for story in batch])
            found = {str(pk): obj for pk, obj in stored.items()}
            for story in batch:
                if story.pk in found and chain in (None, story.chain, found[story.pk].change_chain()):
                    checked += 1
                    breaks += _astray(found[story.pk], story)
                    before += story.is_of_before
                    erased += story.is_erased and not story.is_known_in_full
                    breaks += _differing(found[story.pk], story)
    return ValuesAudit(tuple(breaks), checked, before, erased)


def governed_models() -> list[type[GovernedModel]]:
    return [
        model
        for model in apps.get_models()
        if issubclass(model, GovernedModel) and not model._meta.proxy and model._meta.managed
    ]


@dataclass(slots=True)
class ToldObject:
    """What the rows of one object told of its columns: column → what was told last, and where.

    A row that has ``fields``, be they none, tells all that it writes. Rows of before do not: after a change
    that one of them tells, a transition may have written the column unseen.
    """

    pk: str
    chain: str = ""
    chains: dict[str, int] = field(default_factory=dict)
    """Every chain with a row of it, and the first of these rows."""
    last: dict[str, tuple[Any, int]] = field(default_factory=dict)
    is_known_in_full: bool = False
    is_of_before: bool = True
    is_erased: bool = False
    created: int = 0

    def tell(self, entry: ChangeLogEntry) -> None:
        payload = getattr(entry, "payload", None)
        self.chain = entry.chain
        self.chains.setdefault(entry.chain, entry.sequence)
        if payload is None or payload.body is None:
            self.last, self.is_known_in_full, self.is_erased = {}, False, True
            self.is_of_before &= entry.event != "created"
            return
        fields = payload.body.get(changelog.FIELDS)
        if fields is None:
            return
        if entry.event == "created":
            self.is_known_in_full, self.is_of_before, self.created = True, False, entry.sequence
        if entry.event == erasure.TEXT_ERASED and payload.body["to"]["in_full"]:
            self.is_known_in_full, self.created = True, entry.sequence
        if entry.event == "changed":
            self.last[payload.body["field"]] = payload.body["to"], entry.sequence
        self.last |= {column: (values[told.TO], entry.sequence) for column, values in fields.items()}


def told_of(obj: GovernedModel) -> ToldObject:
    """What the rows of one object told of it, as they stand now."""
    return story_of(type(obj), str(obj.pk))


def story_of(model: type[GovernedModel], pk: str) -> ToldObject:
    """The same of an object that may be gone."""
    log = ChangeLogEntry.objects.filter(entity=model._meta.label_lower, entity_id=pk)
    return _story(pk, log.select_related("payload").order_by("pk"))


def _story(pk: str, entries: Iterable[ChangeLogEntry]) -> ToldObject:
    story = ToldObject(pk)
    for entry in entries:
        story.tell(entry)
    return story


def _astray(obj: GovernedModel, story: ToldObject) -> Iterator[Break]:
    """Rows of an object in a chain where nobody looks for them: what they tell would count as told."""
    own = {obj.change_chain(), *obj.earlier_chains()}
    for name, sequence in story.chains.items():
        if name not in own:
            label = f"{obj._meta.label_lower} {obj.pk}"
            yield Break(name, sequence, f"it tells of {label}, whose rows stand in {obj.change_chain()}")


def _differing(obj: GovernedModel, story: ToldObject) -> Iterator[Break]:
    label = f"{obj._meta.label_lower} {obj.pk}"
    for column in obj.evidence_columns():
        if column in story.last:
            value, sequence = story.last[column]
            if not told.is_still(obj, column, value):
                yield Break(
                    story.chain, sequence, (f"{label}: its {column} is not what this row recorded last")
                )
        elif story.is_known_in_full and not told.is_empty(obj, column):
            sentence = f"{label}: its {column} has a value that no row recorded"
            yield Break(story.chain, story.created, sentence)


def batches(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch
