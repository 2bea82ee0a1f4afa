"""Written past the log, by SQL: each case is found by the check named here, with every trigger in place."""

import hashlib
import json

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import connection

from gtm.core.actors import Actor, acting_as
from gtm.core.evidence import anchors, append_only, keys
from gtm.core.models import ChangeLogPayload
from plans.export import files, standing, verify
from plans.export.verify import Kept
from programs.models import Person
from tests.factories import PersonFactory, UserFactory, make_plan

pytestmark = pytest.mark.django_db


@pytest.fixture
def decided(finished):
    """A plan with outputs and votes."""
    return finished


def sql(statement, *values):
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def another_person(plan):
    sql("UPDATE plans_decision SET person_id = (SELECT MAX(id) FROM programs_person)")


def a_higher_limit(plan):
    sql("UPDATE programs_approver SET limit_amount = 99999999")


def other_inputs(plan):
    sql("UPDATE plans_plan SET inputs = %s WHERE id = %s", json.dumps(plan.inputs | {"tiers": 5}), plan.pk)


def another_amount(plan):
    sql("UPDATE plans_plan SET amount = 5000000 WHERE id = %s", plan.pk)


def another_output(plan):
    sql(
        "UPDATE plans_task SET output = %s WHERE plan_id = %s AND output IS NOT NULL", '{"found": 1}', plan.pk
    )


def blank_payloads(plan):
    ChangeLogPayload.objects.filter(entry__chain=plan.change_chain()).update(salt=None, body=None)


def drop_triggers(plan):
    append_only.drop(connection)


def copied(table, where, **other):
    """Another row like one that is there."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table} WHERE {where} ORDER BY id LIMIT 1")  # noqa: S608
        row = dict(zip([column[0] for column in cursor.description], cursor.fetchone(), strict=True))
    row = {name: value for name, value in (row | other).items() if name != "id"}
    sql(
        f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join(['%s'] * len(row))})",  # noqa: S608
        *(json.dumps(value) if isinstance(value, dict | list) else value for value in row.values()),
    )


def a_vote_that_nobody_cast(plan):
    copied("plans_decision", "kind = 'approve'", person_id=Person.objects.latest("pk").pk)


def a_seat_that_nobody_gave(plan):
    with acting_as(Actor.system("Test")):
        somebody = PersonFactory()
    copied("programs_approver", "TRUE", person_id=somebody.pk)


def an_output_that_nobody_made(plan):
    copied("plans_artifact", "TRUE", key="never-made")


def a_vote_taken_away(plan):
    sql("DELETE FROM plans_decision WHERE kind = 'approve'")


def a_seat_taken_away(plan):
    sql("DELETE FROM programs_approver WHERE id = (SELECT MIN(id) FROM programs_approver)")


def an_account_given_to_somebody(plan):
    account = get_user_model().objects.filter(people=None).first() or UserFactory()
    sql(
        "INSERT INTO programs_person_accounts (person_id, user_id) VALUES (%s, %s)",
        Person.objects.earliest("pk").pk,
        account.pk,
    )


def an_account_taken_from_somebody(plan):
    sql("DELETE FROM programs_person_accounts")


def test_only_anchors_that_have_a_row_of_the_plan_count_as_having_seen_it(decided, settings):
    def said():
        names = [decided.change_chain()]
        proof = standing.prove(names, decided.plan_id, Kept(), anchors.read_file(anchors.file_path()))
        assert proof.findings == []
        return [claim.what for claim in proof.proved + proof.not_proved if "anchors" in claim.what]

    with acting_as(Actor.system("Test")):
        first, _ = anchors.anchor(), anchors.deliver()
        before = said()
        make_plan()
        later, _ = anchors.anchor(), anchors.deliver()
    assert decided.change_chain() in first.heads and decided.change_chain() not in later.heads
    assert said() == before
    assert [what.partition(" ")[0] for what in before[:2]] == ["1", "1"]


OF_NOTE = "its size and root are not those that its note says"


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("UPDATE core_anchor SET at = '2020'", "its content differs from its root"),
        ("UPDATE core_checkpoint SET size = size + 1", OF_NOTE),
        ("UPDATE core_checkpoint SET root = 'ab'", OF_NOTE),
    ],
)
def test_what_stands_beside_an_anchor_or_a_note_is_compared_with_it(decided, change, found):
    with acting_as(Actor.system("Test")):
        keys.make("example.com/gtm")
        anchors.anchor()
    sql(change)
    with pytest.raises(CommandError, match=found):
        call_command("verify_changelog")


def test_where_no_checkpoint_is_there_it_is_said(decided):
    what = "checkpoints have rows of these chains"
    with acting_as(Actor.system("Test")):
        keys.make("example.com/gtm")
        anchors.anchor()
    names = [decided.change_chain()]
    assert what in [claim.what for claim in standing.prove(names, decided.plan_id, Kept(), []).proved]
    sql("DELETE FROM core_checkpoint")
    assert what in [claim.what for claim in standing.prove(names, decided.plan_id, Kept(), []).not_proved]


VALUES, ROWS, TRIGGERS = (
    "its .* is not what this row recorded last",
    "no row records its erasure",
    "the trigger ",
)
CASES = {
    another_person: VALUES,
    a_higher_limit: VALUES,
    other_inputs: VALUES,
    another_amount: VALUES,
    another_output: VALUES,
    blank_payloads: ROWS,
    drop_triggers: TRIGGERS,
    a_vote_that_nobody_cast: "plans.decision [0-9]+ is there, but no row records that it was made",
    a_seat_that_nobody_gave: "programs.approver [0-9]+ is there, but no row records that it was made",
    an_output_that_nobody_made: "plans.artifact [0-9]+ is there, but no row records that it was made",
    a_vote_taken_away: "plans.decision [0-9]+ is gone, but no event records this",
    a_seat_taken_away: "programs.approver [0-9]+ is gone, but no event records this",
    an_account_given_to_somebody: "programs.person [0-9]+: it has the accounts [0-9]+, and this is not",
    an_account_taken_from_somebody: "programs.person [0-9]+: it has not the accounts [0-9]+, and this is not",
}


@pytest.mark.parametrize(("forge", "found"), CASES.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_what_was_done_past_the_log_is_found_and_both_lists_say_by_what(decided, forge, found):
    forge(decided)
    with pytest.raises(CommandError, match=found) as refused:
        call_command("verify_changelog")
    assert refused.value.returncode == 1
    assert {"Proved:", "Not proved:"} <= set(str(refused.value).splitlines())
    assert "it is contradicted, see above" in str(refused.value)


def test_an_untouched_plan_says_what_proves_it_and_what_was_not_given(decided, capsys):
    files.write(decided)
    call_command("verify_changelog", decided.plan_id)
    said = capsys.readouterr().out
    assert "  the database refuses changes of rows now: its triggers" in said.splitlines()
    assert "no anchors that you kept were given (--anchors)" in said
    assert "passwords, second factors and history pages: no row records them in full" in said
    assert "intact" not in said


def test_a_trigger_that_refuses_nothing_any_more_is_missed(db):
    name = append_only.missing.__globals__["_SQLITE" if connection.vendor == "sqlite" else "_POSTGRES"]
    name = next(iter(name))
    if_sqlite = connection.vendor == "sqlite"
    statements = {
        True: [
            f"DROP TRIGGER {name}",
            f"CREATE TRIGGER {name} BEFORE UPDATE ON core_changelogentry BEGIN SELECT 1; END",
        ],
        False: [f"ALTER TABLE core_changelogentry DISABLE TRIGGER {name}"],
    }[if_sqlite]
    assert append_only.missing(connection) == []
    for statement in statements:
        sql(statement)
    assert append_only.missing(connection) == [name]


WEAKER = {
    "sqlite": [
        (
            "changelog_payload_update",
            "BEFORE UPDATE ON core_changelogpayload WHEN FALSE BEGIN SELECT RAISE(ABORT, 'no'); END",
        ),
        (
            "changelog_entry_update",
            "BEFORE UPDATE OF id ON core_changelogentry BEGIN SELECT RAISE(ABORT, 'no'); END",
        ),
    ],
    "postgresql": [
        (
            "changelog_entry_write",
            "BEFORE UPDATE OF id OR DELETE ON core_changelogentry FOR EACH ROW "
            "EXECUTE FUNCTION changelog_refuse('The change log is append-only.')",
        ),
        (
            "changelog_payload_update",
            "BEFORE UPDATE ON core_changelogpayload FOR EACH ROW "
            "WHEN ((NEW.salt IS NOT NULL OR NEW.body IS NOT NULL) AND FALSE) EXECUTE FUNCTION "
            f"changelog_refuse('{append_only.PAYLOAD_REFUSAL}')",
        ),
        (
            "changelog_entry_truncate",
            "AFTER TRUNCATE ON core_changelogentry FOR EACH STATEMENT "
            "EXECUTE FUNCTION changelog_refuse('The change log is append-only.')",
        ),
    ],
}


@pytest.mark.parametrize("place", range(3))
def test_a_trigger_of_the_same_name_that_refuses_less_is_missed(db, place):
    cases = WEAKER[connection.vendor]
    name, weaker = cases[place % len(cases)]
    table = weaker.partition(" ON ")[2].split()[0]
    sql(f"DROP TRIGGER {name}" + (f" ON {table}" if connection.vendor == "postgresql" else ""))
    sql(f"CREATE TRIGGER {name} {weaker}")
    assert append_only.missing(connection) == [name]


def test_a_trigger_or_rule_beside_ours_that_swallows_rows_is_told(db):
    if connection.vendor == "sqlite":
        sql("CREATE TRIGGER quiet BEFORE INSERT ON core_changelogentry BEGIN SELECT RAISE(IGNORE); END")
    else:
        sql("CREATE RULE quiet AS ON INSERT TO core_changelogentry DO INSTEAD NOTHING")
    assert append_only.strangers(connection) == [("quiet", "core_changelogentry")]
    with pytest.raises(CommandError, match="the trigger or rule quiet is none of ours"):
        call_command("verify_changelog")


def test_a_trigger_beside_the_log_is_named_whatever_it_is_called(db, capsys):
    (name, *_), body = WEAKER[connection.vendor][0], "BEGIN SELECT 1; END"
    if connection.vendor == "postgresql":
        body = "FOR EACH ROW EXECUTE FUNCTION changelog_refuse('no')"
        sql("CREATE RULE quiet AS ON INSERT TO plans_decision DO INSTEAD NOTHING")
    else:
        sql("CREATE TRIGGER quiet BEFORE INSERT ON plans_decision BEGIN SELECT RAISE(IGNORE); END")
        name = "loud"
    sql(f"CREATE TRIGGER {name} AFTER UPDATE ON auth_user {body}")
    assert append_only.strangers(connection) == sorted([(name, "auth_user"), ("quiet", "plans_decision")])
    call_command("verify_changelog")
    left = capsys.readouterr().out.partition("Not proved:")[2]
    for table, one in (("auth_user", name), ("plans_decision", "quiet")):
        assert f"what the trigger or rule {one} on the table {table} does: it is none of ours" in left


@pytest.mark.parametrize("content", [None, b"", b"\xff", b"{}"])
def test_kept_anchors_that_cannot_be_read_are_an_error_for_files_and_for_plans(decided, tmp_path, content):
    kept, out = tmp_path / "kept.jsonl", tmp_path / "plan.json"
    out.write_bytes(files.write(decided))
    if content is not None:
        kept.write_bytes(content)
    for what in (str(out), decided.plan_id):
        with pytest.raises(CommandError, match="kept.jsonl") as refused:
            call_command("verify_changelog", what, anchors=str(kept))
        assert refused.value.returncode == 2


def test_kept_anchors_are_held_against_a_file_and_one_of_other_chains_proves_nothing(
    decided, tmp_path, capsys
):
    kept, out = tmp_path / "kept.jsonl", tmp_path / "plan.json"
    files.write(decided)
    with acting_as(Actor.system("Test")):
        record = anchors.record_of(anchors.anchor())
    out.write_bytes(files.read(decided))
    kept.write_text(json.dumps(record) + "\n")
    call_command("verify_changelog", str(out), anchors=str(kept))
    assert "nobody has written the change log anew up to row" in capsys.readouterr().out
    record["heads"] = {name: head for name, head in record["heads"].items() if not name.startswith("plan:")}
    kept.write_text(json.dumps(record | {"root": anchors.root_of(record)}) + "\n")
    with pytest.raises(CommandError, match="what you asked for is not proved") as refused:
        call_command("verify_changelog", str(out), anchors=str(kept))
    assert refused.value.returncode == 1


def test_a_file_that_somebody_altered_is_noticed_on_record_and_not_handed_out(decided):
    raw = files.write(decided)
    files.path_of(decided).write_bytes(raw.replace(b'"approve"', b'"reject" '))
    body = json.loads(files.read(decided))
    assert verify.verify_document(body) == []
    (row,) = (row for row in body["change_log"] if row["event"] == files.ALTERED)
    assert (row["from"], row["to"] != row["from"]) == (hashlib.sha256(raw).hexdigest(), True)
    assert files.read(decided) == files.path_of(decided).read_bytes()
    decided.file.refresh_from_db()
    decided.file.sha256 = ""  # written before digests were kept
    decided.file.save()
    files.path_of(decided).write_bytes(raw)
    assert files.read(decided) == raw
