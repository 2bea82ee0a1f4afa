"""Who may decide: separation of duties, authority, absences, delegations, authority given by a ladder."""

from datetime import timedelta
from decimal import Decimal

import pytest

from gtm.core.actors import ADMIN, Actor, acting_as
from gtm.core.errors import NotPermitted
from plans.engine.gates import eligibility, future_rounds, rounds
from plans.engine.people import inbox
from plans.export import decisions
from plans.models import Plan
from programs.models import Partner
from tests.factories import (
    START,
    AbsenceFactory,
    ApproverFactory,
    DelegationFactory,
    PersonFactory,
    RoleFactory,
    UserFactory,
    gate,
    make_plan,
    names_of,
    round_of,
    seat,
)
from tests.plans.engine.conftest import actor_of

pytestmark = pytest.mark.usefixtures("acting")


def person(name, *roles, **rest):
    return PersonFactory(name=name, roles=roles, **rest)


def bench(plan, key="sign-off"):
    return eligibility.bench_of(round_of(plan, key))


def reasons(plan):
    return dict(bench(plan).excluded)


def test_the_requester_is_excluded_under_every_account():
    ann, _ = person("Ann", "finance"), person("Ben", "finance")
    second = UserFactory()
    ann.accounts.add(second)
    plan = make_plan(requester=second)
    assert names_of(bench(plan)) == {"Ben"}
    assert reasons(plan)["Ann"].startswith("asked for this run")


def test_a_superuser_is_not_exempt():
    root = UserFactory(is_superuser=True)
    ann = person("Ann", "finance", user=root)
    person("Ben", "finance")
    plan = make_plan(requester=root)
    with acting_as(actor_of(ann)), pytest.raises(NotPermitted, match="asked for this run"):
        rounds.decide(round_of(plan), "approve")


def test_who_owns_what_the_gate_guards_is_excluded():
    ann, _ = person("Ann", "finance"), person("Ben", "finance")
    assert names_of(bench(make_plan(owner=ann))) == {"Ben"}


def test_who_edited_the_draft_is_excluded():
    ann, _ = person("Ann", "finance"), person("Ben", "finance")
    plan = make_plan()
    plan.history.create(
        **{f.attname: getattr(plan, f.attname) for f in plan._meta.concrete_fields} | {"state": "draft"},
        history_date=START, history_type="~", history_user=ann.accounts.first(),
    )  # fmt: skip
    assert names_of(bench(plan)) == {"Ben"}


def test_who_decided_another_stage_is_excluded_where_the_stage_says_so(vote):
    ann, _ = person("Ann", "finance"), person("Ben", "finance")
    plan = make_plan(gate(key="first"), gate(key="second", distinct_from=["first"]))
    vote(ann, round_of(plan, "first"))
    assert names_of(bench(plan, "second")) == {"Ben"}


def test_a_delegate_of_the_requester_is_excluded_and_an_expired_one_is_not():
    asking, ann, ben = person("Asking"), person("Ann", "finance"), person("Ben", "finance")
    role = RoleFactory(slug="legal")
    DelegationFactory(principal=asking, delegate=ann, role=role)
    ended = START - timedelta(hours=1)
    DelegationFactory(principal=asking, delegate=ben, ends_at=ended)
    assert names_of(bench(make_plan(requester=asking.accounts.first()))) == {"Ben"}


def test_the_substitute_of_an_absent_requester_does_not_decide():
    asking, ann, _ = person("Asking", "finance"), person("Ann"), person("Ben", "finance")
    AbsenceFactory(person=asking, substitute=ann)
    assert names_of(bench(make_plan(requester=asking.accounts.first()))) == {"Ben"}


def test_namesakes_are_two_people():
    first, second = person("Ann", "finance"), person("Ann", "finance")
    plan = make_plan(requester=first.accounts.first())
    assert [c.person.pk for c in bench(plan).candidates] == [second.pk]


def test_a_token_does_not_decide():
    ann = person("Ann", "finance")
    plan = make_plan()
    token = actor_of(ann, interactive=False)
    with acting_as(token), pytest.raises(NotPermitted, match="tokens and services"):
        rounds.decide(round_of(plan), "approve")


def test_an_account_without_a_person_does_not_decide():
    person("Ann", "finance")
    plan = make_plan()
    stranger = Actor.of_user(UserFactory(is_superuser=True), ADMIN, interactive=True)
    with acting_as(stranger), pytest.raises(NotPermitted, match="belongs to no person"):
        rounds.decide(round_of(plan), "approve")


# ------------------------------------------------------------------ authority


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"limit_amount": Decimal(99)}, "may sign up to 99.00 USD a year"),
        ({"limit_amount": Decimal(999), "limit_currency": "EUR"}, "has a limit in EUR"),
        ({"program_kinds": ["partner"]}, "only for partner programs"),
        ({"regions": ["EMEA"]}, "only in EMEA"),
        ({"valid_until": START}, "does not hold finance today"),
        ({"valid_from": START + timedelta(seconds=1)}, "does not hold finance today"),
    ],
)
def test_authority_that_does_not_reach_is_passed_over_with_the_reason(limits, reason):
    ApproverFactory(person=person("Ann"), role=RoleFactory(slug="finance"), **limits)
    plan = make_plan(amount=Decimal(100))
    assert names_of(bench(plan)) == set()
    assert reason in reasons(plan)["Ann"]
    assert round_of(plan).state == "unsatisfiable"


def test_an_input_never_overrides_what_the_plan_says():
    plan = make_plan(inputs={"budget": 1, "amount": 1, "kind": "partner"}, amount=Decimal(10**6))
    assert eligibility.facts_of(plan)["amount"] == Decimal(10**6)
    assert eligibility.facts_of(plan)["kind"] == "loyalty"


def test_the_bench_tells_which_condition_asks_for_a_seat():
    person("Ann", "finance")
    person("Eve", "sponsor")
    over = seat("sponsor", field="amount", over="50", currency="USD")
    plan = make_plan(gate(seat("finance"), over), amount=Decimal(100))
    found = future_rounds.who_must_approve(plan, plan.rules.gates[0])
    assert [(s.role, s.why) for s in found.seats] == [
        ("finance", "always asked"),
        ("sponsor", "asked when amount is over 50 USD a year"),
    ]
    assert found.is_satisfiable


# ------------------------------------------------------------------ stand-ins


def test_the_substitute_of_somebody_away_decides_and_the_mark_stays(vote):
    ann, ben = person("Ann", "finance"), person("Ben", "finance")
    AbsenceFactory(person=ann, substitute=ben)
    plan = make_plan(gate(seat("finance", 2)))
    assert bench(plan).candidate(ben.pk).stands_in_for == (ann,)
    plan = make_plan()
    vote(ben, round_of(plan), on_behalf_of=ann)
    decision = round_of(plan).decisions.get()
    assert (decision.on_behalf_of, decision.evidence["authority"]) == (ann, "substitute of Ann")


def test_a_substitute_needs_the_role_and_decides_within_the_smaller_limit():
    ann, ben = person("Ann", "finance"), person("Ben")
    AbsenceFactory(person=ann, substitute=ben)
    assert reasons(make_plan())["Ben"] == "covers for Ann but does not hold finance"
    ApproverFactory(person=ben, role=RoleFactory(slug="finance"), limit_amount=Decimal(50))
    plan = make_plan(amount=Decimal(100))
    assert names_of(bench(plan)) == set()
    assert "covers for Ann but may sign up to 50.00 USD" in bench(plan).why_not(ben.pk)


def test_nobody_away_and_nobody_to_stand_in_leaves_the_seat_empty():
    AbsenceFactory(person=person("Ann", "finance"))
    plan = make_plan()
    assert round_of(plan).state == "unsatisfiable"
    assert reasons(plan) == {"Ann": "is away until 2026-03-07"}


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        ({"amount_cap": Decimal(99)}, "up to 99.00 USD a year"),
        ({"amount_cap": Decimal(999), "currency": "EUR"}, "in EUR only"),
        ({"commands": ["other"]}, "only for other"),
        ({"commands": ["q:c"]}, "only for q:c"),
    ],
)
def test_a_delegation_reaches_no_further_than_it_says(terms, reason):
    ann, ben = person("Ann", "finance"), person("Ben")
    DelegationFactory(principal=ann, delegate=ben, **terms)
    plan = make_plan(amount=Decimal(100))
    assert names_of(bench(plan)) == {"Ann"}
    assert reason in reasons(plan)["Ben"]


@pytest.mark.parametrize("commands", [["c"], ["p:c"], ["other", "p:c"]])
def test_a_delegation_for_a_command_names_it_by_key_or_by_name(commands):
    ann, ben = person("Ann", "finance"), person("Ben")
    DelegationFactory(principal=ann, delegate=ben, commands=commands)
    assert names_of(bench(make_plan(amount=Decimal(100)))) == {"Ann", "Ben"}


def test_a_delegation_is_not_transitive():
    ann, ben, cid = person("Ann", "finance"), person("Ben"), person("Cid")
    DelegationFactory(principal=ann, delegate=ben)
    DelegationFactory(principal=ben, delegate=cid)
    assert names_of(bench(make_plan())) == {"Ann", "Ben"}


def test_the_smaller_authority_of_principal_and_delegate_counts():
    ann, ben = person("Ann", "finance"), person("Ben")
    ApproverFactory(person=ben, role=RoleFactory(slug="finance"), limit_amount=Decimal(50))
    DelegationFactory(principal=ann, delegate=ben)
    assert names_of(bench(make_plan(amount=Decimal(100)))) == {"Ann"}


def test_principal_and_delegate_may_both_act_and_the_first_counts(vote):
    ann, ben, _ = person("Ann", "finance"), person("Ben"), person("Cid", "finance")
    DelegationFactory(principal=ann, delegate=ben)
    plan = make_plan(gate(seat("finance", 2)))
    vote(ben, round_of(plan))
    with pytest.raises(NotPermitted, match="Ben has voted with the authority of Ann"):
        vote(ann, round_of(plan))
    assert round_of(plan).state == "pending"


def test_one_authority_and_two_people_do_not_fill_two_seats():
    ann, ben = person("Ann", "finance"), person("Ben")
    DelegationFactory(principal=ann, delegate=ben)
    plan = make_plan(gate(seat("finance", 2)))
    assert bench(plan).missing == ("finance",)


def test_who_recuses_is_not_replaced_by_the_own_delegate(vote):
    ann, ben = person("Ann", "finance"), person("Ben")
    DelegationFactory(principal=ann, delegate=ben)
    plan = make_plan()
    vote(ann, round_of(plan), "recuse")
    assert round_of(plan).state == "unsatisfiable"


def test_who_speaks_for_a_partner_does_not_decide_and_nor_does_who_shares_their_account():
    ann, ben, _ = person("Ann", "finance"), person("Ben", "finance"), person("Cleo", "finance")
    ben.accounts.add(ann.accounts.get())
    plan = make_plan()
    assert names_of(bench(plan)) == {"Ann", "Ben", "Cleo"}
    Partner(slug="northwind", name="Northwind", contact=ann).save()
    assert names_of(bench(plan)) == {"Cleo"}
    assert reasons(plan) == dict.fromkeys(
        ("Ann", "Ben"), "speaks for Northwind, and so does not decide for us"
    )
    with acting_as(actor_of(ann)), pytest.raises(NotPermitted, match="speaks for Northwind"):
        rounds.decide(round_of(plan), "approve")


def test_whom_a_partners_contact_stands_in_for_is_not_decided_for():
    ann, ben = person("Ann", "finance"), person("Ben")
    person("Cleo", "finance")
    AbsenceFactory(person=ann, substitute=ben)
    Partner(slug="northwind", name="Northwind", contact=ben).save()
    assert names_of(bench(make_plan())) == {"Cleo"}


def test_the_inbox_asks_a_fixed_number_of_questions(django_assert_num_queries, django_assert_max_num_queries):
    ann = person("Ann", "finance")
    first, second = (
        ann.accounts.first() for _ in range(2)
    )  # a request each: permissions are looked up afresh
    make_plan()
    with django_assert_max_num_queries(30) as few:
        assert len(inbox.waiting_for(first).approvals) == 1
    for _ in range(4):
        make_plan()
    with django_assert_num_queries(len(few)):
        assert len(inbox.waiting_for(second).approvals) == 5


# ------------------------------------------------------------------ the fallback list


COVERED = gate(seat("finance"), fallbacks={"finance": "deputies"})


def test_the_fallback_list_is_asked_only_where_nobody_of_the_role_is_there():
    ann, dan = person("Ann", "finance"), person("Dan", "deputies")
    plan = make_plan(COVERED)
    assert names_of(bench(plan)) == {"Ann"}
    away = AbsenceFactory(person=ann)
    assert names_of(bench(plan)) == {"Dan"}
    AbsenceFactory(person=dan)
    assert reasons(plan)["Dan"] == "covers for finance but is away too"
    away.delete()
    assert names_of(bench(plan)) == {"Ann"}


def test_a_substitute_comes_before_the_fallback_list():
    ann, sue = person("Ann", "finance"), person("Sue", "finance")
    person("Dan", "deputies")
    AbsenceFactory(person=ann, substitute=sue)
    assert names_of(bench(make_plan(COVERED))) == {"Sue"}


def test_who_covers_does_so_within_their_own_authority_and_never_for_their_own_request():
    dan = person("Dan", "deputies")
    eve = PersonFactory(name="Eve")
    ApproverFactory(person=eve, role=RoleFactory(slug="deputies"), limit_amount=Decimal(10))
    plan = make_plan(COVERED, requester=dan.accounts.get(), amount=Decimal(80))
    assert names_of(bench(plan)) == set()
    assert reasons(plan)["Dan"] == "asked for this run: nobody approves their own request"
    assert reasons(plan)["Eve"].startswith("covers for finance, but ")
    assert round_of(plan).state == "unsatisfiable"


def test_a_vote_from_the_fallback_list_is_marked_and_stands_when_the_absent_come_back(vote):
    ann, dan = person("Ann", "finance"), person("Dan", "deputies")
    away = AbsenceFactory(person=ann)
    plan = make_plan(gate(seat("finance", 2), fallbacks={"finance": "deputies"}))
    vote(dan, round_of(plan))
    away.delete()
    approval = vote(ann, round_of(plan))
    assert (approval.state, approval.decisions.get(person=dan).evidence) == (
        "approved",
        {"authority": "fallback for finance", "for": ["Ann"], "why": "Ann is away until 2026-03-07"},
    )
    covers = [{"agent": "strategist", "covered_by": "deputies"}]
    (covered,) = decisions.fallbacks(
        Plan(pk=plan.pk, declaration=plan.declaration | {"fallbacks": covers}),
        list(plan.tasks.all()),
    )
    assert [(used["person"], used["outcome"], used["for"], used["why"]) for used in covered["used"]] == [
        ("Dan", "approve", "Ann", "Ann is away until 2026-03-07")
    ]
