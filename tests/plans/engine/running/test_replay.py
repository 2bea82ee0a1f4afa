"""The recorded inputs, data and seed give the recorded outputs, byte for byte; what was altered shows."""

import json

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from gtm.core import canonical, own_code
from gtm.core.models import ChangeLogEntry
from plans.engine.running import replay as engine_replay
from plans.export import files
from plans.models import Artifact, TaskAttempt


def replay(plan, capsys):
    call_command("replay", plan.plan_id)
    return capsys.readouterr().out.splitlines()


def behind_the_log(table, pk, column, value):
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET {column} = %s WHERE id = %s", [value, pk])  # noqa: S608


def alter_an_artifact(plan):
    artifact = Artifact.objects.get(plan=plan, key="blueprint")
    payload = {**artifact.payload, "note": "Another note"}
    behind_the_log("plans_artifact", artifact.pk, "payload", json.dumps(payload))


def alter_an_artifact_and_its_digest(plan):
    alter_an_artifact(plan)
    artifact = Artifact.objects.get(plan=plan, key="blueprint")
    behind_the_log("plans_artifact", artifact.pk, "sha256", canonical.digest(artifact.payload))


def alter_an_output(plan):
    task = plan.tasks.get(key="tier-design")
    output = {**task.output, "annual_pool": 1.0}
    behind_the_log("plans_task", task.pk, "output", json.dumps(output))


def alter_a_digest(plan):
    behind_the_log("plans_task", plan.tasks.get(key="tier-design").pk, "output_sha256", "0" * 64)


def test_every_automated_task_is_identical_and_nothing_is_stored(finished, capsys):
    files.write(finished)
    before = ChangeLogEntry.objects.count(), files.read(finished)
    lines = replay(finished, capsys)
    assert [line.endswith(": identical") for line in lines] == [True] * 6
    assert (ChangeLogEntry.objects.count(), files.write(finished)) == before


@pytest.mark.parametrize(
    ("alter", "differing"),
    [
        (alter_an_artifact, {"blueprint"}),
        (alter_an_artifact_and_its_digest, {"blueprint"}),
        (alter_an_output, {"values"}),
        (alter_a_digest, {"values"}),
    ],
)
def test_what_was_altered_behind_the_log_shows(finished, capsys, alter, differing):
    alter(finished)
    found = {r.task: set(r.differing) for r in engine_replay.replay(finished) if not r.same}
    assert found["1.2 Tier and benefit design"] == differing
    with pytest.raises(CommandError, match="differ"):
        replay(finished, capsys)


def test_another_seed_gives_other_outputs(finished):
    behind_the_log("plans_plan", finished.pk, "seed", 7)
    finished.refresh_from_db()
    differing = {r.task for r in engine_replay.replay(finished) if not r.same}
    assert "2.2 Economic modelling" in differing


def ran_with(plan, digest):
    plan.tasks.get(key="tier-design").attempts.update(code_sha256=digest)


def test_each_attempt_says_which_code_computed_it(finished):
    attempts = TaskAttempt.objects.filter(task__plan=finished, executor="original", outcome="succeeded")
    assert {attempt.code_sha256 for attempt in attempts} == {own_code.digest()}


@pytest.mark.parametrize(
    ("digest", "same", "other"),
    [
        (None, "", "; the code is the same as when it was computed"),
        (
            "0" * 64,
            ", although the code has changed since it was computed",
            "; the code has changed since it was computed, which can be the reason",
        ),
        ("", "", "; which code computed it was not recorded"),
    ],
)
def test_it_says_whether_the_code_has_changed_since(finished, capsys, digest, same, other):
    name = "1.2 Tier and benefit design"
    ran_with(finished, own_code.digest() if digest is None else digest)
    assert f"{name}: identical{same}" in replay(finished, capsys)
    alter_an_output(finished)
    with pytest.raises(CommandError, match="differ"):
        call_command("replay", finished.plan_id)
    assert f"{name}: differs in values{other}" in capsys.readouterr().out.splitlines()


def test_any_change_of_a_module_or_a_library_is_other_code(tmp_path, monkeypatch):
    def digest():
        own_code.digest.cache_clear()
        return own_code.digest()

    before = own_code.digest()
    try:
        monkeypatch.setattr(own_code, "CODE_DIR", tmp_path)
        (tmp_path / "plans" / "migrations").mkdir(parents=True)
        found = [digest()]
        for name, text in (("a.py", "1"), ("a.py", "2"), ("b.py", "2")):
            (tmp_path / "plans" / name).write_text(text)
            found.append(digest())
        (tmp_path / "plans" / "migrations" / "0001.py").write_text("x")
        assert (digest(), len({*found, before})) == (found[-1], 5)
        monkeypatch.setattr(own_code, "versions", lambda: {"numpy": "0"})
        assert digest() not in found
    finally:
        own_code.digest.cache_clear()
