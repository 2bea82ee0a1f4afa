"""What a checkpoint proves of a chain: by the installation's key, and by those of witnesses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gtm.core import canonical
from gtm.core.evidence import merkle, notes
from gtm.core.evidence.notes import COSIGNATURE, SIGNATURE, NoteKey
from gtm.core.evidence.proof import Proof

SIGNED = "the installation signed this change log"
WITNESSED = "a witness saw the log grow to this checkpoint"
OTHERS = "the other witnesses that you named saw it"
IN_TIME = "it was signed before its key was retired"
Signer = tuple[NoteKey, int | None]
"""A key that signed, and when, in Unix seconds, where it says so: witnesses do."""


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

    def signers(self, keys: Sequence[NoteKey], kind: int) -> list[Signer]:
        """Which of these keys signed it. A witness cannot sign for the installation, nor the other way round.

        Raises NoteError where a line that names one of them is no signature of it.
        """
        return notes.signed_by(self.note, [key for key in keys if key.kind == kind]) if self.holds else []


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
    if (part["sequence"], part["hash"]) not in rows.items():
        found.append("it has another row of the change log than the one here")
    return CarriedCheckpoint(True, note, names, part["sequence"], tuple(found))


def prove(
    proof: Proof,
    checkpoint: CarriedCheckpoint,
    log: Sequence[Mapping[str, Any]],
    sealed: int,
    keys: Sequence[NoteKey] | None,
    witnesses: Sequence[NoteKey] | None,
    quorum: int | None = None,
) -> None:
    """Who signed the log up to which row, and who saw it grow; ``sealed`` is the row of its last seal.

    ``keys`` are of one installation, so one that signed is enough. Each witness must have signed, or as many
    of them as ``quorum`` says.
    """
    _prove_signed(proof, checkpoint, log, sealed, keys, witnesses)
    _prove_witnessed(proof, checkpoint, len(log), sealed, witnesses, quorum)


def _prove_signed(
    proof: Proof,
    checkpoint: CarriedCheckpoint,
    log: Sequence[Mapping[str, Any]],
    sealed: int,
    keys: Sequence[NoteKey] | None,
    witnesses: Sequence[NoteKey] | None,
) -> None:
    if not checkpoint.given:
        proof.leave(SIGNED, "the document has no checkpoint", asked=keys is not None)
        return
    if keys is None:
        names = ", ".join("+".join(text.split("+")[:2]) for text in checkpoint.keys) or "none"
        why = f"no key that you kept was given (--key); the document names {names}, which proves nothing"
        proof.leave(SIGNED, why)
        return
    try:
        signed = [key for key, _ in checkpoint.signers(keys, SIGNATURE)]
    except notes.NoteError as error:
        proof.conclude(SIGNED, "", [f"integrity/checkpoint: {error}"], asked=True)
        return
    if not signed:
        proof.leave(SIGNED, "the checkpoint is not signed with a key that you gave", asked=True)
        return
    at = latest(log[: checkpoint.sequence])
    if late := retired_before(signed, at):
        told = f"{late}, before a row of {at} that it signed"
        proof.conclude(SIGNED, "", [f"integrity/checkpoint: {told}"], asked=True)
        return
    by = f"its signature {' and '.join(map(name_of, signed))}"
    proof.prove(f"{SIGNED} up to row {checkpoint.sequence}", by, asked=True)
    _leave_later(proof, f"rows after {checkpoint.sequence}", checkpoint.sequence, len(log), sealed)
    _prove_in_time(proof, checkpoint, signed, witnesses or ())


def _leave_later(proof: Proof, rows: str, last: int, length: int, sealed: int) -> None:
    """Rows that a checkpoint has not: with the seal among them, nothing of the text is proved."""
    if last < length:
        is_missed = last < sealed
        what = "and the seal of this text" if is_missed else "which change nothing that is sealed"
        proof.leave(f"{rows}, {what}", f"the checkpoint was made after row {last}", asked=is_missed)


def latest(log: Sequence[Mapping[str, Any]]) -> str:
    """The time of the row that says the latest one: the last row could be dated back alone."""
    return max((row["at"] for row in log), key=datetime.fromisoformat)


def retired_before(signed: Sequence[NoteKey], at: str) -> str:
    """Which of these keys was retired before that time, where no other signed; empty where one could."""
    time = datetime.fromisoformat(at)
    late = [key for key in signed if key.until is not None and key.until < time]
    return f"the key {name_of(late[0])} was retired at {late[0].until}" if len(late) == len(signed) else ""


def is_in_doubt(signed: Sequence[NoteKey]) -> bool:
    """Whether every key that signed is retired: who has an old key can sign later and date rows back."""
    return all(key.until is not None for key in signed)


def _prove_in_time(
    proof: Proof, checkpoint: CarriedCheckpoint, signed: Sequence[NoteKey], witnesses: Sequence[NoteKey]
) -> None:
    if not is_in_doubt(signed):
        return
    until = max(key.until.timestamp() for key in signed if key.until is not None)
    try:
        times = [seconds for _, seconds in checkpoint.signers(witnesses, COSIGNATURE) if seconds is not None]
    except notes.NoteError:
        times = []  # told where witnesses are asked for
    if any(seconds <= until for seconds in times):
        proof.prove(IN_TIME, "the time of a witness that you named")
    else:
        why = "whoever has a retired key can sign later and date rows back: see --witness"
        proof.leave(IN_TIME, why)


def _prove_witnessed(
    proof: Proof,
    checkpoint: CarriedCheckpoint,
    length: int,
    sealed: int,
    witnesses: Sequence[NoteKey] | None,
    quorum: int | None,
) -> None:
    """Whether the witnesses saw the checkpoint continue the log."""
    if witnesses is None:
        proof.leave(WITNESSED, "no key of a witness was given (--witness)")
        return
    try:
        seen = checkpoint.signers(witnesses, COSIGNATURE)
    except notes.NoteError as error:
        proof.conclude(WITNESSED, "", [f"integrity/checkpoint: {error}"], asked=True)
        return
    if not seen:
        why = "no cosignature in the document is of a key that you gave"
        if any(key.kind != COSIGNATURE for key in witnesses):
            why += "; one of these keys signs logs, and is none of a witness"
        proof.leave(WITNESSED, why, asked=True)
        return
    if late := signed_late(seen):
        proof.conclude(WITNESSED, "", [f"integrity/checkpoint: {told}" for told in late], asked=True)
        return
    for key, seconds in seen:
        at = datetime.fromtimestamp(seconds or 0, UTC)
        origin = notes.read_tree_head(checkpoint.note).origin
        by = f"the cosignature of {key.name} at {at:%Y-%m-%d %H:%M} UTC, under the log {origin}"
        proof.prove(WITNESSED, by, asked=True)
    if others := missing(witnesses, [key for key, _ in seen]):
        why = f"no cosignature in the document is of {', '.join(others)}"
        proof.leave(OTHERS, why, asked=is_too_few(witnesses, others, quorum))
    rows = f"rows after {checkpoint.sequence}, of which the witness saw none"
    _leave_later(proof, rows, checkpoint.sequence, length, sealed)


def signed_late(seen: Sequence[Signer]) -> list[str]:
    """Cosignatures that say a time after the end of their key: whoever found it made them."""
    return [
        f"the witness {name_of(key)} signed after its key was retired at {key.until}"
        for key, seconds in seen
        if key.until is not None and seconds is not None and seconds > key.until.timestamp()
    ]


def missing(named: Sequence[NoteKey], signed: Sequence[NoteKey]) -> list[str]:
    """The witnesses that were named and have not signed; a key that was named twice is one."""
    return [name_of(key) for key in dict.fromkeys(named) if key not in signed]


def is_too_few(named: Sequence[NoteKey], others: Sequence[str], quorum: int | None) -> bool:
    """Whether more of the witnesses that were named should have signed than all but ``others``."""
    each = len({*named})
    return each - len(others) < (each if quorum is None else quorum)


def name_of(key: NoteKey) -> str:
    """By what a signature names its key: without the key itself."""
    return f"{key.name}+{key.fingerprint.hex()}"
