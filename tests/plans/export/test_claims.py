"""What both verifiers claim of a small document, claim by claim: checkpoint, witness, anchors, erasure, seal.

A forger or a reader makes each document from one that was exported; nothing of it is in a database.
"""

import json
from datetime import UTC, datetime

import pytest
from django.db import transaction
from django.test import override_settings

from gtm.core import canonical, clock
from gtm.core.actors import Actor, acting_as
from gtm.core.evidence import anchors, changelog, merkle, notes
from plans.export import document, sealing, verify_plan
from plans.export.verify import Kept, prove_bytes
from tests.factories import START, gate, make_run
from tests.plans.export.forging import as_before_seals, chained_anew, sealed_anew
from tests.plans.export.test_verify_plan import compare

pytest.importorskip("cryptography")
pytestmark = pytest.mark.django_db  # where the plan is made; what is read is bytes

OURS, NEXT = (notes.PrivateKey("example.com/gtm", notes.SIGNATURE, bytes([n] * 32)) for n in (1, 2))
WITNESS, SECOND, THIRD = (
    notes.PrivateKey(name, notes.COSIGNATURE, bytes([n] * 32))
    for n, name in enumerate(("auditor", "bank", "court"), start=3)
)
AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
SIGNED, WITNESSED = "the installation signed this change log", "a witness saw the log grow to this checkpoint"
OTHERS = "the other witnesses that you named saw it"
ANEW, NEWEST = "nobody has written the change log anew", "this is the newest version of the plan"
IN_TIME, SEALED = (
    "it was signed before its key was retired",
    "every section says what it said when it was sealed",
)
FORM = "the text has the form in which plans are written"
NOT_BY_IT = "it is contradicted, see above"


@pytest.fixture(scope="module")
def written(django_db_setup, django_db_blocker, tmp_path_factory):
    """A plan under way: sealed, a row after its seal, anchored at the last row."""
    with (
        django_db_blocker.unblock(),
        override_settings(GTM_ANCHORS_DIR=tmp_path_factory.mktemp("anchors")),
        transaction.atomic(),
        clock.standing_at(START),
        acting_as(Actor.system("Test")),
    ):
        plan = make_run(gate()).plan
        sealing.sealed(plan)
        changelog.append(plan, "remarked", reason="It changes nothing that is sealed.")
        anchors.anchor()
        raw = document.to_bytes(document.build(plan))
        transaction.set_rollback(True)
    return raw


@pytest.fixture
def body(written):
    return json.loads(written)


def rows_of(body):
    seal = next(row["sequence"] for row in body["change_log"] if row["event"] == "sealed")
    return seal, len(body["change_log"])


def signed(body, row, *signers, size=1, number=0, cosigned=None):
    """A checkpoint of the chain up to ``row``, among ``size`` leaves, by these keys, and by the witness."""
    said = {key: body["change_log"][row - 1][key] for key in ("chain", "hash", "sequence")}
    leaves = [merkle.leaf_hash(b"%d" % n) for n in range(size)]
    leaves[number] = merkle.leaf_hash(canonical.dumps(said))
    nodes = {
        (level, n): hashed for level, n, hashed in merkle.grown(0, leaves, lambda level, n: nodes[level, n])
    }

    def node(level, n):
        return nodes[level, n]

    head = notes.TreeHead("example.com/gtm", size, merkle.root(size, node))
    note = notes.sign(str(head), signers)
    if cosigned is not None:
        note += notes.cosign(note, WITNESS, int(cosigned.timestamp()))
    body["integrity"]["checkpoint"] = {
        "note": note, "keys": [str(key.public) for key in signers], "number": number, "sequence": row,
        "hash": said["hash"], "path": [each.hex() for each in merkle.inclusion(number, size, node)],
    }  # fmt: skip
    return body


def claims(raw, anchors=None, keys=None, witnesses=None, quorum=None):
    """What the verifier for auditors says, and ours agrees: whether it holds, and both lists."""
    lists = compare(raw, anchors, keys, witnesses, quorum)
    return lists.holds, dict(lists.proved), {what: why for what, why, _ in lists.not_proved}, lists.findings


# ------------------------------------------------------------------ the checkpoint, and who signed it


def test_a_checkpoint_proves_up_to_its_row_and_the_lists_say_which_rows_came_later(body):
    seal, last = rows_of(body)
    raw = sealed_anew(signed(body, seal, OURS, cosigned=AT))
    holds, proved, left, _ = claims(raw, keys=[OURS.public], witnesses=[WITNESS.public])
    assert (holds, proved[f"{SIGNED} up to row {seal}"]) == (True, "the signature of example.com/gtm")
    assert proved[f"the checkpoint in the file has row {seal}"] == (
        "its inclusion proof; who signed is another question"
    )
    assert proved[WITNESSED] == (
        "the cosignature of auditor at 2026-03-02 12:00 UTC, under the log example.com/gtm"
    )
    later = "which change nothing that is sealed"
    assert left[f"rows after {seal}, {later}"] == f"the checkpoint was made after row {seal}"
    assert f"rows after {seal}, of which the witness saw none, {later}" in left
    assert (IN_TIME in left, IN_TIME in proved) == (False, False)
    raw = sealed_anew(signed(body, last, OURS, cosigned=AT))
    holds, _, left, _ = claims(raw, keys=[OURS.public], witnesses=[WITNESS.public])
    assert (holds, [what for what in left if what.startswith("rows after")]) == (True, [])
    raw = sealed_anew(signed(body, seal - 1, OURS, cosigned=AT))
    for kept in ({"keys": [OURS.public]}, {"witnesses": [WITNESS.public]}):
        holds, _, left, found = claims(raw, **kept)
        assert (holds, found) == (False, [])
        (what,) = [what for what in left if what.startswith("rows after")]
        assert what.endswith("and the seal of this text")


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 9])
def test_a_proof_of_any_place_in_a_tree_is_followed_and_any_other_is_told(body, size):
    wrong = ["integrity/checkpoint: its proof does not lead to its root"]
    for number in range(size):
        raw = sealed_anew(signed(body, 3, OURS, size=size, number=number, cosigned=AT))
        assert claims(raw, keys=[OURS.public])[3] == []
        part = body["integrity"]["checkpoint"]
        path = part["path"]
        for change in (
            {"path": [*path, "00" * 32]},
            {"path": path[:-1]} if path else {"number": 1},
            {"number": size},
            {"number": -1},
            {"number": (number + 1) % size} if size > 1 else {"number": 2},
        ):
            body["integrity"]["checkpoint"] = part | change
            kept = {"keys": [OURS.public], "witnesses": [WITNESS.public]}
            _, proved, left, found = claims(sealed_anew(body), **kept)
            assert found == wrong, (number, change)
            assert WITNESSED in left and not [what for what in proved if what.startswith((SIGNED, WITNESSED))]


def test_without_a_checkpoint_or_a_key_the_lists_say_so(body):
    _, last = rows_of(body)
    assert claims(sealed_anew(body))[2][SIGNED] == "the document has no checkpoint"
    holds, _, left, _ = claims(sealed_anew(body), keys=[OURS.public])
    assert (holds, left[SIGNED]) == (False, "the document has no checkpoint")
    raw = sealed_anew(signed(body, last, OURS))
    holds, _, left, _ = claims(raw)
    assert (holds, left[SIGNED]) == (
        True,
        f"no key that you kept was given (--key); the document names ['{OURS.public}']",
    )
    assert left[WITNESSED] == "no key of a witness was given (--witness)"
    for kept in ({"keys": [NEXT.public]}, {"keys": []}, {"witnesses": [WITNESS.public]}, {"witnesses": []}):
        holds, _, left, found = claims(raw, **kept)
        assert (holds, found) == (False, [])
        assert left[SIGNED if "keys" in kept else WITNESSED] in (
            "it is not signed by it",
            "it has not signed",
        )


def test_a_witness_does_not_sign_for_the_installation_nor_the_other_way_round(body):
    _, last = rows_of(body)
    raw = sealed_anew(signed(body, last, OURS, cosigned=AT))
    holds, _, left, _ = claims(raw, keys=[WITNESS.public], witnesses=[OURS.public])
    assert (holds, left[SIGNED], left[WITNESSED]) == (False, "it is not signed by it", "it has not signed")


def name_of(key):
    return f"{key.name}+{key.fingerprint.hex()}"


def test_each_witness_that_is_named_must_have_signed_or_as_many_as_the_quorum(body):
    _, last = rows_of(body)
    signed(body, last, OURS, cosigned=AT)
    note = body["integrity"]["checkpoint"]["note"]
    body["integrity"]["checkpoint"]["note"] = note + notes.cosign(note, SECOND, int(AT.timestamp()))
    raw = sealed_anew(body)
    one, two, three = WITNESS.public, SECOND.public, THIRD.public
    for named in ([one], [two], [one, two], [one, one], [two, one, two]):
        holds, proved, left, _ = claims(raw, witnesses=named)
        assert (holds, WITNESSED in proved, OTHERS in left) == (True, True, False)
    for named, missed in (
        ([one, three], [three]),
        ([three, two, one], [three]),
        ([one, OURS.public], [OURS.public]),
        ([three, one, OURS.public], [three, OURS.public]),
    ):
        there = len(named) - len(missed)
        why = f"no cosignature in the document is of {', '.join(map(name_of, missed))}"
        for quorum in (None, *range(1, len(named) + 1)):
            holds, proved, left, found = claims(raw, witnesses=named, quorum=quorum)
            assert (found, WITNESSED in proved, left[OTHERS]) == ([], True, why)
            assert holds is (quorum is not None and quorum <= there)
            ours = prove_bytes(raw, Kept(witnesses=named, quorum=quorum)).proof
            assert [c.ground for c in ours.not_proved if c.what == OTHERS] == [why]
    holds, proved, left, _ = claims(raw, witnesses=[three], quorum=1)
    assert (holds, WITNESSED in proved, OTHERS in left) == (False, False, False)


def test_a_cosignature_of_after_the_end_of_its_key_is_told(body):
    _, last = rows_of(body)
    raw = sealed_anew(signed(body, last, OURS, cosigned=AT))
    for end, is_late in ((AT.replace(hour=11), True), (AT, False), (AT.replace(hour=13), False)):
        holds, proved, left, found = claims(raw, witnesses=[retired(WITNESS.public, end)])
        told = ["integrity/checkpoint: the witness auditor signed after its key was retired"]
        assert (holds, found, WITNESSED in proved) == (not is_late, told * is_late, not is_late)
        assert left.get(WITNESSED) == (NOT_BY_IT if is_late else None)


def test_who_runs_it_names_keys_witnesses_and_how_many(body, tmp_path, capsys):
    seal, last = rows_of(body)
    plan, keys = tmp_path / "plan.json", tmp_path / "keys.txt"
    plan.write_bytes(sealed_anew(signed(body, last, OURS, cosigned=AT)))
    keys.write_text(f"# ours, and the next\n{OURS.public} since 2020-01-01T00:00:00Z\n{NEXT.public}\n")
    one, two = (word for key in (WITNESS, SECOND) for word in [["--witness", str(key.public)]])
    for words, code in (
        (["--key", str(keys), *one], 0),
        (["--key", str(NEXT.public)], 1),
        (["--key", str(OURS.public), *one, *two], 1),
        ([*two, *one, "--quorum", "2"], 1),
        ([*two, *one, "--quorum", "1"], 0),
    ):
        assert verify_plan.main([str(plan), *words]) == code
        said = capsys.readouterr().out
        assert said.startswith("Proved:\n") and "\nNot proved:\n" in said
        missed = f"  {OTHERS}: no cosignature in the document is of {name_of(SECOND.public)}\n"
        assert (missed in said) is ("bank" in " ".join(words))


def test_what_was_asked_for_is_marked_as_such_and_nothing_else(body):
    _, last = rows_of(body)
    raw = sealed_anew(signed(body, last, OURS, cosigned=AT))

    def asked(**kept):
        proof = prove_bytes(raw, Kept(**kept)).proof
        return {claim.what for claim in (*proof.proved, *proof.not_proved) if claim.was_asked}

    assert asked() == set()
    assert asked(keys=[OURS.public]) == {f"{SIGNED} up to row {last}"}
    assert asked(witnesses=[WITNESS.public]) == {WITNESSED}
    assert asked(anchors=[anchored(body, last)]) == {f"{ANEW} up to row {last}"}


def retired(key, at):
    return verify_plan.read_key(f"{key} until {at.isoformat()}") and type(key)(
        key.name, key.kind, key.public, until=at
    )


def test_a_key_that_was_retired_before_a_row_contradicts_and_one_retired_later_is_in_doubt(body):
    _, last = rows_of(body)
    raw = sealed_anew(signed(body, last, OURS, cosigned=AT))
    before, at_once, later = (START.replace(hour=hour) for hour in (9, 10, 13))
    holds, _, left, found = claims(raw, keys=[retired(OURS.public, before)])
    assert (holds, left[SIGNED], len(found)) == (False, NOT_BY_IT, 1)
    assert found[0].startswith(
        "integrity/checkpoint: its key was retired before a row of 2026-03-02T10:00:00"
    )
    for end in (at_once, later):
        holds, _, left, _ = claims(raw, keys=[retired(OURS.public, end)])
        assert (holds, left[IN_TIME]) == (
            True, "whoever has a retired key can sign later and date rows back: see --witness",
        )  # fmt: skip
    kept = {"keys": [retired(OURS.public, later)], "witnesses": [WITNESS.public]}
    assert claims(raw, **kept)[1][IN_TIME] == "the time of a witness that you named"
    for cosigned, is_in_time in ((later, True), (later.replace(second=1), False)):
        made = claims(sealed_anew(signed(body, last, OURS, cosigned=cosigned)), **kept)
        assert (IN_TIME in made[1], IN_TIME in made[2]) == (is_in_time, not is_in_time)
    both = sealed_anew(signed(body, last, OURS, NEXT))
    for other in (NEXT.public, retired(NEXT.public, later)):
        made = claims(both, keys=[retired(OURS.public, before), other])
        assert (made[3], IN_TIME in made[2]) == ([], other.until is not None)


def test_a_line_with_the_name_of_a_key_that_is_none_of_its_signatures_contradicts(body):
    _, last = rows_of(body)
    raw = sealed_anew(signed(body, last, OURS))
    part = body["integrity"]["checkpoint"]
    text, lines = notes.split(part["note"])
    other = notes.sign("another\n1\nAA==\n", [OURS]).partition("\n\n")[2]
    part["note"] = f"{text}\n{other}"
    assert claims(raw, keys=[OURS.public])[3] == []
    told = "the signature of example.com/gtm does not fit to the checkpoint"
    for named in ([str(OURS.public)], []):
        part["keys"] = named
        lists = compare(sealed_anew(body), None, [OURS.public])
        assert any(told in finding for finding in lists.findings) and not lists.holds
    part["keys"] = [str(OURS.public)]
    assert f"integrity/checkpoint: {told}" in compare(sealed_anew(body)).findings


@pytest.mark.parametrize("names", [["nonsense"], ["a+b+c"], [""], [7], None])
def test_what_a_document_names_as_its_keys_are_keys(body, names):
    signed(body, 3, OURS)["integrity"]["checkpoint"]["keys"] = names
    assert compare(sealed_anew(body)).findings


def test_words_beside_a_checkpoint_are_told(body):
    signed(body, 3, OURS)["integrity"]["checkpoint"]["approved_by"] = "The board"
    assert compare(sealed_anew(body)).findings == ["integrity/checkpoint: 'approved_by' is no part of a plan"]


def head_of(body):
    return notes.read_tree_head(body["integrity"]["checkpoint"]["note"])


@pytest.mark.parametrize(
    "size", ["01", "+1", "-1", " 1", "1 ", "1_", "\N{FULLWIDTH DIGIT ONE}", "", "one", "0", "2"]
)
def test_both_read_the_same_sizes_of_a_tree_and_refuse_the_same(body, size):
    root = notes.as_text(head_of(signed(body, 3, OURS)).root)
    body["integrity"]["checkpoint"]["note"] = notes.sign(f"example.com/gtm\n{size}\n{root}\n", [OURS])
    assert claims(sealed_anew(body), keys=[OURS.public])[3]


@pytest.mark.parametrize("alter", [
    lambda root: root[:-1], lambda root: root + b"x", lambda root: bytes(32), lambda root: b"",
])  # fmt: skip
def test_both_refuse_a_root_of_another_length_or_another_root(body, alter):
    root = notes.as_text(alter(head_of(signed(body, 3, OURS)).root))
    whole = notes.as_text(head_of(body).root)
    for said in (root, f"{whole}!", f"{whole[:4]} {whole[4:]}"):
        text = f"example.com/gtm\n1\n{said}\n"
        body["integrity"]["checkpoint"]["note"] = notes.sign(text, [OURS])
        assert claims(sealed_anew(body), keys=[OURS.public])[3]


def test_both_refuse_a_checkpoint_of_nobodys_log_and_read_what_follows_the_root(body):
    root = notes.as_text(head_of(signed(body, 3, OURS)).root)
    for text, is_refused in ((f"\n1\n{root}\n", True), (f"x\n1\n{root}\nand more\n", False)):
        body["integrity"]["checkpoint"]["note"] = notes.sign(text, [OURS])
        assert bool(claims(sealed_anew(body), keys=[OURS.public])[3]) is is_refused


@pytest.mark.parametrize("more", [
    "x AAAAAAAA\n", "- x AAAAAAAA\n", "—  AAAAAAAA\n", "— x AAAA\n", "— x AAAAAA==\n", "— x AAAAAAA\n",
    "— x !AAAAAAA\n", "— x\n", "\n", "— x AAAAAAAA",
])  # fmt: skip
def test_both_refuse_a_note_with_a_line_that_is_no_signature(body, more):
    signed(body, 3, OURS)
    note = body["integrity"]["checkpoint"]["note"]
    body["integrity"]["checkpoint"]["note"] = note + "— x AAAAAAA=\n"
    assert claims(sealed_anew(body), keys=[OURS.public])[3] == []
    body["integrity"]["checkpoint"]["note"] = note + more
    assert claims(sealed_anew(body), keys=[OURS.public])[3]
    for other in (note.partition("\n\n")[0] + "\n\n", note[:-1], note.replace("\n\n", "\n")):
        body["integrity"]["checkpoint"]["note"] = other
        assert claims(sealed_anew(body))[3]


@pytest.mark.parametrize("seconds", [0, notes.LAST_SECOND, notes.LAST_SECOND + 1, 2**64 - 1])
def test_both_refuse_a_time_that_no_calendar_has(body, seconds):
    signed(body, 3, OURS)
    note = body["integrity"]["checkpoint"]["note"]
    body["integrity"]["checkpoint"]["note"] = note + notes.cosign(note, WITNESS, seconds)
    lists = compare(sealed_anew(body), witnesses=[WITNESS.public])
    assert bool(lists.findings) is (seconds > notes.LAST_SECOND)


def test_without_the_library_a_proof_is_followed_and_only_a_signature_cannot_be_checked(body, monkeypatch):
    monkeypatch.setattr(verify_plan, "Ed25519PublicKey", None)
    raw = sealed_anew(signed(body, 3, OURS, size=5, number=2, cosigned=AT))
    lists = verify_plan.prove(raw)
    assert lists.findings == []
    assert "the checkpoint in the file has row 3" in dict(lists.proved)
    for kept in ({"keys": [str(OURS.public)]}, {"witnesses": [str(WITNESS.public)]}):
        with pytest.raises(verify_plan.Unreadable, match="install the package cryptography"):
            verify_plan.prove(raw, verify_plan.ReadersOwn(**kept))


# ------------------------------------------------------------------ anchors


def anchored(body, row, number=1):
    head = {"sequence": row, "hash": body["change_log"][row - 1]["hash"]}
    made = {"at": "2026-03-02T10:00:00.000000Z", "heads": {body["integrity"]["chain"]: head}}
    made |= {"number": number, "previous": "0" * 64}
    return made | {"root": anchors.root_of(made)}


def test_kept_anchors_prove_up_to_their_last_row_and_the_lists_say_what_they_did_not_see(body):
    seal, last = rows_of(body)
    raw = sealed_anew(body)
    for row, holds in ((last, True), (seal, True), (seal - 1, False)):
        kept = [anchored(body, 1), anchored(body, row, 2), {**anchored(body, 2, 3), "heads": {}}]
        said, proved, left, found = claims(raw, kept)
        assert (said, found) == (holds, [])
        assert proved[f"{ANEW} up to row {row}"] == f"2 anchors that you kept, up to row {row}"
        missed = ", and the seal of this text is among them" * (row < seal)
        told = {f"{ANEW} after row {row}": f"no anchor that you kept saw later rows{missed}"}
        assert {what: why for what, why in left.items() if what.startswith(ANEW)} == (
            told if row < last else {}
        )
    holds, _, left, _ = claims(raw, [{**anchored(body, 1), "heads": {}}])
    chain = body["integrity"]["chain"]
    assert (holds, left[ANEW]) == (False, f"none of the 1 anchors that you kept names {chain}")
    assert claims(raw)[2][ANEW] == "no anchors that you kept were given (--anchors)"


def test_kept_anchors_of_other_rows_or_with_another_root_contradict(body):
    _, last = rows_of(body)
    good = anchored(body, last)
    moved = {body["integrity"]["chain"]: {"sequence": last, "hash": "0" * 64}}
    other = good | {"heads": moved}
    for record, told in (
        (other | {"root": anchors.root_of(other)}, "it covers another row than the one here"),
        (good | {"root": "0" * 64}, "its content differs from its root"),
    ):
        holds, _, left, found = claims(sealed_anew(body), [record])
        assert (holds, found) == (False, [f"kept anchor 1: {told}"])
        assert left[f"{ANEW} up to row {last}"] == NOT_BY_IT


def test_what_names_a_row_that_is_not_there_and_no_hash_has_seen_no_row(body):
    """A hash that is null, or left out, is not the one of a row that is not there."""
    chain, told = body["integrity"]["chain"], "it covers another row than the one here"
    for head in ({"sequence": 999, "hash": None}, {"sequence": 0, "hash": None}, {}):
        made = {**anchored(body, 1), "heads": {chain: head}}
        made["root"] = anchors.root_of(made)
        assert claims(sealed_anew(body), [made])[0] is False
        body["integrity"]["anchors"] = [made]
        found = claims(sealed_anew(body))[3]
        assert any(told in each for each in found) or not head and found
        body["integrity"]["anchors"] = []
    signed(body, 3, OURS)
    leaf = merkle.leaf_hash(canonical.dumps({"chain": chain, "hash": None, "sequence": 999}))
    note = notes.sign(str(notes.TreeHead("example.com/gtm", 1, leaf)), [OURS])
    body["integrity"]["checkpoint"] |= {"note": note, "sequence": 999, "hash": None}
    assert claims(sealed_anew(body))[3] == [
        "integrity/checkpoint: it has another row of the change log than the one here"
    ]


def test_a_document_without_anchors_claims_nothing_of_them(body):
    assert "1 anchors in the file saw these rows" in claims(sealed_anew(body))[1]
    body["integrity"]["anchors"] = []
    _, proved, left, found = claims(sealed_anew(body))
    assert found == [] and not [what for what in (*proved, *left) if "anchors in the file" in what]


# ------------------------------------------------------------------ seals and erasures


def with_an_erasure(body, *numbers, names=None, after=None):
    """Rows are blank, and a row at the end says who erased them; the file fits again."""
    log = body["change_log"]
    for row in log:
        if row["sequence"] in numbers:
            row |= dict.fromkeys(changelog.PAYLOAD) | {"erased": True, "salt": None}
            row.pop(changelog.FIELDS, None)
    last = log[-1]
    row = {
        **last, "entity": "core.changelogchain", "entity_id": body["integrity"]["chain"], "event": "erased",
        "field": "payload", "from": list(names or numbers), "to": after or {}, "reason": "Request 12.",
        "actor": "steward", "sequence": last["sequence"] + 1, "previous_hash": last["hash"], "salt": "s",
        "erased": False,
    }  # fmt: skip
    row.pop(changelog.FIELDS, None)
    row["payload_hash"] = changelog.payload_hash(row["salt"], row)
    row["hash"] = changelog.entry_hash(row["previous_hash"], row, row["payload_hash"])
    log.append(row)
    body["integrity"].update(head=row["hash"], length=len(log))
    return sealed_anew(body)


def test_an_erasure_is_told_with_who_why_and_when(body):
    _, last = rows_of(body)
    _, _, left, found = claims(with_an_erasure(body, 2, last))
    assert found == []
    said = f"what rows 2, {last} of the change log said"
    assert left[said] == f"steward erased them on 2026-03-02 (row {last + 1}): Request 12."


def test_rows_that_nobody_may_erase_and_those_that_no_row_or_too_many_rows_name_are_told(body):
    seal, last = rows_of(body)
    where = "change_log row"
    found = claims(with_an_erasure(body, 2, names=[3]))[3]
    assert found[:2] == [
        f"{where} 3: row {last + 1} says it was erased, and it is not",
        f"{where} 2: it is erased, but no row records its erasure",
    ]
    found = claims(with_an_erasure(body, seal))[3]
    assert f"{where} {seal}: it is a seal or an erasure, which nobody may erase" in found
    assert found[-1] == "change_log: no row seals this document, and one should"


def test_a_blank_row_that_still_says_something_is_told(body):
    for part in ({"salt": "s"}, {"reason": "x"}, {"fields": {}}):
        made = json.loads(json.dumps(body))
        with_an_erasure(made, 2)
        made["change_log"][1] |= part
        assert claims(sealed_anew(made))[3][0] == (
            "change_log row 2: it is marked as erased, but still has content"
        )


@pytest.mark.parametrize(
    ("part", "told"),
    [
        ({"sequence": 9}, "it does not follow the row before it"),
        ({"chain": "plan:another"}, "it does not follow the row before it"),
        ({"previous_hash": "0" * 64}, "it does not follow the row before it"),
        ({"reason": "Another"}, "its content differs from what was hashed"),
        ({"salt": "0"}, "its content differs from what was hashed"),
        ({"via": "sweep"}, "its header differs from what was hashed"),
        ({"hash": "0" * 64}, "its header differs from what was hashed"),
    ],
)
def test_a_row_that_does_not_fit_is_told_by_its_number(body, part, told):
    body["change_log"][1] |= part
    assert f"change_log row 2: {told}" in claims(sealed_anew(body))[3]


@pytest.mark.parametrize("part", [{"head": "0" * 64}, {"length": 2}])
def test_an_end_that_is_not_the_recorded_one_is_told(body, part):
    body["integrity"] |= part
    assert claims(sealed_anew(body))[3] == ["change_log: its end is not the one that was recorded"]


def test_what_the_seal_says_is_compared_and_its_row_is_named(body):
    seal, _ = rows_of(body)
    assert claims(sealed_anew(body))[1][SEALED] == f"the seal in row {seal} of the change log"
    body["success_criteria"] = "Another"
    _, _, left, found = claims(sealed_anew(body))
    assert (left[SEALED], found) == (
        NOT_BY_IT, [f"success_criteria: it is not what row {seal} of the change log sealed"],
    )  # fmt: skip


def test_of_documents_of_before_the_lists_say_from_which_row_on_more_is_proved(body):
    _, _, left, found = claims(as_before_seals(json.loads(json.dumps(body))))
    assert (found, left[SEALED]) == (
        [], "no row seals a document: it was written before there were seals",
    )  # fmt: skip
    old = json.loads(as_before_seals(body, is_sealed_since=True))
    seal, _ = rows_of(old)
    what = f"what its documents said before row {seal}"
    _, proved, left, _ = claims(document.to_bytes(old))
    assert left[what] == f"row {seal} is the first seal: the plan began before there were any"
    assert ground_of(what, document.to_bytes(old)) == left[what]
    assert SEALED in proved
    other = next(n for n, row in enumerate(old["change_log"], 1) if row["event"] not in ("created", "sealed"))
    raw = with_an_erasure(json.loads(json.dumps(old)), other)
    assert claims(raw)[2][what] == ground_of(what, raw) == left[what]
    made = next(n for n, row in enumerate(old["change_log"], 1) if row["event"] == "created")
    raw = with_an_erasure(old, made)
    _, _, left, found = claims(raw)
    why = f"row {seal} is the first seal; a row of a creation is erased, so one may be missing"
    assert (found, left[what], ground_of(what, raw)) == ([], why, why)


def ground_of(what, raw):
    """Why ours does not prove it."""
    (ground,) = [claim.ground for claim in prove_bytes(raw).proof.not_proved if claim.what == what]
    return ground


def test_of_what_is_contradicted_neither_form_nor_rules_are_told(body):
    """They would add noise to a finding, and a claim that counts for nothing."""
    body["objective"] = "Another"
    proof = prove_bytes(sealed_anew(body)).proof
    told = {claim.what for claim in (*proof.proved, *proof.not_proved)}
    assert not told & {"the document follows the rules of plans", FORM}
    assert FORM not in claims(sealed_anew(body))[1]


def test_of_keys_in_one_object_the_one_that_is_there_twice_is_named():
    (found,) = prove_bytes(b'{"a": 1, "c": 2, "b": 3, "c": 4}').findings
    assert "the key 'c' is there twice in one object" in found.message


def test_what_a_file_cannot_show_is_said_each_time(body):
    assert claims(sealed_anew(body))[2][NEWEST] == (
        "a file cannot show what came after it: ask the installation for the last row of this log"
    )


def test_another_form_of_the_text_and_what_is_no_plan_is_told(written):
    form = ["the text differs from the form in which the plan was written"]
    assert verify_plan.prove(written).findings == []
    for raw in (written + b"\n", written.replace(b"{\n", b"{ \n", 1)):
        assert verify_plan.prove(raw).findings == form
    no_plan = [
        "it cannot be read as a plan (ValueError('the file is not a plan JSON: it has no integrity section'))"
    ]
    for raw in (b"[]", b"{}", b'{"integrity": 1}', b"7", b"null", b'["payloadType"]', b'"payloadType"'):
        assert verify_plan.prove(raw).findings == no_plan
    for raw in (b"[]", b"{}", b'{"integrity": 1}', b"{", b"\xff", b'{"integrity": {}}', b'{"a": 1, "a": 1}'):
        (found,) = verify_plan.prove(raw).findings
        assert found.startswith("it cannot be read as a plan (")
        assert not prove_bytes(raw, Kept()).proof.holds


def test_the_status_is_where_the_rows_lead_and_erased_rows_keep_it(body):
    what = "status as in the change log"
    assert claims(sealed_anew(body))[1][what] == "its rows, 1 compared"
    moves = [row for row in body["change_log"] if row["entity"] == "plans.plan" and row["field"] == "state"]
    last = moves[-1]
    state = last["to"]
    made = json.loads(json.dumps(body))
    raw = with_an_erasure(made, last["sequence"], after={str(last["sequence"]): state})
    assert claims(raw)[1][what] == "its rows, 1 compared"
    made = json.loads(json.dumps(body))
    raw = with_an_erasure(made, last["sequence"], after={str(last["sequence"]): "succeeded"})
    assert claims(raw)[3] == ["status: it is not where the change log leads"]
    every = [row["sequence"] for row in moves]
    _, proved, left, _ = claims(with_an_erasure(body, *every))
    why = "the row is erased, or was written before rows recorded it"
    assert (what in proved, left["status: 1 not compared with the change log"]) == (False, why)


def test_a_chain_that_was_hashed_anew_with_its_seal_fits(body):
    """What only a key, an anchor or a witness tells."""
    body["change_log"][1]["reason"] = "Another"
    body["integrity"]["anchors"] = []
    assert claims(chained_anew(body))[3] == []
