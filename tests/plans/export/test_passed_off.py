"""True things passed off as something else: each forgery, what finds it, and where (file or database).

Nothing here breaks a hash. A real checkpoint, key, cosignature, version, row or copy stands where it does not
belong. Both verifiers say the same of a file.
"""

import io
import json
import zipfile
from dataclasses import replace
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import connection
from openpyxl import load_workbook

from gtm.core import clock
from gtm.core.actors import ADMIN, Actor, acting_as
from gtm.core.errors import InvalidInput
from gtm.core.evidence import (
    anchors,
    audit,
    changelog,
    checkpoints,
    departures,
    erasure,
    keys,
    merkle,
    notes,
    told,
)
from gtm.core.models import ChangeLogChain, ChangeLogEntry, ChangeLogPayload, SigningKey
from plans.export import document, envelope, files, importer, sealing, verify, workbook
from plans.export.verify import Kept, prove_bytes
from tests.factories import START, gate, make_run
from tests.plans.export.forging import chained_anew, sealed_anew
from tests.plans.export.test_verify_plan import compare

pytest.importorskip("cryptography")
pytestmark = pytest.mark.django_db

WITNESS = notes.PrivateKey("auditor", notes.COSIGNATURE, bytes(32))
STRANGER = notes.PrivateKey("auditor", notes.COSIGNATURE, bytes([1] * 32))
ELSEWHERE = notes.PrivateKey("elsewhere.example", notes.SIGNATURE, bytes([2] * 32))
SIGNED, WITNESSED = "the installation signed this change log", "a witness saw the log grow to this checkpoint"
IN_TIME = "it was signed before its key was retired"
NEWEST = "this is the newest version of the plan"


@pytest.fixture(autouse=True)
def acting():
    with acting_as(Actor.system("Test")), clock.standing_at(START):
        yield


@pytest.fixture
def key():
    with clock.standing_at(START - timedelta(days=9)):
        return keys.make("example.com/gtm")


@pytest.fixture
def plan():
    return make_run(gate()).plan


def exported(plan):
    """As somebody takes it out, its checkpoint cosigned."""
    files.export(plan)
    cosign(WITNESS)
    return document.to_bytes(sealing.sealed(plan))


def cosign(witness, seconds=None):
    seconds = int(clock.now().timestamp()) if seconds is None else seconds
    line = notes.cosign(checkpoints.newest().note, witness, seconds)
    checkpoints.add_cosignatures(line, [witness.public])


def says(raw, anchors=None, keys=None, witnesses=None):
    """What both verifiers say: whether all asked for is proved, what contradicts, and why the rest is not."""
    compare(raw, anchors, keys, witnesses)
    proof = prove_bytes(raw, Kept(anchors, keys, witnesses)).proof
    return proof.holds, proof.findings, {claim.what: claim.ground for claim in proof.not_proved}


def later_version(raw, budget="5000000"):
    """Rows that never happened at the end of a real log, with a seal of the forged text; digests fit."""
    body = json.loads(raw)
    body["objective"] = f"Spend {budget}"
    last = body["change_log"][-1]
    told = {"event": "changed", "field": "objective", "from": "o", "to": body["objective"], "fields": {}}
    made = next(r for r in body["change_log"] if (r["entity"], r["event"]) == ("plans.plan", "created"))
    row = {**made, **told, "hash": "", "salt": last["salt"]}
    seal = next(r for r in body["change_log"] if r["event"] == "sealed")
    body["change_log"] += [row, {**seal, "to": sealing.digests(body)}]
    return chained_anew(body)


# ------------------------------------------------------------------ witnesses


def test_a_cosignature_by_a_stranger_of_the_same_name_proves_nothing(plan, key):
    raw = exported(plan)
    body = json.loads(raw)
    note = body["integrity"]["checkpoint"]["note"]
    own = "".join(f"{line}\n" for line in notes.split(note)[1] if "auditor" not in line)
    text = notes.split(note)[0] + "\n" + own
    body["integrity"]["checkpoint"]["note"] = text + notes.cosign(text, STRANGER, 1_800_000_000)
    holds, found, left = says(sealed_anew(body), keys=[key], witnesses=[WITNESS.public])
    assert (holds, found) == (False, [])
    assert left[WITNESSED] == "no cosignature in the document is of a key that you gave"


def test_an_old_cosignature_under_rows_that_came_later_proves_nothing_of_the_text(plan, key):
    raw = exported(plan)
    assert says(raw, witnesses=[WITNESS.public])[:2] == (True, [])
    forged = later_version(raw)
    assert says(forged)[:2] == (True, [])  # nothing contradicts it
    for kept in ({"witnesses": [WITNESS.public]}, {"keys": [key]}):
        holds, found, left = says(forged, **kept)
        assert (holds, found) == (False, [])
        assert any(what.endswith(", and the seal of this text") for what in left)


def test_kept_anchors_of_before_prove_nothing_of_a_text_that_was_sealed_later(plan, key):
    raw = exported(plan)
    kept = anchors.stored()
    assert says(raw, anchors=kept)[:2] == (True, [])
    holds, found, left = says(later_version(raw), anchors=kept)
    assert (holds, found) == (False, [])
    assert any("and the seal of this text is among them" in why for why in left.values())


def of_another_log(body):
    """A tree of somebody else's, with the head of this log, signed by them and by the same witness."""
    integrity = body["integrity"]
    leaf = merkle.leaf_hash(checkpoints.leaf_of(integrity["chain"], integrity["length"], integrity["head"]))
    note = notes.sign(str(notes.TreeHead(ELSEWHERE.name, 1, leaf)), [ELSEWHERE])
    integrity["checkpoint"] = {
        "note": note + notes.cosign(note, WITNESS, 1_800_000_000), "keys": [str(ELSEWHERE.public)],
        "number": 0, "sequence": integrity["length"], "hash": integrity["head"], "path": [],
    }  # fmt: skip
    return sealed_anew(body)


def test_a_cosigned_checkpoint_of_another_log_is_told_by_its_name_and_refused_with_the_key(plan, key):
    body = json.loads(exported(plan))
    forged = of_another_log(body)
    holds, _, left = says(forged, keys=[key], witnesses=[WITNESS.public])
    assert (holds, left[SIGNED]) == (False, "the checkpoint is not signed with a key that you gave")
    made = prove_bytes(forged, Kept(witnesses=[WITNESS.public])).proof
    (ground,) = [claim.ground for claim in made.proved if claim.what == WITNESSED]
    assert ground.endswith("under the log elsewhere.example")


def test_the_installation_is_no_witness_of_itself_and_a_witness_signs_for_nobody(plan, key):
    raw = exported(plan)
    holds, _, left = says(raw, witnesses=[key])
    assert (holds, "none of a witness" in left[WITNESSED]) == (False, True)
    holds, _, left = says(raw, keys=[WITNESS.public])
    assert (holds, SIGNED in left) == (False, True)


def test_a_line_whose_fingerprint_only_begins_like_that_of_a_witness_is_not_kept(plan, key):
    files.export(plan)
    line = notes.cosign(checkpoints.newest().note, WITNESS, 1_800_000_000)
    name, _, encoded = line.removeprefix(notes.DASH).strip().partition(" ")
    raw = bytearray(notes._bytes(encoded, "a line"))
    raw[3] ^= 1  # the last bits of the fingerprint
    alike = f"{notes.DASH}{name} {notes.as_text(bytes(raw))}\n"
    checkpoints.add_cosignatures(line + alike, [WITNESS.public])
    assert checkpoints.newest().note.count("— auditor ") == 1


# ------------------------------------------------------------------ keys that were retired


def ended(key, at):
    return replace(key, until=at)


def test_what_a_retired_key_signed_after_its_end_is_told(plan, key):
    raw = exported(plan)
    before = clock.now() - timedelta(days=1)
    holds, (found, *_), left = says(raw, keys=[ended(key, before)])
    assert (holds, left[SIGNED]) == (False, "it is contradicted, see above")
    assert found.startswith(f"integrity/checkpoint: the key {envelope.name_of(key)} was retired at")
    wrapped = envelope.wrap(raw)
    compare(wrapped, keys=[ended(key, before)])
    assert any(
        "was retired at" in found
        for found in prove_bytes(wrapped, Kept(keys=[ended(key, before)])).proof.findings
    )


@pytest.mark.parametrize("at", ["2020-01-01T00:00:00.000000Z", "soon"])
def test_a_last_row_that_is_dated_back_hides_nothing_from_the_end_of_a_key(plan, key, at):
    body = json.loads(files.write(plan))
    seal = body["change_log"][-1]
    seal["at"] = at
    body["integrity"]["anchors"] = []
    forged = json.loads(chained_anew(body))
    (signer,) = keys.signing()
    integrity = forged["integrity"]
    leaf = merkle.leaf_hash(checkpoints.leaf_of(integrity["chain"], integrity["length"], integrity["head"]))
    integrity["checkpoint"] = {
        "note": notes.sign(str(notes.TreeHead(key.name, 1, leaf)), [signer]), "keys": [str(key)],
        "number": 0, "sequence": integrity["length"], "hash": integrity["head"], "path": [],
    }  # fmt: skip
    kept = [ended(key, START - timedelta(days=1))]
    assert says(sealed_anew(forged), keys=kept)[1] != []
    compare(envelope.wrap(sealed_anew(forged)), keys=kept)
    assert prove_bytes(envelope.wrap(sealed_anew(forged)), Kept(keys=kept)).findings
    del forged["integrity"]["checkpoint"]
    assert prove_bytes(envelope.wrap(sealed_anew(forged)), Kept(keys=kept)).findings


def test_a_key_that_was_retired_later_may_have_signed_later_and_only_a_witness_says_when(plan, key):
    raw = exported(plan)
    kept = ended(key, clock.now() + timedelta(days=1))
    assert IN_TIME in says(raw, keys=[kept])[2]
    assert IN_TIME not in says(raw, keys=[kept], witnesses=[WITNESS.public])[2]
    files.export(plan)
    cosign(STRANGER, int(kept.until.timestamp()) + 1)
    late = document.to_bytes(sealing.sealed(plan))
    assert IN_TIME in says(late, keys=[kept], witnesses=[STRANGER.public])[2]
    left = {c.what for c in prove_bytes(envelope.wrap(raw), Kept(keys=[kept])).proof.not_proved}
    assert {IN_TIME, "the envelope was signed before its key was retired"} <= left


def test_with_one_key_that_goes_on_nothing_is_in_doubt(plan, key):
    new = keys.rotate()
    raw = exported(plan)
    holds, found, left = says(raw, keys=[ended(key, clock.now() - timedelta(days=1)), new])
    assert (holds, found, IN_TIME in left) == (True, [], False)


def test_the_file_that_signing_key_shows_says_until_when_each_key_signed(plan, key, tmp_path, capsys):
    raw, out, kept = exported(plan), tmp_path / "plan.json", tmp_path / "keys.txt"
    out.write_bytes(raw)
    keys.rotate()
    with clock.standing_at(START - timedelta(days=1)):
        keys.retire()
    capsys.readouterr()
    call_command("signing_key", "show")
    kept.write_text(capsys.readouterr().out)
    for what in (str(out), plan.plan_id):
        with pytest.raises(CommandError, match="was retired at") as refused:
            call_command("verify_changelog", what, key=[str(kept)])
        assert refused.value.returncode == 1
    for wrong in ("until 2026-01-01T00:00:00Z", f"{key} until yesterday", f"{key} until 2026-01-01T00:00:00"):
        kept.write_text(wrong)
        with pytest.raises(CommandError, match="The key cannot be used"):
            call_command("verify_changelog", str(out), key=[str(kept)])


# ------------------------------------------------------------------ versions and imports


def test_an_old_version_passed_off_as_the_newest_is_found_by_newer_anchors_and_else_said(plan, key):
    old = exported(plan)
    plan.objective = "What came later"
    plan.save()
    anchors.anchor()
    assert NEWEST in says(old, keys=[key], witnesses=[WITNESS.public])[2]
    holds, found, _ = says(old, anchors=anchors.stored())
    assert (holds, found) == (
        False,
        ["kept anchor 2: it covers another row of the change log than the one here"],
    )


def an_altered_section(body):
    body["objective"] = "Another one"
    made = next(r for r in body["change_log"] if (r["entity"], r["event"]) == ("plans.plan", "created"))
    made["fields"]["objective"]["to"] = "Another one"
    for row in body["change_log"]:
        if row["event"] == "sealed":
            row["to"] = sealing.digests(body)
    return json.loads(chained_anew(body))


def rows_at_its_end(body):
    return json.loads(later_version(document.to_bytes(body)))


@pytest.mark.parametrize("forge", [an_altered_section, rows_at_its_end])
def test_an_import_of_a_forged_document_of_this_house_is_refused(plan, forge):
    forged = forge(json.loads(files.write(plan)))
    forged["integrity"]["anchors"] = []
    sealed_anew(forged)
    assert verify.verify_document(forged) == []
    with pytest.raises(InvalidInput, match="not imported") as refused:
        importer.import_document(forged)
    assert "is the id of a plan of this installation" in refused.value.problems[0].message


@pytest.mark.parametrize("spelled", [str, str.upper])
def test_an_import_of_another_house_under_an_id_of_ours_is_refused_however_it_is_spelled(plan, spelled):
    body = json.loads(files.write(make_run(gate()).plan))
    name, theirs = spelled(plan.plan_id), body["plan_id"]
    body["plan_id"] = name
    for row in body["change_log"]:
        row["chain"] = f"plan:{name}"
        row["to"] = sealing.digests(body) if row["event"] == "sealed" else row["to"]
    body["integrity"].update(chain=f"plan:{name}", anchors=[])
    forged = json.loads(chained_anew(body))
    assert verify.verify_document(forged) == [], theirs
    with pytest.raises(InvalidInput) as refused:
        importer.import_document(forged)
    assert "is the id of a plan of this installation" in refused.value.problems[0].message


def test_of_an_imported_plan_the_version_that_says_most_is_handed_out_not_the_last_that_came(plan, tmp_path):
    old = json.loads(files.write(plan))
    plan.objective = "What came later"
    plan.save()
    new = json.loads(files.write(plan))
    for body in (new, old):
        importer.import_document(body)
    found = importer.newest_of(plan.plan_id)
    assert importer.export_imported(found)["objective"] == "What came later"
    assert importer.newest_of("plan-of-nobody") is None


# ------------------------------------------------------------------ copies that left


def as_zip(**parts):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, raw in parts.items():
            archive.writestr(name, raw)
    return packed.getvalue()


def asked(path, raw, capsys):
    path.write_bytes(raw)
    try:
        call_command("verify_changelog", str(path), copy=True)
    except CommandError as error:
        return error.returncode, str(error)
    return 0, capsys.readouterr().out


def test_an_altered_file_in_a_zip_is_named(plan, tmp_path, capsys):
    raw = files.export(plan)
    departures.record(plan, f"plan JSON of {plan.plan_id}", raw, form="json")
    path = tmp_path / "plans.zip"
    code, said = asked(path, as_zip(one=raw), capsys)
    assert (code, "one in it left this house as it is: the SHA-256 in its row: plan JSON of" in said) == (
        0,
        True,
    )
    code, said = asked(path, as_zip(one=raw, other=raw + b" "), capsys)
    assert (code, "other: no row says that these bytes left this house" in said) == (1, True)
    assert asked(path, as_zip(other=raw + b" "), capsys)[0] == 1
    assert asked(path, b"no zip", capsys)[0] == 1


def test_an_altered_workbook_is_told_and_the_one_that_left_is_recognised(plan, tmp_path, capsys):
    raw = workbook.xlsx(json.loads(files.export(plan)))
    departures.record(plan, f"report of {plan.plan_id}", raw, form="xlsx")
    path = tmp_path / "report.xlsx"
    code, said = asked(path, raw, capsys)
    assert (code, f"report of {plan.plan_id} (xlsx), taken on" in said) == (0, True)
    book = load_workbook(io.BytesIO(raw))
    book.worksheets[0]["A1"] = "Approved"
    out = io.BytesIO()
    book.save(out)
    code, said = asked(path, out.getvalue(), capsys)
    assert (code, "no row says that these bytes left" in said) == (1, True)
    with pytest.raises(CommandError, match="Name the file"):
        call_command("verify_changelog", copy=True)


# ------------------------------------------------------------------ erasure as cover


def sql(statement, *values):
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def blanked(chain, entries, states):
    """What who has SQL and this code can do with every trigger in place: blank rows, and say so in a row."""
    ChangeLogPayload.objects.filter(entry__in=entries).update(salt=None, body=None)
    numbers = [entry.sequence for entry in entries]
    made = ChangeLogChain.objects.get(pk=chain)
    changelog.append(
        made, changelog.ERASED, field="payload", before=numbers, after=states, reason="Request 12."
    )


def rows_of(plan, **which):
    return list(ChangeLogEntry.objects.filter(chain=plan.change_chain(), **which).order_by("sequence"))


@pytest.mark.parametrize("says", [True, False])
def test_an_erasure_does_not_hide_a_forged_state_whatever_it_says(plan, says):
    last = rows_of(plan, entity="plans.plan", event="begin")[-1]
    blanked(plan.change_chain(), [last], {str(last.sequence): "succeeded"} if says else {})
    sql("UPDATE plans_plan SET state = 'succeeded' WHERE id = %s", plan.pk)
    with pytest.raises(CommandError, match="is “succeeded”, but its last event says “running”"):
        call_command("verify_changelog", plan.plan_id)


def test_an_erasure_that_hides_a_forged_value_is_named_with_who_says_that_it_was_asked_for(plan, capsys):
    audited = audit.audit_values(plan.change_chain())
    assert (audited.erased, audited.breaks) == (0, ())
    made = rows_of(plan, entity="plans.plan", event="created")
    blanked(plan.change_chain(), made, {})
    sql("UPDATE plans_plan SET amount = 5000000 WHERE id = %s", plan.pk)
    audited = audit.audit_values(plan.change_chain())
    assert (audited.erased, audited.breaks, audited.before_digests) == (1, (), 0)
    call_command("verify_changelog", plan.plan_id)
    said = capsys.readouterr().out
    assert "1 of these objects in full, for erased rows: a row that recorded them is erased" in said
    assert f"plan:{plan.plan_id}: what rows {made[0].sequence} of the change log said: " in said


def test_an_erasure_of_more_than_was_asked_names_every_row_it_took_in_both_lists(plan, capsys):
    steward = get_user_model().objects.create_superuser("steward", "steward@example.com", "x")
    with acting_as(Actor.of_user(steward, ADMIN)):
        erasure.erase(plan.change_chain(), [2, 3, 4], reason="Request 12 asked for row 3.")
    what = "what rows 2, 3, 4 of the change log said"
    _, found, left = says(document.to_bytes(sealing.sealed(plan)))
    assert (found, left[what][:7], left[what].endswith(": Request 12 asked for row 3.")) == (
        [],
        "steward",
        True,
    )
    call_command("verify_changelog", plan.plan_id)
    assert f"plan:{plan.plan_id}: {what}: steward" in capsys.readouterr().out


def test_an_erased_transition_still_says_where_it_led(plan):
    last = rows_of(plan, entity="plans.plan", event="begin")[-1]
    steward = get_user_model().objects.create_superuser("steward", "steward@example.com", "x")
    with acting_as(Actor.of_user(steward, ADMIN)):
        erasure.erase(plan.change_chain(), [last.sequence], reason="Request 12.")
    holds, found, left = says(document.to_bytes(sealing.sealed(plan)))
    assert (holds, found, "status: 1 not compared with the change log" in left) == (True, [], False)
    assert list(audit.unexplained_states(plan.change_chain())) == []


# ------------------------------------------------------------------ what one plan does not compare


def test_a_check_of_one_plan_says_that_accounts_and_keys_are_not_compared_and_all_compares_them(plan, capsys):
    keys.make("example.com/gtm")
    sql("UPDATE core_signingkey SET text = %s", str(ELSEWHERE.public))
    call_command("verify_changelog", plan.plan_id)
    said = capsys.readouterr().out
    assert (
        "accounts, their rights, seats of approvers, absences, policies and signing keys: they are in" in said
    )
    with pytest.raises(CommandError, match="is another key than the one in this row"):
        call_command("verify_changelog")
    assert SigningKey.objects.count() == 1


def test_of_everything_each_chain_that_no_witness_saw_is_named(plan, key):
    exported(plan)
    call_command("verify_changelog", plan.plan_id, witness=[str(WITNESS.public)])
    make_run(gate())
    anchors.anchor()
    with pytest.raises(
        CommandError, match="no checkpoint that each of the witnesses .* cosigned has a row"
    ) as refused:
        call_command("verify_changelog", witness=[str(WITNESS.public)])
    assert refused.value.returncode == 1


def test_of_two_witnesses_one_is_not_enough_unless_the_reader_says_so(plan, key, tmp_path):
    out, second = tmp_path / "plan.json", str(STRANGER.public)
    out.write_bytes(exported(plan))
    for what in (plan.plan_id, str(out)):
        for quorum, code in ((None, 1), (2, 1), (1, 0)):
            asked = {"witness": [str(WITNESS.public), second], "quorum": quorum}
            if code == 0:
                call_command("verify_changelog", what, **asked)
                continue
            with pytest.raises(CommandError) as refused:
                call_command("verify_changelog", what, **asked)
            assert refused.value.returncode == code
            assert "the other witnesses that you named" in str(refused.value) or (
                f"no checkpoint that {quorum or 'each'} of the witnesses that you named cosigned has a row"
                in str(refused.value)
            )
    cosign(STRANGER)
    call_command("verify_changelog", plan.plan_id, witness=[str(WITNESS.public), second])
    ended = tmp_path / "ended.txt"
    for at, is_late in ((START - timedelta(seconds=1), True), (START + timedelta(days=1), False)):
        ended.write_text(f"{WITNESS.public}\n{second} until {at.isoformat()}\n")
        if is_late:
            with pytest.raises(CommandError, match="the witness .* signed after its key was retired at"):
                call_command("verify_changelog", plan.plan_id, witness=[str(ended)])
        else:
            call_command("verify_changelog", plan.plan_id, witness=[str(ended)])
    assert says(document.to_bytes(sealing.sealed(plan)), witnesses=[WITNESS.public, STRANGER.public])[0]


# ------------------------------------------------------------------ by who has SQL and this code, but no key


def test_a_seal_or_an_erasure_that_is_blank_is_told_though_an_erasure_names_it(plan):
    sealing.sealed(plan)
    seal = rows_of(plan, event="sealed")
    blanked(plan.change_chain(), seal, {})
    blanked(plan.change_chain(), rows_of(plan, event=changelog.ERASED), {})
    body = document.build(plan)
    found = [str(found) for found in verify.verify_document(body)]
    assert compare(document.to_bytes(body)).findings
    numbers = [seal[0].sequence, seal[0].sequence + 1]
    assert [f"change_log row {n}: it is a seal or an erasure, which nobody may erase" for n in numbers] == [
        sentence for sentence in found if "nobody may erase" in sentence
    ]
    with pytest.raises(CommandError, match="it is a seal or an erasure, which nobody may erase"):
        call_command("verify_changelog", plan.plan_id)


class Stray:
    """A plan whose rows go into another chain."""

    def __init__(self, plan):
        self.pk, self._meta, self.change_label = plan.pk, plan._meta, plan.change_label

    def change_chain(self):
        return "notices"


def test_a_row_of_a_plan_in_a_chain_where_nobody_looks_for_it_is_told(plan):
    amount = {"amount": {"from": None, "to": "5000000.00"}}
    changelog.append(Stray(plan), "changed", field="amount", before=None, after="5000000.00", fields=amount)
    sql("UPDATE plans_plan SET amount = 5000000 WHERE id = %s", plan.pk)
    for words in ([], [plan.plan_id]):
        with pytest.raises(
            CommandError, match=f"it tells of plans.plan {plan.pk}, whose rows stand in plan:"
        ):
            call_command("verify_changelog", *words)


def test_a_chain_that_is_hidden_from_anchors_is_told_once_they_should_have_seen_it(plan, capsys):
    chain = ChangeLogChain.objects.filter(pk=plan.change_chain())
    chain.update(grown_at=START - timedelta(days=400))
    anchors.anchor()
    first = anchors.stored()[-1]
    assert plan.change_chain() in first["heads"]  # the first one holds all
    plan.objective = "What nobody should see"
    plan.save()
    chain.update(grown_at=START - timedelta(days=400))
    with clock.standing_at(START + timedelta(days=1)):
        anchors.anchor()
        call_command("verify_changelog", plan.plan_id)
    with clock.standing_at(START + timedelta(days=2)):
        anchors.anchor()
        with pytest.raises(
            CommandError, match="no anchor holds this row, though some were made long after it"
        ):
            call_command("verify_changelog", plan.plan_id)


def test_a_text_that_looks_like_a_digest_does_not_stand_for_another_one_later(plan):
    forged = "Spend ten times as much. " * 9
    plan.objective = told.digest_of(forged)
    plan.save()
    assert audit.audit_values(plan.change_chain()).breaks == ()
    sql("UPDATE plans_plan SET objective = %s WHERE id = %s", forged, plan.pk)
    (found,) = audit.audit_values(plan.change_chain()).breaks
    assert "its objective is not what this row recorded last" in found.reason
