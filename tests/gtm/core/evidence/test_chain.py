"""A chain row by row: what a row holds, who is told of it, and all the ways in which rows do not fit."""

import hashlib
from contextlib import nullcontext, suppress
from datetime import UTC, datetime

import pytest
from django.db import transaction

from gtm.core import events
from gtm.core.actors import COMMAND_LINE, Actor, acting_as
from gtm.core.clock import standing_at
from gtm.core.evidence import append_only, changelog
from gtm.core.evidence.changelog import GENESIS, Break, verify_chain, verify_rows
from gtm.core.models import ChangeLogChain, ChangeLogEntry, ChangeLogPayload
from programs.models import Role
from tests.factories import UserFactory

CHAIN = "installation"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def ada(db):
    user = UserFactory(username="ada")
    with standing_at(NOON), acting_as(Actor.of_user(user, COMMAND_LINE, request_id="r-1"), "Because.", "Bob"):
        yield user


@pytest.fixture
def role(ada):
    made = Role(slug="finance", name="Finance")
    made.save()
    return made


@pytest.fixture
def rows(role):
    """Three rows as a reader has them."""
    changelog.append(role, "counted", before=1, after={"b", "a"})
    changelog.append(role, "weighed", reason="It was time.")
    return list(changelog.rows(CHAIN))


# ------------------------------------------------------------------ a row


def test_a_row_says_who_did_what_to_what_for_whom_when_and_through_which_door(rows, role, ada):
    told = {
        "chain": CHAIN, "sequence": 2, "at": "2026-03-02T12:00:00.000000Z", "via": "command line",
        "request_id": "r-1", "entity": "programs.role", "entity_id": str(role.pk), "event": "counted",
        "actor": "ada", "actor_id": ada.pk, "on_behalf_of": "Bob", "object": "role Finance", "field": "",
        "from": 1, "to": ["a", "b"], "reason": "Because.", "erased": False,
    }  # fmt: skip
    assert {key: rows[1][key] for key in told} == told
    assert set(rows[1]) - set(told) == {"salt", "payload_hash", "previous_hash", "hash"}
    assert [row["reason"] for row in rows] == ["Because.", "Because.", "It was time."]


def test_each_row_is_salted_hashed_and_linked_as_the_manual_for_auditors_says(rows):
    assert [row["previous_hash"] for row in rows] == ["0" * 64, rows[0]["hash"], rows[1]["hash"]]
    assert [len(row["salt"]) for row in rows] == [32, 32, 32]
    assert len({row["salt"] for row in rows}) == 3
    row = rows[1]
    header = (
        '{"at":"2026-03-02T12:00:00.000000Z","chain":"installation","entity":"programs.role",'
        f'"entity_id":"{row["entity_id"]}","event":"counted","request_id":"r-1","sequence":2,'
        '"via":"command line"}'
    )
    body = (
        f'{{"actor":"ada","actor_id":{row["actor_id"]},"field":"","from":1,"object":"role Finance",'
        '"on_behalf_of":"Bob","reason":"Because.","to":["a","b"]}'
    )
    payload = hashlib.sha256((row["salt"] + body).encode()).hexdigest()
    assert row["payload_hash"] == payload
    assert row["hash"] == hashlib.sha256((rows[0]["hash"] + header + payload).encode()).hexdigest()


def test_an_erased_row_shows_that_it_was_and_the_chain_holds(rows):
    erased = ChangeLogPayload.objects.filter(entry__chain=CHAIN, entry__sequence=2)
    erased.update(salt=None, body=None)
    row = list(changelog.rows(CHAIN))[1]
    shown = {"erased": True, "salt": None, "hash": rows[1]["hash"], **dict.fromkeys(changelog.PAYLOAD)}
    assert {key: row[key] for key in shown} == shown
    assert verify_chain(CHAIN) == [Break(CHAIN, 2, "it is erased, but no row records its erasure")]
    head = ChangeLogChain.objects.get(name=CHAIN)
    changelog.append(head, changelog.ERASED, field="payload", before=[2], after={})
    assert verify_chain(CHAIN) == []
    changelog.append(head, changelog.ERASED, field="payload", before=None, after={})
    assert verify_chain(CHAIN) == []


def test_who_appends_gets_the_row(role):
    assert changelog.append(role, "counted").hash == list(changelog.rows(CHAIN))[-1]["hash"]


def test_the_head_of_a_chain_is_its_last_row(rows):
    chain = ChangeLogChain.objects.get(name=CHAIN)
    assert (chain.sequence, chain.head, chain.grown_at) == (3, rows[2]["hash"], NOON)


@pytest.mark.parametrize("block", [nullcontext, lambda: changelog.holding(CHAIN)], ids=["alone", "held"])
def test_who_listens_is_told_of_each_row_inside_the_transaction(ada, monkeypatch, block):
    heard = []
    monkeypatch.setattr(events, "_subscribers", {events.Recorded: [heard.append]})
    role = Role(slug="finance", name="Finance")
    with block():
        role.save()
        changelog.append(role, "counted", field="number")
        assert [(e.obj, e.event, e.field, e.chain, e.sequence) for e in heard] == [
            (role, "created", "", CHAIN, 1),
            (role, "counted", "number", CHAIN, 2),
        ]


def test_rows_told_together_are_written_together_and_chained_one_by_one(role, django_assert_num_queries):
    with transaction.atomic(), django_assert_num_queries(6), changelog.holding(CHAIN):
        for number in range(20):  # savepoint, lock, rows, what they say, head, release
            told = changelog.append(role, "counted", after=number)
    assert told.sequence == ChangeLogChain.objects.get(name=CHAIN).sequence == 21
    assert [row["to"] for row in changelog.rows(CHAIN)][1:] == list(range(20))
    assert verify_chain(CHAIN) == []


def test_what_a_savepoint_undoes_is_not_written_and_leaves_no_gap(role):
    with changelog.holding(CHAIN):
        changelog.append(role, "counted")
        with suppress(ValueError), transaction.atomic():
            changelog.append(role, "undone")
            with changelog.holding(CHAIN):
                changelog.append(role, "undone, too")
            raise ValueError
        with suppress(ValueError), changelog.holding(CHAIN, savepoint=True):
            changelog.append(role, "undone as well")
            raise ValueError
        assert changelog.append(role, "weighed").sequence == 3
    assert [row["event"] for row in changelog.rows(CHAIN)] == ["created", "counted", "weighed"]
    assert verify_chain(CHAIN) == []


def test_a_block_that_fails_writes_nothing_and_the_next_begins_anew(role):
    with suppress(ValueError), changelog.holding(CHAIN):
        changelog.append(role, "undone")
        raise ValueError
    changelog.append(role, "counted")
    assert [row["event"] for row in changelog.rows(CHAIN)] == ["created", "counted"]
    assert verify_chain(CHAIN) == []


def test_an_event_is_announced_once_a_transaction_and_again_after_a_savepoint_that_was_undone(
    db, monkeypatch, django_capture_on_commit_callbacks
):
    heard = []
    monkeypatch.setattr(events, "_subscribers", {events.TaskReady: [heard.append]})
    with django_capture_on_commit_callbacks(execute=True):
        with suppress(ValueError), transaction.atomic():
            events.publish_on_commit(events.TaskReady(1))
            raise ValueError
        for task in (1, 2, 1):
            events.publish_on_commit(events.TaskReady(task))
    assert heard == [events.TaskReady(1), events.TaskReady(2)]


def test_outside_a_transaction_nothing_is_written(role, monkeypatch):
    before = ChangeLogEntry.objects.count()
    with monkeypatch.context() as patch:
        patch.setattr(transaction.get_connection(), "in_atomic_block", False)
        with pytest.raises(RuntimeError, match="in the transaction of the change"):
            changelog.append(role, "counted")
    assert ChangeLogEntry.objects.count() == before


def test_a_chain_begins_empty_and_is_the_same_row_to_all(db):
    with transaction.atomic():
        first, again = changelog.lock_chain("plan-1"), changelog.lock_chain("plan-1")
    assert (first, first.sequence, first.head) == (again, 0, GENESIS)


# ------------------------------------------------------------------ rows that do not fit together


def test_rows_that_fit_have_no_break_a_head_and_a_length(rows):
    assert verify_rows(rows, CHAIN) == ([], rows[2]["hash"], 3)
    assert verify_rows([], CHAIN) == ([], GENESIS, 0)


CONTENT = "its content differs from what was hashed"
HEADER = "its header differs from what was hashed"
LINK = "it does not link to the row before it"
STILL = "it is marked as erased, but still has content"


@pytest.mark.parametrize(
    ("altered", "found"),
    [
        ({"reason": "Another."}, [(2, CONTENT)]),
        ({"actor": "Eve"}, [(2, CONTENT)]),
        ({"salt": "0"}, [(2, CONTENT)]),
        ({"event": "approve"}, [(2, HEADER)]),
        ({"at": "2026-03-02T11:00:00.000000Z"}, [(2, HEADER)]),
        ({"payload_hash": "0"}, [(2, CONTENT), (2, HEADER)]),
        ({"previous_hash": "0"}, [(2, LINK), (2, HEADER)]),
        ({"hash": "0"}, [(2, HEADER), (3, LINK)]),
        ({"chain": "plan-1"}, [(2, "the row belongs to chain plan-1"), (2, HEADER)]),
        ({"sequence": 5}, [(5, "row 2 should be here, but row 5 is"), (5, HEADER),
                           (3, "row 6 should be here, but row 3 is")]),
        ({"erased": True}, [(2, STILL)]),
        ({"erased": True, "salt": None}, [(2, STILL)]),
        (dict.fromkeys(changelog.PAYLOAD) | {"erased": True}, [(2, STILL)]),
        (dict.fromkeys(changelog.PAYLOAD) | {"erased": True, "salt": None}, []),
    ],
)  # fmt: skip
def test_each_way_in_which_a_row_does_not_fit_is_told_with_its_number(rows, altered, found):
    rows[1] |= altered
    breaks, head, length = verify_rows(rows, CHAIN)
    assert breaks == [Break(CHAIN, number, reason) for number, reason in found]
    assert (head, length) == (rows[2]["hash"], 3)


@pytest.mark.parametrize("unreadable", [None, {}, {"sequence": "two"}, []])
def test_what_cannot_be_read_is_one_break_and_the_rows_after_it_are_checked(rows, unreadable):
    breaks, head, length = verify_rows([rows[0], unreadable, rows[2]], CHAIN)
    assert [(b.sequence, b.reason[:22]) for b in breaks] == [(2, "the row cannot be read"), (3, LINK[:22])]
    assert (head, length) == (rows[2]["hash"], 3)


# ------------------------------------------------------------------ a chain of the database


@pytest.mark.parametrize(
    ("stored", "found"),
    [
        ({}, []),
        ({"sequence": 4}, ["the chain holds 3 rows, but its head says 4"]),
        ({"head": GENESIS}, ["the last row is not the one that the head names"]),
    ],
)
def test_the_stored_head_is_compared_with_the_last_row(rows, stored, found):
    ChangeLogChain.objects.filter(name=CHAIN).update(name=CHAIN, **stored)
    assert verify_chain(CHAIN) == [Break(CHAIN, 3, reason) for reason in found]


def test_rows_without_a_head_are_a_break_and_a_chain_that_never_was_is_none(rows):
    ChangeLogChain.objects.filter(name=CHAIN).delete()
    assert verify_chain(CHAIN) == [Break(CHAIN, 3, "its head is missing")]
    assert (changelog.chains(), verify_chain("plan-1")) == ([CHAIN], [])


def test_chains_are_those_with_a_head_and_those_with_rows_each_once(rows):
    ChangeLogChain.objects.create(name="empty", head=GENESIS)
    assert changelog.chains() == ["empty", CHAIN]


def test_a_row_whose_payload_is_gone_shows_nothing_and_does_not_pass_for_erased(rows):
    gone = ChangeLogEntry.objects.get(chain=CHAIN, sequence=2)
    append_only.drop(transaction.get_connection())
    ChangeLogPayload.objects.filter(entry=gone).delete()
    row = changelog.row_of(ChangeLogEntry.objects.get(pk=gone.pk))
    assert (row["salt"], row["erased"], row["actor"]) == ("", False, None)
    assert [b.sequence for b in verify_chain(CHAIN)] == [2]


# ------------------------------------------------------------------ erasures, and what only looks like one


def blank(*numbers):
    ChangeLogPayload.objects.filter(entry__chain=CHAIN, entry__sequence__in=numbers).update(
        salt=None, body=None
    )


def test_only_the_row_of_an_erasure_names_erased_rows(rows, role):
    blank(2)
    missing = Break(CHAIN, 2, "it is erased, but no row records its erasure")
    changelog.append(role, changelog.ERASED, before=[2], after={})
    changelog.append(ChangeLogChain.objects.get(name=CHAIN), "counted", before=[2], after={})
    assert verify_chain(CHAIN) == [missing]
    head = ChangeLogChain.objects.get(name=CHAIN)
    changelog.append(head, changelog.ERASED, before=[2, 3], after={})
    number = head.sequence + 1
    assert verify_chain(CHAIN) == [Break(CHAIN, 3, f"row {number} says it was erased, and it is not")]


def test_the_row_of_an_erasure_keeps_states_says_who_why_and_when_and_no_other_row_does(rows, role):
    head = ChangeLogChain.objects.get(name=CHAIN)
    changelog.append(role, "counted", before=[1], after={"1": "active"})
    assert changelog.states_kept(changelog.rows(CHAIN)) == {}
    assert [*changelog.erased_on_record(changelog.rows(CHAIN))] == []
    blank(2, 3)
    after = {"2": "active", "3": {"field": "x"}}
    head.refresh_from_db()
    number = changelog.append(head, changelog.ERASED, before=[2, 3], after=after, reason="Asked.").sequence
    changelog.append(head, changelog.ERASED, before=[], after=None, reason="Nothing.")
    assert changelog.states_kept(changelog.rows(CHAIN)) == {2: "active"}
    said = [*changelog.erased_on_record(changelog.rows(CHAIN))]
    assert said[0] == (
        "what rows 2, 3 of the change log said",
        f"ada erased them on 2026-03-02 (row {number}): Asked.",
    )


def test_a_seal_that_was_erased_is_told(rows, role):
    number = changelog.append(role, changelog.SEALED).sequence
    blank(number)
    changelog.append(ChangeLogChain.objects.get(name=CHAIN), changelog.ERASED, before=[number], after={})
    told = "it is a seal or an erasure, which nobody may erase"
    assert verify_chain(CHAIN) == [Break(CHAIN, number, told)]


def test_a_row_that_is_committed_without_having_been_written_is_an_error_in_our_log(
    role, monkeypatch, caplog, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True), changelog.holding(CHAIN):
        changelog.append(role, "counted")
    assert caplog.messages == []
    monkeypatch.setattr(changelog._HeldChain, "write", lambda self: None)
    with django_capture_on_commit_callbacks(execute=True), changelog.holding(CHAIN):
        changelog.append(role, "counted")
    assert caplog.messages == [f"row 3 of {CHAIN} was not written"]


def test_how_long_a_held_chain_was(role):
    assert changelog.length_of_held(CHAIN) is None
    with changelog.holding(CHAIN):
        changelog.append(role, "counted")
        assert changelog.length_of_held(CHAIN) == 1


def test_what_is_no_row_passes_by_whoever_looks_for_erasures():
    assert [*changelog.Erasures().watch([None, []])] == [None, []]
