"""What a checkpoint proves of a chain: by the installation's key, and by those of witnesses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gtm.core import canonical
from gtm.core.evidence import merkle, notes
from gtm.core.evidence.notes import NoteKey
from gtm.core.evidence.proof import Proof


@dataclass(frozen=True, slots=True)
class CarriedCheckpoint:
    """A checkpoint beside a chain: the row of the chain that it has, and what does not fit."""

    given: bool
    note: str = ""
    keys: tuple[str, ...] = ()
    sequence: int = 0
    findings: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        return self.given and not self.findings


def carried(part: Mapping[str, Any] | None, chain: str, rows: Mapping[int, str]) -> CarriedCheckpoint:
    """Check the inclusion proof of a chain's row, and that the row is one of these."""
    if part is None:
        return CarriedCheckpoint(given=False)
    note, names = part["note"], tuple(part["keys"])
    found = []
    try:
        head = notes.read_tree_head(note)
        leaf = {"chain": chain, "hash": part["hash"], "sequence": part["sequence"]}
        hashed = merkle.leaf_hash(canonical.dumps(leaf))
        path = [bytes.fromhex(each) for each in part["path"]]
        if not merkle.is_included(hashed, part["number"], head.size, path, head.root):
            found.append("its proof does not lead to its root")
        notes.signed_by(note, [notes.read_key(text) for text in names])
    except ValueError as error:
        found.append(str(error))
    if rows.get(part["sequence"]) != part["hash"]:
        found.append("it has another row of the change log than the one here")
    return CarriedCheckpoint(True, note, names, part["sequence"], tuple(found))


def prove(
    proof: Proof, checkpoint: CarriedCheckpoint, rows: int, sealed: int, keys: Sequence[NoteKey] | None
) -> None:
    """Whether the log, up to which row, is the one that the installation signed."""
    asked, what = keys is not None, "the installation signed this change log"
    if not checkpoint.given:
        proof.leave(what, "the document has no checkpoint", asked=asked)
        return
    if keys is None:
        names = ", ".join(text.rpartition("+")[0] for text in checkpoint.keys) or "none"
        why = f"no key that you kept was given (--key); the document names {names}, which proves nothing"
        proof.leave(what, why)
        return
    try:
        signed = [key for key, _ in notes.signed_by(checkpoint.note, keys)] if checkpoint.holds else []
    except notes.NoteError as error:
        proof.conclude(what, "", [f"integrity/checkpoint: {error}"], asked=True)
        return
    if not signed:
        proof.leave(what, "the checkpoint is not signed with a key that you gave", asked=True)
        return
    by = f"its signature {' and '.join(f'{key.name}+{key.fingerprint.hex()}' for key in signed)}"
    proof.prove(f"{what} up to row {checkpoint.sequence}", by, asked=True)
    if checkpoint.sequence < rows:
        why = f"the checkpoint was made after row {checkpoint.sequence}"
        is_missed = checkpoint.sequence < sealed
        what = "and the seal of this text" if is_missed else "which change nothing that is sealed"
        proof.leave(f"rows after {checkpoint.sequence}, {what}", why, asked=is_missed)


def prove_witnessed(proof: Proof, checkpoint: CarriedCheckpoint, witnesses: Sequence[NoteKey] | None) -> None:
    """Whether a witness saw the checkpoint continue the log."""
    what = "a witness saw the log grow to this checkpoint"
    if witnesses is None:
        proof.leave(what, "no key of a witness was given (--witness)")
        return
    try:
        seen = notes.signed_by(checkpoint.note, witnesses) if checkpoint.holds else []
    except notes.NoteError as error:
        proof.conclude(what, "", [f"integrity/checkpoint: {error}"], asked=True)
        return
    if not seen:
        proof.leave(what, "no cosignature in the document is of a key that you gave", asked=True)
    for key, seconds in seen:
        at = f" at {datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC" if seconds is not None else ""
        proof.prove(what, f"the cosignature of {key.name}{at}", asked=True)
