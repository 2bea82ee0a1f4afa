"""A plan JSON in a DSSE envelope, with a timestamp: what each proves, and that both verifiers agree."""

import base64
import hashlib
import json
import os
from dataclasses import replace
from datetime import datetime, timedelta
from unittest.mock import Mock

import pytest
import rfc3161_client
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.core.management import CommandError, call_command
from django.urls import reverse
from hypothesis import given, settings
from hypothesis import strategies as st
from rfc3161_client import _rust

from gtm.core import canonical
from gtm.core.actors import Actor, acting_as
from gtm.core.errors import GuardNotMet, InvalidInput
from gtm.core.evidence import keys, notes, timestamps
from gtm.core.models import ChangeLogEntry
from plans.export import document, envelope, files, verify_plan
from plans.export.verify import Kept, prove_bytes
from tests.factories import UserFactory
from tests.plans.export.forging import chained_anew
from tests.plans.export.test_verify_plan import compare
from tests.tsa import AT, TestAuthority, serving

pytestmark = pytest.mark.django_db
EXAMPLES = int(os.environ.get("GTM_FORGERIES", "40"))
TSA = TestAuthority()


@pytest.fixture
def key():
    with acting_as(Actor.system("Test")):
        yield keys.make("example.com/gtm")


@pytest.fixture
def service(settings, tmp_path):
    """A timestamp service that is configured; ``asked`` keeps what it was sent."""
    (tmp_path / "root.pem").write_bytes(TSA.pem)
    settings.GTM_TIMESTAMP_CERTIFICATES = str(tmp_path / "root.pem")
    asked = []

    def answer(path, query):
        asked.append(query)
        return 200, timestamps.REPLY, TSA.reply(query)

    with serving(answer) as host:
        settings.GTM_TIMESTAMP_URL = f"http://{host}/tsr"
        settings.GTM_PRIVATE_EVIDENCE_HOSTS = {host}
        yield asked


def claims(made):
    return {c.what: c.ground for c in made.proof.proved}, {c.what: c.ground for c in made.proof.not_proved}


def forged(raw, **parts):
    return canonical.document(json.loads(raw) | parts)


def test_it_is_the_very_document_and_other_tools_of_dsse_can_read_it(exported, key):
    body = json.loads(envelope.wrap(exported))
    assert base64.b64decode(body["payload"]) == exported
    (made,) = body["signatures"]
    kind = body["payloadType"].encode()
    signed = b"DSSEv1 " + b" ".join([b"%d" % len(kind), kind, b"%d" % len(exported), exported])
    Ed25519PublicKey.from_public_bytes(key.public).verify(base64.b64decode(made["sig"]), signed)
    assert made["keyid"] == f"example.com/gtm+{key.fingerprint.hex()}"


def test_the_key_proves_who_signed_and_without_it_the_answer_says_so(exported, key):
    raw = envelope.wrap(exported)
    assert claims(prove_bytes(raw))[1][envelope.SIGNED] == "no key that you kept was given (--key)"
    compare(raw)
    made = prove_bytes(raw, Kept(keys=[key]))
    assert claims(made)[0][envelope.SIGNED] == f"its signature {envelope.name_of(key)}"
    compare(raw, keys=[key])
    another = notes.new_key("example.com/gtm").public
    assert claims(prove_bytes(raw, Kept(keys=[another])))[1][envelope.SIGNED].startswith("it is not signed")
    compare(raw, keys=[another])


def test_a_signature_that_is_none_of_the_key_contradicts_though_the_document_is_whole(exported, key):
    body = json.loads(envelope.wrap(exported))
    wrong = {"keyid": body["signatures"][0]["keyid"], "sig": base64.b64encode(bytes(64)).decode()}
    raw = canonical.document(body | {"signatures": [wrong]})
    made = prove_bytes(raw, Kept(keys=[key]))
    told = f"the signature of {envelope.name_of(key)} does not fit to the envelope"
    assert (made.proof.findings, made.proof.holds) == ([told], False)
    assert claims(made)[1][envelope.SIGNED] == "it is contradicted, see above"
    compare(raw, keys=[key])


def newest_row(raw):
    """When the last row of a plan was written, by the row that says the latest time."""
    return max(datetime.fromisoformat(row["at"]) for row in json.loads(raw)["change_log"])


@pytest.mark.parametrize("seconds", [-1, 0, 1])
def test_a_key_that_was_retired_before_a_row_contradicts_and_one_retired_later_is_in_doubt(
    exported, key, seconds
):
    raw, last = envelope.wrap(exported), newest_row(exported)
    kept = replace(key, until=last + timedelta(seconds=seconds))
    made = prove_bytes(raw, Kept(keys=[kept]))
    theirs = {what for what, *_ in compare(raw, keys=[kept]).not_proved}
    proved, left = claims(made)
    assert (envelope.IN_TIME in theirs) is (seconds >= 0)
    if seconds < 0:
        assert [finding.where for finding in made.findings] == ["envelope"]
        assert f"was retired at {kept.until}, before a row of" in made.findings[0].message
        assert (envelope.IN_TIME in left, left[envelope.SIGNED]) == (False, "it is contradicted, see above")
        return
    assert (made.findings, envelope.SIGNED in proved) == ([], True)
    assert left[envelope.IN_TIME] == "whoever has a retired key can sign later: see --tsa"


def test_of_two_keys_one_that_goes_on_leaves_nothing_in_doubt(exported, key):
    second, last = keys.rotate(), newest_row(exported)
    raw = envelope.wrap(exported)
    for until in (last - timedelta(days=1), last + timedelta(days=1)):
        given = [replace(key, until=until), second]
        proved, left = claims(prove_bytes(raw, Kept(keys=given)))
        assert (envelope.SIGNED in proved, envelope.IN_TIME in left) == (True, False)
        compare(raw, keys=given)


def test_the_end_of_a_key_is_held_against_no_row_of_a_document_that_is_none(exported, key):
    """Nor is it in doubt when something was signed that is contradicted."""
    changed = json.loads(exported) | {"objective": "Another one"}
    before = newest_row(exported) - timedelta(days=1)
    raw, retired = envelope.wrap(document.to_bytes(changed)), replace(key, until=before)
    found = [finding.where for finding in prove_bytes(raw, Kept(keys=[retired])).findings]
    assert "objective" in found and "envelope" not in found
    told = compare(raw, keys=[retired]).findings
    assert told and not [finding for finding in told if finding.startswith("envelope: ")]


@pytest.mark.parametrize("said", [{"at": "soon"}, {"at": "2026-02-31T10:00:00Z"}, {"at": None}, None])
def test_rows_that_say_no_time_and_a_log_without_any_row_are_told(exported, key, said):
    body = json.loads(exported)
    body["integrity"]["anchors"] = []
    if said is None:
        body |= {"change_log": [], "tool_hooks": [], "approvals": []}
    else:
        body["change_log"][-1] |= said
    raw = envelope.wrap(chained_anew(body))
    assert {finding.where[:10] for finding in prove_bytes(raw, Kept(keys=[key])).findings} == {"change_log"}
    assert verify_plan.prove(raw, verify_plan.ReadersOwn(keys=[str(key)])).findings


def test_what_was_asked_for_is_marked_as_such_and_nothing_else(exported, key, service):
    raw = envelope.wrap(exported, with_stamp=True)

    def asked(kept):
        proof = prove_bytes(raw, kept).proof
        return {claim.what for claim in (*proof.proved, *proof.not_proved) if claim.was_asked}

    signed = "the installation signed this change log"
    assert asked(Kept()) == set()
    assert asked(Kept(keys=[key])) == {signed, envelope.SIGNED}
    assert asked(Kept(roots=[TSA.root])) == {envelope.STAMPED}


def test_two_keys_sign_while_one_replaces_the_other(exported, key):
    second = keys.rotate()
    raw = envelope.wrap(exported)
    for one in (key, second):
        assert envelope.SIGNED in claims(prove_bytes(raw, Kept(keys=[one])))[0]
    by = claims(prove_bytes(raw, Kept(keys=[key, second])))[0][envelope.SIGNED]
    assert by == f"its signature {envelope.name_of(key)} and {envelope.name_of(second)}"
    compare(raw, keys=[key, second])


def test_another_document_under_the_same_signature_is_found_with_the_key(exported, key):
    body = json.loads(exported)
    raw = envelope.wrap(exported)
    other = forged(raw, payload=base64.b64encode(json.dumps(body).encode()).decode())
    found = [str(each) for each in prove_bytes(other, Kept(keys=[key])).findings]
    assert f"envelope: the signature of {envelope.name_of(key)} does not fit to the envelope" in found
    compare(other, keys=[key])


@pytest.mark.parametrize(
    "parts",
    [
        {"payloadType": "text/plain"},
        {"payload": "no base64!"},
        {"payload": 7},
        {"signatures": [{"sig": "AAAA"}]},
        {"signatures": [{"keyid": "a", "sig": "AAAA"}, {"keyid": "a", "sig": "AAAB"}]},
        {"signatures": [{"keyid": "a", "sig": "é"}]},
        {"signatures": [{"keyid": "a", "sig": "AAAA!"}]},
        {"signatures": [{"keyid": "a", "sig": "AA-_AA-_"}]},  # which the library would read
        {"payload": "AA-_AA-_"},
        {"signatures": None},
        {"signatures": [{"keyid": "a", "sig": "AAAA", "approved_by": "The board"}]},
        {"timestamps": [{"rfc3161": "AAAA", "by": "A notary"}]},
        {"more": 1},
        {"timestamps": [{"rfc3161": "!"}]},
        {"timestamps": [{}]},
    ],
)
def test_what_is_no_envelope_is_refused_by_both(exported, key, parts):
    raw = forged(envelope.wrap(exported), **parts)
    assert [finding.where for finding in prove_bytes(raw).findings] == ["envelope"]
    compare(raw)


@pytest.mark.parametrize("body", [{"payload": ""}, ["payloadType"], "payloadType", 7, None])
def test_what_names_no_type_of_payload_is_no_envelope(body):
    assert envelope.is_envelope(body) is False
    assert envelope.is_envelope({"payloadType": "x"}) is True


def test_a_witness_signs_no_envelope(exported, monkeypatch):
    witness = notes.PrivateKey("example.com/gtm", notes.COSIGNATURE, bytes(32))
    monkeypatch.setattr(keys, "signing", lambda: [witness])
    raw = envelope.wrap(exported)
    made = prove_bytes(raw, Kept(keys=[witness.public]))
    assert claims(made)[1][envelope.SIGNED].startswith("it is not signed")
    compare(raw, keys=[witness.public])


@pytest.mark.parametrize("door", ["page", "rest"])
def test_auditors_take_it_from_the_page_and_over_rest_and_that_it_left_is_a_row(finished, key, client, door):
    client.force_login(UserFactory(is_superuser=True, is_staff=True))
    url = reverse("admin:plans_plan_json", args=[finished.pk])
    if door == "rest":
        url = f"/api/v1/plans/{finished.plan_id}/export/"
    answer = client.get(url, {"as": "envelope"})
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/vnd.dsse+json")
    assert prove_bytes(answer.content, Kept(keys=[key])).proof.holds
    row = ChangeLogEntry.objects.filter(event="exported").latest("pk")
    assert hashlib.sha256(answer.content).hexdigest() in str(row.payload.body)
    page = client.get(reverse("admin:plans_plan_evidence", args=[finished.pk])).content.decode()
    assert f"{reverse('admin:plans_plan_json', args=[finished.pk])}?as=envelope" in page


def test_without_a_key_no_door_gives_an_envelope_and_each_says_why(finished, client):
    client.force_login(UserFactory(is_superuser=True, is_staff=True))
    page = client.get(reverse("admin:plans_plan_json", args=[finished.pk]), {"as": "envelope"}, follow=True)
    assert "This installation has no signing key." in page.content.decode()
    answer = client.get(f"/api/v1/plans/{finished.plan_id}/export/", {"as": "envelope"})
    assert (answer.status_code, "no signing key" in answer.content.decode()) == (422, True)


def test_an_envelope_in_an_envelope_is_no_plan(exported, key):
    raw = envelope.wrap(envelope.wrap(exported))
    assert prove_bytes(raw).findings
    compare(raw)


@settings(max_examples=EXAMPLES, deadline=None)
@given(data=st.data())
def test_any_byte_of_the_payload_changed_is_found_without_a_key(exported, data):
    position = data.draw(st.integers(0, len(exported) - 1), "position")
    value = data.draw(st.integers(0, 255).filter(lambda byte: byte != exported[position]), "byte")
    payload = exported[:position] + bytes([value]) + exported[position + 1 :]
    text = base64.b64encode(payload).decode()
    body = {"payload": text, "payloadType": envelope.PAYLOAD_TYPE, "signatures": []}
    assert compare(canonical.document(body)).findings


# ------------------------------------------------------------------ timestamps


def test_a_timestamp_proves_when_by_the_certificates_that_the_reader_kept(exported, key, service):
    raw = envelope.wrap(exported, with_stamp=True)
    assert [_rust.parse_timestamp_request(q).cert_req for q in service] == [True]
    unasked = claims(prove_bytes(raw))[1][envelope.STAMPED]
    assert unasked == "no certificates of a timestamp service were given (--tsa)"
    compare(raw)
    made = prove_bytes(raw, Kept(roots=[TSA.root]))
    assert claims(made)[0][envelope.STAMPED] == f"the timestamp of CN=Test TSA at {AT:%Y-%m-%d %H:%M:%S} UTC"
    assert made.proof.holds
    made = prove_bytes(raw, Kept(roots=[TestAuthority().root]))
    assert (made.findings, made.proof.holds) == ([], False)
    assert claims(made)[1][envelope.STAMPED].startswith("the certificates that you gave do not prove it")


def test_the_verifier_for_auditors_says_of_a_timestamp_that_it_checks_none(exported, key, service):
    def told(raw):
        return {what: why for what, why, _ in verify_plan.prove(raw).not_proved}[envelope.STAMPED]

    assert told(envelope.wrap(exported)) == "it has none"
    stamped = told(envelope.wrap(exported, with_stamp=True))
    assert stamped == "this program checks none: use manage.py verify_changelog --tsa"


def test_without_the_library_an_envelope_is_opened_and_only_its_signature_cannot_be_checked(
    exported, key, monkeypatch
):
    raw = envelope.wrap(exported)
    monkeypatch.setattr(verify_plan, "Ed25519PublicKey", None)
    assert verify_plan.prove(raw).holds
    with pytest.raises(verify_plan.Unreadable, match="install the package cryptography"):
        verify_plan.prove(raw, verify_plan.ReadersOwn(keys=[str(key)]))


def test_base64_with_anything_else_in_it_is_refused_by_both(exported, key, service):
    body = json.loads(envelope.wrap(exported, with_stamp=True))
    (made,), (stamp,) = body["signatures"], body["timestamps"]
    for parts in (
        {"payload": f"{body['payload'][:8]}\n{body['payload'][8:]}"},
        {"signatures": [made | {"sig": f"{made['sig'][:8]} {made['sig'][8:]}"}]},
        {"timestamps": [{"rfc3161": f"{stamp['rfc3161'][:8]}!{stamp['rfc3161'][8:]}"}]},
    ):
        raw = canonical.document(body | parts)
        assert [finding.where for finding in prove_bytes(raw).findings] == ["envelope"]
        assert compare(raw, keys=[key]).findings


def test_a_timestamp_of_another_document_or_signature_proves_nothing(exported, key, service):
    stamped = json.loads(envelope.wrap(exported, with_stamp=True))
    for parts in (
        {"payload": base64.b64encode(exported + b"\n").decode()},
        {"signatures": stamped["signatures"][:0]},
        {"timestamps": [{"rfc3161": base64.b64encode(b"no answer").decode()}]},
    ):
        made = prove_bytes(canonical.document(stamped | parts), Kept(roots=[TSA.root]))
        assert envelope.STAMPED in claims(made)[1] and not made.proof.holds


def test_an_answer_that_is_refused_without_a_word_is_named_by_its_kind(monkeypatch):
    monkeypatch.setattr(rfc3161_client, "decode_timestamp_response", Mock(side_effect=ValueError))
    with pytest.raises(timestamps.TimestampError, match="^ValueError$"):
        timestamps.check(b"", b"", [TSA.root])


def test_asked_for_a_timestamp_where_there_is_none(exported, key):
    made = prove_bytes(envelope.wrap(exported), Kept(roots=[TSA.root]))
    assert (claims(made)[1][envelope.STAMPED], made.proof.holds) == ("it has none", False)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (lambda query: (500, "text/html", b"broken"), "answers 500"),
        (lambda query: (200, "text/html", TSA.reply(query)), "answers 200 (text/html)"),
        (lambda query: (200, timestamps.REPLY, b"nonsense"), "There is no timestamp"),
        (lambda query: (200, timestamps.REPLY, TSA.reply(query, nonce=5)), "Nonce mismatch"),
        (lambda query: (200, timestamps.REPLY, TestAuthority().reply(query)), "There is no timestamp"),
        (lambda query: (200, timestamps.REPLY, b"x" * 70_000), "more than 65,536 bytes"),
    ],
)
def test_an_answer_that_proves_nothing_is_not_kept(exported, key, service, settings, answer, why):
    with serving(lambda path, query: answer(query)) as host:
        settings.GTM_TIMESTAMP_URL = f"http://{host}/"
        settings.GTM_PRIVATE_EVIDENCE_HOSTS = {host}
        with pytest.raises(GuardNotMet) as refused:
            envelope.wrap(exported, with_stamp=True)
    assert why in refused.value.detail


def test_the_service_is_called_only_where_the_operator_said(exported, key, service, settings):
    settings.GTM_PRIVATE_EVIDENCE_HOSTS = set()
    with pytest.raises(GuardNotMet, match="is not public"):
        envelope.wrap(exported, with_stamp=True)
    settings.GTM_TIMESTAMP_URL = "file:///etc/passwd"
    with pytest.raises(GuardNotMet, match="Only http and https"):
        envelope.wrap(exported, with_stamp=True)
    assert service == []


def test_without_key_service_or_certificates_it_says_what_to_set(exported, settings, tmp_path):
    with pytest.raises(GuardNotMet, match="no signing key"):
        envelope.wrap(exported)
    with acting_as(Actor.system("Test")):
        keys.make("example.com/gtm")
    with pytest.raises(GuardNotMet, match="No timestamp service"):
        envelope.wrap(exported, with_stamp=True)
    with pytest.raises(GuardNotMet, match="by which certificates"):
        timestamps.configured_roots()
    with pytest.raises(InvalidInput):
        timestamps.read_roots(tmp_path / "none.pem")


def test_the_commands(finished, key, service, tmp_path, capsys):
    out = tmp_path / "plan.dsse.json"
    call_command("export_plan", finished.plan_id, "--timestamp", output=out)
    call_command("verify_changelog", str(out), key=[str(key)], tsa=str(tmp_path / "root.pem"))
    told = capsys.readouterr().out
    assert "nothing contradicts it" in told and "the timestamp of CN=Test TSA" in told
    call_command("export_plan", finished.plan_id, "--envelope", output=out)
    with pytest.raises(CommandError, match="it has none"):
        call_command("verify_changelog", str(out), tsa=str(tmp_path / "root.pem"))
    with pytest.raises(CommandError, match="certificates cannot be read"):
        call_command("verify_changelog", str(out), tsa=str(tmp_path / "missing.pem"))
    assert files.read(finished) == base64.b64decode(json.loads(out.read_bytes())["payload"])
