"""The change log against raw SQL: what the triggers refuse, and which check tells where they are gone."""

import json

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from gtm.core.actors import Actor, acting_as
from gtm.core.evidence import append_only, audit, changelog
from gtm.core.models import ChangeLogChain, ChangeLogEntry, ChangeLogPayload
from plans.export import standing
from tests.factories import make_plan

pytestmark = pytest.mark.django_db
ENTRY, PAYLOAD = append_only.ENTRY, append_only.PAYLOAD


@pytest.fixture
def plan():
    with acting_as(Actor.system("Test"), reason="a reason that names somebody"):
        made = make_plan()
    connection.check_constraints()
    return made


# ------------------------------------------------------------------ with the triggers

_COPY = f"SELECT * FROM {ENTRY} WHERE sequence = 1"
REFUSED = [
    f"UPDATE {ENTRY} SET event = 'approve'",
    f"UPDATE {ENTRY} SET hash = hash",
    f"DELETE FROM {ENTRY}",
    f"UPDATE {PAYLOAD} SET body = '{{}}'",
    f"UPDATE {PAYLOAD} SET salt = NULL",
    f"UPDATE {PAYLOAD} SET body = NULL",
    f"UPDATE {PAYLOAD} SET salt = NULL, body = NULL, entry_id = entry_id + 100000",
    f"DELETE FROM {PAYLOAD}",
]
REFUSED_BY_VENDOR = {
    "sqlite": [
        f"INSERT OR REPLACE INTO {ENTRY} {_COPY}",
        f"REPLACE INTO {PAYLOAD} SELECT * FROM {PAYLOAD}",
        f"UPDATE OR REPLACE {ENTRY} SET sequence = 1",
        f"INSERT INTO {PAYLOAD} SELECT * FROM {PAYLOAD} WHERE true ON CONFLICT DO UPDATE SET body = '{{}}'",
    ],
    "postgresql": [
        f"TRUNCATE {PAYLOAD}",
        f"TRUNCATE {ENTRY} CASCADE",
        f"INSERT INTO {ENTRY} {_COPY} ON CONFLICT (id) DO UPDATE SET event = 'approve'",
        f"INSERT INTO {PAYLOAD} SELECT * FROM {PAYLOAD} ON CONFLICT (entry_id) DO UPDATE SET body = '{{}}'",
        f"WITH gone AS (DELETE FROM {ENTRY} RETURNING *) SELECT count(*) FROM gone",
    ],
}


def run(statement, *parameters):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def everything():
    return list(ChangeLogEntry.objects.order_by("pk").values()), list(
        ChangeLogPayload.objects.order_by("pk").values()
    )


@pytest.mark.parametrize("statement", REFUSED + REFUSED_BY_VENDOR[connection.vendor])
def test_raw_sql_is_refused_and_changes_nothing(plan, statement):
    before = everything()
    with pytest.raises(DatabaseError, match=r"append-only|erased"):
        run(statement)
    assert everything() == before


def test_a_payload_can_be_erased_and_the_rows_still_link_and_no_erasure_is_on_record(plan):
    run(f"UPDATE {PAYLOAD} SET salt = NULL, body = NULL")
    told = {b.reason for b in changelog.verify_chain(plan.change_chain())}
    assert told == {"it is erased, but no row records its erasure"}
    assert "names somebody" not in json.dumps(list(changelog.rows(plan.change_chain())))


def test_an_erased_payload_does_not_come_back(plan):
    run(f"UPDATE {PAYLOAD} SET salt = NULL, body = NULL")
    with pytest.raises(DatabaseError, match="erased"):
        run(f"UPDATE {PAYLOAD} SET salt = 'x', body = '{{}}'")


# ------------------------------------------------------------------ without them


@pytest.fixture
def unguarded(plan):
    """The plan, and nothing between us and its log; the test's own rollback puts the triggers back."""
    append_only.drop(connection)
    return plan


def entries(plan):
    return ChangeLogEntry.objects.filter(chain=plan.change_chain())


def delete_rows(rows):
    numbers = list(rows.values_list("pk", flat=True))
    run(f"DELETE FROM {PAYLOAD} WHERE entry_id IN ({','.join(map(str, numbers))})")
    run(f"DELETE FROM {ENTRY} WHERE id IN ({','.join(map(str, numbers))})")


def flip_header(plan):
    entries(plan).filter(sequence=5).update(event="approve")


def flip_time(plan):
    entries(plan).filter(sequence=5).update(at="2026-01-01T00:00:00.000000Z")


def flip_payload(plan):
    payload = ChangeLogPayload.objects.get(entry__in=entries(plan).filter(sequence=5))
    ChangeLogPayload.objects.filter(pk=payload.pk).update(body={**payload.body, "actor": "Somebody else"})


def flip_hash(plan):
    entries(plan).filter(sequence=5).update(hash="0" * 64)


def flip_payload_hash(plan):
    entries(plan).filter(sequence=5).update(payload_hash="0" * 64)


def delete_a_row(plan):
    delete_rows(entries(plan).filter(sequence=5))


def delete_a_payload(plan):
    run(f"DELETE FROM {PAYLOAD} WHERE entry_id = {entries(plan).get(sequence=5).pk}")


def swap_two_rows(plan):
    entries(plan).filter(sequence=5).update(sequence=1000)
    entries(plan).filter(sequence=6).update(sequence=5)
    entries(plan).filter(sequence=1000).update(sequence=6)


def cut_the_tail(plan):
    delete_rows(entries(plan).filter(sequence__gt=5))


def cut_the_tail_and_move_the_head(plan):
    cut_the_tail(plan)
    head = entries(plan).get(sequence=5).hash
    ChangeLogChain.objects.filter(pk=plan.change_chain()).update(sequence=5, head=head)


def lose_the_head(plan):
    ChangeLogChain.objects.filter(pk=plan.change_chain()).delete()


def empty_the_chain(plan):
    delete_rows(entries(plan))
    lose_the_head(plan)


def forge_a_row(plan):
    last = entries(plan).get(sequence=5)
    last.pk, last.sequence = None, entries(plan).count() + 1
    ChangeLogEntry.objects.bulk_create([last])
    ChangeLogPayload.objects.create(entry=last, salt="x", body={})


def move_a_state(plan):
    run("UPDATE plans_plan SET state = 'succeeded' WHERE id = %s", plan.pk)


def move_a_state_no_event_ever_touched(plan):
    run("UPDATE plans_task SET state = 'succeeded' WHERE plan_id = %s AND state = 'pending'", plan.pk)


def approve_behind_the_log(plan):
    run("UPDATE plans_approval SET state = 'approved' WHERE plan_id = %s", plan.pk)


def delete_an_object(plan):
    run("DELETE FROM plans_rungfiring")
    run("DELETE FROM plans_escalation WHERE plan_id = %s", plan.pk)


def move_a_state_and_its_event(plan):
    move_a_state(plan)
    last = entries(plan).filter(entity="plans.plan").latest("sequence")
    ChangeLogPayload.objects.filter(pk=last.pk).update(body={**last.payload.body, "to": "succeeded"})


def erase_payloads(plan):
    ChangeLogPayload.objects.filter(entry__in=entries(plan)).update(salt=None, body=None)


def rewrite_everything(plan):
    """Who may drop triggers can tell another story throughout; only an anchor kept elsewhere tells."""
    previous = changelog.GENESIS
    for entry in entries(plan).select_related("payload").order_by("sequence"):
        body = {**entry.payload.body, "actor": "Somebody else"}
        hashed = changelog.payload_hash(entry.payload.salt, body)
        header = {key: getattr(entry, key) for key in changelog.HEADER}
        told = {"payload_hash": hashed, "previous_hash": previous}
        previous = changelog.entry_hash(previous, header, hashed)
        ChangeLogEntry.objects.filter(pk=entry.pk).update(hash=previous, **told)
        ChangeLogPayload.objects.filter(pk=entry.pk).update(body=body)
    ChangeLogChain.objects.filter(pk=plan.change_chain()).update(head=previous)


CHAIN, STATES = "the chain", "the states"
TAMPERING = [
    (flip_header, {CHAIN}),
    (flip_time, {CHAIN}),
    (flip_payload, {CHAIN}),
    (flip_hash, {CHAIN}),
    (flip_payload_hash, {CHAIN}),
    (delete_a_row, {CHAIN}),
    (delete_a_payload, {CHAIN}),
    (swap_two_rows, {CHAIN}),
    (cut_the_tail, {CHAIN, STATES}),
    (cut_the_tail_and_move_the_head, {STATES}),
    (lose_the_head, {CHAIN}),
    (empty_the_chain, {STATES}),
    (forge_a_row, {CHAIN}),
    (move_a_state, {STATES}),
    (move_a_state_no_event_ever_touched, {STATES}),
    (approve_behind_the_log, {STATES}),
    (delete_an_object, {STATES}),
    (move_a_state_and_its_event, {CHAIN}),
    (erase_payloads, {CHAIN}),
    (rewrite_everything, set()),
]


@pytest.mark.parametrize(("tamper", "finders"), TAMPERING, ids=lambda value: getattr(value, "__name__", ""))
def test_which_check_finds_what_was_done_behind_the_log(unguarded, tamper, finders):
    tamper(unguarded)
    found = {
        CHAIN: changelog.verify_chain(unguarded.change_chain()),
        STATES: list(audit.unexplained_states()),
    }
    assert {name for name, breaks in found.items() if breaks} == finders


@pytest.mark.parametrize("tamper", [delete_a_payload, lose_the_head, empty_the_chain, cut_the_tail])
def test_the_command_answers_1(unguarded, tamper):
    tamper(unguarded)
    with pytest.raises(CommandError, match="NOT intact. First broken: ") as refused:
        call_command("verify_changelog")
    assert refused.value.returncode == 1


@pytest.mark.parametrize(("tamper", "row"), [(flip_payload, 5), (delete_a_row, 6), (cut_the_tail, 5)])
def test_the_first_break_names_its_row(unguarded, tamper, row):
    tamper(unguarded)
    first = changelog.verify_chain(unguarded.change_chain())[0]
    assert (first.chain, first.sequence) == (unguarded.change_chain(), row)


def test_an_untouched_database_is_intact(plan, capsys):
    call_command("verify_changelog", plan.plan_id)
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [f"{plan.plan_id}: nothing contradicts it.", "Proved:"]
    assert (
        "  6 objects have the values that the log recorded last: the rows, compared with the tables" in lines
    )
    left = [line.rpartition(": ")[2] for line in lines[lines.index("Not proved:") + 1 :]]
    assert left == [
        "leave out the plan, and everything is compared",
        standing.NEVER_COMPARED[1],
        "none was made since they were written",
        "no anchors that you kept were given (--anchors)",
        "there is none, so nobody signed these rows",
        "no key that you kept was given (--key)",
        "no key of a witness was given (--witness)",
    ]


@pytest.mark.parametrize("tamper", [move_a_state_no_event_ever_touched, delete_an_object])
def test_the_check_of_one_plan_sees_what_was_moved_in_it(unguarded, tamper):
    tamper(unguarded)
    with pytest.raises(CommandError, match="NOT intact"):
        call_command("verify_changelog", unguarded.plan_id)


def test_a_row_that_says_it_was_erased_must_be_empty(plan):
    rows = list(changelog.rows(plan.change_chain()))
    rows[4] |= {"erased": True, "actor": "Somebody else"}
    breaks, _, _ = changelog.verify_rows(rows, plan.change_chain())
    assert [b.sequence for b in breaks] == [5]
