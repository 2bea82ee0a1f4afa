"""The verifier for auditors: alone on a machine, and of one mind with ours about every forgery."""

import hashlib
import json
import os
import subprocess
import sys

import pytest
import rfc8785
from django.core.management import CommandError, call_command
from hypothesis import given, settings
from hypothesis import strategies as st

from gtm.core import canonical
from gtm.core.evidence import anchors, notes
from plans.export import document, verify_plan
from plans.export.verify import Kept, prove_bytes
from tests.conftest import ROOT
from tests.plans.export.forging import as_before_seals, rewritten, sealed_anew
from tests.plans.export.test_forgeries import CASES, another, leaves, rewritten_throughout

EXAMPLES = int(os.environ.get("GTM_FORGERIES", "60"))
SCHEMA = "the document follows the rules of plans"


def line_of(key):
    return f"{key} until {key.until.isoformat()}" if key.until else str(key)


def compare(raw, anchors=None, keys=None, witnesses=None, quorum=None):
    """What both say; they agree on whether it holds, and on the lists where nothing contradicts."""
    ours = prove_bytes(raw, Kept(anchors, keys, witnesses, quorum=quorum)).proof
    texts = [None if given is None else list(map(line_of, given)) for given in (keys, witnesses)]
    theirs = verify_plan.prove(raw, verify_plan.ReadersOwn(anchors, *texts, quorum))
    assert (bool(ours.findings), ours.holds) == (bool(theirs.findings), theirs.holds), (
        ours.findings,
        theirs.findings,
        theirs.not_proved,
    )
    if not ours.findings:
        assert {c.what for c in ours.proved} - {SCHEMA} == {what for what, _ in theirs.proved}
        assert {c.what for c in ours.not_proved} == {what for what, *_ in theirs.not_proved}
    return theirs


@pytest.mark.parametrize("forge", [None, *CASES], ids=lambda value: getattr(value, "__name__", "untouched"))
def test_both_agree_on_every_case_sealed_anew_or_written_anew(exported, forge):
    def forged(write):
        body = json.loads(exported)
        if forge is not None:
            forge(body)
        return write(body)

    assert bool(compare(forged(sealed_anew)).findings) == (forge is not None)
    kept = json.loads(exported)["integrity"]["anchors"]
    if forge is None or forge.__name__ != "blank_rows":
        assert bool(compare(forged(rewritten), kept).findings) == (forge is not None)
        compare(forged(as_before_seals))


def a_remark(body):
    body["integrity"]["remark"] = "Approved by the board"


def another_method(body):
    body["integrity"]["algorithm"] = "MD5"


def another_form(body):
    body["integrity"]["canonicalization"] = "JSON with spaces"


def words_in_a_row(body):
    body["change_log"][0]["comment"] = "Finance agrees"


def a_row_half_erased(body):
    body["change_log"][0]["erased"] = 0


def words_in_an_anchor(body):
    body["integrity"]["anchors"][0]["seen_by"] = "An auditor"


def words_in_the_head_of_an_anchor(body):
    anchor = body["integrity"]["anchors"][0]
    anchor["heads"][body["integrity"]["chain"]]["seen_by"] = "An auditor"
    anchor["root"] = anchors.root_of(anchor)


def an_anchor_twice(body):
    body["integrity"]["anchors"] *= 2


def an_anchor_that_saw_another_chain(body):
    anchor = body["integrity"]["anchors"][0]
    anchor["heads"] = {"plan:another": {"sequence": 1, "hash": "0" * 64}}
    anchor["root"] = anchors.root_of(anchor)


def an_import_record_that_says_nothing(body):
    body["import_record"] = None


UNSEALED = [
    a_remark, another_method, another_form, words_in_a_row, a_row_half_erased, words_in_an_anchor,
    words_in_the_head_of_an_anchor, an_anchor_twice, an_anchor_that_saw_another_chain,
    an_import_record_that_says_nothing,
]  # fmt: skip


@pytest.mark.parametrize("forge", UNSEALED, ids=lambda forge: forge.__name__)
def test_both_find_what_was_added_where_no_seal_and_no_hash_covers_it(exported, forge):
    body = json.loads(exported)
    forge(body)
    assert compare(sealed_anew(body)).findings


@pytest.mark.parametrize(
    ("forge", "told"),
    [
        (a_remark, "integrity: 'remark' is no part of a plan"),
        (another_form, "integrity: it names other methods than SHA-256 and RFC 8785"),
        (words_in_a_row, "change_log row 1: 'comment' is no part of a plan"),
        (a_row_half_erased, "change_log row 1: it does not say whether it is erased"),
        (words_in_an_anchor, "integrity/anchors/1: 'seen_by' is no part of a plan"),
        (words_in_the_head_of_an_anchor, "integrity/anchors/1: 'seen_by' is no part of a plan"),
        (an_anchor_twice, "integrity/anchors: an anchor is there twice"),
    ],
)
def test_the_place_of_what_was_added_is_told(exported, forge, told):
    body = json.loads(exported)
    forge(body)
    assert verify_plan.prove(sealed_anew(body)).findings == [told]


def test_both_find_a_section_that_is_listed_with_nothing(exported):
    body = json.loads(exported)
    body["integrity"]["sections"]["board"] = None
    body["integrity"]["seal"] = document.seal(body["integrity"])
    assert compare(document.to_bytes(body)).findings


def test_of_an_import_record_both_say_that_nothing_proves_it_and_find_words_that_are_none_of_it(exported):
    body = json.loads(exported)
    record = {"imported_at": "2020-01-01T00:00:00.000000Z", "sha256": canonical.digest(body)}
    made = compare(document.to_bytes(body | {"import_record": record}))
    assert "who took this document in, and when" in [what for what, *_ in made.not_proved]
    made = compare(document.to_bytes(body | {"import_record": record | {"approved_by": "The board"}}))
    assert made.findings == ["import_record: 'approved_by' is no part of a plan"]


def test_of_a_plan_that_began_before_there_were_seals_both_say_from_which_row_on_more_is_proved(exported):
    body = json.loads(exported)
    first = next(row["sequence"] for row in body["change_log"] if row["event"] == "sealed")
    left = [what for what, *_ in compare(as_before_seals(body, is_sealed_since=True)).not_proved]
    assert f"what its documents said before row {first}" in left


def test_both_agree_on_a_full_rewrite_and_on_kept_anchors(exported):
    kept = json.loads(exported)["integrity"]["anchors"]
    for raw in (exported, rewritten_throughout(exported)):
        compare(raw)
        compare(raw, kept)
        compare(raw, [record | {"heads": {}} for record in kept])


def test_both_agree_on_a_document_of_version_1():
    assert compare((ROOT / "tests/data/plan-version-1.json").read_bytes()).holds


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.data())
def test_both_agree_on_any_single_byte_changed(exported, data):
    position = data.draw(st.integers(0, len(exported) - 1), "position")
    value = data.draw(st.integers(0, 255).filter(lambda byte: byte != exported[position]), "byte")
    assert compare(exported[:position] + bytes([value]) + exported[position + 1 :]).findings


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.data())
def test_both_agree_on_any_forgery_whose_digests_fit_again(exported, data):
    body = json.loads(exported)
    places = [path for path in leaves({k: v for k, v in body.items() if k != "integrity"}) if path]
    *way, last = places[data.draw(st.integers(0, len(places) - 1), "place")]
    holder = body
    for key in way:
        holder = holder[key]
    holder[last] = another(holder[last], data.draw)
    assert compare(sealed_anew(body)).findings, (way, last)


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53) + 1, 2**53 - 1) | st.text())
def test_values_are_written_as_rfc_8785_writes_them(value):
    try:
        expected = rfc8785.dumps([value, {"k": value}])
    except (rfc8785.CanonicalizationError, UnicodeEncodeError):
        return
    assert verify_plan.canonical([value, {"k": value}]) == expected


NUMBERS = [
    0, 1, 2**53 - 1, 0.0, -0.0, 0.5, -0.5, 1.0, 10.0, 1.5, 100.25, 1e20, 1.5e20, 123456789012345680000.0,
    1e21, 1.5e21, 1e22, 1.5e22, 1.7976931348623157e308, 0.1, 0.01, 0.00001, 0.000001, 0.0000015, 1e-7, 1.5e-7,
    1.25e-7, 1e-8, 5e-324,
]  # fmt: skip


@pytest.mark.parametrize("value", [*NUMBERS, *(-number for number in NUMBERS)])
def test_numbers_are_written_as_rfc_8785_writes_them_at_each_limit(value):
    assert verify_plan.canonical(value) == rfc8785.dumps(value)


@pytest.mark.parametrize("value", [2**53, -(2**53), float("nan"), float("inf"), float("-inf")])
def test_numbers_that_json_does_not_hold_exactly_are_refused(value):
    with pytest.raises(ValueError, match=r"larger than JSON readers hold|JSON has no such number"):
        verify_plan.canonical([value])


@pytest.mark.parametrize(
    ("value", "spelled"),
    [(1.0, "1"), (-3.0, "-3"), (1.5, "1.5"), (2.0**53 - 1, "9007199254740991"),
     (2.0**53, "9007199254740992.0"), (True, "true"), (7, "7"), ([{"a": 2.0}], '[{"a": 2}]')],
)  # fmt: skip
def test_whole_numbers_are_spelled_as_such_as_far_as_they_are_exact(value, spelled):
    assert json.dumps(verify_plan.spelled(value)) == spelled
    assert json.loads(document.to_bytes({"a": value})) == {"a": verify_plan.spelled(value)}


@pytest.fixture
def alone(tmp_path):
    """A folder with the program and nothing of the project in reach."""
    program = tmp_path / "verify_plan.py"
    call_command("verify_plan", write=program)

    def run(*words):
        command = [sys.executable, "-I", str(program), *words]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    return run


def test_it_runs_without_the_project_and_says_what_is_proved(alone, exported, tmp_path):
    plan, kept = tmp_path / "plan.json", tmp_path / "kept.jsonl"
    plan.write_bytes(exported)
    kept.write_text("".join(json.dumps(r) + "\n" for r in json.loads(exported)["integrity"]["anchors"]))
    code, said = alone(str(plan), "--anchors", str(kept))
    assert (code, "nobody has written the change log anew up to row" in said) == (0, True)
    assert f"  {SCHEMA}: this program does not know the schema" in said.splitlines()
    plan.write_bytes(exported.replace(b'"revision": 1', b'"revision": 2'))
    code, said = alone(str(plan))
    assert (code, "CONTRADICTED  revision: its content differs" in said) == (1, True)


@pytest.mark.parametrize(
    "words",
    [
        ["none.json"],
        ["plan.json", "--anchors", "none"],
        ["plan.json", "--key", "a+b+c"],
        ["plan.json", "--anchors", "plan.json"],
        ["plan.json", "--anchors", "empty"],
        ["plan.json", "--key", "none"],
    ],
)
def test_what_cannot_be_read_is_exit_code_2(alone, exported, tmp_path, words):
    (tmp_path / "plan.json").write_bytes(exported)
    (tmp_path / "empty").write_bytes(b"")
    assert alone(*words)[0] == 2


KEY = notes.PrivateKey("one", notes.SIGNATURE, bytes(32)).public


@pytest.mark.parametrize(
    ("dates", "is_read"),
    [
        ("", True),
        ("since 2020-01-01T00:00:00Z", True),
        ("until 2020-01-01T00:00:00Z", True),
        ("since 2020-01-01T00:00:00Z until 2020-01-01T00:00:00Z", True),
        ("until 2020-01-02T00:00:00Z since 2020-01-01T00:00:00Z  # the old one", True),
        ("since 9999-01-01T00:00:00Z", False),
        ("since 2020-01-02T00:00:00Z until 2020-01-01T00:00:00Z", False),
        ("until yesterday", False),
        ("until 2020-01-01T00:00:00", False),
        ("until", False),
        ("since 2020-01-01T00:00:00Z until", False),
        ("ended 2020-01-01T00:00:00Z", False),
    ],
)
def test_both_read_the_same_dates_of_keys_and_refuse_the_same(exported, tmp_path, capsys, dates, is_read):
    plan, kept = tmp_path / "plan.json", tmp_path / "keys.txt"
    plan.write_bytes(exported)
    kept.write_text(f"# a remark\n\n{KEY} {dates}\n")
    code = 1 if is_read else 2  # the document is not signed by it: asked for, and not proved
    assert verify_plan.main([str(plan), "--key", str(kept)]) == code
    assert ("is not a key with its dates" in capsys.readouterr().err) is (
        not is_read and "since 9999" not in dates and "since 2020-01-02" not in dates
    )
    with pytest.raises(CommandError) as refused:
        call_command("verify_changelog", str(plan), key=[str(kept)])
    assert refused.value.returncode == code


WITNESSES = [str(notes.PrivateKey(n, notes.COSIGNATURE, bytes(32)).public) for n in ("one", "two")]


@pytest.mark.parametrize(
    ("quorum", "named", "code"),
    [(0, 1, 2), (-1, 1, 2), (1, 0, 2), (2, 1, 2), (3, 2, 2), (1, 1, 1), (1, 2, 1), (2, 2, 1), (None, 2, 1)],
)
def test_a_quorum_is_at_least_one_witness_and_at_most_all(exported, tmp_path, capsys, quorum, named, code):
    """Code 1: nobody signed. A witness that is named twice is one."""
    plan = tmp_path / "plan.json"
    plan.write_bytes(exported)
    given = [*WITNESSES[:named], *WITNESSES[:named]]
    words = [word for key in given for word in ("--witness", key)]
    words += [] if quorum is None else ["--quorum", str(quorum)]
    assert verify_plan.main([str(plan), *words]) == code
    with pytest.raises(CommandError) as refused:
        call_command("verify_changelog", str(plan), witness=given, quorum=quorum)
    assert refused.value.returncode == code
    told = "--quorum is at least 1, and at most the number of witnesses."
    assert (told in capsys.readouterr().err, told in str(refused.value)) == (code == 2, code == 2)


def spelled_key(name, raw, fingerprint=None):
    own = hashlib.sha256(name.encode() + b"\n" + raw).digest()[:4].hex()
    return f"{name}+{fingerprint or own}+{notes.as_text(raw)}"


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (spelled_key("one", b"\1" + bytes(32)), 1),
        (spelled_key("one", b"\4" + bytes(32)), 1),
        (spelled_key("", b"\1" + bytes(32)), 2),
        (spelled_key("one", b"\1" + bytes(31)), 2),
        (spelled_key("one", b"\1" + bytes(33)), 2),
        (spelled_key("one", b"\2" + bytes(32)), 2),
        (spelled_key("one", b"\5" + bytes(32)), 2),
        (spelled_key("one", b"\1" + bytes(32), "00000000"), 2),
        (spelled_key("one", b"\1" + bytes(32)) + "!", 2),
        (spelled_key("one", b"\1" + bytes(32)).replace("+", " ", 1), 2),
        ("one+two", 2),
    ],
)
def test_both_read_the_same_keys_and_refuse_the_same(exported, tmp_path, key, code):
    """Code 1: it did not sign the document."""
    plan = tmp_path / "plan.json"
    plan.write_bytes(exported)
    assert verify_plan.main([str(plan), "--key", key]) == code
    with pytest.raises(CommandError) as refused:
        call_command("verify_changelog", str(plan), key=[key])
    assert refused.value.returncode == code


def test_it_says_what_it_does_and_what_it_takes(capsys):
    with pytest.raises(SystemExit) as ended:
        verify_plan.main(["--help"])
    said = capsys.readouterr().out
    assert ended.value.code == 0
    assert "Verify a plan JSON on a machine that has nothing of the project" in said
    assert all(word in said for word in ("--key", "--witness", "--quorum", "--anchors"))


def test_a_signature_is_checked_or_it_is_said_that_it_cannot_be(monkeypatch, exported):
    monkeypatch.setattr(verify_plan, "Ed25519PublicKey", None)
    with pytest.raises(verify_plan.Unreadable, match="install the package cryptography"):
        verify_plan.signers("a\n1\nx\n\n", ["key"], 1)


def test_the_command_prints_it_and_says_where_it_cannot_be_written(capsys, tmp_path):
    call_command("verify_plan")
    assert capsys.readouterr().out.startswith('"""Verify a plan JSON on a machine that has nothing')
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("verify_plan", write=tmp_path / "none" / "verify_plan.py")
