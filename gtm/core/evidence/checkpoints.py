"""Checkpoints: one signed root over every head of a chain that an anchor ever held.

Each anchor adds a leaf for each chain that grew, in the order of their names, to one tree that only grows
(RFC 6962). Its root, signed with the installation's key, is a checkpoint. A plan JSON carries it with the
proof that the head of its chain is among the leaves; witnesses sign that each checkpoint continues the last.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from gtm.core import canonical, events
from gtm.core.errors import InvalidInput, Problem
from gtm.core.evidence import keys, merkle, notes
from gtm.core.models import Anchor, Checkpoint, RecordedHead, TreeNode

LOOKED_AT = 100
"""Checkpoints after the newest head of a chain among which a cosigned one is looked for."""


def leaf_of(chain: str, sequence: int, head: str) -> bytes:
    """What a leaf says: the RFC 8785 form of a chain's name, its number of rows and the hash of the last."""
    return canonical.dumps({"chain": chain, "hash": head, "sequence": sequence})


def record(made: Anchor) -> Checkpoint | None:
    """Add the heads of an anchor to the tree and sign its root; None where there is no key.

    Inside the transaction of the anchor, which holds the chain of the installation.
    """
    if not RecordedHead.objects.exists():  # anchors of before there was a tree: the first leaves are theirs
        for earlier in Anchor.objects.filter(number__lt=made.number).order_by("number"):
            _grow(earlier, sorted(earlier.heads.items()))
    _grow(made, sorted(made.heads.items()))
    signers = keys.signing()
    if not signers:
        return None
    size = RecordedHead.objects.count()
    head = notes.TreeHead(signers[0].name, size, merkle.root(size, _node))
    note = notes.sign(str(head), signers)
    return Checkpoint.objects.create(anchor=made, size=size, root=head.root.hex(), note=note)


def _grow(made: Anchor, heads: list[tuple[str, Mapping[str, Any]]]) -> None:
    size = RecordedHead.objects.count()
    hashes = [merkle.leaf_hash(leaf_of(name, head["sequence"], head["hash"])) for name, head in heads]
    nodes = [
        TreeNode(level=level, number=n, hash=h.hex()) for level, n, h in merkle.grown(size, hashes, _node)
    ]
    RecordedHead.objects.bulk_create(
        RecordedHead(number=number, anchor=made, chain=name, sequence=head["sequence"], hash=head["hash"])
        for number, (name, head) in enumerate(heads, start=size)
    )
    TreeNode.objects.bulk_create(nodes)


def of_chain(chain: str) -> dict[str, Any] | None:
    """A checkpoint that holds the newest recorded head of a chain, with the proof that it does.

    It is the first one of those that most witnesses signed, among the first ``LOOKED_AT``.
    """
    heads = RecordedHead.objects.filter(chain=chain).order_by("-number")
    for head in heads[:1]:
        held = list(Checkpoint.objects.filter(size__gt=head.number).order_by("size", "pk")[:LOOKED_AT])
        if held:
            made = max(held, key=witnesses_of)
            said = notes.read_tree_head(made.note)
            if (said.size, said.root.hex()) != (made.size, made.root):
                raise ValueError("its size and root are not those that its note says")
            path = merkle.inclusion(head.number, made.size, _node)
            return {
                "note": made.note,
                "keys": [str(key) for key in keys.published() if key.name == _origin(made.note)],
                "number": head.number,
                "sequence": head.sequence,
                "hash": head.hash,
                "path": [hashed.hex() for hashed in path],
            }
    return None


def note_of(anchor: int) -> str | None:
    """The checkpoint that was signed with an anchor, by its number."""
    return Checkpoint.objects.filter(anchor__number=anchor).values_list("note", flat=True).first()


def newest() -> Checkpoint | None:
    return Checkpoint.objects.order_by("pk").last()


def request(old_size: int) -> str:
    """What a witness is sent that saw a tree of ``old_size`` leaves (C2SP tlog-witness, add-checkpoint)."""
    made = newest()
    if made is None:
        raise InvalidInput("There is no checkpoint yet.", hint="Make one: manage.py anchor_changelog")
    if not 0 <= old_size <= made.size:
        told = f"the last checkpoint has {made.size} leaves, fewer than {old_size}."
        raise InvalidInput("There is no such proof.", problems=[Problem("since", told)])
    proof = merkle.consistency(old_size, made.size, _node)
    return f"old {old_size}\n" + "".join(f"{notes.as_text(h)}\n" for h in proof) + f"\n{made.note}"


def add_cosignatures(lines: str, witness_keys: list[notes.NoteKey], note: str = "") -> list[str]:
    """Keep lines of witnesses under the checkpoint that they sign: the newest, or that of ``note``.

    Answers who signed. Documents of the chains that it has are written anew with them.
    """
    with transaction.atomic():
        made = _locked(note)
        more = [line for line in lines.split("\n") if line.startswith(notes.DASH) and line not in made.note]
        cosigned = made.note + "".join(f"{line}\n" for line in more)
        try:
            signed = [key.name for key, _ in notes.signed_by(cosigned, witness_keys)]
        except notes.NoteError as error:
            problem = Problem("cosignature", f"{error}: it may be of another checkpoint.")
            raise InvalidInput("Nothing was kept.", problems=[problem]) from error
        if not signed:
            raise InvalidInput("Nothing was kept: no line is of one of the keys given.")
        own = _of_these(more, witness_keys)
        made.note += "".join(f"{line}\n" for line in own)
        Checkpoint.objects.filter(pk=made.pk).update(note=made.note)
        chains = _held_since_last_cosigned(made)
        events.publish_on_commit(events.Anchored(made.anchor.number, chains))
    return signed


def _locked(note: str) -> Checkpoint:
    found = Checkpoint.objects.select_for_update().order_by("-pk")
    if note:
        head = notes.read_tree_head(note)
        found = found.filter(size=head.size, root=head.root.hex())
    made = found.first()
    if made is None:
        raise InvalidInput("There is no checkpoint yet.")
    return made


def _of_these(lines: list[str], witness_keys: list[notes.NoteKey]) -> list[str]:
    """Lines whose signatures were checked: a line of somebody else is not kept under our checkpoint."""
    known = {(key.name, key.fingerprint) for key in witness_keys}
    return [line for line in lines if notes.signer_of(line) in known]


def _held_since_last_cosigned(made: Checkpoint) -> tuple[str, ...]:
    """The chains whose documents may show this checkpoint now, for no earlier one has as many witnesses."""
    earlier = Checkpoint.objects.filter(size__lt=made.size).order_by("-size", "-pk")[:LOOKED_AT]
    signed, furthest = witnesses_of(made), earlier[LOOKED_AT - 1].size if len(earlier) == LOOKED_AT else 0
    since = next((one.size for one in earlier if witnesses_of(one) >= signed), furthest)
    held = RecordedHead.objects.filter(number__gte=since, number__lt=made.size)
    return tuple(sorted(set(held.order_by().values_list("chain", flat=True))))


def witnesses_of(made: Checkpoint) -> int:
    """How many others signed it. Lines are kept only where their signature was checked."""
    text, lines = notes.split(made.note)
    origin = text.partition("\n")[0]
    return len({signer for signer in map(notes.signer_of, lines) if signer[0] != origin})


def _origin(note: str) -> str:
    return notes.read_tree_head(note).origin


def _node(level: int, number: int) -> bytes:
    found = TreeNode.objects.filter(level=level, number=number).values_list("hash", flat=True).first()
    if found is None:
        raise ValueError(f"the tree has lost its node {level}/{number}")
    return bytes.fromhex(found)
