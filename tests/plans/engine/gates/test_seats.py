"""Approval policy: every small bench against brute force, and the sentences of the policy as cases."""

from collections import Counter
from functools import cache
from itertools import combinations_with_replacement, permutations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plans.engine.gates import seats as policy
from plans.engine.gates.seats import APPROVE, RECUSE, REJECT, REQUEST_CHANGES, SeatRule, evaluate
from plans.schemas import rules

ROLES = ("finance", "legal", "sponsor")
ROLE_SETS = [
    frozenset(r for r, held in zip(ROLES, bits, strict=True) if held) for bits in product((0, 1), repeat=3)
]


def bench(*role_sets):
    return {f"p{n}": roles for n, roles in enumerate(role_sets)}


@cache
def most_seats(places, held):
    """Brute force: the most seats people with these roles can take, over all orders and empty chairs."""
    chairs = [*held, *[frozenset()] * len(places)]
    return max(
        sum(role in roles for role, roles in zip(places, order, strict=True))
        for order in set(permutations(chairs, len(places)))
    )


# ------------------------------------------------------------------ the oracle


@pytest.mark.parametrize("minimums", [m for m in product(range(3), repeat=3) if 0 < sum(m) <= 3])
def test_matching_fills_as_many_seats_as_brute_force_for_every_small_bench(minimums):
    seats = [SeatRule(role, n) for role, n in zip(ROLES, minimums, strict=True)]
    places = tuple(seat.role for seat in seats for _ in range(seat.minimum))
    for size in range(5):
        for role_sets in combinations_with_replacement(ROLE_SETS, size):
            people = bench(*role_sets)
            found = policy.match(seats, people)
            best = most_seats(places, role_sets)
            assert len(found) == best
            assert all(role in people[person] for person, role in found.items())
            assert not Counter(found.values()) - Counter(places)
            assert policy.fills(seats, people) == (best == len(places))
            assert len(policy.open_seats(seats, people)) == len(places) - best


@pytest.mark.parametrize("on_reject", ["veto", "impossible"])
@pytest.mark.parametrize("minimums", [(1, 0, 0), (2, 0, 0), (1, 1, 0), (1, 1, 1), (2, 1, 0)])
def test_verdict_is_what_brute_force_says_for_every_small_vote(minimums, on_reject):
    seats = [SeatRule(role, n) for role, n in zip(ROLES, minimums, strict=True)]
    places = tuple(seat.role for seat in seats for _ in range(seat.minimum))
    counts = [{APPROVE}, {APPROVE, None}, {APPROVE, None, REJECT}]
    for role_sets in combinations_with_replacement(ROLE_SETS[1:], 3):
        people = bench(*role_sets)
        for cast in product((None, APPROVE, REJECT, RECUSE), repeat=3):
            votes = {person: vote for person, vote in zip(people, cast, strict=True) if vote}
            held = [
                tuple(roles for roles, vote in zip(role_sets, cast, strict=True) if vote in some)
                for some in counts
            ]
            now, later, without_refusal = (most_seats(places, some) == len(places) for some in held)
            # In order of precedence: the first that holds is the verdict.
            rules = {
                "rejected": REJECT in cast and (on_reject == "veto" or (not later and without_refusal)),
                "approved": now,
                "pending": later,
                "unsatisfiable": True,
            }
            expected = next(verdict for verdict, holds in rules.items() if holds)
            assert evaluate(seats, votes, people, on_reject=on_reject).verdict == expected


# ------------------------------------------------------------------ laws


benches = st.dictionaries(st.sampled_from("abcdef"), st.frozensets(st.sampled_from(ROLES)), max_size=6)
ballots = st.dictionaries(
    st.sampled_from("abcdef"), st.sampled_from([APPROVE, REJECT, REQUEST_CHANGES, RECUSE])
)
seatings = st.lists(st.builds(SeatRule, st.sampled_from(ROLES), st.integers(1, 2)), min_size=1, max_size=4)


@st.composite
def nearly_approved(draw):
    """Seats, votes and people: somebody approves in every place, but for one who may be missing.

    Others are there too and vote as they like; a rejection among them is seldom, for one ends the round.
    """
    seats = draw(seatings)
    places = [seat.role for seat in seats for _ in range(seat.minimum)]
    extra = st.frozensets(st.sampled_from(ROLES), max_size=2)
    people = draw(benches) | {f"p{n}": draw(extra) | {role} for n, role in enumerate(places)}
    seldom = st.sampled_from([*[APPROVE, RECUSE] * 8, REJECT, REQUEST_CHANGES])
    votes = draw(st.dictionaries(st.sampled_from("abcdef"), seldom, max_size=3))
    votes |= {f"p{n}": APPROVE for n in range(len(places))}
    if draw(st.sampled_from([False] * 4 + [True])):
        del votes[f"p{draw(st.integers(0, len(places) - 1))}"]
    return seats, votes, people


def holds_where_approved(law):
    """Try a law of approved rounds, which answers the verdict; most of what was tried must be approved."""
    verdicts = Counter()

    @given(nearly_approved())
    def examples(case):
        verdicts[law(*case)] += 1

    examples()
    assert verdicts["approved"] > verdicts.total() / 2, verdicts
    assert len(verdicts) > 1, verdicts


@given(seatings, ballots, benches)
def test_only_eligible_people_who_approved_take_a_seat(seats, votes, people):
    assignment = evaluate(seats, votes, people).assignment
    assert set(assignment) <= {p for p in people if votes.get(p) == APPROVE}
    assert all(role in people[person] for person, role in assignment.items())


def test_approved_means_a_matching_of_distinct_eligible_people_who_approved():
    def law(seats, votes, people):
        outcome = evaluate(seats, votes, people)
        places = Counter(seat.role for seat in seats for _ in range(seat.minimum))
        assert set(outcome.assignment) <= {p for p in people if votes.get(p) == APPROVE}
        assert (outcome.verdict == "approved") <= (Counter(outcome.assignment.values()) == places)
        return outcome.verdict

    holds_where_approved(law)


@given(seatings, ballots, benches)
def test_the_order_of_seats_and_of_people_changes_no_verdict(seats, votes, people):
    turned = evaluate(seats[::-1], votes, dict(reversed(people.items())))
    assert turned.verdict == evaluate(seats, votes, people).verdict


def test_one_more_approval_never_takes_an_approval_away():
    def law(seats, votes, people):
        more = votes | {"z": APPROVE}
        before = evaluate(seats, votes, people).verdict
        after = evaluate(seats, more, people | {"z": frozenset(ROLES)}).verdict
        assert (before == "approved") <= (after == "approved")
        return before

    holds_where_approved(law)


# ------------------------------------------------------------------ sentences


def test_one_person_with_two_roles_fills_one_seat():
    seats = [SeatRule("finance"), SeatRule("legal")]
    outcome = evaluate(seats, {"ada": APPROVE}, {"ada": {"finance", "legal"}, "bob": {"legal"}})
    assert (outcome.verdict, len(outcome.assignment), len(outcome.missing)) == ("pending", 1, 1)


def test_a_person_gives_way_so_that_both_seats_are_filled():
    seats = [SeatRule("finance"), SeatRule("legal")]
    both = {"ada": {"finance", "legal"}, "bob": {"finance"}}
    outcome = evaluate(seats, {"ada": APPROVE, "bob": APPROVE}, both)
    assert outcome == policy.Outcome("approved", {"ada": "legal", "bob": "finance"})


def test_conditional_seats_of_a_role_already_asked_want_another_person():
    seats = [SeatRule("finance"), SeatRule("finance", why="over the limit")]
    outcome = evaluate(seats, {"ada": APPROVE}, {"ada": {"finance"}, "bob": {"finance"}})
    assert (outcome.verdict, outcome.missing) == ("pending", ("finance",))


def test_a_vote_of_somebody_not_eligible_does_not_count():
    outcome = evaluate([SeatRule("finance")], {"eve": APPROVE}, {"ada": {"finance"}})
    assert (outcome.verdict, outcome.assignment) == ("pending", {})


def test_a_rejection_of_somebody_not_eligible_does_not_end_the_round():
    assert evaluate([SeatRule("finance")], {"eve": REJECT}, {"ada": {"finance"}}).verdict == "pending"


def test_veto_ends_at_the_first_rejection_and_impossible_waits():
    seats, people = [SeatRule("finance")], {"ada": {"finance"}, "bob": {"finance"}}
    verdicts = [evaluate(seats, {"ada": REJECT}, people, on_reject=r).verdict for r in ("veto", "impossible")]
    assert verdicts == ["rejected", "pending"]


def test_impossible_is_rejected_only_where_the_rejection_is_why():
    seats = [SeatRule("finance"), SeatRule("legal")]
    votes = {"ada": REJECT}
    legal_is_there = {"ada": {"finance"}, "lex": {"legal"}}
    assert evaluate(seats, votes, legal_is_there, on_reject="impossible").verdict == "rejected"
    assert evaluate(seats, votes, {"ada": {"finance"}}, on_reject="impossible").verdict == "unsatisfiable"


def test_a_recusal_that_empties_a_seat_is_unsatisfiable_at_once_and_names_the_seat():
    outcome = evaluate([SeatRule("legal")], {"lex": RECUSE}, {"lex": {"legal"}, "ada": {"finance"}})
    assert (outcome.verdict, outcome.missing) == ("unsatisfiable", ("legal",))


def test_requested_changes_stop_the_round_before_anything_else():
    votes = {"ada": APPROVE, "bob": REQUEST_CHANGES}
    people = {"ada": {"finance"}, "bob": {"finance"}}
    assert evaluate([SeatRule("finance")], votes, people).verdict == "changes_requested"


def test_principal_and_delegate_are_one_authority_and_the_first_vote_counts():
    seats = [SeatRule("finance", 2)]
    people = {name: {"finance"} for name in ("paul", "dana", "ada")}
    both = evaluate(seats, {"dana": APPROVE, "paul": APPROVE}, people, on_behalf_of={"dana": "paul"})
    assert (both.verdict, both.assignment) == ("pending", {"dana": "finance"})
    late_refusal = {"dana": APPROVE, "paul": REJECT, "ada": APPROVE}
    assert evaluate(seats, late_refusal, people, on_behalf_of={"dana": "paul"}).verdict == "approved"


def test_no_seats_are_approved_without_anybody():
    assert evaluate([], {}, {}).verdict == "approved"


# ------------------------------------------------------------------ conditions

OVER = {"field": "amount", "over": "25000", "currency": "USD"}


@pytest.mark.parametrize(
    ("condition", "facts", "asked"),
    [
        (None, {}, True),
        (OVER, {"amount": "25000.00", "currency": "USD"}, False),
        (OVER, {"amount": "25000.01", "currency": "USD"}, True),
        (OVER, {"amount": "1", "currency": "EUR"}, True),
        (OVER, {"amount": None, "currency": "USD"}, False),
        (OVER, {"currency": "USD"}, True),
        ({"field": "risk", "over": 3}, {"risk": 4, "currency": "USD"}, True),
        ({"field": "risk", "over": 3}, {"risk": 3, "currency": "USD"}, False),
        ({"field": "region", "among": ["EU", "UK"]}, {"region": "UK"}, True),
        ({"field": "region", "among": ["EU", "UK"]}, {"region": "US"}, False),
        ({"field": "kind", "equals": "referral"}, {"kind": "referral"}, True),
        ({"field": "kind", "equals": "referral"}, {"kind": "loyalty"}, False),
        ({"field": "new_partner", "is_true": True}, {"new_partner": True}, True),
        ({"field": "new_partner", "is_true": True}, {"new_partner": False}, False),
        ({"field": "new_partner", "is_true": True}, {}, True),
    ],
)
def test_a_seat_is_asked_for_where_its_condition_holds_or_nobody_can_tell(condition, facts, asked):
    assert policy.holds(condition, facts) is asked


def test_applying_seats_say_why_they_are_asked_for():
    sponsor = {"role": "sponsor", "minimum": 2, "condition": OVER, "why": "The board wants it."}
    seats = [{"role": "finance", "minimum": 1}, sponsor, {"role": "legal", "minimum": 1, "condition": OVER}]
    always, told, derived = (
        SeatRule("finance", 1, "always asked"),
        SeatRule("sponsor", 2, "The board wants it."),
        SeatRule("legal", 1, "asked when amount is over 25,000 USD a year"),
    )
    stored = rules.seats(seats)
    assert policy.applying_seats(stored, {"amount": "30000", "currency": "USD"}) == (always, told, derived)
    assert policy.applying_seats(stored, {"amount": "3000", "currency": "USD"}) == (always,)


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        (None, "always asked"),
        (OVER, "asked when amount is over 25,000 USD a year"),
        ({"field": "risk", "over": 3}, "asked when risk is over 3"),
        ({"field": "region", "among": ["EU", "UK"]}, "asked when region is one of EU, UK"),
        ({"field": "kind", "equals": "referral"}, "asked when kind is referral"),
        ({"field": "new_partner", "is_true": True}, "asked when new_partner"),
    ],
)
def test_a_condition_is_told_in_words(condition, sentence):
    assert policy.describe(condition) == sentence
