"""Separation of duties: each rule alone, rules together, and what no fact can undo."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plans.engine.gates.duties import Exclusion, Facts, SeparationRule, excluded_people, exclusions

people = st.frozensets(st.sampled_from("abcdef"))
links = st.dictionaries(st.sampled_from("abcdef"), people)
facts = st.builds(
    Facts, people, people, people, people, links, st.dictionaries(*[st.sampled_from("abcdef")] * 2), people
)


def rules_of(person, given_facts):
    return [exclusion.rule for exclusion in exclusions(given_facts) if exclusion.person == person]


@pytest.mark.parametrize(
    ("known", "rule"),
    [
        (Facts(requesters=["ada"]), SeparationRule.REQUESTED),
        (Facts(editors=["ada"]), SeparationRule.EDITED),
        (Facts(executors=["ada"]), SeparationRule.EXECUTES),
        (Facts(decided_elsewhere=["ada"]), SeparationRule.DECIDED_ELSEWHERE),
        (Facts(requesters=["bob"], acts_for={"ada": ["bob"]}), SeparationRule.ACTS_FOR),
        (Facts(requesters=["bob"], chosen_by={"ada": "bob"}), SeparationRule.ACTS_FOR),
        (Facts(services=["ada"]), SeparationRule.NOT_A_PERSON),
        (Facts(speaks_for={"ada": "Acme"}), SeparationRule.SPEAKS_FOR_A_PARTNER),
    ],
)
def test_each_rule_excludes_by_itself(known, rule):
    assert rules_of("ada", known) == [rule]


def test_nothing_known_excludes_nobody():
    assert exclusions(Facts()) == ()


@pytest.mark.parametrize("fact", ["editors", "executors", "decided_elsewhere"])
def test_who_acts_for_somebody_excluded_is_excluded_whatever_excludes_them(fact):
    known = Facts(**{fact: ["bob"]}, acts_for={"ada": ["bob"]})
    assert rules_of("ada", known) == [SeparationRule.ACTS_FOR]


def test_acting_for_somebody_who_may_decide_excludes_nobody():
    known = Facts(requesters=["eve"], acts_for={"ada": ["bob"]}, chosen_by={"ada": "bob"})
    assert set(excluded_people(exclusions(known))) == {"eve"}


def test_acting_for_others_does_not_pass_on():
    known = Facts(requesters=["eve"], acts_for={"ada": ["eve"], "bob": ["ada"]})
    assert rules_of("bob", known) == []


def test_every_reason_is_told_in_the_order_of_the_rules():
    known = Facts(requesters=["ada", "bob"], executors=["ada"], acts_for={"ada": ["bob"]})
    found = exclusions(known, {"bob": "Bob Birch"})
    assert excluded_people(found)["ada"] == (
        "asked for this run: nobody approves their own request; executes or owns a task "
        "that this gate guards; "
        "acts for Bob Birch, who must not decide here"
    )


def test_one_person_is_excluded_once_a_rule():
    assert exclusions(Facts(requesters=["ada", "ada"])) == (
        Exclusion("ada", SeparationRule.REQUESTED, "asked for this run: nobody approves their own request"),
    )


@given(facts)
def test_everybody_named_by_a_fact_is_excluded(known):
    named = {*known.requesters, *known.editors, *known.executors, *known.decided_elsewhere, *known.services}
    assert named <= set(excluded_people(exclusions(known)))


@given(facts, facts)
def test_more_facts_never_let_anybody_back_in(first, second):
    both = Facts(
        *(frozenset(getattr(first, f)) | frozenset(getattr(second, f)) for f in Facts.__slots__[:4]),
        acts_for={
            who: first.acts_for.get(who, frozenset()) | second.acts_for.get(who, frozenset())
            for who in first.acts_for | second.acts_for
        },
        chosen_by=first.chosen_by,
        services=first.services | second.services,
    )
    assert set(excluded_people(exclusions(first))) <= set(excluded_people(exclusions(both)))


def test_the_rules_carry_the_numbers_that_auditors_know_them_by():
    assert {rule.name: int(rule) for rule in SeparationRule} == {
        "REQUESTED": 1,
        "EDITED": 2,
        "EXECUTES": 3,
        "DECIDED_ELSEWHERE": 4,
        "ACTS_FOR": 5,
        "NOT_A_PERSON": 6,
        "SPEAKS_FOR_A_PARTNER": 7,
    }


def test_who_asked_for_the_run_is_not_also_their_own_delegate():
    found = exclusions(Facts(requesters={"ann"}, chosen_by={"ann": "ann", "dan": "ann"}))
    assert [(e.person, e.rule) for e in found] == [
        ("ann", SeparationRule.REQUESTED),
        ("dan", SeparationRule.ACTS_FOR),
    ]
