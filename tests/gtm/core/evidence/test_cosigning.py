"""Checkpoints before witnesses by HTTP: a process of its own, a site, and what the protocol answers."""

import os
import subprocess
import sys

import pytest
from django.core.management import CommandError, call_command

from gtm.core.actors import Actor, acting_as
from gtm.core.errors import InvalidInput
from gtm.core.evidence import (
    anchors,
    changelog,
    checkpoints,
    cosigning,
    keys,
    merkle,
    notes,
    signatures,
    witness,
)
from gtm.core.evidence.witness import TREE_SIZE, Witness
from gtm.core.models import ChangeLogChain, ChangeLogEntry, Checkpoint
from programs.models import Role
from tests.conftest import ROOT
from tests.gtm.core.evidence.test_witness import LOG, request
from tests.tsa import serving

pytestmark = pytest.mark.django_db


@pytest.fixture
def key():
    with acting_as(Actor.system("Test")):
        yield keys.make("example.com/gtm")


def grow(*slugs):
    for slug in slugs:
        Role(slug=slug, name=slug).save()
        anchors.anchor()
    return checkpoints.newest()


@pytest.fixture
def running(key, tmp_path, settings):
    """A witness in a process of its own: its key, and where it listens."""
    env = {
        **{name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "PYTHONPATH")},
        "DJANGO_SETTINGS_MODULE": "gtm.settings",
        "SECRET_KEY": "of-the-witness",
        "DATABASE_URL": "sqlite:////nowhere/none.sqlite3",
        "GTM_KEYS_DIR": str(tmp_path / "theirs"),
    }
    words = [sys.executable, "manage.py", "witness", "serve", "--port", "0", "--log", str(key)]
    with subprocess.Popen(words, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True) as process:
        text, url = process.stdout.readline().split()
        settings.GTM_WITNESSES = [f"{text} {url}"]
        settings.GTM_PRIVATE_EVIDENCE_HOSTS = {url.removeprefix("http://")}
        try:
            yield notes.read_key(text)
        finally:
            process.kill()


def refusals():
    return [asked.refusal for asked in cosigning.submit()]


def test_a_witness_of_its_own_process_sees_the_log_grow_and_refuses_one_written_anew(key, running, capsys):
    assert cosigning.submit() == []  # there is no checkpoint yet
    made = grow("a")
    assert refusals() == [""]
    assert [one for one, _ in notes.signed_by(checkpoints.newest().note, [running])] == [running]
    assert refusals() == [""]  # it has signed already
    grow("b", "c")
    call_command("witness", "submit")
    assert "witness: has signed the last checkpoint" in capsys.readouterr().out
    Checkpoint.objects.filter(size__gt=1).update(note=made.note)  # forgotten here: it says how much it saw
    newest = grow("d")
    assert refusals() == [""]
    assert notes.signed_by(Checkpoint.objects.get(pk=newest.pk).note, [running])
    grow("e")
    checkpoints.TreeNode.objects.filter(level=2, number=0).update(hash="0" * 64)
    forged = checkpoints.newest()
    root = merkle.root(5, checkpoints._node)
    note = notes.sign(str(notes.TreeHead(key.name, 5, root)), keys.signing())
    Checkpoint.objects.filter(pk=forged.pk).update(note=note, root=root.hex())
    (refusal,) = refusals()
    assert refusal.startswith("It answers 422: The checkpoint over 5 leaves does not continue the one over 4")
    with pytest.raises(CommandError, match="Not every witness has signed"):
        call_command("witness", "submit")


def test_a_document_carries_the_first_cosigned_checkpoint_that_has_its_head(key, running):
    role = Role(slug="a", name="a")
    role.save()
    changelog.lock_chain("other")
    anchors.anchor()
    first = checkpoints.newest()
    with acting_as(Actor.system("Test")):
        changelog.append(ChangeLogChain.objects.get(name="other"), "noted")
    anchors.anchor()  # the chain of the installation has not grown: both checkpoints have its head
    assert checkpoints.newest().size > first.size
    assert checkpoints.of_chain("installation")["note"] == first.note
    assert refusals() == [""]
    part = checkpoints.of_chain("installation")
    assert notes.signed_by(part["note"], [running])
    rows = dict(ChangeLogEntry.objects.filter(chain="installation").values_list("sequence", "hash"))
    assert signatures.carried(part, "installation", rows).holds


def test_of_cosigned_checkpoints_a_document_carries_the_first_that_most_witnesses_signed(key, monkeypatch):
    """Who names two witnesses is not left with the checkpoint at which one of them could not be reached."""
    told = []
    monkeypatch.setattr(checkpoints.events, "publish_on_commit", lambda event: told.append(event.chains))
    one, again, two = (
        notes.PrivateKey(name, notes.COSIGNATURE, bytes([n] * 32))
        for n, name in enumerate(("auditor", "auditor", "bank"))
    )
    changelog.lock_chain("other")
    with acting_as(Actor.system("Test")):
        changelog.append(ChangeLogChain.objects.get(name="other"), "noted")
    shown, sizes, renewed = [], [], []
    for number, signers in enumerate(((), (one, one), (one,), (two, one), (one, two), (one, again, two), ())):
        sizes.append(grow(f"role-{number}").size)
        told.clear()
        for seconds, signer in enumerate(signers):
            line = notes.cosign(checkpoints.newest().note, signer, seconds)
            checkpoints.add_cosignatures(line, [signer.public])
        shown.append(sizes.index(notes.read_tree_head(checkpoints.of_chain("other")["note"]).size))
        renewed.append(any("other" in chains for chains in told))
    assert shown == [0, 1, 1, 3, 3, 5, 5]
    assert renewed == [False, True, False, True, False, True, False]  # each time that what it carries changed


# ------------------------------------------------------------------ this site


def test_this_site_is_a_witness_where_it_is_set_and_has_a_key(client, settings, tmp_path):
    settings.GTM_KEYS_DIR = tmp_path

    def post(raw):
        return client.post("/witness/add-checkpoint", raw, content_type="text/plain")

    assert post(request(0, 3)).status_code == 404
    settings.GTM_WITNESSED_LOGS = [str(LOG.public)]
    assert post(request(0, 3)).status_code == 404
    own = Witness(tmp_path / "witness").key("example.com/witness").public
    answer = post(request(0, 3))
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/plain; charset=utf-8")
    note = request(0, 3).partition(b"\n\n")[2].decode()
    assert notes.signed_by(note + answer.content.decode(), [own])
    conflict = post(request(0, 7))
    assert (conflict.status_code, conflict["Content-Type"], conflict.content) == (409, TREE_SIZE, b"3\n")
    assert post(b"x" * (witness.MOST_BYTES + 1)).status_code == 413
    refused = client.get("/witness/add-checkpoint")
    assert (refused.status_code, refused["Allow"]) == (405, "POST")


# ------------------------------------------------------------------ witnesses that do not keep to it


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ((500, "text/html", b"<p>broken"), "It answers 500: <p>broken"),
        ((409, TREE_SIZE, b"many\n"), "It says that it saw 'many' leaves"),
        ((409, TREE_SIZE, b"0\n"), "which leads nowhere"),
        ((409, TREE_SIZE, b"99\n"), "There is no such proof"),
        ((200, "text/plain", b""), "no line is of one of the keys"),
        ((200, "text/plain", "— auditor AAAAAAAA\n".encode()), "no line is of one of the keys"),
        ((200, "text/plain", "— auditor AAAA\n".encode()), "Nothing was kept."),
        ((200, "text/plain", b"\xff"), "codec"),
        ((200, "text/plain", b"x" * 70_000), "more than 65,536 bytes"),
    ],
)
def test_a_witness_that_answers_something_else_is_told_and_nothing_is_kept(key, settings, answer, why):
    made, auditor = grow("a"), notes.new_key("auditor", notes.COSIGNATURE)
    with serving(lambda path, body: answer) as host:
        settings.GTM_WITNESSES = [f"{auditor.public} http://{host}/"]
        settings.GTM_PRIVATE_EVIDENCE_HOSTS = {host}
        (refusal,) = refusals()
    assert why in refusal
    assert checkpoints.newest().note == made.note


def test_lines_of_others_are_not_kept_with_that_of_the_witness(key, settings):
    made = grow("a")
    auditor, other = (notes.new_key(name, notes.COSIGNATURE) for name in ("auditor", "another"))
    lines = notes.cosign(made.note, other, 5) + notes.cosign(made.note, auditor, 6)
    with serving(lambda path, body: (200, "text/plain", lines.encode())) as host:
        settings.GTM_WITNESSES = [f"{auditor.public} http://{host}"]
        settings.GTM_PRIVATE_EVIDENCE_HOSTS = {host}
        assert refusals() == [""]
    assert checkpoints.newest().note == made.note + notes.cosign(made.note, auditor, 6)


def test_who_is_not_public_is_not_asked_and_what_is_no_witness_is_named(key, settings):
    grow("a")
    auditor = notes.new_key("auditor", notes.COSIGNATURE).public
    settings.GTM_WITNESSES = [f"{auditor} http://127.0.0.1:9/"]
    assert refusals() == ["127.0.0.1:9 stands on an address that is not public."]
    settings.GTM_WITNESSES = ["nonsense"]
    with pytest.raises(InvalidInput) as refused:
        cosigning.submit()
    assert "“nonsense” is not a public key" in refused.value.problems[0].message
