"""A witness of somebody else's log: it signs a checkpoint only where it continues the last one it signed.

What is asked of it is written as in C2SP tlog-witness (add-checkpoint): the size it saw last, the proof of
consistency, and the checkpoint. It needs no database: its key and what it saw last are two files, on the
machine of whoever is a witness.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
from dataclasses import dataclass
from pathlib import Path

from gtm.core import clock
from gtm.core.errors import GuardNotMet, InvalidInput, Problem
from gtm.core.evidence import merkle, notes
from gtm.core.evidence.notes import NoteKey, PrivateKey


@dataclass(frozen=True, slots=True)
class Witness:
    """A folder with the key of a witness, and the last checkpoint it saw of each log."""

    folder: Path

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
        old, proof, note = read_request(request)
        try:
            head = notes.read_tree_head(note)
            signed = notes.signed_by(note, [log])
        except notes.NoteError as error:
            raise _refused(str(error)) from error
        if not signed or head.origin != log.name:
            raise _refused(f"it is not signed by {log.name}")
        size, root = self._seen().get(head.origin, (0, ""))
        if size != old:
            raise GuardNotMet(
                f"The last checkpoint seen of {head.origin} has {size} leaves, not {old}.",
                hint=f"Ask for the proof since then: manage.py witness request --since {size}",
            )
        if not merkle.is_consistent(old, head.size, bytes.fromhex(root), head.root, proof):
            raise GuardNotMet(
                f"The checkpoint over {head.size} leaves does not continue the one over {old}: the log was "
                "written anew."
            )
        line = notes.cosign(note, self.key(), int(clock.now().timestamp()))
        self._keep(self._seen() | {head.origin: (head.size, head.root.hex())})
        return line

    def _seen(self) -> dict[str, tuple[int, str]]:
        path = self.folder / "seen.json"
        kept = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        return {origin: (size, root) for origin, (size, root) in kept.items()}

    def _keep(self, seen: dict[str, tuple[int, str]]) -> None:
        beside = self.folder / "seen.new"
        beside.write_text(json.dumps(seen, indent=2, sort_keys=True), encoding="utf-8")
        os.replace(beside, self.folder / "seen.json")


def read_request(text: str) -> tuple[int, list[bytes], str]:
    """Size seen last, proof, and the note. Raises InvalidInput where the text is no request."""
    head, _, note = text.partition("\n\n")
    first, *proof = head.splitlines() or [""]
    word, _, size = first.partition(" ")
    try:
        hashes = [base64.b64decode(line, validate=True) for line in proof]
    except binascii.Error as error:
        raise _refused("a line of its proof is not base64") from error
    if word != "old" or not size.isdecimal() or not note or any(len(h) != 32 for h in hashes):
        raise _refused("it begins with “old SIZE”, the proof, an empty line and the checkpoint")
    return int(size), hashes, note


def _refused(told: str) -> InvalidInput:
    return InvalidInput("The checkpoint is not signed.", problems=[Problem("request", f"{told}.")])
