"""What a witness answers, by the protocol C2SP tlog-witness. It needs no database."""

import base64

import pytest

from gtm.core.errors import GuardNotMet
from gtm.core.evidence import merkle, notes
from gtm.core.evidence.witness import MOST_BYTES, TREE_SIZE, Witness

LOG = notes.PrivateKey("example.org/log", notes.SIGNATURE, bytes(range(32)))
LEAVES = [merkle.leaf_hash(bytes([number])) for number in range(9)]
NODES = {(level, number): hashed for level, number, hashed in merkle.grown(0, LEAVES, lambda *_: b"")}


def node(level, number):
    return NODES[level, number]


def request(old, size, *, key=LOG, proof=None, root=None, origin=LOG.name):
    head = notes.TreeHead(origin, size, merkle.root(size, node) if root is None else root)
    lines = merkle.consistency(old, size, node) if proof is None else proof
    proved = "".join(f"{base64.b64encode(line).decode()}\n" for line in lines)
    return f"old {old}\n{proved}\n{notes.sign(str(head), [key])}".encode()


@pytest.fixture
def their(tmp_path):
    """A witness that has seen three leaves."""
    made = Witness(tmp_path / "witness")
    made.key("auditor")
    assert made.answer(request(0, 3), [LOG.public]).status == 200
    return made


OTHER = notes.PrivateKey(LOG.name, notes.SIGNATURE, bytes(32))
WRONG = notes.PrivateKey("example.org/other", notes.SIGNATURE, bytes(32))


@pytest.mark.parametrize(
    ("asked", "status", "told"),
    [
        (request(3, 7), 200, "— auditor "),
        (request(3, 3), 200, "— auditor "),
        (b"\xff", 400, "not text in UTF-8"),
        (b"new 3\n\nnote", 400, "it begins with"),
        (b"old 03\n\nnote", 400, "it begins with"),
        (b"old \xd9\xa3\n\nnote", 400, "it begins with"),
        (b"old 3\n" + b"AAAA\n" * 2 + b"\nnote", 400, "it begins with"),
        (request(3, 7, proof=[bytes(32)] * 63), 422, "the log was written anew"),
        (b"old 3\nAA!AA\n\nnote", 400, "not base64"),
        (b"old " + b"1" * 20 + b"\n\nnote", 400, "it begins with"),
        (b"old " + b"1" * 19 + b"\n\nnote", 400, "lines of signatures"),
        (request(3, 7, proof=[bytes(32)] * 64), 400, "more than 63 lines"),
        (b"old 3\n\nno note\n", 400, "lines of signatures"),
        (request(3, 7, key=WRONG, origin=WRONG.name), 404, "is not one that this witness knows"),
        (request(3, 7, key=WRONG), 403, "it is not signed by example.org/log"),
        (request(3, 7, key=OTHER), 403, "it is not signed by example.org/log"),
        (request(3, 7)[:-6] + b"AAAA=\n", 403, "does not fit"),
        (request(0, 2).replace(b"old 0", b"old 3"), 400, "fewer than the 3"),
        (request(2, 7), 409, "3\n"),
        (request(0, 7), 409, "3\n"),
        (request(3, 3, root=bytes(32)), 409, "3\n"),
        (request(3, 7, proof=[]), 422, "the log was written anew"),
        (request(3, 7, root=bytes(32)), 422, "the log was written anew"),
        (request(3, 7, proof=[bytes(32)] * 3), 422, "the log was written anew"),
    ],
)
def test_what_a_witness_answers(their, asked, status, told):
    answer = their.answer(asked, [LOG.public])
    assert (answer.status, told in answer.text) == (status, True), answer
    assert (answer.media_type == TREE_SIZE) == (status == 409)
    after = their.answer(request(3, 4), [LOG.public]).status
    assert after == (409 if b"\n7\n" in asked and status == 200 else 200)


def test_a_proof_for_the_first_checkpoint_is_empty(tmp_path):
    made = Witness(tmp_path / "witness")
    assert made.answer(request(0, 3, proof=[bytes(32)]), [LOG.public]).status == 422


def test_a_cosignature_is_one_of_version_1_with_the_time(their):
    asked = request(3, 7)
    line = their.answer(asked, [LOG.public]).text
    note = asked.partition(b"\n\n")[2].decode()
    ((key, seconds),) = notes.signed_by(note + line, [their.key().public])
    assert (key.name, key.kind, seconds > 1_700_000_000) == ("auditor", 4, True)


def test_by_a_file_it_says_the_same_in_words(their, tmp_path):
    line = their.cosign(request(3, 7).decode(), LOG.public)
    assert line.startswith("— auditor ")
    with pytest.raises(GuardNotMet) as refused:
        their.cosign(request(3, 7).decode(), LOG.public)
    assert refused.value.detail == "The last checkpoint seen of example.org/log has 7 leaves, not 3."
    assert refused.value.hint == "Ask for the proof since then: manage.py witness request --since 7"


def test_a_key_that_cosigns_is_no_key_of_a_log(their):
    wrong = notes.PrivateKey(LOG.name, notes.COSIGNATURE, bytes(range(32)))
    assert their.answer(request(3, 7), [wrong.public]).status == 404


def test_its_key_is_made_once_and_for_its_owner_alone(tmp_path):
    made = Witness(tmp_path / "deep" / "witness")
    assert made.has_key is False
    key = made.key("auditor")
    assert (made.has_key, made.key(), key.name) == (True, key, "auditor")
    assert (tmp_path / "deep/witness").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "deep/witness/witness.key").stat().st_mode & 0o777 == 0o600
    key_file = tmp_path / "deep/witness/witness.key"
    key_file.unlink()
    assert made.key("another").name == "another"  # the folder is there already


def test_what_it_saw_is_kept_in_a_form_that_people_read(their, tmp_path):
    kept = (tmp_path / "witness/seen.json").read_text()
    root = merkle.root(3, node).hex()
    assert kept == f'{{\n  "example.org/log": [\n    3,\n    "{root}"\n  ]\n}}'
    assert MOST_BYTES == 65_536
    folder = tmp_path / "new"
    assert Witness(folder).answer(request(0, 3), [LOG.public]).status == 200
    assert folder.stat().st_mode & 0o777 == 0o700
