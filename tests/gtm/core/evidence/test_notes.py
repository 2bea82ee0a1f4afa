"""Signed notes, checkpoints and cosignatures, against the vectors of the tools that read them."""

import base64
from datetime import UTC, datetime

import pytest

from gtm.core import clock
from gtm.core.evidence import notes
from gtm.core.evidence.notes import NoteError

pytest.importorskip("cryptography")

# golang.org/x/mod/sumdb/note, the example of the package.
PRIVATE = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
PUBLIC = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
OF_TEXT = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
SIGNED = f"{TEXT}\n— PeterNeumann {OF_TEXT}\n"
# RFC 8032, 7.1, TEST 1: the public key of a seed.
SEED = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
OF_SEED = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
HEAD = notes.TreeHead("example.com/log", 7, bytes(range(32)))


@pytest.fixture
def key():
    return notes.PrivateKey("example.com/log", notes.SIGNATURE, SEED)


@pytest.fixture
def witness():
    return notes.PrivateKey("witness", notes.COSIGNATURE, SEED)


def test_a_note_is_signed_as_other_tools_sign_it():
    key = notes.read_private_key(PRIVATE)
    assert (str(key.public), key.secret_text) == (PUBLIC, PRIVATE)
    assert notes.sign(TEXT, [key]) == SIGNED
    assert notes.signed_by(SIGNED, [notes.read_key(PUBLIC)]) == [(notes.read_key(PUBLIC), None)]


def test_the_public_key_of_a_seed_is_the_one_that_was_published(key):
    assert key.public.public == OF_SEED


def test_a_text_that_was_altered_is_told_and_signatures_of_others_are_passed(key):
    note = notes.sign(str(HEAD), [key])
    with pytest.raises(NoteError, match="the signature of example.com/log does not fit"):
        notes.signed_by(note.replace("\n7\n", "\n8\n"), [key.public])
    assert notes.signed_by(note, [notes.read_key(PUBLIC)]) == []
    assert notes.split(note)[0] == str(HEAD)


def test_a_checkpoint_is_read_as_it_was_written(key):
    assert notes.read_tree_head(notes.sign(str(HEAD), [key])) == HEAD


ROOT = notes.as_text(bytes(32))


@pytest.mark.parametrize("size", [0, 1, 9, 10, 20_852_163])
def test_sizes_are_read(key, size):
    note = notes.sign(f"x\n{size}\n{ROOT}\n", [key])
    assert notes.read_tree_head(note) == notes.TreeHead("x", size, bytes(32))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x\n7\n",
        f"x\n-7\n{ROOT}\n",
        f"x\n07\n{ROOT}\n",
        f"x\n00\n{ROOT}\n",
        f"x\n\n{ROOT}\n",
        f"x\n٧\n{ROOT}\n",
        f"x\n{ROOT}\n7\n",
        "x\n7\nAAAA\n",
        "x\n7\n!\n",
        f"x\n7\n{ROOT[:-2]}!{ROOT[-2:]}\n",
        f"\n7\n{ROOT}\n",
        f"x\u20287\n{ROOT}\nmore\n",
    ],
)
def test_what_is_no_checkpoint_is_refused(key, text):
    with pytest.raises(NoteError):
        notes.read_tree_head(notes.sign(text or "\n", [key]))


def test_a_witness_signs_with_the_time_and_in_a_form_of_its_own(key, witness):
    note = notes.sign(str(HEAD), [key])
    both = note + notes.cosign(note, witness, 1_800_000_000)
    found = notes.signed_by(both, [witness.public, key.public])
    assert found == [(key.public, None), (witness.public, 1_800_000_000)]
    as_note = notes.PrivateKey("witness", notes.SIGNATURE, SEED)
    assert as_note.public.fingerprint != witness.public.fingerprint
    with pytest.raises(NoteError, match="the signature of witness"):
        notes.signed_by(both.replace("\n7\n", "\n8\n"), [witness.public])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name+00000000+AAAA",
        PUBLIC[:-4],
        PUBLIC.replace("c74f", "c74e"),
        PUBLIC.replace("Peter", "Paul"),
        "x+1+!",
        PUBLIC[:-4] + "!" + PUBLIC[-4:],
        f"+{notes.NoteKey('', 1, OF_SEED).fingerprint.hex()}+{notes.as_text(bytes([1]) + OF_SEED)}",
        str(notes.NoteKey("x", 2, OF_SEED)),
        str(notes.NoteKey("x", 1, OF_SEED[:-1])),
    ],
)
def test_what_is_no_key_is_refused(text):
    with pytest.raises(NoteError):
        notes.read_key(text)
    with pytest.raises(NoteError):
        notes.read_private_key(notes.PRIVATE + text)
    with pytest.raises(NoteError, match="not the text of a private key"):
        notes.read_private_key(text)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\n"])
def test_a_name_that_no_line_can_hold_is_refused(name):
    with pytest.raises(NoteError, match="cannot name a key"):
        notes.new_key(name)


@pytest.mark.parametrize("note", ["", "text\n", "text\n\nno signature\n", "text\n\n— x AAAA"])
def test_what_is_no_note_is_refused(note):
    with pytest.raises(NoteError, match="a note is a text"):
        notes.split(note)


def test_only_whole_lines_are_signed(key):
    with pytest.raises(NoteError, match="ends with a line end"):
        notes.sign("text", [key])


def test_a_new_key_signs_under_its_name_what_it_is_for():
    for kind in (notes.SIGNATURE, notes.COSIGNATURE):
        made = notes.new_key("example.com/log", kind)
        assert notes.read_private_key(made.secret_text) == made
        assert (made.name, made.kind) == ("example.com/log", kind)
    made = notes.new_key("a-b.c/d")
    note = notes.sign(str(HEAD), [made])
    assert notes.signed_by(note, [made.public]) == [(made.public, None)]


def test_the_key_of_a_witness_is_of_the_kind_that_the_protocol_gives_it(witness):
    """c2sp.org/tlog-cosignature: timestamped Ed25519 cosignatures are 0x04."""
    encoded = str(witness.public).split("+", 2)[2]
    assert base64.b64decode(encoded)[0] == 4


def test_only_a_line_end_ends_a_line(key):
    text, lines = notes.split(f"text\n\n{notes.DASH}x\u2028y AAAA\n")
    assert (text, lines) == ("text\n", [f"{notes.DASH}x\u2028y AAAA"])


def test_a_line_names_a_key_by_its_name_and_its_whole_fingerprint():
    witness = notes.PrivateKey("auditor", notes.COSIGNATURE, bytes(32))
    log = notes.PrivateKey("log", notes.SIGNATURE, bytes(32))
    line = notes.cosign(notes.sign("log\n1\nAA==\n", [log]), witness, 1).removesuffix("\n")
    own = witness.public.fingerprint
    assert notes.signer_of(line) == ("auditor", own)
    assert own != notes.PrivateKey("auditor", notes.COSIGNATURE, bytes([1] * 32)).public.fingerprint
    assert notes.signer_of(line.replace("auditor", "another")) == ("another", own)


def test_keys_are_read_with_their_dates_and_without(today):
    one, two = (notes.PrivateKey(name, notes.SIGNATURE, bytes(32)).public for name in ("one", "two"))
    ends = "2026-03-02T10:00:00Z"
    text = f"# two keys\n{one} since 2026-01-01T00:00:00Z until {ends}  # the old one\n\n{two} {one}\n"
    found = notes.read_keys(text)
    assert found == [one, two, one]
    assert [key.until and key.until.isoformat() for key in found] == ["2026-03-02T10:00:00+00:00", None, None]
    assert notes.read_keys("# nothing") == []
    (begun,) = notes.read_keys(f"{one} since 2026-01-01T00:00:00Z")
    assert (begun.until, begun.since.isoformat()) == (None, "2026-01-01T00:00:00+00:00")


@pytest.fixture
def today():
    with clock.standing_at(datetime(2026, 5, 1, tzinfo=UTC)):
        yield


@pytest.mark.parametrize(
    ("dates", "why"),
    [
        ("since 2026-05-01T00:00:00Z until 2026-05-01T00:00:00Z", None),
        ("since 2026-05-01T00:00:01Z", "the key of one begins at .*, which is still to come"),
        ("until 2026-02-28T23:59:59Z since 2026-03-01T00:00:00Z", "ends at .*, before it begins at"),
        ("until 2030-01-01T00:00:00Z", None),
    ],
)
def test_dates_that_no_key_can_have_are_refused(today, dates, why):
    key = notes.PrivateKey("one", notes.SIGNATURE, bytes(32)).public
    if why is None:
        assert notes.read_keys(f"{key} {dates}") == [key]
        return
    for text in (f"{key} {dates}", f"{key}\n{key} {dates}\n{key}"):
        with pytest.raises(notes.NoteError, match=why):
            notes.read_keys(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("until 2026-03-02T10:00:00Z", "'until' stands before every key"),
        ("KEY until", "'' is not a time"),
        ("KEY until yesterday", "'yesterday' is not a time"),
        ("KEY since 2026-03-02T10:00:00", "has no time zone"),
        ("KEY 2026-03-02T10:00:00Z", "a key is written"),
        ("KEY ended 2026-03-02T10:00:00Z", "a key is written"),
    ],
)
def test_dates_that_are_none_are_told(text, why):
    key = notes.PrivateKey("one", notes.SIGNATURE, bytes(32)).public
    with pytest.raises(notes.NoteError, match=why):
        notes.read_keys(text.replace("KEY", str(key)))
