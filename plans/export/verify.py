"""Verify an exported plan with nothing but the file: bytes, sections, change log, graph.

Needs no database and no account. Every finding says where; what the file proves, and what it does not, stands
in two lists.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gtm.core import canonical
from gtm.core.evidence import anchors, changelog, signatures
from gtm.core.evidence.notes import NoteKey
from gtm.core.evidence.proof import Proof
from plans.export import document, envelope, explained, rules, sealing
from plans.export.explained import ComparedText

if TYPE_CHECKING:
    from cryptography import x509

IMPORT_RECORD = "import_record"
"""The one section that an installation adds to another's document, outside its seal."""
OF_RECORD = frozenset({"imported_at", "sha256"})
NEWEST = (
    "this is the newest version of the plan",
    "a file cannot show what came after it: ask the installation for the last row of this log",
)


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """One thing that does not hold: the place in the document (JSON pointer like) and a sentence."""

    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message}"


@dataclass(frozen=True, slots=True)
class Kept:
    """What the reader kept outside the file. None: not given."""

    anchors: Sequence[Mapping[str, Any]] | None = None
    keys: Sequence[NoteKey] | None = None
    """Of the installation that signs the checkpoint."""
    witnesses: Sequence[NoteKey] | None = None
    """Of those who saw its log grow."""
    roots: Sequence[x509.Certificate] | None = None
    """Certificates by which a timestamp service is believed."""
    quorum: int | None = None
    """How many of the witnesses must have signed. None: each of them."""


@dataclass(slots=True)
class Verification:
    """The findings with their places, and both lists."""

    findings: list[Discrepancy] = field(default_factory=list)
    proof: Proof = field(default_factory=Proof)

    def conclude(self, what: str, by: str, found: Iterable[Discrepancy], *, asked: bool = False) -> None:
        findings = list(found)
        self.findings += findings
        self.proof.conclude(what, by, map(str, findings), asked=asked)


def parse(raw: bytes | str) -> Any:
    """JSON with each key once in an object. Raises ValueError for anything else.

    Of a key that is there twice one reader takes the first and another the last.
    """
    return json.loads(raw, object_pairs_hook=_once)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        raise ValueError(f"the key {twice[0]!r} is there twice in one object")
    return found


def verify_bytes(raw: bytes) -> list[Discrepancy]:
    """Everything that contradicts itself in a file."""
    return prove_bytes(raw).findings


def verify_document(body: Mapping[str, Any]) -> list[Discrepancy]:
    """Everything that contradicts itself in a document, with or without an import record."""
    return prove_document(body).findings


def prove_bytes(raw: bytes, kept: Kept | None = None, *, is_inside: bool = False) -> Verification:
    """What a file proves, with what the reader kept. ``is_inside``: it came out of an envelope."""
    made = Verification()
    try:
        body = parse(raw)
    except (ValueError, RecursionError) as error:
        position = getattr(error, "pos", getattr(error, "start", 0))
        where, sentence = _line(raw, position), f"the file is not JSON any more ({error})"
        made.conclude("the text", "", [Discrepancy(where, sentence)])
        return made
    if envelope.is_envelope(body) and not is_inside:
        return _prove_envelope(body, kept or Kept())
    if not isinstance(body, dict) or not isinstance(body.get("integrity"), dict):
        sentence = "the file is not a plan JSON: it has no integrity section"
        made.conclude("the text", "", [Discrepancy("integrity", sentence)])
        return made
    made = prove_document(body, kept)
    if not made.findings:
        made.conclude("the text has the form in which plans are written", "each byte", _form(raw, body))
    return made


def _prove_envelope(body: Mapping[str, Any], kept: Kept) -> Verification:
    """What a plan JSON proves that travels in an envelope, and what the envelope adds."""
    try:
        opened = envelope.open_envelope(body)
    except envelope.EnvelopeError as error:
        made = Verification()
        made.conclude("the envelope", "", [Discrepancy("envelope", f"it cannot be opened: {error}")])
        return made
    made = prove_bytes(opened.payload, kept, is_inside=True)
    last = "" if made.findings else signatures.latest(parse(opened.payload)["change_log"])
    wrong = envelope.prove(opened, made.proof, kept.keys, kept.roots, last)
    made.findings += [Discrepancy("envelope", sentence) for sentence in wrong]
    return made


def prove_document(body: Mapping[str, Any], kept: Kept | None = None) -> Verification:
    """What a document proves, with what the reader kept; it has an integrity section."""
    made = Verification()
    try:
        _prove(body, kept or Kept(), made)
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        sentence = f"the document cannot be read as a plan ({error!r})"
        made.conclude("the document", "", [Discrepancy("integrity", sentence)])
    body = _without_record(body)
    if not made.findings:
        found = [Discrepancy(problem.field, problem.message) for problem in rules.problems(body)]
        made.conclude("the document follows the rules of plans", "its published schema", found)
    return made


def _without_record(body: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key != IMPORT_RECORD}


def _prove(whole: Mapping[str, Any], kept: Kept, made: Verification) -> None:
    body = _without_record(whole)
    integrity, log = body["integrity"], body["change_log"]
    if IMPORT_RECORD in whole:
        _prove_record(body, whole[IMPORT_RECORD], made)
    if document.seal(integrity) != integrity.get("seal"):
        changed = Discrepancy("integrity", "the integrity section itself was changed")
        made.conclude("the integrity section", "", [changed])
    made.conclude("no section was damaged on the way", "the digests in the file", _sections(body, integrity))
    rows = f"rows 1 to {len(log)} of the change log follow each other, and erased ones are on record"
    made.conclude(rows, "the hash chain", _rows(log, integrity))
    for said, by in changelog.erased_on_record(log):
        made.proof.leave(said, by)
    seal = sealing.last_seal(log)
    _prove_sections(body, seal, made)
    _prove_text(body, seal, made)
    _prove_anchors(body, kept, made, _row_of(seal))
    checkpoint = checkpoint_of(body)
    found = [Discrepancy("integrity/checkpoint", sentence) for sentence in checkpoint.findings]
    if checkpoint.given:
        by = "its inclusion proof; who signed it is another question"
        made.conclude(f"the checkpoint in the file has row {checkpoint.sequence}", by, found)
    signatures.prove(made.proof, checkpoint, log, _row_of(seal), kept.keys, kept.witnesses, kept.quorum)
    made.proof.leave(*NEWEST)


def _row_of(seal: Mapping[str, Any] | None) -> int:
    """The row of a seal; 0 where there is none."""
    return 0 if seal is None else int(seal["sequence"])


def _prove_record(body: Mapping[str, Any], record: Mapping[str, Any], made: Verification) -> None:
    """An import record fits to its document; more than that it cannot show."""
    found = [f"{name!r} is no part of an import record" for name in sorted({*record} - OF_RECORD)]
    if record["sha256"] != canonical.digest(body):
        found.insert(0, "it was written for another document")
    if found:
        made.conclude("the import record", "", [Discrepancy(IMPORT_RECORD, said) for said in found])
    why = "its import record stands outside every seal: whoever has the file can write one"
    made.proof.leave("who took this document in, and when", why)


def checkpoint_of(body: Mapping[str, Any]) -> signatures.CarriedCheckpoint:
    """The checkpoint of a document, and whether it has a row of this very log."""
    rows = {row["sequence"]: row["hash"] for row in body["change_log"]}
    return signatures.carried(body["integrity"].get("checkpoint"), body["integrity"]["chain"], rows)


def _sections(body: Mapping[str, Any], integrity: Mapping[str, Any]) -> list[Discrepancy]:
    recorded, actual = integrity["sections"], document.section_digests(body)
    findings = [Discrepancy(key, "the section is missing") for key in sorted(set(recorded) - set(actual))]
    findings += [Discrepancy(key, "the section was added") for key in sorted(set(actual) - set(recorded))]
    changed = [key for key in sorted(set(actual) & set(recorded)) if actual[key] != recorded[key]]
    return findings + [Discrepancy(key, "its content differs from what was recorded") for key in changed]


def _rows(log: Sequence[Mapping[str, Any]], integrity: Mapping[str, Any]) -> list[Discrepancy]:
    erasures, chain = changelog.Erasures(), integrity["chain"]
    breaks, head, length = changelog.verify_rows(erasures.watch(log), chain)
    breaks += erasures.breaks(chain)
    findings = [Discrepancy(f"change_log row {b.sequence}", b.reason) for b in breaks]
    if length != integrity["length"]:
        sentence = f"it has {length} rows, but {integrity['length']} were recorded: the tail was cut"
        findings.append(Discrepancy("change_log", sentence))
    elif head != integrity["head"]:
        findings.append(Discrepancy(f"change_log row {length}", "it is not the head that was recorded"))
    return findings


def _prove_sections(body: Mapping[str, Any], seal: Mapping[str, Any] | None, made: Verification) -> None:
    what = "every section says what it said when it was sealed"
    if seal is None and _is_of_today(body["change_log"]):
        sentence = "no row seals this document, though its log is of a version that seals every one"
        made.conclude(what, "", [Discrepancy("change_log", sentence)])
        return
    if seal is None:
        made.proof.leave(what, "no row seals a document: it was written before there were seals")
        return
    row, told, now = seal["sequence"], seal["to"], sealing.digests(body)
    differing = sorted({key for key, _ in told.items() ^ now.items()})
    found = [Discrepancy(key, f"it is not what row {row} of the change log sealed") for key in differing]
    made.conclude(what, f"the seal in row {row} of the change log", found)
    if not _is_of_today(body["change_log"]):
        first = next(each["sequence"] for each in body["change_log"] if sealing.is_seal(each))
        why = f"row {first} is the first seal: the plan began before there were any"
        if any(row.get("erased") and row["event"] == "created" for row in body["change_log"]):
            why = f"row {first} is the first seal; a row of a creation is erased, so one may be missing"
        made.proof.leave(f"what its documents said before row {first}", why)


def _is_of_today(log: Iterable[Mapping[str, Any]]) -> bool:
    """Whether the version that began this log seals documents: its row of creation says what was asked."""
    return any(row["event"] == "created" and row["entity"] == sealing.ENTITY and row["to"] for row in log)


def _prove_text(body: Mapping[str, Any], seal: Mapping[str, Any] | None, made: Verification) -> None:
    checks: list[tuple[str, ComparedText]] = [
        ("status", explained.state(body)),
        ("command, inputs, data sets and checklist", explained.columns(body)),
        ("outputs of tasks", explained.outputs(body)),
        ("list of outputs", explained.listed_outputs(body)),
        ("calls of tools", explained.calls(body)),
        ("votes", explained.votes(body, names_are_sealed=seal is not None)),
    ]
    for name, found in checks:
        what, by = f"{name} as in the change log", f"its rows, {found.compared} compared"
        if found.compared or found.contradictions:
            made.conclude(what, by, [Discrepancy(*place) for place in found.contradictions])
        if found.unknown:
            why = "the row is erased, or was written before rows recorded it"
            made.proof.leave(f"{name}: {found.unknown} not compared with the change log", why)


def _prove_anchors(body: Mapping[str, Any], kept: Kept, made: Verification, sealed: int) -> None:
    integrity = body["integrity"]
    rows = {row["sequence"]: row["hash"] for row in body["change_log"]}
    chain = integrity["chain"]
    found = list(_anchored(integrity["anchors"], chain, rows))
    numbers = [record["number"] for record in integrity["anchors"]]
    if len({*numbers}) != len(numbers):
        found.append(Discrepancy("integrity/anchors", "an anchor is there twice"))
    if integrity["anchors"]:
        by = "their roots, which anybody can make anew: those that you kept (--anchors) prove more"
        made.conclude(f"{len(integrity['anchors'])} anchors in the file saw these rows", by, found)
    what = "nobody has written the change log anew"
    if kept.anchors is None:
        made.proof.leave(what, "no anchors that you kept were given (--anchors)")
        return
    mine = [record for record in kept.anchors if chain in record["heads"]]
    if not mine:
        why = f"none of the {len(kept.anchors)} anchors that you kept names {chain}"
        made.proof.leave(what, why, asked=True)
        return
    last = max(record["heads"][chain]["sequence"] for record in mine)
    by = f"{len(mine)} anchors that you kept, up to row {last}"
    made.conclude(f"{what} up to row {last}", by, _anchored(mine, chain, rows, "kept anchor"), asked=True)
    if last < len(rows):
        is_missed, why = last < sealed, "no anchor that you kept saw later rows"
        why += ", and the seal of this text is among them" * is_missed
        made.proof.leave(f"{what} after row {last}", why, asked=is_missed)


def _anchored(
    records: Iterable[Mapping[str, Any]], chain: str, rows: Mapping[int, str], name: str = "anchor"
) -> Iterable[Discrepancy]:
    """Each anchor is whole and saw the very row of the log that is here."""
    for record in records:
        where, seen = f"{name} {record['number']}", record["heads"].get(chain)
        if anchors.root_of(record) != record["root"]:
            yield Discrepancy(where, "its content differs from its root")
        elif seen is None:
            yield Discrepancy(where, f"it saw no row of {chain}")
        elif (seen["sequence"], seen["hash"]) not in rows.items():  # a row that is not there has no hash
            yield Discrepancy(where, "it covers another row of the change log than the one here")


def _form(raw: bytes, body: Mapping[str, Any]) -> Iterable[Discrepancy]:
    if (differs := _first_difference(raw, document.to_bytes(body))) is not None:
        yield Discrepancy(_line(raw, differs), "the text differs from the form in which the plan was written")


def _first_difference(one: bytes, other: bytes) -> int | None:
    if one == other:
        return None
    return next(
        (n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )


def _line(raw: bytes, position: int) -> str:
    return f"line {raw[:position].count(10) + 1}"
