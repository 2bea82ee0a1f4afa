"""What the change log of the database proves: of everything, or of one plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import connection

from gtm.core.evidence import anchors, append_only, audit, changelog
from gtm.core.evidence.changelog import Break
from gtm.core.evidence.proof import Proof
from programs import published

Records = Sequence[Mapping[str, Any]]


def prove(names: Sequence[str], plan_id: str, kept: Records | None, in_file: Records) -> Proof:
    """Check these chains against themselves, the tables, the triggers and every anchor there is.

    ``plan_id`` where they are the chain of one plan; ``kept`` are anchors that the reader brings, ``in_file``
    those of the file that this installation writes.
    """
    proof, chain = Proof(), names[0] if plan_id else None
    which = f"the chain of {plan_id}" if plan_id else f"{len(names)} chains"
    breaks = [b for name in names for b in changelog.verify_chain(name)]
    rows = f"the rows of {which} follow each other, and erased ones are on record"
    proof.conclude(rows, "the hash chains and their heads", _said(breaks))
    absent = append_only.missing(connection)
    sentences = [f"the trigger {name} is not in place: rows can be changed and deleted" for name in absent]
    proof.conclude("the database refuses changes of rows now", "its triggers", sentences)
    states = _said(audit.unexplained_states(chain))
    proof.conclude("each state is the one that the last event led to", "the rows", states)
    values = audit.audit_values(chain)
    what = f"{values.checked} objects have the values that the log recorded last"
    proof.conclude(what, "the rows, compared with the tables", _said(values.breaks))
    if values.before_digests:
        why = (
            "these rows were written before rows recorded values; only what later rows recorded was compared"
        )
        proof.leave(f"{values.before_digests} of these objects in full", why)
    marked = _said(published.unmarked_departures(plan_id))
    proof.conclude("what departs from a published plan is marked", "the rows of plans", marked)
    _prove_anchors(proof, chain, kept, in_file)
    return proof


def _prove_anchors(proof: Proof, chain: str | None, kept: Records | None, in_file: Records) -> None:
    stored, elsewhere = anchors.stored(), [*(kept or ()), *in_file]
    found = anchors.verify([*stored, *elsewhere], chain=chain) + anchors.compare(elsewhere)
    if stored or found:
        what, by = f"{len(stored)} anchors of the database saw these rows", "their roots and links"
        proof.conclude(what, by, dict.fromkeys(_said(found)))
    if in_file:
        proof.prove(f"{len(in_file)} anchors in the file of this installation", "the same comparison")
    what = "nobody has written the change log anew, with the anchors of this installation"
    if kept is None:
        proof.leave(what, "no anchors that you kept were given (--anchors)")
        return
    mine = [record for record in kept if chain is None or chain in record["heads"]]
    last = max((record["number"] for record in mine), default=0)
    if not mine:
        proof.leave(what, f"none of the {len(kept)} anchors that you kept names {chain}", asked=True)
    elif found:
        proof.leave(what, "it is contradicted, see above", asked=True)
    else:
        proof.prove(f"{what}, up to anchor {last}", f"{len(mine)} anchors that you kept", asked=True)
        proof.leave(f"the same after anchor {last}", "later rows are in no anchor that you kept")


def _said(breaks: Iterable[Break]) -> list[str]:
    return [f"{b.chain} row {b.sequence}: {b.reason}" for b in breaks]
