"""What the change log of the database proves: of everything, or of one plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from django.db.models import Max

from gtm.core.evidence import (
    account_audit,
    anchors,
    append_only,
    audit,
    changelog,
    checkpoints,
    keys,
    notes,
    presence,
    signatures,
)
from gtm.core.evidence.changelog import Break
from gtm.core.evidence.notes import COSIGNATURE, SIGNATURE, NoteKey
from gtm.core.evidence.proof import Proof
from gtm.core.evidence.signatures import CarriedCheckpoint
from gtm.core.models import ChangeLogChain, ChangeLogEntry
from plans.export.verify import Kept
from programs import published

NEVER_COMPARED = (
    "attempts at tasks, rungs that fired, needs of tasks, passwords, second factors and history pages",
    "no row records them in full, so nobody can compare them with the log; see the documents and their seals",
)
ONE_PLAN = (
    "accounts, their rights, seats of approvers, absences, policies and signing keys",
    "they are in other chains, and so would be rows about this plan that do not belong there: leave out the "
    "plan, and everything is compared",
)
NOT_OURS = "it is none of ours: it may change what is written there, also what no row of the log records"
MOST_ERASURES = 20
Records = Sequence[Mapping[str, Any]]


def prove(names: Sequence[str], plan_id: str, kept: Kept, in_file: Records) -> Proof:
    """Check these chains against themselves, the tables, the triggers, every anchor and checkpoint there is.

    ``plan_id`` where they are the chain of one plan; ``kept`` is what the reader brings, ``in_file`` are the
    anchors of the file that this installation writes.
    """
    proof, chain = Proof(), names[0] if plan_id else None
    which = f"the chain of {plan_id}" if plan_id else f"{len(names)} chains"
    breaks = [b for name in names for b in changelog.verify_chain(name)]
    rows = f"the rows of {which} follow each other, and erased ones are on record"
    proof.conclude(rows, "the hash chains and their heads", _said(breaks))
    absent = append_only.missing(connection)
    sentences = [f"the trigger {name} is not in place: rows can be changed and deleted" for name in absent]
    for name, table in append_only.strangers(connection):
        if table in (append_only.ENTRY, append_only.PAYLOAD):
            said = f"the trigger or rule {name} is none of ours: it may swallow or change rows"
            sentences.append(said)
        else:
            proof.leave(f"what the trigger or rule {name} on the table {table} does", NOT_OURS)
    proof.conclude("the database refuses changes of rows now", "its triggers", sentences)
    states = _said(audit.unexplained_states(chain))
    proof.conclude("each state is the one that the last event led to", "the rows", states)
    values = audit.audit_values(chain)
    what = f"{values.checked} objects have the values that the log recorded last"
    proof.conclude(what, "the rows, compared with the tables", _said(values.breaks))
    if values.erased:
        why = "a row that recorded them is erased, and no later row recorded all that stands there"
        proof.leave(f"{values.erased} of these objects in full, for erased rows", why)
    if values.before_digests:
        why = (
            "these rows were written before rows recorded values; only what later rows recorded was compared"
        )
        proof.leave(f"{values.before_digests} of these objects in full", why)
    present = presence.audit_presence(chain)
    what = "the tables hold the objects and links that the log tells of, and no others"
    proof.conclude(what, "the rows of creations, ends and links", _said(present.breaks))
    if present.hidden:
        proof.leave(f"the links of {present.hidden} objects", "a row that told of them is erased")
    if present.unsure:
        why = "versions of before did not record what an object belonged to"
        proof.leave(f"why {present.unsure} objects are gone that rows tell of", why)
    if chain in (None, changelog.INSTALLATION):
        _prove_accounts(proof)
    else:
        proof.leave(*ONE_PLAN)
    for sentence in _erased(names):
        proof.leave(*sentence)
    marked = _said(published.unmarked_departures(plan_id))
    proof.conclude("what departs from a published plan is marked", "the rows of plans", marked)
    proof.leave(*NEVER_COMPARED)
    _prove_anchors(proof, names, chain, kept.anchors, in_file)
    _prove_signatures(proof, names, kept)
    return proof


def _prove_accounts(proof: Proof) -> None:
    """What accounts may do, as the rows say it; passwords are in no row."""
    found = account_audit.audit_accounts()
    what = f"accounts and groups have the rights that the log recorded last ({found.compared} compared)"
    proof.conclude(what, "the rows of accounts", _said(found.breaks))
    made = _said(keys.unexplained())
    proof.conclude("the published signing keys are those that the log tells of", "their rows", made)
    if found.untold:
        names = ", ".join(found.untold[:5]) + (f" and {len(found.untold) - 5} more" * (len(found.untold) > 5))
        why = "made by a command, before rows recorded it, or in a row that is erased"
        proof.leave(f"who gave these their rights: {names}", why)


def _erased(names: Sequence[str]) -> Iterable[tuple[str, str]]:
    """What was erased on record, and by whom: whoever may erase can take more than was asked."""
    made = ChangeLogEntry.objects.filter(chain__in=names, event=changelog.ERASED).order_by("-at")
    made = made.filter(entity=changelog.CHAIN_ENTITY)
    for entry in made.select_related("payload")[:MOST_ERASURES]:
        for said, by in changelog.erased_on_record([changelog.row_of(entry)]):
            yield f"{entry.chain}: {said}", by
    if (more := made.count() - MOST_ERASURES) > 0:
        yield f"what {more} earlier erasures took", "see the rows “erased” of the change log"


def _prove_signatures(proof: Proof, names: Sequence[str], kept: Kept) -> None:
    """The checkpoint of each chain: signed by the key that the reader kept, and by a witness."""
    found: list[str] = []
    carried = {name: _checkpoint_of(name) for name in names}
    for name, (made, _) in carried.items():
        found += [f"{name}: the checkpoint: {sentence}" for sentence in made.findings]
    by_key = _Signers(SIGNATURE, kept.keys, found)
    by_witness = _Signers(COSIGNATURE, kept.witnesses, found, kept.quorum)
    for name, (made, _) in carried.items():
        by_key.look_at(name, made)
        by_witness.look_at(name, made)
    if found or any(made.holds for made, _ in carried.values()):
        by = "their inclusion proofs; who signed them is another question"
        proof.conclude("checkpoints have rows of these chains", by, found)
    else:
        proof.leave("checkpoints have rows of these chains", "there is none, so nobody signed these rows")
    by_key.conclude(
        proof, "the installation signed these rows", "the signatures of the checkpoints that first had them",
        "no key that you kept was given (--key)", "your key signed",
    )  # fmt: skip
    by_witness.conclude(
        proof, "a witness saw these rows", "its cosignatures of checkpoints that have them",
        "no key of a witness was given (--witness)",
        f"{kept.quorum or 'each'} of the witnesses that you named cosigned",
    )  # fmt: skip
    asked = kept.keys is not None or kept.witnesses is not None
    later = [name for name, (made, length) in carried.items() if made.holds and made.sequence < length]
    if asked and later:
        proof.leave(f"the newest rows of {len(later)} chains", "they came after the last checkpoint")


@dataclass(slots=True)
class _Signers:
    """Which chains have a checkpoint that these keys signed: one of an installation, each of the witnesses.

    ``quorum``: so many of the witnesses. ``keys`` is None where the reader gave none.
    """

    kind: int
    keys: Sequence[NoteKey] | None
    found: list[str]
    quorum: int | None = None
    unsigned: list[str] = field(default_factory=list)

    def look_at(self, name: str, made: CarriedCheckpoint) -> None:
        """A broken signature of one of them is told, and so is a key that was retired before the row."""
        try:
            signers = made.signers(self.keys or (), self.kind)
        except notes.NoteError as error:
            self.found.append(f"{name}: the checkpoint: {error}")
            return
        signed = [key for key, _ in signers]
        if self.kind == COSIGNATURE:
            self.found += [f"{name}: the checkpoint: {told}" for told in signatures.signed_late(signers)]
            others = signatures.missing(self.keys or (), signed)
            if not signed or signatures.is_too_few(self.keys or (), others, self.quorum):
                self.unsigned.append(name)
        elif not signed:
            self.unsigned.append(name)
        else:
            rows = ChangeLogEntry.objects.filter(chain=name, sequence__lte=made.sequence)
            at = rows.aggregate(at=Max("at"))["at"]
            if late := signatures.retired_before(signed, at):
                self.found.append(
                    f"{name} row {made.sequence}: the checkpoint: {late}, before this row of {at}"
                )

    def conclude(self, proof: Proof, what: str, by: str, none: str, who: str) -> None:
        if self.keys is None:
            proof.leave(what, none)
        elif self.unsigned:
            names = ", ".join(sorted(self.unsigned)[:5]) + ", …" * (len(self.unsigned) > 5)
            proof.leave(what, f"no checkpoint that {who} has a row of {names}", asked=True)
        elif not self.found:
            proof.prove(what, by, asked=True)


def _checkpoint_of(name: str) -> tuple[CarriedCheckpoint, int]:
    """The checkpoint of a chain, held against its row, and how many rows the chain has."""
    length = ChangeLogChain.objects.filter(pk=name).values_list("sequence", flat=True).first() or 0
    try:
        part = checkpoints.of_chain(name)
    except ValueError as error:
        return CarriedCheckpoint(given=True, findings=(str(error),)), length
    rows = ChangeLogEntry.objects.filter(chain=name, sequence=part["sequence"] if part else 0)
    return signatures.carried(part, name, dict(rows.values_list("sequence", "hash"))), length


def _prove_anchors(
    proof: Proof, names: Sequence[str], chain: str | None, kept: Records | None, in_file: Records
) -> None:
    stored, elsewhere = anchors.stored(), [*(kept or ()), *in_file]
    found = anchors.verify([*stored, *elsewhere], chain=chain) + anchors.compare(elsewhere)
    found += anchors.left_out(names)
    saw, saw_in_file = ([r for r in records if _has(r, chain)] for records in (stored, in_file))
    if saw or found:
        what, by = f"{len(saw)} anchors of the database saw these rows", "their roots and links"
        proof.conclude(what, by, dict.fromkeys(_said(found)))
    else:
        proof.leave("an anchor of this installation saw these rows", "none was made since they were written")
    if saw_in_file:
        proof.prove(f"{len(saw_in_file)} anchors in the file of this installation", "the same comparison")
    what = "nobody has written the change log anew, with the anchors of this installation"
    if kept is None:
        proof.leave(what, "no anchors that you kept were given (--anchors)")
        return
    mine = [record for record in kept if _has(record, chain)]
    last = max((record["number"] for record in mine), default=0)
    if not mine:
        proof.leave(what, f"none of the {len(kept)} anchors that you kept names {chain}", asked=True)
    elif found:
        proof.leave(what, "it is contradicted, see above", asked=True)
    else:
        proof.prove(f"{what}, up to anchor {last}", f"{len(mine)} anchors that you kept", asked=True)
        proof.leave(f"the same after anchor {last}", "later rows are in no anchor that you kept")


def _has(record: Mapping[str, Any], chain: str | None) -> bool:
    """Whether an anchor has a row of the chain that is asked for; None: of all."""
    return chain is None or chain in record["heads"]


def _said(breaks: Iterable[Break]) -> list[str]:
    return [f"{b.chain} row {b.sequence}: {b.reason}" for b in breaks]
