"""Personal text can be erased from the change log, and the log still tells what it must."""

import pytest
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command

from gtm.core.actors import ADMIN, Actor, acting_as
from gtm.core.errors import GuardNotMet, InvalidInput, NotPermitted
from gtm.core.evidence import audit, changelog, erasure
from gtm.core.evidence.erasure import erase
from gtm.core.fsm import perform
from gtm.core.models import ChangeLogEntry
from tests.factories import ProgramFactory, UserFactory

CHAIN = "installation"


@pytest.fixture
def steward(db):
    user = UserFactory(username="steward", is_superuser=False)
    user.user_permissions.add(Permission.objects.get(codename="erase_payload"))
    with acting_as(Actor.of_user(user, ADMIN)):
        yield user


@pytest.fixture
def paused(db):
    """A program whose last row names somebody."""
    with acting_as(Actor.system("Test")):
        program = perform(ProgramFactory(), "activate")
        return perform(program, "pause", comment="Jo Doe of 5 Elm Street asked for it.")


def last_row():
    return ChangeLogEntry.objects.filter(chain=CHAIN).order_by("sequence").last()


def test_the_text_goes_the_chain_holds_and_who_erased_stays(paused, steward):
    row = last_row()
    assert erase(CHAIN, [row.sequence], reason="Request of 12 May.") == 1
    told = [*changelog.rows(CHAIN)]
    assert (told[-2]["erased"], told[-2]["reason"], told[-2]["salt"]) == (True, None, None)
    assert (told[-1]["event"], told[-1]["from"], told[-1]["actor"]) == (
        "erased",
        [row.sequence],
        str(steward),
    )
    assert changelog.verify_chain(CHAIN) == []
    assert erase(CHAIN, [row.sequence], reason="Again.") == 0
    assert last_row().sequence == told[-1]["sequence"]


def test_a_state_set_around_the_door_does_not_hide_behind_an_erasure(paused, steward):
    erase(CHAIN, [last_row().sequence], reason="Request of 12 May.")
    assert [*audit.unexplained_states()] == []
    type(paused)._base_manager.filter(pk=paused.pk).update(state="active")
    (found,) = audit.unexplained_states()
    assert "is “active”, but its last event says “paused”" in found.reason


def test_what_cannot_be_erased_is_named_and_nothing_is(paused, steward):
    first = last_row().sequence
    erase(CHAIN, [first], reason="Request of 12 May.")
    with pytest.raises(InvalidInput) as refused:
        erase(CHAIN, [1, first + 1, 999], reason="x")
    assert [p.message for p in refused.value.problems] == [
        "installation has no row 999.",
        f"row {first + 1} records an erasure and cannot be erased.",
    ]
    with pytest.raises(GuardNotMet):
        erase(CHAIN, [1], reason=" ")
    assert ChangeLogEntry.objects.get(chain=CHAIN, sequence=1).payload.body is not None


def test_it_takes_the_permission(paused):
    with acting_as(Actor.of_user(UserFactory(is_superuser=False), ADMIN)), pytest.raises(NotPermitted):
        erase(CHAIN, [1], reason="x")


def test_the_command_says_what_it_did(paused, steward, capsys):
    call_command("erase_changelog", CHAIN, "1", "--reason", "Request of 12 May.", "--as", "steward")
    told = capsys.readouterr().out
    assert "1 of 1 rows erased" in told
    assert "No document with these rows was sealed." in told
    with pytest.raises(CommandError, match="no row 999"):
        call_command("erase_changelog", CHAIN, "999", "--reason", "x", "--as", "steward")


# ------------------------------------------------------------------ what to recall


def seal(program):
    with acting_as(Actor.system("Documents")):
        return changelog.append(program, erasure.SEALED, field="document", after={"plan": "0"}).sequence


def say(program, text):
    with acting_as(Actor.system("Test")):
        return changelog.append(program, "said", field="comment", after=text).sequence


def recalled(*rows):
    return [entry.sequence for entry in erasure.to_recall(CHAIN, rows)]


def test_documents_with_an_erased_text_are_named_by_their_seals(paused, steward, capsys):
    seal(paused)
    before, row = seal(paused), say(paused, "Jo Doe called.")
    assert recalled(row) == [before]  # it may have left with the row, which changed nothing in it
    after, later = seal(paused), say(paused, "Jo Doe called again.")
    last = seal(paused)
    assert recalled(row) == [before, after, last]
    assert recalled(later) == [after, last]
    call_command("erase_changelog", CHAIN, str(row), "--reason", "Asked.", "--as", "steward")
    told = capsys.readouterr().out
    assert [f"seal of row {number}," in told for number in (before, after, last)] == [True] * 3
    seal(paused)
    assert recalled(row) == [before, after, last]  # the newest one was made without it
    assert len(recalled(row, later)) == 4  # of the two, one still speaks
    erase(CHAIN, [later], reason="Asked.")
    seal(paused)
    assert len(recalled(row, later)) == 4
    assert recalled(999999) == []
