"""Seals: each version that leaves has one, of its own text; a document with a defect is never sealed."""

import json

import pytest

from gtm.core import clock
from gtm.core.actors import Actor, acting_as
from gtm.core.evidence import anchors, changelog
from gtm.core.models import ChangeLogEntry
from plans.export import document, files, sealing, verify
from tests.factories import START, gate, make_run

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def acting():
    with acting_as(Actor.system("Test")), clock.standing_at(START):
        yield


@pytest.fixture
def plan():
    return make_run(gate()).plan


@pytest.fixture
def made(monkeypatch):
    """What happens to a document, in order: its chain is locked, it is made."""
    happened, build, lock = [], document.build, changelog.lock_chain

    def noting(plan):
        happened.append("made")
        return build(plan)

    def locking(name):
        happened.append("locked")
        return lock(name)

    monkeypatch.setattr(document, "build", noting)
    monkeypatch.setattr(changelog, "lock_chain", locking)
    return happened


def test_a_version_that_leaves_is_sealed_once_and_what_says_the_same_is_not_sealed_again(plan):
    def seals():
        body = json.loads(files.read(plan))
        return [row["sequence"] for row in body["change_log"] if row["event"] == "sealed"]

    first = seals()
    files.write(plan)
    anchors.anchor()
    assert seals() == first and len(first) == 1
    plan.refresh_from_db()
    plan.objective = "Another objective"
    plan.save()
    files.write(plan)
    assert len(seals()) == 2


def test_files_of_before_there_were_seals_are_sealed_by_the_sweep(plan):
    files.write(plan)
    assert files.seal_earlier() == 0
    plan.file.seal = 0
    plan.file.save()
    assert files.seal_earlier() == 1
    plan.file.refresh_from_db()
    body = json.loads(files.path_of(plan).read_bytes())
    assert plan.file.seal == next(r["sequence"] for r in body["change_log"] if r["event"] == "sealed")


@pytest.fixture
def grows_while_it_is_made(plan, monkeypatch):
    """A plan that moves each time its document is made without its chain being held."""
    made, build = [], document.build

    def build_and_move(plan):
        body = build(plan)
        made.append(body["integrity"]["length"])
        if len(made) <= sealing.ATTEMPTS:
            with acting_as(Actor.system("Test")):
                changelog.append(plan, "moved")
        return body

    monkeypatch.setattr(document, "build", build_and_move)
    return made


def test_a_plan_that_moves_all_the_time_is_waited_for_once_and_its_seal_is_of_its_last_state(
    plan, grows_while_it_is_made
):
    body = sealing.sealed(plan)
    assert len(grows_while_it_is_made) == sealing.ATTEMPTS + 1
    assert [row["event"] for row in body["change_log"][-2:]] == ["moved", "sealed"]
    assert verify.verify_document(body) == []


def test_where_nothing_moves_a_document_is_made_once_and_its_chain_is_held_for_the_seal_alone(plan, made):
    first = sealing.sealed(plan)
    assert made[0] == "made" and made.count("made") == 1
    made.clear()
    assert sealing.sealed(plan)["change_log"] == first["change_log"]
    assert made == ["made"]


def test_a_plan_that_does_not_stop_moving_is_held_while_its_document_is_made(plan, made, monkeypatch):
    build = document.build

    def build_and_move(plan):
        body = build(plan)
        if made.count("made") <= 3:
            changelog.append(plan, "moved")
        return body

    monkeypatch.setattr(document, "build", build_and_move)
    sealing.sealed(plan)
    moved_on = ["made", "locked", "locked"]  # once for the row that came between, once to look for it
    assert made == [*moved_on * 3, "locked", "made", "locked"]


def test_a_seal_has_the_digest_of_each_part_and_names_the_first(plan):
    body = sealing.sealed(plan)
    (seal,) = [row for row in body["change_log"] if sealing.is_seal(row)]
    assert seal["to"] == sealing.digests(body) and seal["field"] == "sections"
    assert {*seal["to"]} == {*body} - {"change_log", "integrity"} | {"integrity/seed", "integrity/versions"}
    assert seal["reason"] == "The first seal: before this row no row says what a document said."
    assert (seal["actor"], seal["via"]) == ("Plan documents", "sweep")
    plan.objective = "Another objective"
    plan.save()
    last = sealing.last_seal(sealing.sealed(plan)["change_log"])
    assert (last["sequence"] > seal["sequence"], last["reason"]) == (True, "")
    assert last["to"]["objective"] != seal["to"]["objective"]


def test_what_is_a_seal_and_what_is_none(plan):
    body = sealing.sealed(plan)
    (seal,) = [row for row in body["change_log"] if row["event"] == "sealed"]
    assert sealing.is_seal(seal) is True
    for other in ({"event": "created"}, {"entity": "plans.task"}, {"erased": True}):
        assert sealing.is_seal(seal | other) is False
    assert sealing.last_seal([]) is None


def test_a_document_that_breaks_our_own_rules_is_a_defect_and_is_never_sealed(plan, monkeypatch):
    build = document.build
    monkeypatch.setattr(document, "build", lambda plan: build(plan) | {"success_criteria": 7})
    with pytest.raises(sealing.InvalidDocument, match=f"{plan.plan_id}: .*success_criteria: "):
        sealing.sealed(plan)
    wrong = [name for name, text in build(plan).items() if isinstance(text, str | list)][:12]
    monkeypatch.setattr(document, "build", lambda plan: build(plan) | dict.fromkeys(wrong, 7))
    with pytest.raises(sealing.InvalidDocument) as refused:
        sealing.sealed(plan)
    told = [part for part in str(refused.value).replace(": ", "; ").split("; ") if part in wrong]
    assert (len(wrong), len(told)) == (12, 10)
    assert not ChangeLogEntry.objects.filter(event="sealed").exists()
