"""Whether the tables hold the rows and the links that the log tells of: none added, none taken away.

A comparison of values looks at what is there and was told. A vote, a seat or an account of a person that
somebody wrote into a table by SQL has no row of the log, and what was deleted there has no row that says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from django.db import models
from django.db.models import CharField, Exists, OuterRef
from django.db.models.functions import Cast

from gtm.core import fsm
from gtm.core.evidence import audit, erasure
from gtm.core.evidence.changelog import Break
from gtm.core.governed import GovernedModel
from gtm.core.models import ChangeLogEntry

CREATED, DELETED, LINKED, UNLINKED = "created", "deleted", "linked", "unlinked"


@dataclass(slots=True)
class PresenceAudit:
    """What a check of rows and links came to.

    ``unsure``: objects that are gone and may have gone with another one, as versions wrote it that told less.
    ``hidden``: objects whose links nobody can compare, because a row that told of them is erased.
    """

    breaks: list[Break] = field(default_factory=list)
    unsure: int = 0
    hidden: int = 0


def audit_presence(chain: str | None = None) -> PresenceAudit:
    """Compare which rows and links there are with those that the log tells of; of one chain, or of all."""
    found = PresenceAudit()
    for model in audit.governed_models():
        found.breaks += _never_told(model, chain)
        _find_gone(model, chain, found)
        for relation in _told_links(model):
            found.breaks += _differing_links(model, relation, chain, found)
    return found


def _log_of(model: type[models.Model]) -> models.QuerySet[ChangeLogEntry]:
    return ChangeLogEntry.objects.filter(entity=model._meta.label_lower)


def _never_told(model: type[GovernedModel], chain: str | None) -> Iterator[Break]:
    """Rows of a table whose creation no row of the log records."""
    told = _log_of(model).filter(event=CREATED, entity_id=OuterRef("as_text"))
    rows = model._base_manager.annotate(as_text=Cast("pk", CharField()))
    for obj in rows.filter(~Exists(told)).order_by("pk"):
        if chain in (None, obj.change_chain()):
            sentence = f"{model._meta.label_lower} {obj.pk} is there, but no row records that it was made"
            yield Break(obj.change_chain(), 0, sentence)


def _find_gone(model: type[GovernedModel], chain: str | None, found: PresenceAudit) -> None:
    """Objects whose creation is told and whose row is not there, and the other way round."""
    has_states = model in {
        machine.model for machine in fsm.machines()
    }  # of these the states tell who is gone
    log = _log_of(model)
    made = log.filter(event=CREATED) if chain is None else log.filter(event=CREATED, chain=chain)
    places = made.order_by("pk").values_list("entity_id", "chain", "sequence")
    for batch in audit.batches(places.iterator(chunk_size=audit.CHUNK), audit.OBJECTS):
        keys = [pk for pk, *_ in batch]
        stored = {str(pk) for pk in model._base_manager.filter(pk__in=keys).values_list("pk", flat=True)}
        ends = log.filter(event=DELETED, entity_id__in=keys).values_list("entity_id", "chain", "sequence")
        deleted = {pk: (name, sequence) for pk, name, sequence in ends}
        for pk, name, sequence in batch:
            label = f"{model._meta.label_lower} {pk}"
            if pk in stored and pk in deleted:
                found.breaks.append(
                    Break(*deleted[pk], f"{label} is there, but this row says it was deleted")
                )
            elif pk not in stored and pk not in deleted and not has_states:
                broken = Break(name, sequence, f"{label} is gone, but no event records this")
                _judge_gone(model, pk, broken, found)


def _judge_gone(model: type[GovernedModel], pk: str, broken: Break, found: PresenceAudit) -> None:
    """What went with the object that it belonged to is told by the row of that one."""
    parents = [
        link
        for link in model._meta.concrete_fields
        if isinstance(link, models.ForeignKey) and link.remote_field.on_delete is models.CASCADE
    ]
    story = audit.story_of(model, pk)
    for link in parents:
        if link.attname not in story.last:
            if not story.is_known_in_full:
                found.unsure += 1
                return
            continue
        key = story.last[link.attname][0]
        if key is not None and not link.related_model._base_manager.filter(pk=key).exists():
            return
    found.breaks.append(broken)


# ------------------------------------------------------------------ links


def _told_links(model: type[GovernedModel]) -> list[models.ManyToManyField[Any, Any]]:
    return [link for link in model._meta.local_many_to_many if link.name not in model.untold_links]


def _differing_links(
    model: type[GovernedModel],
    relation: models.ManyToManyField[Any, Any],
    chain: str | None,
    found: PresenceAudit,
) -> Iterator[Break]:
    """Links that the rows do not tell of, and told ones that are not there though both ends are."""
    own, other = relation.m2m_column_name(), relation.m2m_reverse_name()
    through: Any = relation.remote_field.through
    there: dict[str, set[str]] = {}
    for one, two in through._base_manager.values_list(own, other):
        there.setdefault(str(one), set()).add(str(two))
    told = {story.pk: story for story in _link_stories(model, relation.name)}
    for pk in sorted({*there, *told}):
        story = told.get(pk) or LinkStory(pk)
        owner = model._base_manager.filter(pk=pk).first()
        if owner is None or chain not in (None, owner.change_chain()):
            continue
        if story.is_erased:
            found.hidden += 1
            continue
        now = there.get(pk, set())
        gone = story.linked - now
        kept = relation.related_model._base_manager.filter(pk__in=gone).values_list("pk", flat=True)
        gone &= {str(each) for each in kept}
        for name, keys in (("has", now - story.linked), ("has not", gone)):
            if keys:
                says = (
                    f"{model._meta.label_lower} {pk}: it {name} the {relation.name} {', '.join(sorted(keys))}"
                )
                sentence = f"{says}, and this is not what the log recorded last"
                yield Break(story.chain or owner.change_chain(), story.sequence, sentence)


@dataclass(slots=True)
class LinkStory:
    """What the rows of one object told of one relation: the keys that are linked."""

    pk: str
    chain: str = ""
    sequence: int = 0
    linked: set[str] = field(default_factory=set)
    is_erased: bool = False
    """A row that may have told of it is blank, and no row of an erasure keeps what it told."""


def _link_stories(model: type[GovernedModel], name: str) -> Iterator[LinkStory]:
    rows = _log_of(model).filter(event__in=(LINKED, UNLINKED)).select_related("payload")
    entries = rows.order_by("entity_id", "pk").iterator(chunk_size=audit.CHUNK)
    kept = erasure.links_kept()
    for pk, group in groupby(entries, key=lambda entry: entry.entity_id):
        yield _link_story(pk, name, group, kept)


def _link_story(
    pk: str, name: str, entries: Iterable[ChangeLogEntry], kept: Mapping[tuple[str, int], Mapping[str, Any]]
) -> LinkStory:
    story = LinkStory(pk)
    for entry in entries:
        payload = getattr(entry, "payload", None)
        if payload is not None and payload.body is not None:
            field_name, keys = payload.body["field"], payload.body["to"]
        elif said := kept.get((entry.chain, entry.sequence)):
            field_name, keys = said["field"], said["keys"]
        else:
            story.is_erased = True
            continue
        if field_name == name:
            story.chain, story.sequence = entry.chain, entry.sequence
            story.linked = story.linked | {*keys} if entry.event == LINKED else story.linked - {*keys}
    return story
