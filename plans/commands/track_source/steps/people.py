"""Who is who across the partners: keyed e-mail hashes first, then probabilistic linkage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations

import numpy as np
import pyarrow as pa

from plans.commands.track_source.facts import Scope
from plans.engine.running.steps import StepContext
from programs.analytics.estimate import Estimate, MaybeEstimate, Unavailable
from programs.analytics.identity import (
    Field,
    clusters,
    exact_pairs,
    link,
    normalise_company,
    normalise_email,
    normalise_person,
    normalise_text,
)

FIELDS = (
    Field("key", "exact"), Field("given_name"), Field("family_name"), Field("company", "words"),
    Field("phone", "code"), Field("postcode", "code"), Field("birth_date", "code"),
)  # fmt: skip
BLOCKING = (
    ("key",), ("phone",), ("family_name", "company"), ("given_name", "company"), ("family_name", "postcode"),
    ("given_name", "postcode"), ("family_name", "birth_date"),
)  # fmt: skip
_NORMALISE = {"given_name": normalise_person, "family_name": normalise_person, "company": normalise_company}


@dataclass(frozen=True, slots=True)
class PartnerPair:
    """Two partners' contacts: how many stood on each side, how many were joined and by what."""

    left: str
    right: str
    left_contacts: int
    right_contacts: int
    exact: int
    probable: int
    doubtful: int
    precision: MaybeEstimate


@dataclass(frozen=True, slots=True)
class People:
    """``table``: owner, person_id, person, for the contacts of several identifiers. ``precision`` over all pairs."""

    table: pa.Table
    labels: Mapping[tuple[str, str], str]
    pairs: tuple[PartnerPair, ...]
    contacts: int
    repeated: int
    precision: MaybeEstimate

    def person(self, owner: str, person_id: str) -> str:
        return self.labels.get((owner, person_id), f"{owner}:{person_id}")


def resolve_people(context: StepContext, scope: Scope) -> People:
    """Contacts of all partners joined to people. The keys are compared, never shown."""
    data = context.data
    owners = set(data.snapshots("touchpoints")) | set(data.snapshots("opportunities"))
    if not data.has("contacts"):
        apart = len(owners) > 1
        missing = "No contacts are loaded, so people of two partners cannot be told to be one: load contacts of each."
        told: MaybeEstimate = (
            Unavailable(missing) if apart else Estimate(1.0, method="one file, nothing joined")
        )
        return People(_table([], [], []), {}, (), 0, 0, told)
    rows = data.engine.contact_rows(data.snapshots("contacts")).to_pylist()
    columns = {
        field.column: [_cell(row, field.column) for row in rows] for field in FIELDS if field.column != "key"
    }
    columns["key"] = [row["email_hash"] or normalise_email(row["email"] or "") for row in rows]
    owner = np.array([scope.partner(row["owner"]) for row in rows])
    joined = [_within(owner, columns["key"])]
    pairs = []
    rng = np.random.default_rng([context.seed, 2])
    for left, right in combinations(sorted(set(owner.tolist())), 2):
        sides = np.flatnonzero(owner == left), np.flatnonzero(owner == right)
        pair, found = _link(left, right, sides, columns, rng)
        pairs.append(pair)
        joined.append(found)
    label = clusters(np.concatenate(joined), len(rows))
    several = np.flatnonzero(np.bincount(label)[label] > 1)
    keepers, ids = [rows[n]["owner"] for n in several], [rows[n]["contact_id"] for n in several]
    names = [f"person {label[n]}" for n in several]
    labels = dict(zip(zip(keepers, ids, strict=True), names, strict=True))
    return People(
        _table(keepers, ids, names), labels, tuple(pairs), len(rows), len(joined[0]), _pooled(pairs)
    )


def _cell(row: Mapping[str, str | None], column: str) -> str:
    return _NORMALISE.get(column, normalise_text)(row[column] or "")


def _within(owner: np.ndarray, keys: Sequence[str]) -> np.ndarray:
    """Contacts that one partner keeps twice under the same key."""
    own = [f"{o}\x1f{key}" if key else "" for o, key in zip(owner, keys, strict=True)]
    found = exact_pairs(own, own)
    return found[found[:, 0] < found[:, 1]]


def _link(
    left: str,
    right: str,
    sides: tuple[np.ndarray, np.ndarray],
    columns: Mapping[str, list[str]],
    rng: np.random.Generator,
) -> tuple[PartnerPair, np.ndarray]:
    ours, theirs = ({name: [cells[n] for n in side] for name, cells in columns.items()} for side in sides)
    usable = {name for name in columns if any(ours[name]) and any(theirs[name])}
    exact = exact_pairs(ours["key"], theirs["key"])
    pair_of = partial(PartnerPair, left, right, len(sides[0]), len(sides[1]), len(exact))
    fields = [field for field in FIELDS if field.column in usable]
    rules = [rule for rule in BLOCKING if usable.issuperset(rule)]
    linked = (
        link(ours, theirs, fields, rules, rng)
        if rules
        else Unavailable("The two contact lists share no filled column.")
    )
    if isinstance(linked, Unavailable):
        return pair_of(probable=0, doubtful=0, precision=_by_key(exact, linked)), _global(exact, sides)
    probable, doubtful = (_not_joined(pairs, exact) for pairs in (linked.pairs, linked.review))
    precision = _by_key(exact, linked.precision)
    pair = pair_of(probable=len(probable), doubtful=len(doubtful), precision=precision)
    return pair, _global(np.concatenate([exact, probable]), sides)


def _not_joined(pairs: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """The pairs of whom neither is joined by key already."""
    known = [np.isin(pairs[:, side], exact[:, side]) for side in (0, 1)]
    return pairs[~(known[0] | known[1])]


def _by_key(exact: np.ndarray, precision: MaybeEstimate) -> MaybeEstimate:
    """Of who has the same key with both partners, where likeness joined nobody: one address is one person."""
    if not isinstance(precision, Unavailable) or not len(exact):
        return precision
    return Estimate(
        1.0, numerator=float(len(exact)), denominator=float(len(exact)), method="joined by key alone"
    )


def _global(pairs: np.ndarray, sides: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    return np.column_stack([sides[0][pairs[:, 0]], sides[1][pairs[:, 1]]])


def _pooled(pairs: Sequence[PartnerPair]) -> MaybeEstimate:
    """Precision over the joined pairs of all partners; one list alone joined nothing and is right about it."""
    if not pairs:
        return Estimate(1.0, method="one list, nothing joined")
    found = [pair.precision for pair in pairs if isinstance(pair.precision, Estimate)]
    if not found:
        return next(pair.precision for pair in pairs)
    if len(found) == 1:
        return found[0]
    true, accepted = sum(e.numerator or 0 for e in found), sum(e.denominator or 0 for e in found)
    return Estimate(true / accepted, numerator=true, denominator=accepted, method="mean posterior")


def _table(owners: list[str], ids: list[str], people: list[str]) -> pa.Table:
    return pa.table(
        {
            "owner": pa.array(owners, pa.string()),
            "person_id": pa.array(ids, pa.string()),
            "person": pa.array(people, pa.string()),
        }
    )
