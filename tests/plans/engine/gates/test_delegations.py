"""Delegations: dated, capped, one at a time; a new one waits for the next round, an end is felt at once."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from gtm.core.errors import InvalidInput, NotPermitted
from gtm.core.models import ChangeLogEntry
from plans.engine.escalation import deadlines
from programs.services import delegate, revoke
from tests.factories import (
    START,
    AbsenceFactory,
    ApproverFactory,
    DelegationFactory,
    PersonFactory,
    RoleFactory,
    make_plan,
    round_of,
)

pytestmark = pytest.mark.usefixtures("acting")


@pytest.fixture
def ann():
    return PersonFactory(name="Ann", roles=["finance"])


@pytest.fixture
def dan():
    return PersonFactory(name="Dan")


def let(principal, to, **rest):
    terms = {"starts_at": START, "ends_at": START + timedelta(days=5), "reason": "travels"}
    return delegate(principal=principal, to=to, role=RoleFactory(slug="finance"), **(terms | rest))


def test_it_applies_to_rounds_opened_after_it_and_both_names_are_stored(ann, dan, vote):
    before = make_plan()
    let(ann, dan)
    with pytest.raises(NotPermitted, match="acts for Ann only since after this round was opened"):
        vote(dan, round_of(before))
    plan = make_plan()
    assert vote(dan, round_of(plan)).state == "approved"
    decision = round_of(plan).decisions.get()
    assert (decision.person, decision.on_behalf_of) == (dan, ann)
    assert decision.evidence == {"authority": "delegate of Ann"}


def test_it_ends_on_its_day_for_open_rounds_too(ann, dan, vote, time):
    let(ann, dan, ends_at=START + timedelta(hours=2))
    plan = make_plan()
    time.pass_time(hours=2)
    with pytest.raises(NotPermitted):
        vote(dan, round_of(plan))


def test_a_revoked_one_is_over_at_once(ann, dan, vote):
    revoke(let(ann, dan))
    with pytest.raises(NotPermitted):
        vote(dan, round_of(make_plan()))


def test_one_is_active_for_a_principal_and_a_role(ann, dan):
    let(ann, dan)
    with pytest.raises(InvalidInput) as refused:
        let(ann, PersonFactory())
    assert "revoke it" in refused.value.problems[0].message
    with pytest.raises(IntegrityError), transaction.atomic():
        DelegationFactory(principal=ann, delegate=PersonFactory())


def test_one_that_has_ended_makes_room(ann, dan, time):
    let(ann, dan)
    time.pass_time(days=6)
    later = {"starts_at": time(), "ends_at": time() + timedelta(days=1)}
    assert let(ann, PersonFactory(name="Eve"), **later).delegate.name == "Eve"


def test_every_problem_is_told_at_once(dan):
    with pytest.raises(InvalidInput) as refused:
        let(dan, dan, ends_at=START - timedelta(days=1), reason=" ")
    assert [p.field for p in refused.value.problems] == ["to", "role", "ends_at", "reason"]


def test_whom_a_round_asks_and_passes_over_is_on_record_with_the_reason(ann, dan):
    ApproverFactory(person=dan, role=RoleFactory(slug="finance"))
    AbsenceFactory(person=ann, substitute=dan)
    plan = make_plan()
    told = ChangeLogEntry.objects.get(event="asked", chain=plan.change_chain()).payload.body["to"]
    assert told == {"people": ["Dan"], "passed_over": ["Ann is away until 2026-03-07"]}


def test_people_who_are_back_are_on_record_when_the_round_looks_again(ann):
    away = AbsenceFactory(person=ann)
    plan = make_plan()
    assert round_of(plan).state == "unsatisfiable"
    away.delete()
    deadlines.reweigh()
    told = ChangeLogEntry.objects.filter(event="asked").latest("pk").payload.body["to"]
    assert (told["people"], round_of(plan).state) == (["Ann"], "pending")
