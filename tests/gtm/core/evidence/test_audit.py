"""Completeness: a stored state is the one its last event led to, and what is gone was deleted by an event."""

from copy import copy

import pytest
from django.contrib.auth.models import Permission
from django.db import connection

from gtm.core.actors import ADMIN, Actor, acting_as
from gtm.core.evidence import append_only, audit, changelog, erasure, refusals, told
from gtm.core.evidence.changelog import Break
from gtm.core.evidence.erasure import erase
from gtm.core.evidence.refusals import REFUSED
from gtm.core.fsm import perform
from gtm.core.governed import open_door
from gtm.core.models import ChangeLogEntry, ChangeLogPayload
from programs.models import Program
from tests.factories import ProgramFactory, UserFactory, make_plan

CHAIN = "installation"


@pytest.fixture
def program(db):
    """Row 1 made it, row 2 made it active, row 3 named it."""
    with acting_as(Actor.system("Test")):
        made = perform(ProgramFactory(), "activate")
        made.name = "Renamed"
        made.save()
        yield made


def unexplained(chain=None):
    return list(audit.unexplained_states(chain))


def put(program, state):
    with open_door():
        Program._base_manager.filter(pk=program.pk).update(state=state)


def gone(program, row):
    return [Break(CHAIN, row, f"programs.program {program.pk} is gone, but no event records this")]


def test_what_its_events_led_to_is_explained(program):
    assert (unexplained(), unexplained(CHAIN)) == ([], [])


def test_a_state_that_differs_from_the_last_event_is_told_with_its_row(program):
    put(program, "archived")
    sentence = f"programs.program {program.pk} is “archived”, but its last event says “active”"
    assert unexplained() == unexplained(CHAIN) == [Break(CHAIN, 2, sentence)]


def test_a_state_before_any_transition_is_explained_by_the_creation(db):
    with acting_as(Actor.system("Test")):
        program = ProgramFactory()
    assert unexplained() == []
    put(program, "active")
    sentence = f"programs.program {program.pk} is “active”, but its last event says “draft”"
    assert unexplained() == [Break(CHAIN, 1, sentence)]


def test_an_object_nobody_ever_told_of_is_found_unless_it_has_just_begun(db):
    silent, moved = Program(slug="a", name="a"), Program(slug="b", name="b")
    with open_door():
        Program.objects.bulk_create([silent, moved])
    put(moved, "active")
    sentence = f"programs.program {moved.pk} is “active”, but no event led to this state"
    assert (unexplained(), unexplained(CHAIN)) == ([Break("-", 0, sentence)], [])


def test_what_is_gone_without_an_event_is_told_and_what_was_deleted_is_not(program):
    pk = program.pk
    Program._base_manager.filter(pk=pk)._raw_delete("default")
    program.pk = pk
    assert unexplained() == unexplained(CHAIN) == gone(program, 2)


def test_what_was_deleted_is_explained(program):
    program.delete()
    assert (unexplained(), unexplained(CHAIN)) == ([], [])


def test_one_chain_is_asked_of_its_own_objects_alone(program):
    with acting_as(Actor.system("Test")):
        plan = make_plan()
    put(program, "archived")
    assert (len(unexplained(CHAIN)), unexplained(plan.change_chain())) == (1, [])


def test_of_a_row_whose_payload_is_gone_its_event_says_where_it_led(program):
    append_only.drop(connection)
    entry = ChangeLogEntry.objects.get(chain=CHAIN, sequence=2)
    ChangeLogPayload.objects.filter(entry=entry).delete()
    assert unexplained() == []
    put(program, "archived")
    assert [broken.sequence for broken in unexplained()] == [2]


def test_an_erased_row_still_tells_the_state_it_led_to(program):
    user = UserFactory()
    user.user_permissions.add(Permission.objects.get(codename="erase_payload"))
    with acting_as(Actor.of_user(user, ADMIN)):
        erase(CHAIN, [2], reason="Asked for.")
    assert unexplained() == []
    put(program, "archived")
    assert [broken.sequence for broken in unexplained()] == [2]


# ------------------------------------------------------------------ values


def values(chain=None):
    return audit.audit_values(chain)


def write(program, column, value):
    with open_door():
        Program._base_manager.filter(pk=program.pk).update(**{column: value})


def erase_row(number):
    user = UserFactory()
    user.user_permissions.add(Permission.objects.get(codename="erase_payload"))
    with acting_as(Actor.of_user(user, ADMIN)):
        erase(CHAIN, [number], reason="Asked for.")


def test_values_as_they_were_told_are_counted_in_their_chain(program):
    assert values() == values(CHAIN) == audit.ValuesAudit((), 1, 0, 0)
    assert values("another") == audit.ValuesAudit((), 0, 0, 0)


def test_a_value_that_differs_is_told_with_the_row_that_recorded_it_last(program):
    write(program, "name", "Another")
    sentence = f"programs.program {program.pk}: its name is not what this row recorded last"
    assert values() == values(CHAIN) == audit.ValuesAudit((Break(CHAIN, 3, sentence),), 1, 0, 0)
    write(program, "name", "Renamed")
    write(program, "region", "XX")
    (found,) = values().breaks
    assert (found.sequence, "region" in found.reason) == (1, True)


def test_a_value_that_no_row_recorded_is_told_with_the_row_of_the_creation(program):
    write(program, "description", "Never told")
    sentence = f"programs.program {program.pk}: its description has a value that no row recorded"
    assert values().breaks == (Break(CHAIN, 1, sentence),)


def test_what_an_erased_row_told_is_not_compared_and_the_object_is_counted(program):
    erase_row(1)
    write(program, "description", "Never told")
    assert values() == audit.ValuesAudit((), 1, 0, 1)
    write(program, "name", "Another")
    (found,) = values().breaks  # a later row told it
    assert found.sequence == 3


def test_what_is_told_anew_in_full_after_an_erasure_is_compared_again(program):
    erase_row(1)
    assert values().erased == 1
    anew = told.at_creation(program, program.evidence_columns())
    with changelog.holding(CHAIN):
        changelog.append(program, erasure.TEXT_ERASED, after={"in_full": True}, fields=anew)
    assert values() == audit.ValuesAudit((), 1, 0, 0)
    write(program, "description", "Never told")
    (found,) = values().breaks
    last = ChangeLogEntry.objects.filter(chain=CHAIN).count()
    assert (found.sequence, "has a value that no row recorded" in found.reason) == (last, True)


def test_an_object_of_before_rows_told_values_is_counted_and_compared_where_later_rows_told(program):
    append_only.drop(connection)
    payload = ChangeLogPayload.objects.get(entry__chain=CHAIN, entry__sequence=1)
    body = {key: value for key, value in payload.body.items() if key != "fields"}
    ChangeLogPayload.objects.filter(pk=payload.pk).update(body=body)
    write(program, "description", "Never told")
    assert values() == audit.ValuesAudit((), 1, 1, 0)
    write(program, "name", "Another")
    assert [found.sequence for found in values().breaks] == [3]


def test_a_refusal_tells_of_no_value(program):
    """Versions of before wrote it with the key of an object that was undone, which another one got."""
    stranger = copy(program)
    stranger.change_chain = lambda: "another"
    with changelog.holding("another"):
        changelog.append(stranger, REFUSED, field="action", after="submit")
    assert values() == audit.ValuesAudit((), 1, 0, 0)
    with changelog.holding("another"):
        changelog.append(stranger, "renamed")
    assert [found.chain for found in values().breaks] == ["another"]


def test_what_was_refused_is_on_record_with_the_object_if_it_is_kept(program):
    undone = copy(program)
    undone.pk = program.pk + 1
    elsewhere = copy(program)
    elsewhere.change_chain = lambda: "another"
    with acting_as(Actor.of_user(UserFactory(), ADMIN)), refusals.on_record():
        for one in (program, undone, elsewhere):
            refusals.note(one, "archive", "No.")
    rows = ChangeLogEntry.objects.filter(event=REFUSED).order_by("pk")
    assert [row.entity_id for row in rows] == [str(program.pk), "0", "0"]


def test_an_object_that_is_gone_is_not_compared(program):
    program.delete()
    assert values() == audit.ValuesAudit((), 0, 0, 0)
