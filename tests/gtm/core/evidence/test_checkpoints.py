"""Keys are made, replaced and published; anchors sign checkpoints; a witness signs what continues them."""

import stat

import pytest
from django.core import mail
from django.core.management import CommandError, call_command

from gtm.core.actors import Actor, acting_as
from gtm.core.errors import GuardNotMet, InvalidInput
from gtm.core.evidence import anchors, changelog, checkpoints, keys, notes, signatures
from gtm.core.models import Anchor, ChangeLogEntry, Checkpoint, RecordedHead, SigningKey
from programs.models import Role

pytest.importorskip("cryptography")
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def acting():
    with acting_as(Actor.system("Test")):
        yield


@pytest.fixture
def key():
    return keys.make("example.com/gtm")


def grow(slug):
    Role(slug=slug, name=slug).save()
    return anchors.anchor()


def carried(chain="installation"):
    rows = dict(ChangeLogEntry.objects.filter(chain=chain).values_list("sequence", "hash"))
    return signatures.carried(checkpoints.of_chain(chain), chain, rows)


def test_a_key_is_made_once_kept_from_others_and_published_with_a_row(key):
    assert keys.make("another name") == key
    assert stat.S_IMODE(keys.path().stat().st_mode) == 0o600
    assert keys.published() == [key]
    row = ChangeLogEntry.objects.get(entity="core.signingkey", event="created")
    assert row.payload.body["to"] == str(key)


def test_where_there_is_no_key_none_is_retired():
    assert (keys.retire(), keys.signing()) == (0, [])


def test_a_file_that_others_can_read_signs_nothing(key):
    keys.path().chmod(0o640)
    with pytest.raises(InvalidInput) as refused:
        keys.signing()
    assert "can be read by others" in refused.value.problems[0].message


def test_a_new_key_signs_beside_the_old_one_until_that_retires(key):
    new = keys.rotate()
    grow("a")
    assert [k for k, _ in notes.signed_by(checkpoints.newest().note, [key, new])] == [new, key]
    assert keys.retire() == 1 and keys.retire() == 0
    grow("b")
    assert [k for k, _ in notes.signed_by(checkpoints.newest().note, [key, new])] == [new]
    assert keys.published() == [new, key]
    assert SigningKey.objects.get(text=str(key)).retired_at is not None


def test_keys_of_the_environment_are_used_and_not_written(key, settings):
    settings.GTM_SIGNING_KEYS = [notes.new_key("example.com/env").secret_text]
    assert keys.make("x").name == "example.com/env"
    with pytest.raises(GuardNotMet, match="come from its environment"):
        keys.rotate()
    settings.GTM_SIGNING_KEYS = ["nonsense"]
    with pytest.raises(InvalidInput, match="cannot be used"):
        keys.signing()


def test_without_a_key_heads_are_recorded_and_nothing_is_signed():
    grow("a")
    assert (RecordedHead.objects.count(), checkpoints.newest(), checkpoints.of_chain("installation")) == (
        1,
        None,
        None,
    )
    with pytest.raises(GuardNotMet, match="There is no key yet"):
        keys.rotate()
    with pytest.raises(InvalidInput, match="no checkpoint yet"):
        checkpoints.request(0)


def test_a_checkpoint_has_every_head_with_its_proof_and_another_row_does_not_fit(key):
    for slug in "abc":
        grow(slug)
    found = carried()
    assert (found.findings, found.sequence) == (
        (),
        ChangeLogEntry.objects.filter(chain="installation").count(),
    )
    part = checkpoints.of_chain("installation")
    rows = {part["sequence"]: part["hash"]}
    assert signatures.carried(part, "installation", rows).holds
    for wrong in ({"hash": "0" * 64}, {"number": 0}, {"path": []}, {"sequence": 1}):
        assert signatures.carried(part | wrong, "installation", rows).findings
    assert signatures.carried(part, "another", rows).findings
    assert signatures.carried(
        part | {"note": part["note"].replace("\n3\n", "\n4\n")}, "installation", rows
    ).findings


def test_auditors_get_the_checkpoint_with_their_anchor(key, settings):
    settings.GTM_AUDITORS = ["audit@example.com"]
    grow("a")
    assert checkpoints.newest().note in mail.outbox[0].body


def test_anchors_of_before_there_was_a_tree_are_its_first_leaves(key):
    Role(slug="a", name="a").save()
    heads = {"installation": {"sequence": 1, "hash": "0" * 64}, "plan:x": {"sequence": 2, "hash": "1" * 64}}
    Anchor.objects.create(
        number=1, at="2026-01-01T00:00:00.000000Z", previous=changelog.GENESIS, heads=heads, root="x"
    )
    grow("b")
    leaves = RecordedHead.objects.values_list("number", "chain", "anchor__number")
    assert list(leaves) == [(0, "installation", 1), (1, "plan:x", 1), (2, "installation", 2)]
    assert carried().holds


def test_a_witness_signs_what_continues_and_refuses_what_was_written_anew(key, tmp_path, capsys):
    grow("a")
    asked, lines = tmp_path / "request", tmp_path / "lines"

    def say(*words):
        call_command(*words)
        return capsys.readouterr().out

    own = say("witness", "key", "--name", "auditor").strip()
    asked.write_text(say("witness", "request", "--since", "0"))
    lines.write_text(say("witness", "cosign", str(asked), "--log", str(key)))
    assert say("witness", "add", str(lines), "--witness", own) == "Cosigned by auditor.\n"
    ((seen, seconds),) = notes.signed_by(checkpoints.newest().note, [notes.read_key(own)])
    assert (str(seen), seconds > 0) == (own, True)
    with pytest.raises(CommandError, match="has 1 leaves, not 0"):
        call_command("witness", "cosign", str(asked), "--log", str(key))
    for slug in "bcd":
        grow(slug)
    asked.write_text(say("witness", "request", "--since", "1"))
    assert say("witness", "cosign", str(asked), "--log", str(key)).startswith("— auditor ")
    grow("e")
    checkpoints.TreeNode.objects.filter(level=2, number=0).update(hash="0" * 64)
    made = Checkpoint.objects.get(size=5)
    root = checkpoints.merkle.root(5, checkpoints._node)
    note = notes.sign(str(notes.TreeHead(key.name, 5, root)), keys.signing())
    Checkpoint.objects.filter(pk=made.pk).update(note=note, root=root.hex())
    asked.write_text(say("witness", "request", "--since", "4"))
    with pytest.raises(CommandError, match="the log was written anew"):
        call_command("witness", "cosign", str(asked), "--log", str(key))


@pytest.mark.parametrize("text", ["", "old x\n\nnote", "old 1\n!\n\nnote", "old 0\n\nno note\n", "old 0\n"])
def test_what_is_no_request_is_refused(key, tmp_path, text):
    asked = tmp_path / "request"
    asked.write_text(text)
    with pytest.raises(CommandError, match="The checkpoint is not signed"):
        call_command("witness", "cosign", str(asked), "--log", str(key))


def test_lines_of_nobody_are_not_kept(key, tmp_path):
    grow("a")
    own = str(notes.new_key("auditor", notes.COSIGNATURE).public)
    lines = tmp_path / "lines"
    lines.write_text("— auditor AAAAAAAA\n")
    with pytest.raises(CommandError, match="no line is of one of the keys"):
        call_command("witness", "add", str(lines), "--witness", own)
    lines.unlink()
    for words in (["add", str(lines), "--witness", own], ["cosign", str(lines), "--log", "nonsense"]):
        with pytest.raises(CommandError):
            call_command("witness", *words)


def test_the_command_shows_which_keys_sign(capsys):
    call_command("signing_key", "show")
    assert "# No key signs checkpoints here" in capsys.readouterr().out
    for what in ("make", "rotate", "retire", "show"):
        call_command("signing_key", what)
    said = capsys.readouterr().out.splitlines()
    new, old = said[-2:]
    assert (new.endswith("  # signs"), " until " in new, " until " in old) == (True, False, True)
    assert [key.until is None for key in notes.read_keys("\n".join(said[-2:]))] == [True, False]


def test_of_keys_of_the_environment_those_that_it_does_not_have_any_more_are_retired(key, settings):
    first, second = (notes.new_key("example.com/env") for _ in range(2))
    settings.GTM_SIGNING_KEYS = [second.secret_text, first.secret_text]
    keys.make("x")
    before = keys.path().read_bytes()
    assert keys.retire() == 1  # that of the file
    settings.GTM_SIGNING_KEYS = [second.secret_text]
    assert (keys.retire(), keys.retire()) == (1, 0)
    open_ = SigningKey.objects.filter(retired_at=None)
    assert [row.text for row in open_] == [str(second.public)]
    assert (keys.path().read_bytes(), list(keys.unexplained())) == (before, [])
