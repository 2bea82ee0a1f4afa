"""Policies and ladders as versions: two people, the next run only, and no text that silence could approve."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtm.core.actors import ADMIN, REST, Actor, acting_as
from gtm.core.errors import GtmError, GuardNotMet, InvalidInput, NotFound, NotPermitted
from gtm.core.evidence import changelog
from gtm.core.models import ChangeLogEntry
from plans.engine.notices import delivery
from plans.engine.people import inbox
from plans.export import document, rules
from plans.models import LADDER, Notice, NoticeKind, PolicyVersion
from plans.runs import policies, registry
from programs.models import Person, Role
from tests.doors import built, purchases, site, start, user  # noqa: F401

pytestmark = pytest.mark.usefixtures("site")

NAME, GATE = "plan-loyalty", "finance-approval"
TWO = [{"role": "finance", "minimum": 2}]
RUNGS = [
    {"roles": [role], "hours": 4, "effect": "notify"} for role in ("finance", "legal", "loyalty-strategist")
]


def as_user(username, *, interactive=True):
    return acting_as(Actor.of_user(user(username), ADMIN, interactive=interactive))


def propose(changes=None, subject=GATE, *, by="ops", reason="The board asked for it."):
    with as_user(by):
        return policies.propose(NAME, subject, changes or {"seats": TWO}, reason=reason)


def decide(row, verb="adopt", *, by="exec", comment="As agreed."):
    with as_user(by):
        return policies.decide(row, verb, comment=comment)


def rule(subject=GATE):
    return policies.in_force(registry.get(NAME))[subject]


def gate_of(plan):
    return next(gate for gate in plan.declaration["gates"] if gate["key"] == GATE)


def seats_of(text):
    return [(seat["role"], seat["minimum"]) for seat in text["seats"]]


def test_what_is_adopted_holds_for_the_runs_that_start_later_and_for_no_other():
    before = start()
    row = propose({"seats": TWO, "hours": 24})
    assert seats_of(gate_of(start())) == [("finance", 1), ("exec-sponsor", 1)]
    assert decide(row).state == "in_force"
    after = start()
    assert (seats_of(gate_of(after)), gate_of(after)["hours"]) == ([("finance", 2)], 24)
    assert (gate_of(before)["policy_version"], gate_of(after)["policy_version"]) == (0, 1)
    before.refresh_from_db()
    assert seats_of(gate_of(before)) == [("finance", 1), ("exec-sponsor", 1)]


def test_a_plan_that_is_refitted_keeps_the_rules_it_started_with():
    before, command = start(), registry.get(NAME)
    decide(propose({"seats": TWO, "hours": 24}))
    decide(propose({"rungs": RUNGS}, LADDER))
    kept = policies.kept_by(before, command)
    assert kept == policies.declared(command) != policies.in_force(command)
    assert policies.kept_by(start(), command) == policies.in_force(command)


def test_the_ladder_is_a_policy_too():
    decide(propose({"rungs": RUNGS, "repeats": 1}, LADDER))
    declared = start().declaration
    assert [rung["roles"] for rung in declared["ladder"]] == [["finance"], ["legal"], ["loyalty-strategist"]]
    assert (declared["ladder_repeats"], declared["ladder_version"]) == (1, 1)


ROTA = {"name": "Desk", "turn": "week", "since": "2026-03-02", "people": ["ops@demo.example"]}
ON_CALL = [{"roles": [], "hours": 4, "effect": "notify", "rota": ROTA}, *RUNGS[1:]]


def test_a_rota_is_adopted_with_its_ladder_and_a_plan_keeps_it():
    before = start()
    decide(propose({"rungs": ON_CALL}, LADDER))
    body = document.build(start())
    assert body["escalation_ladder"][0] == {
        "rung": 1, "role": "rota Desk", "response_time": "PT4H", "effect": "notify", "rota": ROTA,
    }  # fmt: skip
    assert rules.problems(body) == []
    (said,) = [i["evidence"] for i in body["review_checklist"] if "ladder" in i["text"]]
    assert said.startswith("rota Desk (on call today: Olivia Park) → legal → loyalty-strategist")
    before.refresh_from_db()
    assert [rung.rota for rung in before.rules.ladder] == [None] * 3


def test_a_rota_of_somebody_who_has_left_is_not_adopted():
    row = propose({"rungs": ON_CALL}, LADDER)
    with acting_as(Actor.system("Test")):
        person = Person.objects.get(email="ops@demo.example")
        person.is_active = False
        person.save()
    with pytest.raises(InvalidInput, match="no longer fits"):
        decide(row)


def test_the_plan_json_names_the_version_of_every_rule():
    decide(propose())
    body = document.build(start())
    assert body["guardrails"]["policy_versions"] == {LADDER: 0, GATE: 1, "legal-approval": 0}
    assert rules.problems(body) == []


def test_the_next_version_takes_the_place_of_the_last_and_all_stay_on_record():
    first, second = decide(propose()), propose({"hours": 40})
    assert (second.number, second.based_on) == (2, 1)
    decide(second)
    first.refresh_from_db()
    assert (first.state, rule().number, rule().text["hours"]) == ("replaced", 2, 40)
    assert seats_of(rule().text) == [("finance", 2)]
    events = ChangeLogEntry.objects.filter(entity="plans.policyversion").order_by("sequence")
    assert list(events.values_list("event", flat=True)) == ["created", "adopt", "created", "replace", "adopt"]
    assert changelog.verify_chain(first.change_chain()) == []


def test_a_proposal_on_what_is_no_longer_in_force_is_made_again():
    one, other = propose(), propose({"hours": 40})
    decide(one)
    with pytest.raises(GuardNotMet, match="Version 1 came into force"):
        decide(other)
    assert (rule().number, PolicyVersion.objects.get(pk=other.pk).state) == (1, "proposed")


# ------------------------------------------------------------------ who


def test_nobody_adopts_their_own_proposal_by_whatever_account():
    row = propose(by="exec")
    second = user("auditor")
    with acting_as(Actor.system("Test")):
        Person.objects.get(accounts=user("exec")).accounts.add(second)
    second.user_permissions.set(user("exec").groups.get(name="Stewards").permissions.all())
    for username in ("exec", "auditor"):
        with pytest.raises(NotPermitted, match="Nobody may adopt or reject their own"):
            decide(row, by=username)
    assert decide(row, by="deputy").state == "in_force"


def test_a_superuser_is_not_exempt():
    root = user("admin")
    with acting_as(Actor.of_user(root, ADMIN, interactive=True)):
        row = policies.propose(NAME, GATE, {"seats": TWO}, reason="Because I can.")
        with pytest.raises(NotPermitted):
            policies.decide(row, "adopt", comment="Because I can.")


@pytest.mark.parametrize(("username", "interactive"), [("ops", True), ("finance", True), ("deputy", False)])
def test_adopting_takes_the_permission_and_a_session(username, interactive):
    row = propose(by="exec")
    with as_user(username, interactive=interactive), pytest.raises(NotPermitted):
        policies.decide(row, "adopt", comment="Yes.")


def test_proposing_takes_the_permission_and_the_engine_proposes_nothing():
    with pytest.raises(NotPermitted):
        propose(by="finance")
    with acting_as(Actor.system("Engine")), pytest.raises(NotPermitted):
        policies.propose(NAME, GATE, {"seats": TWO}, reason="r")


def test_a_token_may_propose_but_only_the_proposer_withdraws():
    with acting_as(Actor.of_user(user("ops"), REST, interactive=False)):
        row = policies.propose(NAME, GATE, {"seats": TWO}, reason="An agent asks.")
    with pytest.raises(NotPermitted, match="Only the person who proposed it"):
        decide(row, "withdraw")
    assert decide(row, "withdraw", by="ops").state == "withdrawn"


@pytest.mark.parametrize("verb", ["adopt", "reject"])
def test_a_decision_says_why_and_is_final(verb):
    row = propose()
    with pytest.raises(GuardNotMet, match="Say why"):
        decide(row, verb, comment=" ")
    decided = decide(row, verb)
    assert (decided.decided_by, decided.state) == (user("exec"), {"adopt": "in_force"}.get(verb, "rejected"))
    with pytest.raises(GtmError):
        decide(row, verb, by="deputy")


def test_those_who_may_adopt_are_told_and_not_the_proposer():
    row = propose(by="exec")
    delivery.work_off()
    told = Notice.objects.get(kind=NoticeKind.POLICY).notifications.values_list("person__name", flat=True)
    assert "Dora Klein" in told and "Elena Rossi" not in told
    waits = {name: inbox.waiting_for(user(name)).policies for name in ("deputy", "exec", "ops")}
    assert waits == {"deputy": [row], "exec": [], "ops": []}
    decide(row, by="deputy")
    assert inbox.waiting_for(user("deputy")).policies == []
    assert Notice.objects.get(kind=NoticeKind.POLICY).withdrawn_reason == "It is in force now."


# ------------------------------------------------------------------ what a text must be


def refused(changes, subject=GATE):
    with pytest.raises(InvalidInput) as caught:
        propose(changes, subject)
    return [problem.field for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"seats": []}, ["seats"]),
        ({"seats": [{"role": "nobody"}]}, ["seats.0.role"]),
        ({"seats": [{"role": "finance", "minimum": 0}]}, ["seats.0.minimum"]),
        ({"seats": [{"role": "finance", "condition": {"field": "amount", "over": "5"}}]}, ["seats"]),
        ({"seats": [{"role": "finance"}] * 7}, ["seats"]),
        ({"hours": 0}, ["hours"]),
        ({"hours": True}, ["hours"]),
        ({"hours": "16"}, ["hours"]),
        ({"on_reject": "never"}, ["on_reject"]),
        ({"on_exhausted": "approve"}, ["on_exhausted"]),
        ({"distinct_from": [GATE]}, ["distinct_from"]),
        ({"distinct_from": "legal-approval"}, ["distinct_from"]),
        ({"question": "Shall we?"}, ["question"]),
        ({"seats": [], "hours": 0, "on_reject": ""}, ["seats", "hours", "on_reject"]),
    ],
)
def test_a_gate_that_could_not_work_is_refused_with_every_problem(changes, wrong):
    assert refused(changes) == wrong
    assert not PolicyVersion.objects.exists()


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"rungs": RUNGS[:2]}, ["rungs"]),
        ({"rungs": [*RUNGS] * 4}, ["rungs"]),
        ({"rungs": [*RUNGS[:2], {"roles": [], "hours": 4, "effect": "notify"}]}, ["rungs.2.roles"]),
        ({"rungs": [*RUNGS[:2], {"roles": ["x"], "hours": 0, "effect": "ask"}]},
         ["rungs.2.roles", "rungs.2.hours", "rungs.2.effect"]),
        ({"rungs": [*RUNGS[:2], RUNGS[2] | {"roles": ["finance"] * 4}]}, ["rungs.2.roles"]),
        ({"rungs": [*RUNGS[:2], "finance"]}, ["rungs.2"]),
        ({"rungs": [*RUNGS[:2], RUNGS[2] | {"people": ["Ann"]}]}, ["rungs.2.people"]),
        ({"repeats": 9}, ["repeats"]),
        ({"rungs": [*RUNGS[:2], ON_CALL[0] | {"effect": "add authority"}]}, ["rungs.2.roles"]),
        ({"rungs": [*RUNGS[:2], ON_CALL[0] | {"rota": "Ann"}]}, ["rungs.2.rota"]),
        ({"rungs": [*RUNGS[:2], ON_CALL[0] | {"rota": ROTA | {
            "name": " ", "turn": "month", "since": "7 March", "people": ["nobody@x.com"], "zone": "UTC"}}]},
         [f"rungs.2.rota.{name}" for name in ("zone", "name", "turn", "since", "people")]),
        ({"rungs": [*RUNGS[:2], ON_CALL[0] | {"rota": ROTA | {"people": ["ops@demo.example"] * 2}}]},
         ["rungs.2.rota.people"]),
        ({"seats": TWO}, ["seats"]),
    ],
)  # fmt: skip
def test_a_ladder_that_could_not_work_is_refused_with_every_problem(changes, wrong):
    assert refused(changes, LADDER) == wrong


def test_what_changes_nothing_is_refused():
    assert refused(dict(rule().text)) == ["text"]


def test_a_command_or_a_gate_there_is_not():
    with pytest.raises(NotFound, match="has no such gate"):
        propose(subject="cfo-approval")
    with as_user("ops"), pytest.raises(NotFound):
        policies.propose("plan-nothing", GATE, {"hours": 3}, reason="r")


def test_a_role_that_went_away_meanwhile_refuses_the_adoption():
    with acting_as(Actor.system("Test")):
        role = Role(slug="controller", name="Controller")
        role.save()
    row = propose({"seats": [{"role": "controller"}]})
    with acting_as(Actor.system("Test")):
        role.delete()
    with pytest.raises(InvalidInput, match="no longer fits the organisation"):
        decide(row)
    assert rule().number == 0


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["role", "minimum", "condition", "roles", "hours", "effect", "field", "over", "rota", "name", "turn",
         "since", "people"]), inner, max_size=4),
    max_leaves=8,
)  # fmt: skip


@given(
    subject=st.sampled_from([GATE, LADDER]),
    changes=st.dictionaries(
        st.sampled_from([*policies.GATE_FIELDS, *policies.LADDER_FIELDS, "x"]), json_values, min_size=1
    ),
)
def test_whatever_is_sent_is_stored_as_a_sound_text_or_refused(subject, changes):
    command = registry.get(NAME)
    try:
        row = propose(changes, subject)
    except InvalidInput as error:
        assert error.problems
    else:
        assert not [*policies._faults(command, subject, row.text)]
        row.delete()
