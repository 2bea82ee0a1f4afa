"""Signed notes, checkpoints and cosignatures as C2SP has them (c2sp.org/signed-note, tlog-checkpoint,
tlog-cosignature), with Ed25519.

A note is a text and lines of signatures. A key is written ``name+hash+base64``, a private one with
``PRIVATE+KEY+`` before it, as the tools of transparency logs write them.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from gtm.core import clock
from gtm.core.later import later

if TYPE_CHECKING:
    from cryptography import exceptions
    from cryptography.hazmat.primitives.asymmetric import ed25519
else:  # a reader who has no key needs no library for signatures
    ed25519 = later("cryptography.hazmat.primitives.asymmetric.ed25519")
    exceptions = later("cryptography.exceptions")

SIGNATURE, COSIGNATURE = 1, 4
"""What a key signs: notes, or checkpoints of others with the time."""
FINGERPRINT = 4
"""Bytes that name a key, before each signature."""
LAST_SECOND = 253_402_300_799
"""Of the year 9999: a witness that names a later time names none."""
PRIVATE = "PRIVATE+KEY+"
DASH = "— "
SINCE, UNTIL = "since", "until"
DATES = frozenset({SINCE, UNTIL})


class NoteError(ValueError):
    """A note, a key or a checkpoint is not written as it should be; the sentence says how."""


@dataclass(frozen=True, slots=True)
class NoteKey:
    """A public key, with the name it signs under."""

    name: str
    kind: int
    public: bytes
    until: datetime | None = field(default=None, compare=False)
    """Since when it signs nothing more, as the reader was told; no part of the key."""
    since: datetime | None = field(default=None, compare=False)
    """When it was made, as the reader was told."""

    @property
    def fingerprint(self) -> bytes:
        """The four bytes by which a line of a signature names its key."""
        named = self.name.encode() + b"\n" + bytes([self.kind]) + self.public
        return hashlib.sha256(named).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.fingerprint.hex()}+{as_text(bytes([self.kind]) + self.public)}"


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A key that signs. Its text is a secret."""

    name: str
    kind: int
    seed: bytes

    @property
    def public(self) -> NoteKey:
        key = ed25519.Ed25519PrivateKey.from_private_bytes(self.seed).public_key()
        return NoteKey(self.name, self.kind, key.public_bytes_raw())

    @property
    def secret_text(self) -> str:
        own = self.public.fingerprint.hex()
        return f"{PRIVATE}{self.name}+{own}+{as_text(bytes([self.kind]) + self.seed)}"

    def sign(self, message: bytes) -> bytes:
        return ed25519.Ed25519PrivateKey.from_private_bytes(self.seed).sign(message)


def new_key(name: str, kind: int = SIGNATURE) -> PrivateKey:
    if not name or any(character.isspace() or character == "+" for character in name):
        raise NoteError(f"{name!r} cannot name a key: it has no spaces and no plus sign, and is not empty.")
    return PrivateKey(name, kind, ed25519.Ed25519PrivateKey.generate().private_bytes_raw())


def read_key(text: str) -> NoteKey:
    """A public key from its text. Raises NoteError where it is none."""
    name, given, kind, raw = _parts(text)
    key = NoteKey(name, kind, raw)
    if key.fingerprint.hex() != given:
        raise NoteError(f"the key of {name} does not fit to its fingerprint {given}")
    return key


def read_keys(text: str) -> list[NoteKey]:
    """Public keys, each alone or with its dates: ``KEY since TIME until TIME`` (RFC 3339); # begins a remark.

    Raises NoteError for anything else, and for dates that no key can have.
    """
    found: list[NoteKey] = []
    for line in text.splitlines():
        words = iter(line.partition("#")[0].split())
        for word in words:
            if word not in DATES:
                found.append(read_key(word))
                continue
            at = _time(next(words, ""))
            if not found:
                raise NoteError(f"{word!r} stands before every key")
            found[-1] = replace(found[-1], until=at) if word == UNTIL else replace(found[-1], since=at)
    for key in found:
        _refuse_impossible_dates(key)
    return found


def _refuse_impossible_dates(key: NoteKey) -> None:
    """A mistyped date would let a key count for longer, or for shorter, than the reader means."""
    if key.since is None:
        return
    if key.since > clock.now():
        raise NoteError(f"the key of {key.name} begins at {key.since}, which is still to come")
    if key.until is not None and key.until < key.since:
        raise NoteError(f"the key of {key.name} ends at {key.until}, before it begins at {key.since}")


def _time(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise NoteError(f"{text!r} is not a time") from error
    if at.tzinfo is None:
        raise NoteError(f"{text!r} has no time zone")
    return at


def read_private_key(text: str) -> PrivateKey:
    if not text.startswith(PRIVATE):
        raise NoteError("this is not the text of a private key")
    name, given, kind, raw = _parts(text.removeprefix(PRIVATE))
    key = PrivateKey(name, kind, raw)
    if key.public.fingerprint.hex() != given:
        raise NoteError(f"the private key of {name} does not fit to its fingerprint {given}")
    return key


def _parts(text: str) -> tuple[str, str, int, bytes]:
    name, _, rest = text.strip().partition("+")
    given, _, encoded = rest.partition("+")
    raw = _bytes(encoded, "a key")
    if not name or len(raw) != 33 or raw[0] not in (SIGNATURE, COSIGNATURE):
        raise NoteError("a key is written name+fingerprint+base64 of one byte and 32 of Ed25519")
    return name, given, raw[0], raw[1:]


def sign(text: str, keys: Iterable[PrivateKey]) -> str:
    """The note of a text. The text ends with a line end."""
    if not text.endswith("\n"):
        raise NoteError("the text of a note ends with a line end")
    return text + "\n" + "".join(_line(key.public, key.sign(text.encode())) for key in keys)


def cosign(note: str, key: PrivateKey, seconds: int) -> str:
    """The line with which a witness says that it saw this checkpoint at that time (Unix seconds)."""
    text, _ = split(note)
    made = key.sign(_cosigned(text, seconds))
    return _line(key.public, seconds.to_bytes(8, "big") + made)


def split(note: str) -> tuple[str, list[str]]:
    """The text, and the lines of its signatures."""
    text, found, lines = note.rpartition("\n\n")
    if (
        not found
        or not lines.endswith("\n")
        or any(not line.startswith(DASH) for line in lines.split("\n")[:-1])
    ):
        raise NoteError("a note is a text, an empty line, and lines of signatures")
    return text + "\n", lines.split("\n")[:-1]


def signed_by(note: str, keys: Sequence[NoteKey]) -> list[tuple[NoteKey, int | None]]:
    """Which of the keys signed the note, and when, where they say so.

    A line that names one of the keys and is no signature of it raises NoteError; lines of others are passed.
    """
    text, lines = split(note)
    found = []
    for line in lines:
        name, raw = _signature(line)
        for key in keys:
            if (key.name, key.fingerprint) == (name, raw[:4]):
                found.append((key, _checked(key, text, raw[4:])))
    return found


def signer_of(line: str) -> tuple[str, bytes]:
    """The key that a line of a note names: its name and its whole fingerprint."""
    name, raw = _signature(line)
    return name, raw[:FINGERPRINT]


def _signature(line: str) -> tuple[str, bytes]:
    name, _, encoded = line.removeprefix(DASH).partition(" ")
    raw = _bytes(encoded, "a signature")
    if not name or len(raw) <= FINGERPRINT:
        raise NoteError("a line of a signature is a name, and base64 of a fingerprint and a signature")
    return name, raw


def _checked(key: NoteKey, text: str, made: bytes) -> int | None:
    seconds, message = None, text.encode()
    if key.kind == COSIGNATURE:
        seconds, made = int.from_bytes(made[:8], "big"), made[8:]
        message = _cosigned(text, seconds)
        if seconds > LAST_SECOND:
            raise NoteError(f"the signature of {key.name} names no time")
    try:
        ed25519.Ed25519PublicKey.from_public_bytes(key.public).verify(made, message)
    except exceptions.InvalidSignature as error:
        raise NoteError(f"the signature of {key.name} does not fit to the text") from error
    return seconds


def _cosigned(text: str, seconds: int) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()


@dataclass(frozen=True, slots=True)
class TreeHead:
    """What a checkpoint says: the name of the log, how many leaves, and the root over them."""

    origin: str
    size: int
    root: bytes

    def __str__(self) -> str:
        return f"{self.origin}\n{self.size}\n{as_text(self.root)}\n"


def read_tree_head(note: str) -> TreeHead:
    """The checkpoint in a note, whoever signed it. Raises NoteError where it is none."""
    text, _ = split(note)
    origin, *rest = text.split("\n")[:-1]
    if not origin or len(rest) < 2 or not rest[0].isascii() or not rest[0].isdecimal() or _leads(rest[0]):
        raise NoteError("a checkpoint has a name, a size and a root, each on a line")
    root = _bytes(rest[1], "a root")
    if len(root) != 32:
        raise NoteError("the root of a checkpoint has 32 bytes")
    return TreeHead(origin, int(rest[0]), root)


def _leads(number: str) -> bool:
    return len(number) > 1 and number[0] == "0"


def _line(key: NoteKey, made: bytes) -> str:
    return f"{DASH}{key.name} {as_text(key.fingerprint + made)}\n"


def as_text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _bytes(text: str, what: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NoteError(f"{what} is not written in base64") from error
