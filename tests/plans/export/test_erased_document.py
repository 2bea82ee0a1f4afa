"""A plan whose people were erased: tables, log and document agree, and both verifiers say so."""

import json

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command

from gtm.core.actors import ADMIN, Actor, acting_as
from gtm.core.evidence import audit, changelog, erased_text, erasure
from gtm.core.evidence.personal import MARK
from gtm.core.models import ChangeLogEntry
from plans.export import document, sealing
from plans.models import Decision
from programs.models import Person
from programs.personal_text import known_by
from tests.plans.export.forging import sealed_anew
from tests.plans.export.test_verify_plan import compare


@pytest.fixture
def erased(finished):
    """The plan after its first voter was erased, what the voter was called, and the seals to recall."""
    sealing.sealed(finished)
    vote = Decision.objects.filter(approval__plan=finished).select_related("person").first()
    person = vote.person
    words, accounts = known_by(person)
    get_user_model().objects.filter(pk__in=accounts).update(is_active=False)
    Person._base_manager.filter(pk=person.pk).update(is_active=False)
    steward = get_user_model().objects.create_superuser("steward", "steward@example.com", "x")
    with acting_as(Actor.of_user(steward, ADMIN)):
        _, seals = erased_text.erase(words, reason="Request 12.", accounts=accounts)
    return finished, words, seals


def test_nothing_of_the_person_is_left_and_all_agrees(erased):
    plan, words, seals = erased
    chain = plan.change_chain()
    assert [seal.event for seal in seals if seal.chain == chain] == ["sealed"]
    body = sealing.sealed(plan)
    raw = document.to_bytes(body)
    assert [word for word in words if word in raw.decode()] == []
    assert changelog.verify_chain(chain) == []
    assert list(audit.audit_values(chain).breaks) == list(audit.unexplained_states(chain)) == []
    votes = [vote for approval in body["approvals"] for vote in approval["decisions"]]
    said = {vote["comment"] for vote in votes if vote["person"] == MARK}
    assert (said, len(votes) > 1) == ({MARK}, True)
    made = compare(raw)
    assert made.holds
    assert ChangeLogEntry.objects.filter(chain=chain, event="text erased", entity="plans.decision").exists()


def test_words_of_an_older_copy_that_are_put_back_are_found_by_both(finished):
    """Each hash fits: the words are the very ones that were hashed."""
    older = {row["sequence"]: row for row in sealing.sealed(finished)["change_log"]}
    number = next(row["sequence"] for row in older.values() if row["event"] not in changelog.NEVER_ERASED)
    steward = get_user_model().objects.create_superuser("steward", "steward@example.com", "x")
    with acting_as(Actor.of_user(steward, ADMIN)):
        erasure.erase(finished.change_chain(), [number], reason="Request 12.")
    body = json.loads(document.to_bytes(sealing.sealed(finished)))
    assert compare(document.to_bytes(body)).findings == []
    body["change_log"][number - 1] = older[number]
    (found,) = compare(sealed_anew(body)).findings
    assert found.startswith(f"change_log row {number}: ") and found.endswith(
        "says it was erased, and it is not"
    )


def test_a_forgery_of_the_plan_after_an_erasure_is_found_by_both(erased):
    plan, *_ = erased
    body = json.loads(document.to_bytes(sealing.sealed(plan)))
    body["command"]["inputs"]["budget"] = "5000000.00"
    assert compare(sealed_anew(body)).findings


def test_of_a_plan_whose_creation_is_erased_it_says_so(finished):
    sealing.sealed(finished)
    steward = get_user_model().objects.create_superuser("steward", "steward@example.com", "x")
    with acting_as(Actor.of_user(steward, ADMIN)):
        erased_text.erase([finished.objective], reason="Request 13.")
    made = compare(document.to_bytes(sealing.sealed(finished)))
    assert made.holds
    (why,) = [
        why for what, why, _ in made.not_proved if what.startswith("what its documents said before row")
    ]
    assert "a row of a creation is erased" in why
    assert not audit.audit_values(finished.change_chain()).breaks


def test_the_command_verifies_after_it(erased, capsys, tmp_path):
    plan, *_ = erased
    (tmp_path / "plan.json").write_bytes(document.to_bytes(sealing.sealed(plan)))
    call_command("verify_changelog", str(tmp_path / "plan.json"))
    assert "nothing contradicts it" in capsys.readouterr().out
