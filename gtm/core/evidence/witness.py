"""A witness of somebody else's log: it signs a checkpoint only where it continues the last one it signed.

What is asked of it is written as in C2SP tlog-witness (add-checkpoint): the size it saw last, the proof of
consistency, and the checkpoint. By HTTP it answers with the status codes of that protocol. It needs no
database: its key and what it saw last are two files, on the machine of whoever is a witness.
"""

from __future__ import annotations

import base64
import binascii
import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gtm.core import clock
from gtm.core.errors import GtmError, GuardNotMet, InvalidInput, Problem
from gtm.core.evidence import merkle, notes
from gtm.core.evidence.notes import NoteKey, PrivateKey, TreeHead

ADD_CHECKPOINT = "add-checkpoint"
OK, MALFORMED, UNSIGNED, UNKNOWN, CONFLICT, INCONSISTENT = 200, 400, 403, 404, 409, 422
TEXT, TREE_SIZE = "text/plain; charset=utf-8", "text/x.tlog.size"
MOST_HASHES = 63
"""Lines of a proof of consistency, as the protocol bounds them."""
MOST_DIGITS = 19
MOST_BYTES = 64 * 1024
"""Of a request: a proof has at most 63 lines, and a checkpoint carries few signatures."""


class WitnessRefusal(GtmError):
    """It does not sign. ``status`` is that of the protocol."""

    status = INCONSISTENT


class InvalidRequest(WitnessRefusal, InvalidInput):
    """What came is no request, or of a log that the witness does not know."""

    def __init__(self, detail: str, status: int, **more: Any):
        super().__init__(detail, **more)
        self.status = status


class InconsistentLog(WitnessRefusal, GuardNotMet):
    """The log does not continue what the witness signed before."""


class SizeConflict(InconsistentLog):
    """The request follows another checkpoint than the last one that the witness signed."""

    def __init__(self, detail: str, seen: int, **more: Any):
        super().__init__(detail, **more)
        self.seen = seen


@dataclass(frozen=True, slots=True)
class WitnessAnswer:
    """Status and text of an answer by HTTP."""

    status: int
    text: str
    media_type: str = TEXT


@dataclass(frozen=True, slots=True)
class Witness:
    """A folder with the key of a witness, and the last checkpoint it saw of each log."""

    folder: Path

    @property
    def has_key(self) -> bool:
        return (self.folder / "witness.key").is_file()

    def key(self, name: str = "witness") -> PrivateKey:
        """Its key, made under this name where there is none yet."""
        path = self.folder / "witness.key"
        if path.is_file():
            return notes.read_private_key(path.read_text(encoding="utf-8").strip())
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = notes.new_key(name, notes.COSIGNATURE)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(made.secret_text + "\n")
        return made

    def cosign(self, request: str, log: NoteKey) -> str:
        """The line of its cosignature. Raises InvalidInput or GuardNotMet, each with what does not hold."""
        return self._cosign(request, [log])

    def answer(self, raw: bytes, logs: Sequence[NoteKey]) -> WitnessAnswer:
        """What it says to a request that came by HTTP, about one of the logs that it knows."""
        try:
            line = self._cosign(raw.decode("utf-8"), logs)
        except UnicodeDecodeError:
            return WitnessAnswer(MALFORMED, "the request is not text in UTF-8\n")
        except SizeConflict as conflict:
            return WitnessAnswer(CONFLICT, f"{conflict.seen}\n", TREE_SIZE)
        except WitnessRefusal as refusal:
            return WitnessAnswer(refusal.status, "\n".join(refusal.lines()) + "\n")
        return WitnessAnswer(OK, line)

    def _cosign(self, request: str, logs: Sequence[NoteKey]) -> str:
        old, proof, note = read_request(request)
        try:
            head = notes.read_tree_head(note)
        except notes.NoteError as error:
            raise _refused(str(error)) from error
        known = [key for key in logs if key.name == head.origin and key.kind == notes.SIGNATURE]
        if not known:
            raise _refused(f"its log {head.origin} is not one that this witness knows", UNKNOWN)
        try:
            signed = notes.signed_by(note, known)
        except notes.NoteError as error:
            raise _refused(str(error), UNSIGNED) from error
        if not signed:
            raise _refused(f"it is not signed by {head.origin}", UNSIGNED)
        if old > head.size:
            raise _refused(f"it has {head.size} leaves, fewer than the {old} that it says were seen")
        with self._lock():
            self._check_continues(head, old, proof)
            line = notes.cosign(note, self.key(), int(clock.now().timestamp()))
            self._keep(self._seen() | {head.origin: (head.size, head.root.hex())})
        return line

    def _check_continues(self, head: TreeHead, old: int, proof: Sequence[bytes]) -> None:
        size, root = self._seen().get(head.origin, (0, ""))
        if size != old:
            raise SizeConflict(
                f"The last checkpoint seen of {head.origin} has {size} leaves, not {old}.",
                size,
                hint=f"Ask for the proof since then: manage.py witness request --since {size}",
            )
        if not merkle.is_consistent(old, head.size, bytes.fromhex(root), head.root, proof):
            told = (
                f"The checkpoint over {head.size} leaves does not continue the one over {old}: the log was "
                "written anew."
            )
            if old == head.size:
                raise SizeConflict(told, size)
            raise InconsistentLog(told)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """One request at a time: two that follow the same checkpoint cannot both be signed."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(self.folder / "witness.lock", "w", encoding="utf-8") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def _seen(self) -> dict[str, tuple[int, str]]:
        path = self.folder / "seen.json"
        kept = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        return {origin: (size, root) for origin, (size, root) in kept.items()}

    def _keep(self, seen: dict[str, tuple[int, str]]) -> None:
        """On the disk before anything is answered: what was signed is never forgotten."""
        beside = self.folder / "seen.new"
        with open(beside, "w", encoding="utf-8") as handle:
            json.dump(seen, handle, indent=2, sort_keys=True)
            handle.flush()
            os.fsync(handle.fileno())
        os.replace(beside, self.folder / "seen.json")


def read_request(text: str) -> tuple[int, list[bytes], str]:
    """Size seen last, proof, and the note. Raises InvalidInput where the text is no request."""
    head, _, note = text.partition("\n\n")
    first, *proof = head.split("\n")
    word, _, size = first.partition(" ")
    try:
        hashes = [base64.b64decode(line, validate=True) for line in proof]
    except (binascii.Error, ValueError) as error:
        raise _refused("a line of its proof is not base64") from error
    is_size = size.isascii() and size.isdecimal() and len(size) <= MOST_DIGITS and str(int(size)) == size
    if word != "old" or not is_size or not note or any(len(h) != 32 for h in hashes):
        raise _refused("it begins with “old SIZE”, the proof, an empty line and the checkpoint")
    if len(hashes) > MOST_HASHES:
        raise _refused(f"its proof has more than {MOST_HASHES} lines")
    return int(size), hashes, note


def _refused(told: str, status: int = MALFORMED) -> InvalidRequest:
    return InvalidRequest("The checkpoint is not signed.", status, problems=[Problem("request", f"{told}.")])
