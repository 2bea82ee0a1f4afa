"""A plan JSON under a checkpoint: what the key proves, what a witness, and what is missing without them."""

import json

import pytest
from django.core.management import CommandError, call_command

from gtm.core.actors import Actor, acting_as
from gtm.core.evidence import anchors, checkpoints, keys, merkle, notes
from plans.export import document, files, rules, sealing
from plans.export.verify import Kept
from plans.export.verify import prove_bytes as prove_ours
from tests.plans.export.forging import rewritten, sealed_anew
from tests.plans.export.test_verify_plan import compare

pytest.importorskip("cryptography")
pytestmark = pytest.mark.django_db

WITNESS = notes.PrivateKey("auditor", notes.COSIGNATURE, bytes(32))
SIGNED = "the installation signed this change log"


@pytest.fixture
def key():
    with acting_as(Actor.system("Test")):
        yield keys.make("example.com/gtm")


@pytest.fixture
def raw(finished, key):
    """The document as somebody takes it out, its checkpoint cosigned."""
    files.export(finished)
    line = notes.cosign(checkpoints.newest().note, WITNESS, 1_800_000_000)
    checkpoints.add_cosignatures(line, [WITNESS.public])
    return document.to_bytes(sealing.sealed(finished))


def prove_bytes(raw, kept=None):
    """What ours says; the verifier for auditors agrees about each of these documents."""
    kept = kept or Kept()
    compare(raw, kept.anchors, kept.keys, kept.witnesses)
    return prove_ours(raw, kept)


def proved(made):
    return [claim.what for claim in made.proof.proved]


def left(made):
    return {claim.what: claim.ground for claim in made.proof.not_proved}


def test_who_exports_gets_a_document_whose_seal_is_under_a_checkpoint(finished, key):
    body = json.loads(files.export(finished))
    seal, part = sealing.last_seal(body["change_log"]), body["integrity"]["checkpoint"]
    assert (part["sequence"], part["keys"]) == (seal["sequence"], [str(key)])
    assert rules.problems(body) == []
    assert json.loads(files.export(finished)) == body


def test_with_key_and_witness_everything_asked_for_is_proved(raw, key):
    made = prove_bytes(raw, Kept(keys=[key], witnesses=[WITNESS.public]))
    rows = len(json.loads(raw)["change_log"])
    assert (made.findings, made.proof.holds) == ([], True)
    assert f"{SIGNED} up to row {rows}" in proved(made)
    assert [c.ground for c in made.proof.proved if "witness" in c.what] == [
        "the cosignature of auditor at 2027-01-15 08:00 UTC, under the log example.com/gtm"
    ]


def test_without_them_the_lists_say_what_was_missing(raw):
    made = prove_bytes(raw)
    assert made.proof.holds
    assert left(made)[SIGNED].startswith(
        "no key that you kept was given (--key); the document names example.com/gtm+"
    )
    assert left(made)["a witness saw the log grow to this checkpoint"].startswith("no key of a witness")


def test_a_key_of_somebody_else_proves_nothing(raw):
    another = notes.new_key("example.com/gtm").public
    made = prove_bytes(raw, Kept(keys=[another], witnesses=[another]))
    assert (made.findings, made.proof.holds) == ([], False)
    assert left(made)[SIGNED] == "the checkpoint is not signed with a key that you gave"


def rename(body):
    body["approvals"][0]["decisions"][0]["person"] = "Somebody Else"
    for row in body["change_log"]:
        if row["entity"] == "plans.decision" and row["to"]:
            row["to"]["person"] = "Somebody Else"


def test_a_full_rewrite_without_the_key_is_found_and_without_its_checkpoint_nothing_is_proved(raw, key):
    body = json.loads(raw)
    rename(body)
    part = body["integrity"].pop("checkpoint")
    forged = rewritten(body)
    made = prove_bytes(forged, Kept(keys=[key]))
    assert (made.findings, made.proof.holds, left(made)[SIGNED]) == (
        [],
        False,
        "the document has no checkpoint",
    )
    body["integrity"]["checkpoint"] = part
    (found,) = prove_bytes(sealed_anew(body), Kept(keys=[key])).findings
    assert str(found) == "integrity/checkpoint: it has another row of the change log than the one here"
    part["hash"] = body["integrity"]["head"]
    assert "its proof does not lead to its root" in str(prove_bytes(sealed_anew(body)).findings)


def signed_by_a_thief(body):
    """Who has the private key signs a tree of their own."""
    integrity = body["integrity"]
    leaf = merkle.leaf_hash(checkpoints.leaf_of(integrity["chain"], integrity["length"], integrity["head"]))
    (signer,) = keys.signing()
    note = notes.sign(str(notes.TreeHead(signer.name, 1, leaf)), [signer])
    integrity["checkpoint"] = {
        "note": note, "keys": [str(signer.public)], "number": 0, "sequence": integrity["length"],
        "hash": integrity["head"], "path": [],
    }  # fmt: skip
    return sealed_anew(body)


def test_a_full_rewrite_with_the_key_is_found_by_the_witness_or_by_kept_anchors(raw, key):
    kept = json.loads(raw)["integrity"]["anchors"]
    body = json.loads(raw)
    rename(body)
    rewritten(body)
    forged = signed_by_a_thief(body)
    assert prove_bytes(forged, Kept(keys=[key])).proof.holds  # what the key alone cannot tell
    made = prove_bytes(forged, Kept(keys=[key], witnesses=[WITNESS.public]))
    assert (made.findings, made.proof.holds) == ([], False)
    found = prove_bytes(forged, Kept(anchors=kept, keys=[key])).findings
    assert "kept anchor 1: it covers another row of the change log than the one here" in map(str, found)


def another_size(note):
    size = notes.read_tree_head(note).size
    return note.replace(f"\n{size}\n", f"\n{size + 1}\n", 1)


@pytest.mark.parametrize("alter", [another_size, lambda note: note.replace("— auditor ", "— xauditor ")])
def test_a_note_that_was_altered_is_told(raw, key, alter):
    body = json.loads(raw)
    part = body["integrity"]["checkpoint"]
    part["note"] = alter(part["note"])
    made = prove_bytes(sealed_anew(body), Kept(keys=[key], witnesses=[WITNESS.public]))
    assert not made.proof.holds


def test_a_seal_that_came_after_the_checkpoint_is_not_proved(raw, key, finished):
    with acting_as(Actor.system("Test")):
        finished.objective = "Another objective"
        finished.save()
    made = prove_bytes(files.read(finished), Kept(keys=[key]))
    assert (made.findings, made.proof.holds) == ([], False)
    assert any(what.endswith("and the seal of this text") for what in left(made))


def test_the_command_takes_keys_as_text_or_in_a_file(raw, key, finished, tmp_path, capsys):
    out, kept = tmp_path / "plan.json", tmp_path / "public.txt"
    out.write_bytes(raw)
    kept.write_text(f"{key}\n")
    for given in (str(key), str(kept)):
        call_command("verify_changelog", str(out), key=[given], witness=[str(WITNESS.public)])
        assert f"{SIGNED} up to row" in capsys.readouterr().out
        call_command("verify_changelog", finished.plan_id, key=[given], witness=[str(WITNESS.public)])
        assert "the installation signed these rows" in capsys.readouterr().out
    with pytest.raises(CommandError, match="what you asked for is not proved"):
        call_command("verify_changelog", finished.plan_id, key=[str(notes.new_key("x").public)])
    for wrong in ("nonsense", "a+b+c"):
        with pytest.raises(CommandError, match="The key cannot be used") as refused:
            call_command("verify_changelog", str(out), key=[wrong])
        assert refused.value.returncode == 2


def test_a_head_that_the_tree_lost_is_told_of_the_database(raw, key, finished):
    checkpoints.RecordedHead.objects.filter(chain=finished.change_chain()).update(hash="0" * 64)
    with pytest.raises(CommandError, match="the checkpoint: its proof does not lead to its root"):
        call_command("verify_changelog", finished.plan_id)
    checkpoints.TreeNode.objects.all().delete()
    with pytest.raises(CommandError, match="NOT intact"):
        call_command("verify_changelog", finished.plan_id)


def test_anchors_say_the_same_with_and_without_a_key(raw):
    anchored = json.loads(raw)["integrity"]["anchors"]
    assert [anchors.root_of(record) for record in anchored] == [record["root"] for record in anchored]


def another_note(change):
    def forge(part):
        part["note"] = change(part["note"])

    return forge


def text_of(note):
    return note.partition("\n\n")[0]


def size_as(spelled):
    def change(note):
        name, size, rest = note.split("\n", 2)
        return "\n".join((name, spelled(size), rest))

    return another_note(change)


NO_NOTES = {
    "a key that is none": lambda part: part.update(keys=["x+00000000"]),
    "a key that did not make its line": lambda part: part.update(
        keys=[str(WITNESS.public)],
        note=part["note"] + notes.cosign("a\n\n— b AAAAAAAA\n", WITNESS, 1),
    ),
    "no end of the line": another_note(str.rstrip),
    "no line of a signature": another_note(lambda note: text_of(note) + "\n\n"),
    "no text": another_note(lambda note: note.partition("\n\n")[2]),
    "a line without a dash": another_note(lambda note: note + "x AAAAAAAAAAAA\n"),
    "a line without a name": another_note(lambda note: note + "—  AAAAAAAAAAAA\n"),
    "a line without a signature": another_note(lambda note: note + "— x AAAAAA==\n"),
    "a size with a sign": size_as(lambda size: f"+{size}"),
    "a size with a zero before it": size_as(lambda size: f"0{size}"),
    "a size of other digits": size_as(lambda size: "".join(chr(0x660 + int(digit)) for digit in size)),
    "no name of a log": another_note(lambda note: note[note.index("\n") :]),
    "a root that is cut": another_note(lambda note: note.replace(note.split("\n")[2], "AAAA")),
}


@pytest.mark.parametrize("forge", NO_NOTES.values(), ids=NO_NOTES.keys())
def test_a_note_that_is_none_is_told_by_both_without_any_key(raw, forge):
    body = json.loads(raw)
    forge(body["integrity"]["checkpoint"])
    made = prove_bytes(sealed_anew(body))
    assert [found.where for found in made.findings] == ["integrity/checkpoint"]


def test_a_line_of_a_stranger_is_no_contradiction(raw):
    body = json.loads(raw)
    body["integrity"]["checkpoint"]["note"] += "— x AAAAAAAAAAAA\n"
    assert prove_bytes(sealed_anew(body)).findings == []


def test_a_witness_that_names_a_time_beyond_all_calendars_names_none(raw):
    body = json.loads(raw)
    part = body["integrity"]["checkpoint"]
    text, lines = notes.split(part["note"])
    ours = "".join(f"{line}\n" for line in lines if "auditor" not in line)
    for seconds, is_refused in ((notes.LAST_SECOND, False), (notes.LAST_SECOND + 1, True), (2**64 - 1, True)):
        part["note"] = f"{text}\n{ours}"
        part["note"] += notes.cosign(part["note"], WITNESS, seconds)
        made = prove_bytes(sealed_anew(body), Kept(witnesses=[WITNESS.public]))
        assert (bool(made.proof.findings), made.proof.holds) == (is_refused, not is_refused)


def test_keys_that_a_document_names_are_told_by_name_and_fingerprint_whatever_their_base64_is(finished):
    secret = next(
        key
        for key in (notes.PrivateKey("example.com/gtm", notes.SIGNATURE, bytes([n] * 32)) for n in range(99))
        if "+" in str(key.public).split("+", 2)[2]
    )
    with acting_as(Actor.system("Test")):
        keys.path().parent.mkdir(parents=True)
        keys.path().write_text(f"{secret.secret_text}\n")
        keys.path().chmod(0o600)
        keys.make("example.com/gtm")
        raw = document.to_bytes(json.loads(files.export(finished)))
    said = f"the document names example.com/gtm+{secret.public.fingerprint.hex()}, which proves nothing"
    assert left(prove_bytes(raw))[SIGNED].endswith(said)
