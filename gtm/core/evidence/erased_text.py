"""Erasing words everywhere: in the rows of the change log, in tables, and in the tables of their history.

First the places are found and shown, then they are erased, in one transaction. An object whose rows went, or
whose columns changed, is told anew by a row ``text erased``: so tables are compared with the log as before.
What a table held against its log before the erasure is told as the log had it, and stays a contradiction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import models, transaction
from django.db.models import F

from gtm.core.errors import InvalidInput, Problem
from gtm.core.evidence import audit, changelog, departures, erasure, personal, told
from gtm.core.evidence.audit import ToldObject
from gtm.core.evidence.personal import SoughtText
from gtm.core.governed import GovernedModel
from gtm.core.models import ChangeLogEntry, ChangeLogPayload

CHUNK = 2000
ROUNDS = 3
"""How often it looks again for what others wrote meanwhile."""
CHANGE_REASON = "history_change_reason"
ERASED_STARTS = (personal.MARK, "erased-")
UNERASABLE = frozenset({erasure.ERASED, erasure.SEALED})

Key = tuple[str, str]
"""Label of a model in small letters, and the key of one of its rows, as the change log has them."""


@dataclass(slots=True)
class FoundText:
    """Where the words stand. ``stays``: sentences about places that no erasure reaches."""

    rows: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    columns: dict[Key, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Columns with a word, of the table of today or of its history."""
    whole: dict[Key, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Columns that go as a whole: what the people of the erasure wrote."""
    stays: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    """Sentences about copies that left the house and may have the words."""

    @property
    def is_empty(self) -> bool:
        return not (self.rows or self.columns or self.whole)

    @property
    def chains(self) -> set[str]:
        return {*self.rows}

    def lines(self) -> Iterator[str]:
        """What would be erased, a line a place."""
        for chain, rows in sorted(self.rows.items()):
            yield f"change log of {chain}: rows {', '.join(map(str, sorted(rows)))}"
        for label, pk in sorted({*self.columns, *self.whole}):
            names = {*self.columns.get((label, pk), ()), *self.whole.get((label, pk), ())}
            yield f"{label} {pk}: {', '.join(sorted(names))}"
        yield from (f"stays: {sentence}" for sentence in self.stays)
        yield from (f"left the house: {sentence}" for sentence in self.left)


def find(sought: SoughtText, accounts: Collection[int] = ()) -> FoundText:
    """Every place of these words, and of what these accounts wrote as comments and evidence.

    Reads every table with text and the whole log, row by row.
    """
    found = FoundText()
    _find_in_tables(sought, found)
    _find_theirs(sought, accounts, found)
    _find_in_log(sought, accounts, found)
    _find_digests(found)
    found.left = list(departures.since_told(found.rows))
    return found


def erase(
    words: Collection[str], *, reason: str, accounts: Collection[int] = ()
) -> tuple[FoundText, list[ChangeLogEntry]]:
    """Erase them everywhere; answers where they stood and the seals of the documents to recall.

    Raises NotPermitted without the permission, GuardNotMet without a reason, InvalidInput for words that are
    too short, a reason that says them, and an address or user name of an account that is still open.
    """
    erasure.check_may_erase(reason)
    sought = SoughtText(words)
    check_words(sought, reason)
    erased = FoundText()
    with transaction.atomic():
        for _ in range(ROUNDS):
            found = find(sought, accounts)
            erased.stays = found.stays
            if found.is_empty:
                break
            _refuse_open_accounts(found)
            erased.left = erased.left or found.left
            _apply(found, sought, reason)
            for chain, rows in found.rows.items():
                erased.rows[chain] |= rows
            for key in (*found.columns, *found.whole):
                erased.columns[key] |= {*found.columns.get(key, ()), *found.whole.get(key, ())}
    seals = [seal for chain, rows in sorted(erased.rows.items()) for seal in erasure.to_recall(chain, rows)]
    return erased, seals


def check_words(sought: SoughtText, reason: str) -> None:
    """Raises InvalidInput for none, for a short one, and for a reason that would say them again."""
    short = [word for word in sought.words if len(word) < personal.SHORTEST]
    problems = [Problem("words", f"“{word}” stands in too much: take a longer text.") for word in short]
    if not sought.words:
        problems.append(Problem("words", "is required.", code="required"))
    if sought.is_in(reason):
        problems.append(Problem("reason", "says what is to be erased, and it stays on record."))
    if problems:
        raise InvalidInput("Nothing was erased.", problems=problems)


# ------------------------------------------------------------------ finding


def _find_in_tables(sought: SoughtText, found: FoundText) -> None:
    for label, whose in personal.declared().items():
        model = personal.model_of(label)
        columns = sorted(whose.personal | whose.plain)
        for pk, *values in _values(model, ["pk", *columns]):
            for name in _hits(columns, values, sought):
                if name in whose.personal:
                    found.columns[label, str(pk)].add(name)
                else:
                    found.stays.append(f"{label} {pk}: its {name}, which is no personal text")
        if issubclass(model, GovernedModel):
            earlier = [*sorted(whose.personal), CHANGE_REASON]
            key = model._meta.pk.attname
            for pk, *values in _values(model.history.model, [key, *earlier]):
                found.columns[label, str(pk)].update(_hits(earlier, values, sought))
    for empty in [place for place, names in found.columns.items() if not names]:
        del found.columns[empty]


def _find_theirs(sought: SoughtText, accounts: Collection[int], found: FoundText) -> None:
    """Rows of these accounts: what their owner wrote there, and by what the account is known."""
    for label, whose in personal.declared().items():
        if whose.owner and accounts:
            rows = personal.model_of(label)._base_manager.filter(**{f"{whose.owner}__in": accounts})
            for obj in rows.order_by():
                key = (label, str(obj.pk))
                written = {
                    name for name in whose.comments | whose.identity if _may_go(obj, name, key, sought)
                }
                if written:
                    found.whole[key] |= written


def _may_name(value: Any) -> bool:
    """Whether there is anything to erase that was not erased before."""
    return bool(value) and not (isinstance(value, str) and value.startswith(ERASED_STARTS))


def _may_go(obj: models.Model, name: str, key: Key, sought: SoughtText) -> bool:
    value = getattr(obj, name)
    return bool(_without(told.field_of(obj, name), value, key, True, sought) != value)


def _values(model: type[models.Model], columns: list[str]) -> Iterable[tuple[Any, ...]]:
    return model._base_manager.order_by().values_list(*columns).iterator(chunk_size=CHUNK)


def _hits(columns: Iterable[str], values: Iterable[Any], sought: SoughtText) -> list[str]:
    return [name for name, value in zip(columns, values, strict=True) if sought.is_in(value)]


def _find_in_log(sought: SoughtText, accounts: Collection[int], found: FoundText) -> None:
    declared = personal.declared()
    speaking = ChangeLogPayload.objects.filter(body__isnull=False).order_by()
    columns = ("chain", "sequence", "event", "entity", "entity_id")
    for body, chain, row, event, entity, pk in speaking.values_list(
        "body", *(f"entry__{name}" for name in columns)
    ).iterator(chunk_size=CHUNK):
        is_theirs = body["actor_id"] in accounts
        if event in UNERASABLE:
            if sought.is_in(body):
                found.stays.append(f"change log of {chain}: row {row} records an erasure or a seal")
        elif is_theirs or sought.is_in(body):
            found.rows[chain].add(row)
        if is_theirs and entity in declared:
            wrote = {*(body.get(changelog.FIELDS) or ()), body["field"]} & declared[entity].comments
            if wrote:
                found.whole[entity, pk] |= wrote


def _find_digests(found: FoundText) -> None:
    """Rows that tell one of these columns by its digest: whoever has a guess could try it."""
    keys: dict[str, set[str]] = defaultdict(set)
    for label, pk in (*found.columns, *found.whole):
        keys[label].add(pk)
    for label, pks in keys.items():
        entries = ChangeLogEntry.objects.filter(entity=label, entity_id__in=pks, payload__body__isnull=False)
        for entry in entries.exclude(event__in=UNERASABLE).select_related("payload").iterator(CHUNK):
            key = (label, entry.entity_id)
            body = entry.payload.body or {}
            sides = {**(body.get(changelog.FIELDS) or {}), body["field"]: body}
            for name in {*found.columns.get(key, ()), *found.whole.get(key, ())} & {*sides}:
                if any(_is_digest(sides[name].get(side)) for side in (told.FROM, told.TO)):
                    found.rows[entry.chain].add(entry.sequence)


def _is_digest(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(told.DIGEST)


# ------------------------------------------------------------------ erasing


def _apply(found: FoundText, sought: SoughtText, reason: str) -> None:
    objects = _objects(found)
    chains = {
        *found.rows,
        *(obj.change_chain() for obj in objects.values() if isinstance(obj, GovernedModel)),
    }
    for chain in sorted(chains):
        changelog.lock_chain(chain)
    stories = {key: audit.told_of(obj) for key, obj in objects.items() if isinstance(obj, GovernedModel)}
    for chain, rows in sorted(found.rows.items()):
        erasure.blank(chain, list(ChangeLogEntry.objects.filter(chain=chain, sequence__in=rows)), reason)
    for label, pk in sorted({*found.columns, *found.whole}):
        _erase_history(label, pk, found, sought)
    for key in sorted(objects):
        _erase_columns(key, stories.get(key), found, sought, reason)


def _objects(found: FoundText) -> dict[Key, models.Model]:
    """What stands in a table today and is touched: by its columns, or by a row of the log that goes."""
    keys = {*found.columns, *found.whole}
    governed = {model._meta.label_lower for model in audit.governed_models()}
    for chain, rows in found.rows.items():
        entries = ChangeLogEntry.objects.filter(chain=chain, sequence__in=rows, entity__in=governed)
        keys |= {*entries.values_list("entity", "entity_id")}
    objects: dict[Key, models.Model] = {}
    for label in sorted({label for label, _ in keys}):
        model = personal.model_of(label)
        stored = model._base_manager.in_bulk(
            [model._meta.pk.to_python(pk) for name, pk in keys if name == label]
        )
        objects |= {(label, str(pk)): obj for pk, obj in stored.items()}
    return objects


def _erase_columns(
    key: Key, story: ToldObject | None, found: FoundText, sought: SoughtText, reason: str
) -> None:
    """Write the columns without the words, and tell the object anew where it is governed."""
    model = personal.model_of(key[0])
    obj = model._base_manager.select_for_update().get(pk=key[1])
    values = {
        name: new
        for name in sorted(found.columns.get(key, set()) | found.whole.get(key, set()))
        if name != CHANGE_REASON and (new := _new_value(obj, name, key, found, sought)) != getattr(obj, name)
    }
    last = {column: value for column, (value, _) in story.last.items()} if story else {}
    kept = {name for name in values if name in last and not told.is_still(obj, name, last[name])}
    for name, value in values.items():
        setattr(obj, name, value)
    if values:
        more = {"version": F("version") + 1} if story else {}
        models.QuerySet(model).filter(pk=obj.pk).update(**values, **more)
    if story is None or not isinstance(obj, GovernedModel):
        return
    for name in values:
        if name in last and name not in kept:
            last[name] = told.field_value(obj, name)
    untold = {name for name, value in last.items() if sought.is_in(value)} - kept
    last = {name: sought.without(value) for name, value in last.items() if name not in untold}
    is_in_full = story.is_known_in_full and not untold
    changelog.append(
        obj,
        erasure.TEXT_ERASED,
        field=", ".join(values),
        after={"in_full": is_in_full},
        reason=reason,
        fields={name: {told.TO: value} for name, value in last.items()},
    )


def _new_value(obj: models.Model, name: str, key: Key, found: FoundText, sought: SoughtText) -> Any:
    return _without(
        told.field_of(obj, name), getattr(obj, name), key, name in found.whole.get(key, ()), sought
    )


def _without(column: models.Field[Any, Any], value: Any, key: Key, as_whole: bool, sought: SoughtText) -> Any:
    """What stands in a column afterwards: an identity gets one that names nobody and is its own."""
    whose = personal.declared()[key[0]]
    if column.attname in whose.identity:
        own = f"erased-{key[1]}@erased.invalid" if "@" in value else f"erased-{key[1]}"
        return own if sought.is_in(value) or as_whole and _may_name(value) else value
    if isinstance(column, models.JSONField):
        return sought.without(personal.without_said(value, sought) if as_whole else value)
    if as_whole and value:
        return personal.MARK
    left = sought.without(value)
    return left[: column.max_length] if isinstance(left, str) and column.max_length else left


def _erase_history(label: str, pk: str, found: FoundText, sought: SoughtText) -> None:
    model = personal.model_of(label)
    if not issubclass(model, GovernedModel):
        return
    names = found.columns.get((label, pk), set()) | found.whole.get((label, pk), set())
    whole: Mapping[str, bool] = {name: name in found.whole.get((label, pk), ()) for name in names}
    history = model.history.model
    for row in history._base_manager.filter(**{model._meta.pk.attname: pk}):
        values = {}
        for name, as_whole in whole.items():
            column = told.field_of(row, name)
            new = _without(column, getattr(row, name), (label, pk), as_whole, sought)
            if new != getattr(row, name):
                values[name] = new
        if sought.is_in(row.history_change_reason):
            values[CHANGE_REASON] = sought.without(row.history_change_reason)
        if values:
            models.QuerySet(history).filter(pk=row.pk).update(**values)


def _refuse_open_accounts(found: FoundText) -> None:
    """Nobody logs in as, or gets mail at, a name that was erased."""
    problems = []
    for key in sorted({*found.columns, *found.whole}):
        names = found.columns.get(key, set()) | found.whole.get(key, set())
        if not names & personal.declared()[key[0]].identity:
            continue
        obj = personal.model_of(key[0])._base_manager.filter(pk=key[1]).first()
        if obj is not None and getattr(obj, "is_active", False):
            problems.append(Problem("words", f"{key[0]} {key[1]} is still active: close it first."))
    if problems:
        raise InvalidInput("Nothing was erased.", problems=problems)
