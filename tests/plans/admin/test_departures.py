"""What leaves the house is on record, whichever door it leaves by, and an erasure says what to recall."""

import ast
import hashlib

import pytest
from django.core.management import call_command
from django.urls import reverse

from gtm.core.actors import ADMIN, Actor, acting_as
from gtm.core.evidence import audit, changelog, departures, erased_text
from gtm.core.models import ChangeLogEntry
from programs.models import Person
from tests.conftest import ROOT
from tests.doors import start, user
from tests.factories import make_plan

NO_EVIDENCE = {("plans/admin/plans.py", "verifier")}
"""A program, not data."""


def left():
    rows = ChangeLogEntry.objects.filter(event=departures.EXPORTED).select_related("payload").order_by("pk")
    return [(row.entity_id, row.payload.body) for row in rows]


def sends(function):
    """Whether a function says that the browser keeps what it answers."""
    strings = (
        n.value for n in ast.walk(function) if isinstance(n, ast.Constant) and isinstance(n.value, str)
    )
    return any(text.startswith("attachment; filename=") for text in strings)


def records(function):
    calls = (node.func for node in ast.walk(function) if isinstance(node, ast.Call))
    return any(ast.unparse(call) == "departures.record" for call in calls)


def test_every_view_that_sends_a_file_puts_it_on_record():
    found, silent = 0, set()
    for folder in ("gtm", "plans", "programs"):
        for path in (ROOT / folder).rglob("*.py"):
            for function in ast.walk(ast.parse(path.read_text())):
                if isinstance(function, ast.FunctionDef) and sends(function):
                    found += 1
                    if not records(function):
                        silent.add((str(path.relative_to(ROOT)), function.name))
    assert (silent, found > 8) == (NO_EVIDENCE, True)


@pytest.fixture
def run(site):
    return start()


def test_documents_and_reports_of_a_plan(login, run):
    client = login("ops")
    for name, args in (("plans_plan_json", [run.pk]), ("plans_plan_report", [run.pk, "xlsx"])):
        content = client.get(reverse(f"admin:{name}", args=args)).content
        key, told = left()[-1]
        assert (key, told["actor"]) == (f"plans.plan {run.pk}", user("ops").get_full_name())
        assert told["to"]["sha256"] == hashlib.sha256(content).hexdigest()
    assert [told["object"] for _, told in left()] == [
        f"plan JSON of {run.plan_id}",
        f"report of {run.plan_id}",
    ]


@pytest.fixture
def table(login, demo):
    """The table of people as a file, as a superuser took it."""
    admin = user("ops")
    type(admin).objects.filter(pk=admin.pk).update(is_superuser=True)
    fields = {f"personresource_{name}": "on" for name in ("id", "name", "email")}
    body = {"format": "0", "resource": "0", **fields}
    return login("ops").post(reverse("admin:programs_person_export"), body)


def test_a_table_with_how_many_rows(table):
    assert table.status_code == 200 and b"@" in table.content
    ((key, told),) = left()
    assert (key, told["object"]) == ("programs.person", "table of people")
    assert audit.audit_values().breaks == ()
    assert told["to"]["rows"] == Person.objects.count()
    assert told["to"]["sha256"] == hashlib.sha256(table.content).hexdigest()


def test_the_access_review_of_the_command_line(demo, capsys):
    call_command("access_review", "--format", "csv")
    raw = capsys.readouterr().out.encode()
    ((key, told),) = left()
    assert (key, told["object"], told["to"]["form"]) == ("programs.person", "access review", "csv")
    assert told["to"]["sha256"] == hashlib.sha256(raw).hexdigest()


def test_an_erasure_lists_the_copies_that_may_have_the_words(table, asked, capsys):
    steward = user("admin")
    with acting_as(Actor.system("Test")):
        another = make_plan(program=asked.program)
    with acting_as(Actor.of_user(steward, ADMIN)):
        departures.record(another, "plan JSON of another", b"{}", form="json")
        departures.record(asked, "plan JSON", b"{}", form="json")
        found, _ = erased_text.erase(["Fiona Walsh"], reason="Request 12.")
    (table_left, *_) = found.left
    assert table_left.startswith("table of people (csv, ")
    of_plan = [*departures.since_told({asked.change_chain(): [1]})]
    assert [sentence.partition(" (")[0] for sentence in of_plan] == ["plan JSON"]
    assert f"SHA-256 {hashlib.sha256(table.content).hexdigest()}" in table_left
    row = ChangeLogEntry.objects.filter(chain=asked.change_chain()).first().sequence
    call_command("erase_changelog", asked.plan_id, str(row), "--reason", "R", "--as", "admin")
    told = capsys.readouterr().out
    assert "Recall, if it says what was erased: plan JSON (json)" in told


def test_a_copy_whose_row_was_erased_is_still_named(table, demo):
    number = ChangeLogEntry.objects.get(event=departures.EXPORTED).sequence
    with acting_as(Actor.of_user(user("admin"), ADMIN)):
        erased_text.erase([user("ops").get_full_name()], reason="Request 12.")
    (sentence,) = departures.since_told({changelog.INSTALLATION: [number]})
    assert sentence.startswith("a copy of programs.person, taken on ") and sentence.endswith(", erased)")
    assert list(departures.since_told({})) == []
