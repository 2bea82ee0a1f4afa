"""Seals: a row of the plan's change log for each version of its document that leaves the house.

The row ``sealed`` has the digest of every section but the change log, which the chain covers, and the
integrity section, which describes the file; of that one it has the seed and the versions. A document carries
all rows up to its seal, its seal, and those that came later and changed nothing that it says. So a seal never
covers itself, and what says the same needs no second one.

Nobody waits for it: the document is made without a lock, and its seal is written in a short transaction
of its own, where the log has not grown meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction

from gtm.core import canonical
from gtm.core.actors import SWEEP, Actor, acting_as
from gtm.core.evidence import changelog
from gtm.core.evidence.erasure import SEALED
from gtm.core.one_view import one_view
from plans.export import document, rules
from plans.models import Plan

FIELD = "sections"
ENTITY = Plan._meta.label_lower
OF_INTEGRITY = ("seed", "versions")
UNSEALED = frozenset({"change_log", "integrity"})
ATTEMPTS = 3
"""How often a document is made while its plan moves, before the plan waits for it once."""


class InvalidDocument(Exception):
    """A document of ours violates our own schema: a defect, never sealed, never written over a good file."""


def digests(body: Mapping[str, Any]) -> dict[str, str]:
    """What a seal has of this document: the digest of each part."""
    parts = {key: value for key, value in body.items() if key not in UNSEALED}
    of_integrity = {f"integrity/{key}": body["integrity"].get(key) for key in OF_INTEGRITY}
    return {key: canonical.digest(value) for key, value in {**parts, **of_integrity}.items()}


def last_seal(log: Iterable[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The newest row that seals a document; None in logs of before."""
    found = None
    for row in log:
        found = row if is_seal(row) else found
    return found


def is_seal(row: Mapping[str, Any]) -> bool:
    return bool(row["event"] == SEALED and row["entity"] == ENTITY and not row.get("erased"))


def sealed(plan: Plan) -> dict[str, Any]:
    """The document of the plan as of now, with its seal. Raises InvalidDocument for a defect of ours."""
    for _ in range(ATTEMPTS):
        with one_view():
            body = _build(plan)
        with transaction.atomic():
            if _seal(plan, body):
                return body
    with transaction.atomic():
        changelog.lock_chain(plan.change_chain())
        body = _build(plan)
        _seal(plan, body)
    return body


def _build(plan: Plan) -> dict[str, Any]:
    fresh = Plan.objects.select_related("program", "campaign", "requested_by").get(pk=plan.pk)
    body = document.build(fresh)
    if found := rules.problems(body):
        raise InvalidDocument(f"{plan.plan_id}: " + "; ".join(f"{p.field}: {p.message}" for p in found[:10]))
    return body


def _seal(plan: Plan, body: dict[str, Any]) -> bool:
    """Seal the document where its last seal says something else; False where the log has grown since."""
    last, made = last_seal(body["change_log"]), _known_digests(body)
    if last is not None and last["to"] == made:
        return True
    chain = changelog.lock_chain(plan.change_chain())
    if chain.sequence != body["integrity"]["length"]:
        return False
    with acting_as(Actor.system("Plan documents", via=SWEEP)):
        entry = changelog.append(plan, SEALED, field=FIELD, after=made, reason=_reason(last), chain=chain)
    document.add_row(body, changelog.row_of(entry))
    return True


def _reason(last: Mapping[str, Any] | None) -> str:
    return "" if last is not None else "The first seal: before this row no row says what a document said."


def _known_digests(body: Mapping[str, Any]) -> dict[str, str]:
    """As ``digests``, of a document that was made just now and has those of its sections."""
    integrity = body["integrity"]
    kept = {key: value for key, value in integrity["sections"].items() if key not in UNSEALED}
    return kept | {f"integrity/{key}": canonical.digest(integrity[key]) for key in OF_INTEGRITY}
