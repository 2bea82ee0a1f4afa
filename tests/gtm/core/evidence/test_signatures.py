"""What a checkpoint beside a log proves, claim by claim, in every case of keys, witnesses and times."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gtm.core import canonical
from gtm.core.evidence import merkle, notes, signatures
from gtm.core.evidence.proof import Proof

pytest.importorskip("cryptography")
HOUSE = notes.PrivateKey("house", notes.SIGNATURE, bytes([1] * 32))
NEW = notes.PrivateKey("house", notes.SIGNATURE, bytes([2] * 32))
WITNESS = notes.PrivateKey("auditor", notes.COSIGNATURE, bytes([3] * 32))
OTHER = notes.PrivateKey("another", notes.COSIGNATURE, bytes([4] * 32))
THIRD = notes.PrivateKey("third", notes.COSIGNATURE, bytes([5] * 32))
CHAIN = "plan:p"
TIMES = ["2026-03-02T10:00:00Z", "2026-03-04T10:00:00Z", "2026-03-03T10:00:00Z"]
LOG = [{"sequence": n, "hash": f"h{n}", "at": at} for n, at in enumerate(TIMES, start=1)]
ROWS = {row["sequence"]: row["hash"] for row in LOG}
SECONDS = int(datetime(2026, 3, 5, 10, tzinfo=UTC).timestamp())
BEFORE, BETWEEN, AFTER = (datetime(2026, 3, day, 12, tzinfo=UTC) for day in (3, 4, 6))
LATER = "which change nothing that is sealed"
MISSED = "and the seal of this text"


def part(sequence=3, signers=(HOUSE,), witnesses=()):
    """A checkpoint of two leaves, the second of which is a row of the chain."""
    leaf = {"chain": CHAIN, "hash": f"h{sequence}", "sequence": sequence}
    hashes = [merkle.leaf_hash(b"another"), merkle.leaf_hash(canonical.dumps(leaf))]
    note = notes.sign(str(notes.TreeHead("house", 2, merkle.node_hash(*hashes))), signers)
    note += "".join(notes.cosign(note, witness, SECONDS) for witness in witnesses)
    return {
        "note": note, "keys": [str(key.public) for key in signers], "number": 1, "sequence": sequence,
        "hash": f"h{sequence}", "path": [hashes[0].hex()],
    }  # fmt: skip


def carried(**which):
    return signatures.carried(part(**which), CHAIN, ROWS)


def said(checkpoint, sealed=1, keys=None, witnesses=None, log=LOG):
    """Findings, what is proved and by what, what is not and why, and what of it was asked for."""
    proof = Proof()
    signatures.prove(proof, checkpoint, log, sealed, keys, witnesses)
    asked = {claim.what for claim in (*proof.proved, *proof.not_proved) if claim.was_asked}
    return (
        proof.findings,
        {claim.what: claim.ground for claim in proof.proved},
        {claim.what: claim.ground for claim in proof.not_proved},
        asked,
    )


def test_a_checkpoint_that_is_not_there_holds_nothing():
    none = signatures.carried(None, CHAIN, ROWS)
    assert (none.given, none.holds, none.signers([HOUSE.public], notes.SIGNATURE)) == (False, False, [])
    found, proved, left, asked = said(none)
    assert (found, proved, asked) == ([], {}, set())
    assert left == {
        signatures.SIGNED: "the document has no checkpoint",
        signatures.WITNESSED: "no key of a witness was given (--witness)",
    }
    assert said(none, keys=[HOUSE.public])[3] == {signatures.SIGNED}


def test_a_checkpoint_of_this_log_holds_and_says_what_it_carries():
    found = carried()
    assert (found.given, found.holds, found.findings, found.sequence) == (True, True, (), 3)
    assert (found.note, found.keys) == (part()["note"], (str(HOUSE.public),))


PATH = "its proof does not lead to its root"
ROW = "it has another row of the change log than the one here"


@pytest.mark.parametrize(
    ("altered", "says"),
    [
        ({"hash": "h2"}, (PATH, ROW)),
        ({"sequence": 2}, (PATH, ROW)),
        ({"number": 0}, (PATH,)),
        ({"path": []}, (PATH,)),
        ({"path": ["0"]}, ("non-hexadecimal number found in fromhex() arg at position 1",)),
        ({"keys": ["nonsense"]}, ("a key is written name+fingerprint+base64 of one byte and 32 of Ed25519",)),
        ({"note": "nonsense"}, ("a note is a text, an empty line, and lines of signatures",)),
    ],
)
def test_what_does_not_fit_is_told(altered, says):
    found = signatures.carried(part() | altered, CHAIN, ROWS)
    assert (found.findings, found.given, found.holds) == (says, True, False)
    assert found.signers([HOUSE.public], notes.SIGNATURE) == []


def test_a_note_that_was_signed_anew_by_nobody_is_told():
    another = part()["note"].replace("\n2\n", "\n3\n", 1)
    (first, second) = signatures.carried(part() | {"note": another}, CHAIN, ROWS).findings
    assert (first, second) == (PATH, "the signature of house does not fit to the text")


def test_without_a_key_the_keys_that_it_names_are_told():
    _, proved, left, asked = said(carried(signers=[HOUSE, NEW]))
    names = f"{signatures.name_of(HOUSE.public)}, {signatures.name_of(NEW.public)}"
    why = f"no key that you kept was given (--key); the document names {names}, which proves nothing"
    assert (proved, asked, left[signatures.SIGNED]) == ({}, set(), why)
    unnamed = signatures.carried(part() | {"keys": []}, CHAIN, ROWS)
    assert "the document names none, which" in said(unnamed)[2][signatures.SIGNED]


def test_the_key_proves_the_rows_that_it_signed():
    found, proved, left, asked = said(carried(), keys=[HOUSE.public])
    what = f"{signatures.SIGNED} up to row 3"
    assert (found, proved, asked) == ([], {what: f"its signature {signatures.name_of(HOUSE.public)}"}, {what})
    assert [*left] == [signatures.WITNESSED]


@pytest.mark.parametrize("key", [NEW.public, WITNESS.public, OTHER.public])
def test_another_key_proves_nothing(key):
    checkpoint = carried(witnesses=[WITNESS])
    _, proved, left, asked = said(checkpoint, keys=[key])
    why = "the checkpoint is not signed with a key that you gave"
    assert (proved, left[signatures.SIGNED], asked) == ({}, why, {signatures.SIGNED})


def test_a_line_that_names_the_key_and_is_no_signature_of_it_is_told():
    body = part(signers=[NEW])
    alike = notes.as_text(HOUSE.public.fingerprint + bytes(64))
    checkpoint = signatures.carried(body | {"note": body["note"] + f"— house {alike}\n"}, CHAIN, ROWS)
    found, proved, left, asked = said(checkpoint, keys=[HOUSE.public])
    assert found == ["integrity/checkpoint: the signature of house does not fit to the text"]
    assert (proved, asked, left[signatures.SIGNED]) == (
        {}, {signatures.SIGNED}, "it is contradicted, see above",
    )  # fmt: skip
    forged = notes.as_text(WITNESS.public.fingerprint + bytes(72))
    checkpoint = signatures.carried(part() | {"note": part()["note"] + f"— auditor {forged}\n"}, CHAIN, ROWS)
    found, _, left, asked = said(checkpoint, witnesses=[WITNESS.public])
    assert found == ["integrity/checkpoint: the signature of auditor does not fit to the text"]
    assert asked == {signatures.WITNESSED}
    kept = replace(HOUSE.public, until=AFTER)
    assert signatures.IN_TIME in said(checkpoint, keys=[kept], witnesses=[WITNESS.public])[2]


@pytest.mark.parametrize(
    ("sequence", "sealed", "what"),
    [(3, 3, None), (2, 3, MISSED), (2, 2, LATER), (2, 1, LATER), (1, 3, MISSED)],
)
def test_rows_that_came_later_are_told_and_asked_for_where_the_seal_is_among_them(sequence, sealed, what):
    checkpoint = carried(sequence=sequence, witnesses=[WITNESS])
    _, _, left, asked = said(checkpoint, sealed, [HOUSE.public], [WITNESS.public])
    later = [
        f"rows after {sequence}, {what}",
        f"rows after {sequence}, of which the witness saw none, {what}",
    ]
    if what is None:
        assert left == {}
        return
    assert left == dict.fromkeys(later, f"the checkpoint was made after row {sequence}")
    assert (set(later) <= asked) == (what == MISSED)


def test_a_key_that_was_retired_before_any_of_its_rows_is_told():
    kept = replace(HOUSE.public, until=BEFORE)
    found, proved, left, asked = said(carried(), keys=[kept])
    named = f"the key {signatures.name_of(kept)} was retired at {BEFORE}"
    assert found == [f"integrity/checkpoint: {named}, before a row of {TIMES[1]} that it signed"]
    assert (proved, asked) == ({}, {signatures.SIGNED})
    assert said(carried(sequence=1), keys=[kept])[0] == []  # the rows that came later it did not sign
    at_once = replace(HOUSE.public, until=datetime.fromisoformat(TIMES[1]))
    assert said(carried(), keys=[at_once])[0] == []


def test_of_two_keys_one_that_goes_on_is_enough():
    old, new = replace(HOUSE.public, until=BEFORE), NEW.public
    found, proved, left, _ = said(carried(signers=[NEW, HOUSE]), keys=[old, new])
    assert (found, signatures.IN_TIME in {**proved, **left}) == ([], False)
    assert f"{signatures.SIGNED} up to row 3" in proved


def test_when_a_retired_key_signed_only_a_witness_tells():
    kept, why = (
        replace(HOUSE.public, until=AFTER),
        "whoever has a retired key can sign later and date rows back",
    )
    checkpoint = carried(witnesses=[WITNESS, OTHER])
    assert said(checkpoint, keys=[kept])[2][signatures.IN_TIME].startswith(why)
    _, proved, left, _ = said(checkpoint, keys=[kept], witnesses=[OTHER.public])
    assert proved[signatures.IN_TIME] == "the time of a witness that you named"
    exactly = replace(HOUSE.public, until=datetime.fromtimestamp(SECONDS, UTC))
    assert signatures.IN_TIME in said(checkpoint, keys=[exactly], witnesses=[WITNESS.public])[1]
    early = replace(HOUSE.public, until=BETWEEN)
    assert signatures.IN_TIME in said(checkpoint, keys=[early], witnesses=[WITNESS.public])[2]


def test_with_two_retired_keys_the_later_end_counts():
    ends = [replace(HOUSE.public, until=BETWEEN), replace(NEW.public, until=AFTER)]
    checkpoint = carried(signers=[HOUSE, NEW], witnesses=[WITNESS])
    assert signatures.IN_TIME in said(checkpoint, keys=ends, witnesses=[WITNESS.public])[1]


def test_a_witness_proves_what_it_saw_and_of_which_log():
    found, proved, left, asked = said(carried(witnesses=[WITNESS, OTHER]), witnesses=[WITNESS.public])
    by = "the cosignature of auditor at 2026-03-05 10:00 UTC, under the log house"
    assert (found, proved, asked) == ([], {signatures.WITNESSED: by}, {signatures.WITNESSED})
    assert [*left] == [signatures.SIGNED]


@pytest.mark.parametrize(
    ("key", "why"),
    [
        (OTHER.public, "no cosignature in the document is of a key that you gave"),
        (
            HOUSE.public,
            "no cosignature in the document is of a key that you gave; one of these keys signs logs, and is "
            "none of a witness",
        ),
    ],
)
def test_who_is_no_witness_of_it_proves_nothing(key, why):
    _, proved, left, asked = said(carried(witnesses=[WITNESS]), witnesses=[key])
    assert (proved, left[signatures.WITNESSED], asked) == ({}, why, {signatures.WITNESSED})
    assert not any(what.startswith("rows after") for what in left)


@pytest.mark.parametrize(
    ("named", "quorum", "missed", "is_asked"),
    [
        ([WITNESS], None, [], False),
        ([WITNESS, OTHER], None, [], False),
        ([WITNESS, WITNESS], None, [], False),
        ([WITNESS, WITNESS], 1, [], False),
        ([WITNESS, THIRD], None, [THIRD], True),
        ([THIRD, WITNESS, THIRD], None, [THIRD], True),
        ([WITNESS, THIRD], 1, [THIRD], False),
        ([WITNESS, THIRD], 2, [THIRD], True),
        ([WITNESS, OTHER, THIRD], 2, [THIRD], False),
        ([WITNESS, OTHER, THIRD], 3, [THIRD], True),
        ([WITNESS, THIRD, HOUSE], 1, [THIRD, HOUSE], False),
        ([WITNESS, THIRD, HOUSE], 2, [THIRD, HOUSE], True),
    ],
)
def test_each_witness_that_is_named_must_have_signed_or_as_many_as_the_quorum(
    named, quorum, missed, is_asked
):
    proof, keys = Proof(), [key.public for key in named]
    checkpoint = carried(sequence=2, witnesses=[WITNESS, OTHER])
    signatures.prove(proof, checkpoint, LOG, 1, None, keys, quorum)
    (said,) = [claim for claim in proof.not_proved if claim.what == signatures.OTHERS] or [None]
    if missed:
        names = ", ".join(signatures.name_of(key.public) for key in missed)
        assert (said.ground, said.was_asked) == (f"no cosignature in the document is of {names}", is_asked)
    assert (said is None, proof.holds) == (not missed, not is_asked)
    told = {claim.ground for claim in proof.proved if claim.what == signatures.WITNESSED}
    assert len(told) == len(set(named) - set(missed))


def test_where_no_witness_signed_a_quorum_changes_nothing():
    for quorum in (None, 1):
        proof = Proof()
        signatures.prove(proof, carried(), LOG, 1, None, [WITNESS.public, OTHER.public], quorum)
        assert (proof.holds, signatures.OTHERS in {claim.what for claim in proof.not_proved}) == (
            False,
            False,
        )


def test_a_cosignature_of_after_the_end_of_its_key_is_told():
    checkpoint = carried(witnesses=[WITNESS, OTHER])
    for seconds, is_late in ((-1, True), (0, False), (1, False)):
        kept = replace(WITNESS.public, until=datetime.fromtimestamp(SECONDS + seconds, UTC))
        found, proved, left, asked = said(checkpoint, witnesses=[OTHER.public, kept])
        told = f"the witness {signatures.name_of(kept)} signed after its key was retired at {kept.until}"
        assert found == ([f"integrity/checkpoint: {told}"] if is_late else [])
        assert (signatures.WITNESSED in proved, asked) == (not is_late, {signatures.WITNESSED})
