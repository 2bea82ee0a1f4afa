"""Words go from the log, the tables and their history, and the tables are still held against the log."""

import pytest
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command
from django.db import models

from gtm.core.actors import ADMIN, Actor, acting_as
from gtm.core.errors import GuardNotMet, InvalidInput, NotPermitted, StaleVersion
from gtm.core.evidence import audit, changelog, departures, erased_text, erasure
from gtm.core.evidence.personal import MARK
from gtm.core.fsm import perform
from gtm.core.models import ChangeLogEntry, SignIn
from programs.models import Program
from tests.factories import AbsenceFactory, PersonFactory, ProgramFactory, UserFactory, make_plan

CHAIN = "installation"
LONG = "Jo Doe of 5 Elm Street called, and asked again and again when the reward would come. " * 3


@pytest.fixture
def steward(db):
    user = UserFactory(username="steward", is_superuser=False)
    user.user_permissions.add(Permission.objects.get(codename="erase_payload"))
    return user


@pytest.fixture
def program(db):
    """Its description named somebody, in short, at length, and does not any more; its name does."""
    with acting_as(Actor.system("Test")):
        made = perform(ProgramFactory(description=LONG), "activate")
        made.description = "Asked by Jo Doe"
        made.save()
        made.description, made.name = "Nobody", "Rewards of Jo  Doe"
        made.save()
    return made


def erase(steward, *words, reason="Request 12.", accounts=()):
    with acting_as(Actor.of_user(steward, ADMIN)):
        return erased_text.erase(words, reason=reason, accounts=accounts)


def breaks():
    return [*changelog.verify_chain(CHAIN), *audit.audit_values().breaks, *audit.unexplained_states()]


def everything(model):
    return str([*model._base_manager.values()]) + str([*model.history.values()])


def by_sql(obj, **values):
    models.QuerySet.update(models.QuerySet(type(obj)).filter(pk=obj.pk), **values)


def test_the_words_are_nowhere_and_everything_still_agrees(program, steward):
    assert breaks() == []
    found, seals = erase(steward, "Jo Doe")
    assert found.columns[("programs.program", str(program.pk))] >= {"description", "name"}
    assert (breaks(), seals) == ([], [])
    rows = [*changelog.rows(CHAIN)]
    for text in (str(rows), everything(Program)):
        assert "Doe" not in text and "Elm" not in str(rows)
    program.refresh_from_db()
    assert (program.name, program.description) == (f"Rewards of {MARK}", "Nobody")
    told = [row for row in rows if row["event"] == "text erased"]
    assert [(row["entity"], row["field"], row["reason"]) for row in told] == [
        ("programs.program", "name", "Request 12.")
    ]
    assert told[0]["fields"]["name"] == {"to": f"Rewards of {MARK}"}
    (named,) = [row for row in rows if row["event"] == "erased"]
    assert (named["actor"], named["from"]) == ("steward", sorted(found.rows[CHAIN]))


def test_rows_that_tell_such_a_column_without_the_words_and_without_a_digest_stay(db, steward):
    with acting_as(Actor.system("Test")):
        program = ProgramFactory(name="Jo Doe", description="Short")
        for name in ("Second", "Third"):
            program.name = name
            program.save()
    first, before = ChangeLogEntry.objects.filter(chain=CHAIN).count() - 2, program.version
    found, _ = erase(steward, "Jo Doe")
    program.refresh_from_db()
    assert found.rows == {CHAIN: {first, first + 1}}
    assert program.version == before  # in the table it did not stand any more
    assert breaks() == []


def test_who_is_erased_from_a_table_has_a_version_more(program, steward):
    before = program.version
    erase(steward, "Jo Doe")
    program.refresh_from_db()
    assert program.version == before + 1


@pytest.mark.parametrize("where", ["rows", "columns", "whole"])
def test_one_place_is_something(where):
    found = erased_text.FoundText()
    assert found.is_empty is True
    getattr(found, where)["a"].add(1)
    assert found.is_empty is False


def test_what_an_account_wrote_goes_whatever_it_says_and_what_others_wrote_stays(db, steward):
    jo, other = UserFactory(username="jo", is_active=False), UserFactory()
    with acting_as(Actor.system("Test")):
        away = PersonFactory()
    absences = []
    for user, note in ((jo, "Flu"), (other, "Holidays")):
        with acting_as(Actor.of_user(user, ADMIN)):
            absences.append(AbsenceFactory(person=away, note=note))
    erase(steward, "Jo Doe", accounts=[jo.pk])
    for absence in absences:
        absence.refresh_from_db()
    assert [absence.note for absence in absences] == [MARK, "Holidays"]
    assert breaks() == []


def test_after_it_a_change_by_sql_is_found_in_every_column(program, steward):
    erase(steward, "Jo Doe")
    for column, value in (("name", "Another"), ("currency", "EUR"), ("assumptions_source", "made up")):
        before = getattr(Program.objects.get(pk=program.pk), column)
        by_sql(program, **{column: value})
        assert [f"its {column} " in found.reason for found in breaks()] == [True], column
        by_sql(program, **{column: before})
    by_sql(program, state="archived")
    assert len(breaks()) == 1


def test_a_table_that_contradicted_the_log_before_still_does(program, steward):
    by_sql(program, name="Forged for Jo Doe", currency="EUR")
    erase(steward, "Jo Doe")
    assert sorted(found.reason.split(": its ")[1].split()[0] for found in breaks()) == ["currency", "name"]


def test_whoever_read_the_text_before_cannot_save_it_again(program, steward):
    read = Program.objects.get(pk=program.pk)
    erase(steward, "Jo Doe")
    read.currency = "EUR"
    with acting_as(Actor.system("Test")), pytest.raises(StaleVersion):
        read.save()


@pytest.mark.parametrize(
    ("words", "reason", "refusal"),
    [
        ([], "x", "is required"),
        (["Jo"], "x", "take a longer text"),
        (["Jo Doe"], "Jo Doe asked", "it stays on record"),
    ],
)
def test_words_that_would_take_too_much_or_come_back_are_refused(program, steward, words, reason, refusal):
    with pytest.raises(InvalidInput) as refused:
        erase(steward, *words, reason=reason)
    assert refusal in "".join(p.message for p in refused.value.problems)
    assert "Doe" in everything(Program)


def test_it_takes_the_permission_and_a_reason(program, steward):
    with pytest.raises(GuardNotMet):
        erase(steward, "Jo Doe", reason=" ")
    with pytest.raises(NotPermitted):
        erase(UserFactory(is_superuser=False), "Jo Doe")


def test_an_account_that_is_open_keeps_its_name(steward):
    user = UserFactory(username="jo", first_name="Jo", last_name="Doe", email="jo@example.com")
    with acting_as(Actor.system("Test")):
        person = PersonFactory(name="Jo Doe", email="jo@example.com", user=user)
    SignIn.objects.create(user=user, username="jo", address="10.0.0.9", door="page", outcome="in")
    with acting_as(Actor.of_user(user, ADMIN)):
        ProgramFactory()
    with pytest.raises(InvalidInput) as refused:
        erase(steward, "Jo Doe", "jo@example.com", accounts=[user.pk])
    assert [problem.message for problem in refused.value.problems] == [
        f"auth.user {user.pk} is still active: close it first.",
        f"programs.person {person.pk} is still active: close it first.",
    ]
    type(user).objects.filter(pk=user.pk).update(is_active=False)
    by_sql(person, is_active=False)
    assert breaks()  # by SQL: it stays a contradiction
    erase(steward, "Jo Doe", "jo@example.com", accounts=[user.pk])
    user.refresh_from_db()
    person.refresh_from_db()
    assert (user.username, user.get_full_name(), user.email) == (
        f"erased-{user.pk}", f"{MARK} {MARK}", f"erased-{user.pk}@erased.invalid",
    )  # fmt: skip
    assert (person.name, person.email) == (MARK, f"erased-{person.pk}@erased.invalid")
    assert SignIn.objects.values_list("username", "address").get() == (MARK, MARK)
    assert not {"Jo Doe", "jo@example.com"} & {r["actor"] for r in changelog.rows(CHAIN)}
    assert [found.reason.split(": ")[1][:13] for found in breaks()] == ["its is_active"]


def test_a_seal_and_an_erasure_stay_and_are_named(program, steward):
    with acting_as(Actor.system("Jo Doe")):
        changelog.append(program, erasure.SEALED, field="sections", after={"plan": "0"})
    found, seals = erase(steward, "Jo Doe")
    assert found.stays == [f"change log of {CHAIN}: row {seals[-1].sequence} records an erasure or a seal"]


def test_a_word_in_a_key_stays_and_is_named(steward):
    with acting_as(Actor.system("Test")):
        program = ProgramFactory(slug="jodoe", name="jodoe")
    found, _ = erase(steward, "jodoe")
    assert found.stays == [f"programs.program {program.pk}: its slug, which is no personal text"]
    assert breaks() == []
    told = [row for row in changelog.rows(CHAIN) if row["event"] == "text erased"]
    assert told[-1]["to"] == {"in_full": False}


def test_the_command_shows_first_and_erases_when_told(program, steward, capsys):
    call_command("erase_text", "Jo Doe", "--reason", "Request 12.", "--as", "steward")
    told = capsys.readouterr().out
    assert f"programs.program {program.pk}: description, name" in told and "Nothing was erased" in told
    assert "Doe" in everything(Program)
    assert not ChangeLogEntry.objects.filter(event="erased").exists()
    call_command("erase_text", "Jo Doe", "--reason", "Request 12.", "--as", "steward", "--confirm")
    assert "The chains hold" in capsys.readouterr().out
    assert "Doe" not in everything(Program)
    with pytest.raises(CommandError, match="Nobody has the address"):
        call_command("erase_text", "--person", "x@example.com", "--reason", "R", "--as", "steward")


def test_copies_that_left_since_the_words_were_told_are_named(program, steward, capsys):
    with acting_as(Actor.system("Test")):
        departures.record(Program, "table of programs", "Jo Doe", form="csv", rows=1)
    call_command("erase_text", "Jo Doe", "--reason", "Request 12.", "--as", "steward")
    assert "left the house: table of programs (csv, 1 rows), taken on " in capsys.readouterr().out


def test_of_copies_of_plans_only_those_of_the_plans_with_the_words_are_named(db):
    with acting_as(Actor.system("Test")):
        one, other = make_plan(), make_plan()
        for plan in (one, other):
            departures.record(plan, f"copy of {plan.plan_id}", b"{}", form="json")
    said = [*departures.since_told({one.change_chain(): {1}})]
    assert [f"copy of {one.plan_id} (json)" in each for each in said] == [True]
    assert [*departures.since_told({})] == []
    assert len(departures.recognised(b"{}")) == 2 and departures.recognised(b"[]") == []


def test_the_command_takes_a_person(steward, capsys):
    with acting_as(Actor.system("Test")):
        person = PersonFactory(
            name="Jo Doe", email="jo@example.com", user=UserFactory(email="jd@example.com")
        )
    call_command("erase_text", "--person", "JO@example.com", "--reason", "Request 12.", "--as", "steward")
    assert f"programs.person {person.pk}: email, name" in capsys.readouterr().out
