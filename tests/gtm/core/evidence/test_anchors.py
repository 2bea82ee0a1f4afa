"""Tampering by SQL with the triggers dropped: what the chain finds, and what only an anchor finds."""

import json
import os
import secrets
import stat
from datetime import UTC, datetime
from unittest.mock import Mock

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import connection

from gtm.core import events
from gtm.core.actors import Actor, acting_as
from gtm.core.clock import standing_at
from gtm.core.errors import Forbidden
from gtm.core.evidence import anchors, append_only, changelog, checkpoints, keys
from gtm.core.evidence.changelog import Break
from gtm.core.models import (
    Anchor,
    AnchorCopy,
    ChangeLogChain,
    ChangeLogEntry,
    ChangeLogPayload,
    RecordedHead,
    TreeNode,
)
from gtm.core.places import messages
from programs.models import Role

pytestmark = pytest.mark.django_db


@pytest.fixture
def rows():
    """Six rows in the installation's chain, written the regular way."""
    with acting_as(Actor.system("Test")):
        for name in ("a", "b", "c"):
            Role(slug=name, name=name).save()
        for role in Role.objects.order_by("slug"):
            role.description = "changed"
            role.save()


@pytest.fixture
def without_triggers():
    append_only.drop(connection)
    yield
    append_only.create(connection)


def sql(statement, *values):
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def write_anew(text):
    """Write the whole chain anew with valid hashes, as an administrator of the database could."""
    previous = changelog.GENESIS
    for entry in ChangeLogEntry.objects.filter(chain="installation").order_by("sequence"):
        body = {**entry.payload.body, "reason": text}
        salt = secrets.token_hex(16)
        hashed = changelog.payload_hash(salt, body)
        header = {key: getattr(entry, key) for key in changelog.HEADER}
        link = changelog.entry_hash(previous, header, hashed)
        ChangeLogPayload.objects.filter(pk=entry.pk).update(salt=salt, body=body)
        ChangeLogEntry.objects.filter(pk=entry.pk).update(
            payload_hash=hashed, previous_hash=previous, hash=link
        )
        previous = link
    ChangeLogChain.objects.filter(name="installation").update(head=previous)


def cut_tail(keep):
    """Remove the rows after ``keep`` and set the head to what is left."""
    sql("DELETE FROM core_changelogpayload WHERE entry_id IN (SELECT id FROM core_changelogentry "
        "WHERE chain = 'installation' AND sequence > %s)", keep)  # fmt: skip
    sql("DELETE FROM core_changelogentry WHERE chain = 'installation' AND sequence > %s", keep)
    last = ChangeLogEntry.objects.get(chain="installation", sequence=keep)
    ChangeLogChain.objects.filter(name="installation").update(sequence=keep, head=last.hash)


def remove_anchors():
    for model in (AnchorCopy, RecordedHead, TreeNode, Anchor):
        model.objects.all()._raw_delete("default")


def flip_a_byte():
    sql("UPDATE core_changelogentry SET event = 'creates' WHERE chain = 'installation' AND sequence = 2")


def delete_a_row():
    sql("DELETE FROM core_changelogpayload WHERE entry_id IN "
        "(SELECT id FROM core_changelogentry WHERE chain = 'installation' AND sequence = 3)")  # fmt: skip
    sql("DELETE FROM core_changelogentry WHERE chain = 'installation' AND sequence = 3")


def swap_two_rows():
    for old, new in ((2, 99), (4, 2), (99, 4)):
        sql(
            "UPDATE core_changelogentry SET sequence = %s WHERE chain = 'installation' AND sequence = %s",
            new,
            old,
        )


@pytest.mark.parametrize(
    ("tamper", "by_chain", "by_anchor"),
    [
        (lambda: None, False, False),
        (flip_a_byte, True, False),
        (delete_a_row, True, False),
        (swap_two_rows, True, False),
        (lambda: cut_tail(4), False, True),
        (lambda: write_anew("nothing happened"), False, True),
    ],
    ids=["untouched", "flipped byte", "deleted row", "swapped rows", "cut tail", "full rewrite"],
)
def test_which_tampering_is_found_by_the_chain_and_which_by_the_anchor(
    rows, without_triggers, tamper, by_chain, by_anchor
):
    anchors.anchor()
    tamper()
    found = (bool(changelog.verify_chain("installation")), bool(anchors.verify(anchors.stored())))
    assert found == (by_chain, by_anchor)


@pytest.mark.parametrize(
    ("tamper", "sentence"),
    [
        (
            lambda: cut_tail(4),
            ("installation row 6: anchor 1 covers this row, but the row is gone: the tail was cut"),
        ),
        (
            lambda: write_anew("x"),
            "installation row 6: anchor 1 covers another row here: the chain was rewritten",
        ),
    ],
    ids=["cut tail", "full rewrite"],
)
def test_verify_changelog_names_what_the_anchor_found(rows, without_triggers, tamper, sentence):
    anchors.anchor()
    tamper()
    with pytest.raises(CommandError, match="NOT intact") as refused:
        call_command("verify_changelog")
    assert sentence in str(refused.value)


def test_anchors_removed_from_the_database_are_found_by_the_file(rows, without_triggers):
    anchors.anchor()
    remove_anchors()
    with pytest.raises(CommandError, match="in the copy kept elsewhere, but not in the database"):
        call_command("verify_changelog")


def test_with_database_and_file_rewritten_the_auditors_mail_still_finds_it(
    rows, without_triggers, settings, tmp_path
):
    settings.GTM_AUDITORS = ["audit@example.com"]
    anchors.anchor()
    name, content, _ = mail.outbox[0].attachments[0]
    write_anew("a better story")
    remove_anchors()
    anchors.file_path().unlink()
    settings.GTM_AUDITORS = []
    anchors.anchor()
    append_only.create(connection)  # whoever did all this puts them back
    call_command("verify_changelog")
    kept = tmp_path / name
    kept.write_text(content if isinstance(content, str) else content.decode())
    with pytest.raises(CommandError, match="the chain was rewritten"):
        call_command("verify_changelog", anchors=str(kept))


def test_an_anchor_names_only_what_grew_and_follows_the_one_before(rows):
    first, second = anchors.anchor(), anchors.anchor()
    with acting_as(Actor.system("Test")):
        Role(slug="d", name="d").save()
    third = anchors.anchor()
    assert [sorted(a.heads) for a in (first, second, third)] == [["installation"], [], ["installation"]]
    assert [a.previous for a in (first, second, third)] == [changelog.GENESIS, first.root, second.root]
    assert third.heads["installation"]["sequence"] == 7


def test_a_root_is_the_digest_of_everything_beside_it(rows):
    record = anchors.record_of(anchors.anchor())
    for key, other in (("number", 9), ("at", "x"), ("previous", "0"), ("heads", {})):
        assert anchors.root_of({**record, key: other}) != record["root"]
    assert anchors.root_of(record) == record["root"]


def test_the_file_grows_by_a_line_an_anchor_and_says_what_the_database_says(rows):
    made = [anchors.anchor(), anchors.anchor()]
    lines = [json.loads(line) for line in anchors.file_path().read_text().splitlines()]
    assert lines == [anchors.record_of(one) for one in made]
    assert anchors.read_file(anchors.file_path()) == lines


def test_a_place_that_cannot_be_reached_is_shown_and_tried_again(rows, settings, tmp_path):
    blocked = tmp_path / "not-a-folder"
    blocked.write_text("")
    settings.GTM_ANCHORS_DIR = blocked
    made = anchors.anchor()
    copy = made.copies.get(place="file")
    assert (copy.attempts, copy.delivered_at, copy.error) == (
        1, None, "The file cannot be written (File exists).",
    )  # fmt: skip
    settings.GTM_ANCHORS_DIR = tmp_path / "anchors"
    assert [anchors.deliver(), anchors.deliver()] == [1, 0]
    copy.refresh_from_db()
    assert (copy.attempts, copy.error, copy.delivered_at is None) == (2, "", False)


def test_the_command_says_what_has_not_arrived(rows, settings):
    settings.GTM_AUDITORS = ["channel:nowhere"]
    with pytest.raises(CommandError, match="not everywhere"):
        call_command("anchor_changelog")


def test_a_file_that_holds_no_anchors_is_refused_by_name(tmp_path):
    kept = tmp_path / "kept.jsonl"
    kept.write_text("[]\n")
    with pytest.raises(CommandError, match="line 1 of .*kept.jsonl is not an anchor"):
        call_command("verify_changelog", anchors=str(kept))


def test_an_anchor_is_neither_changed_nor_deleted(rows):
    made = anchors.anchor()
    with pytest.raises(Forbidden):
        made.save()
    with pytest.raises(Forbidden):
        made.delete()


def test_an_anchor_in_between_goes_to_the_file_and_the_auditors_wait_for_the_daily_one(rows, settings):
    settings.GTM_AUDITORS = ["audit@example.com"]
    places = [
        list(made.copies.values_list("place", flat=True))
        for made in (anchors.anchor(tell_auditors=False), anchors.anchor())
    ]
    assert places == [["file"], ["file", "mail:audit@example.com"]]
    assert [message.to for message in mail.outbox] == [["audit@example.com"]]


def test_a_chain_that_grew_long_after_its_last_anchor_is_anchored_again(rows):
    with standing_at(datetime(2030, 1, 1, tzinfo=UTC)), acting_as(Actor.system("Test")):
        anchors.anchor()
    with standing_at(datetime(2030, 3, 1, tzinfo=UTC)), acting_as(Actor.system("Test")):
        quiet = anchors.anchor()
        Role(slug="d", name="d").save()
        grown = anchors.anchor()
    assert (quiet.heads, grown.heads["installation"]["sequence"]) == ({}, 7)


# ------------------------------------------------------------------ anchors that were altered themselves


def test_an_anchor_whose_content_was_changed_no_longer_stands_for_its_root(rows):
    record = anchors.record_of(anchors.anchor())
    altered = record | {"heads": {"installation": {"sequence": 1, "hash": "0"}}}
    assert anchors.verify([altered]) == [Break("anchors", 1, "its content differs from its root")]
    assert anchors.verify([record]) == []


def test_anchors_are_held_against_all_chains_or_one(rows, without_triggers):
    record = anchors.record_of(anchors.anchor())
    cut_tail(4)
    found = [anchors.verify([record], chain=chain) for chain in (None, "installation", "plan-1")]
    assert [[b.sequence for b in breaks] for breaks in found] == [[6], [6], []]


def resealed(record, **changed):
    return (record | changed) | {"root": anchors.root_of(record | changed)}


def test_an_anchor_that_differs_from_its_copy_is_told(rows):
    record = anchors.record_of(anchors.anchor())
    other = resealed(record, at="2026-01-01T00:00:00.000000Z")
    assert anchors.compare([record]) == []
    assert anchors.compare([other]) == [Break("anchors", 1, "it differs from the copy kept elsewhere")]


@pytest.mark.parametrize(
    ("of", "changed", "broken"),
    [
        (2, {"previous": "0" * 64}, [2]),
        (2, {"root": "0" * 64}, [3]),
        (3, {"number": 4}, [4]),
        (1, {"number": 9}, [2, 3, 9]),
        (3, {}, []),
    ],
)
def test_an_anchor_that_does_not_follow_the_one_before_is_told(rows, without_triggers, of, changed, broken):
    for _ in range(3):
        anchors.anchor()
    Anchor.objects.filter(number=of).update(**({"number": of} | changed))
    assert anchors.compare([]) == [
        Break("anchors", number, "it does not follow the anchor before it") for number in broken
    ]


# ------------------------------------------------------------------ who is told of anchors, and where they go


def test_anchors_are_found_by_their_time_and_by_a_chain(rows):
    made = []
    for day in (1, 2, 3):
        with standing_at(datetime(2030, 1, day, tzinfo=UTC)), acting_as(Actor.system("Test")):
            Role(slug=f"day-{day}", name=f"day {day}").save()
            ChangeLogChain.objects.create(name=f"chain-{day}", sequence=1, head="0")
            made.append(anchors.anchor())
    second = datetime(2030, 1, 2, tzinfo=UTC)
    since = [(number, sorted(chains)) for number, chains in anchors.since(second)]
    assert since == [(2, ["chain-2", "installation"]), (3, ["chain-3", "installation"])]
    assert list(anchors.of_chain("installation", since=second)) == made[1:]
    assert list(anchors.of_chain("chain-1", since=second)) == []


def test_who_derives_from_anchors_is_told_after_the_commit(
    rows, monkeypatch, django_capture_on_commit_callbacks
):
    heard = []
    monkeypatch.setattr(events, "_subscribers", {events.Anchored: [heard.append]})
    with django_capture_on_commit_callbacks(execute=True):
        anchors.anchor()
        assert heard == []
    assert heard == [events.Anchored(1, ("installation",))]


def test_the_file_is_made_where_it_should_lie_and_others_do_not_read_it(rows, settings, tmp_path):
    settings.GTM_ANCHORS_DIR = tmp_path / "other" / "storage"
    anchors.anchor()
    assert stat.S_IMODE(anchors.file_path().stat().st_mode) == 0o640


def test_the_mail_is_known_by_the_root_and_carries_the_line_of_the_file(rows, settings):
    settings.GTM_AUDITORS = ["audit@example.com"]
    made = anchors.anchor()
    (message,) = mail.outbox
    assert f"anchor-1-{made.root[:16]}" in message.extra_headers["Message-ID"]
    assert f"anchor-1-{made.root[:17]}" not in message.extra_headers["Message-ID"]
    name, content, _ = message.attachments[0]
    assert (name, content) == ("anchor-1.jsonl", anchors.file_path().read_bytes())


def test_why_a_message_did_not_arrive_is_kept_as_far_as_it_fits(rows, settings, monkeypatch):
    settings.GTM_AUDITORS = ["audit@example.com"]
    refused = Mock(side_effect=messages.NotDelivered("No. " * 100))
    monkeypatch.setattr(messages, "send_mail", refused)
    copy = anchors.anchor().copies.get(place="mail:audit@example.com")
    assert (copy.attempts, copy.delivered_at, copy.error) == (1, None, ("No. " * 100)[:240])


def test_a_copy_that_was_tried_for_a_week_is_left(rows, settings):
    settings.GTM_AUDITORS = ["channel:nowhere"]
    copies = anchors.anchor().copies.filter(place="channel:nowhere")
    tried = []
    for attempts in (999, 1000):
        copies.update(attempts=attempts)
        anchors.deliver()
        tried.append(copies.get().attempts - attempts)
    assert tried == [1, 0]


def test_whether_the_newest_row_of_a_chain_is_held(rows):
    assert [anchors.holds_head(chain) for chain in ("installation", "never-written")] == [False, True]
    anchors.anchor()
    assert anchors.holds_head("installation") is True
    with acting_as(Actor.system("Test")):
        Role(slug="d", name="d").save()
    assert anchors.holds_head("installation") is False


@pytest.mark.parametrize("has_key", [True, False])
def test_the_mail_carries_the_checkpoint_where_a_key_signed_one(rows, settings, has_key):
    settings.GTM_AUDITORS = ["audit@example.com"]
    with acting_as(Actor.system("Test")):
        if has_key:
            keys.make("example.com/gtm")
        made = anchors.anchor()
    (message,) = mail.outbox
    assert ("that the key of this installation signed with it" in message.body) is has_key
    assert (checkpoints.note_of(made.number) or "none") in (message.body if has_key else "none")


def test_the_file_is_closed_again(rows):
    def next_handle():
        handle = os.open(os.devnull, os.O_RDONLY)
        os.close(handle)
        return handle

    anchors.anchor()
    before = next_handle()
    anchors.anchor()
    assert next_handle() == before


def test_a_row_that_no_anchor_holds_is_told_once_one_was_made_a_day_after_it(db):
    told = "no anchor holds this row, though some were made long after it"
    assert anchors.left_out(["installation"]) == []  # nobody has made one yet
    with acting_as(Actor.system("Test")):
        with standing_at(datetime(2030, 1, 1, tzinfo=UTC)):
            anchors.anchor()
            Role(slug="d", name="d").save()
            chain = ChangeLogChain.objects.filter(name="installation")
            chain.update(grown_at=datetime(2000, 1, 1, tzinfo=UTC))
        for hour, expected in ((0, []), (1, [Break("installation", 1, told)])):
            with standing_at(datetime(2030, 1, 2, hour, tzinfo=UTC)):
                assert anchors.anchor().heads == {}
            assert anchors.left_out(["installation"]) == expected
        assert anchors.left_out(["plan-1"]) == []
        Anchor.objects.filter(number=3).update(root="0")  # told elsewhere; the others are of the same day
        assert anchors.left_out(["installation"]) == []
        chain.update(grown_at=datetime(2030, 1, 4, tzinfo=UTC))
        with standing_at(datetime(2030, 1, 4, tzinfo=UTC)):
            assert "installation" in anchors.anchor().heads
        assert anchors.left_out(["installation"]) == []
