"""Plans, people, crashes and clocks in any order: what must always hold, holds, and no plan hangs.

A bell is kept in a list, or lost with the process between commit and dispatch; a worker vanishes in
the middle of a step, or comes back late; people vote, pull and revise while a step computes.
"""

from __future__ import annotations

from contextlib import ExitStack, suppress
from itertools import permutations
from typing import Any

import pytest
from django.conf import settings as installation
from django.contrib.auth.models import Permission
from django.db import connection, transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from gtm.core import audit, canonical, changelog, events
from gtm.core.actors import ADMIN, Actor, acting_as
from gtm.core.clock import standing_at
from gtm.core.errors import GtmError, NotPermitted
from gtm.core.fsm import perform
from plans.engine import (
    break_glass,
    dispatch,
    gates,
    ladder,
    rework,
    ripcord,
    runner,
    steps,
    stops,
    watch,
    work,
)
from plans.engine.steps import EffectUnclear, PermanentError, TransientError
from plans.engine.sweep import sweep
from plans.models import (
    FINAL_PLAN_STATES,
    Approval,
    BreakGlass,
    Decision,
    Escalation,
    Plan,
    RipcordPull,
    RungFiring,
    Task,
    TaskAttempt,
)
from plans.schemas.outputs import Metric, Metrics, StepResult
from tests.factories import AbsenceFactory, PersonFactory, RoleFactory, UserFactory, gate, make_run, seat
from tests.plans.engine.conftest import MovableClock

PLANS = 2
WAITS = {"minute": {"minutes": 1.5}, "backoff": {"minutes": 20}, "day": {"hours": 9}, "long": {"days": 4}}
ENDS = ("success", "success", "success", "transient", "permanent", "unclear", "power cut")
VOTES = ("approve", "approve", "reject", "request_changes", "recuse")
SETTLED = frozenset({"rejected", "changes_requested", "superseded", "cancelled", "exhausted", "bypassed"})
CLOSING = ("release_ripcord", "use_break_glass")
index = st.integers(0, 11)
seldom = st.sampled_from([False, False, False, True])


def owes_review(plan: Plan) -> bool:
    return BreakGlass.objects.filter(approval__plan=plan, state="granted").exists()


class PowerCut(BaseException):
    """The process is gone: no line after this one runs."""


class Governance(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.time = MovableClock()
        self.open = ExitStack()
        self.open.enter_context(transaction.atomic())
        self.open.enter_context(standing_at(self.time))
        self.open.enter_context(acting_as(Actor.system("Engine")))
        patch = self.open.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(steps, "_steps", dict(steps._steps))
        patch.setattr(installation, "GTM_BREAK_GLASS", True)
        patch.setattr(dispatch, "ring_worker", lambda event: self.bells.append(event.task_pk))
        steps.register("proof", "work", self.step)
        steps.register("proof", "sum-up", self.step, self.effect)
        self.bells: list[int] = []
        self.effects: list[tuple[int, int]] = []
        self.settled: dict[int, tuple[Any, ...]] = {}
        self.script: Any = lambda: None
        held = {
            "Fay": ["finance"],
            "Lee": ["legal"],
            "Ann": ["finance", "legal"],
            "Req": ["finance", "legal"],
        }
        self.roles = {name: set(roles) for name, roles in held.items()} | {"Rex": set(), "Rita": set()}
        self.people = {name: PersonFactory(name=name, roles=roles) for name, roles in held.items()}
        self.people |= {name: PersonFactory(name=name) for name in ("Rex", "Rita")}
        self.people["Req"].accounts.add(UserFactory())
        for name in ("Rex", "Rita"):
            account = self.people[name].accounts.get()
            account.user_permissions.set(Permission.objects.filter(codename__in=CLOSING))
        self.people["Rev"] = PersonFactory(name="Rev")
        self.people["Rev"].accounts.get().user_permissions.set(
            Permission.objects.filter(codename="review_break_glass")
        )
        PersonFactory(name="Stella", roles=["strategist"])
        self.stand_in = RoleFactory(slug="stand-in")
        self.begin(crash=False)

    def teardown(self) -> None:
        try:
            self.drain()
            self.stands_for_a_reason()
            self.everybody_helps()
            self.leaves_evidence()
        finally:
            transaction.set_rollback(True)
            self.open.close()

    # -------------------------------------------------------------- the world

    def step(self, context: steps.StepContext) -> StepResult:
        self.script()
        return StepResult({"points": 7}, [Metrics("found", "Found", [Metric("points", "Points", 7)])])

    def effect(self, plan: Plan, values: Any) -> None:
        approval = plan.approvals.filter(gate="sign-off").latest("round")
        assert stops.is_stopped(plan) is None, "I6: an effect after the pull"
        assert approval.state in ("approved", "bypassed"), "I3: an effect behind an unapproved gate"
        now = canonical.digest(gates.scope_of(plan, approval.policy))
        assert now == approval.scope_sha256, "I3: an effect of content nobody approved"
        self.effects.append((plan.pk, plan.revision))

    def commit(self, crash: bool) -> None:
        """Bells ring after the commit, unless the process dies right there."""
        pending = [entry[1].event for entry in connection.run_on_commit if hasattr(entry[1], "event")]
        connection.run_on_commit.clear()
        if not crash:
            self.bells += [event.task_pk for event in pending if isinstance(event, events.TaskReady)]

    def plan(self, n: int) -> Plan:
        plans = list(Plan.objects.order_by("pk"))
        return plans[n % len(plans)]

    def run(self, task_pk: int, end: str, meanwhile: Any) -> None:
        errors = {
            "transient": TransientError("Busy."),
            "permanent": PermanentError("Gone."),
            "unclear": EffectUnclear("No answer."),
            "power cut": PowerCut(),
        }

        def script() -> None:
            self.script = lambda: None  # what happens meanwhile may run a task of its own
            meanwhile()
            if end in errors:
                raise errors[end]

        self.script = script
        with suppress(PowerCut):
            runner.run_task(task_pk, "worker")
        self.script = lambda: None

    def as_person(self, name: str, account: int = 0) -> Any:
        accounts = list(self.people[name].accounts.order_by("pk"))
        return acting_as(Actor.of_user(accounts[account % len(accounts)], ADMIN, interactive=True))

    # -------------------------------------------------------------- rules

    @precondition(lambda self: Plan.objects.count() < PLANS)
    @rule(crash=seldom)
    def begin(self, crash: bool) -> None:
        asks = gate(seat("finance"), seat("legal"), scope=["budget", "found"])
        program = Plan.objects.first().program if Plan.objects.exists() else None
        requester = self.people["Req"].accounts.order_by("pk").first()
        make_run(asks, requester=requester, program=program, fallback_agent=self.stand_in)
        self.commit(crash)

    def is_stopped(self) -> bool:
        return any(stops.is_stopped(plan) for plan in Plan.objects.all())

    @precondition(lambda self: self.bells)
    @rule(n=index, end=st.sampled_from(ENDS), again=st.booleans(), crash=seldom)
    def hear(self, n: int, end: str, again: bool, crash: bool) -> None:
        bell = self.bells[n % len(self.bells)] if again else self.bells.pop(n % len(self.bells))
        self.run(bell, end, lambda: None)
        self.commit(crash)

    @precondition(lambda self: self.bells)
    @rule(n=index, end=st.sampled_from(ENDS), other=st.sampled_from(["pull", "vote", "overtake", "repeat"]))
    def hear_while_something_else_happens(self, n: int, end: str, other: str) -> None:
        task = Task.objects.get(pk=self.bells.pop(n % len(self.bells)))
        acts = {
            "pull": lambda: self.pull(n, "plan", crash=False),
            "vote": lambda: self.vote(n, "Ann", "approve", 0, crash=False),
            "overtake": lambda: self.overtake(task.pk),
            "repeat": lambda: runner.run_task(task.pk, "another worker"),
        }
        self.run(task.pk, end, acts[other])
        self.commit(crash=False)

    def overtake(self, task_pk: int) -> None:
        self.time.pass_time(minutes=2)
        sweep()
        runner.run_task(task_pk, "another worker")

    @rule(crash=seldom)
    def sweep(self, crash: bool) -> None:
        sweep()
        self.commit(crash)

    @rule(span=st.sampled_from(sorted(WAITS)))
    def wait(self, span: str) -> None:
        self.time.pass_time(**WAITS[span])

    @rule(
        n=index,
        name=st.sampled_from(["Fay", "Lee", "Ann", "Req", "Rex"]),
        kind=st.sampled_from(VOTES),
        account=st.integers(0, 1),
        crash=seldom,
    )
    def vote(self, n: int, name: str, kind: str, account: int, crash: bool) -> None:
        approval = Approval.objects.filter(plan=self.plan(n)).order_by("pk").last()
        if approval is not None:
            with self.as_person(name, account), suppress(GtmError):
                gates.decide(approval, kind, comment="Because.")
        self.commit(crash)

    @precondition(lambda self: Approval.objects.filter(state="pending").exists())
    @rule(n=index, last=st.sampled_from(["approve", "approve", "request_changes"]), crash=seldom)
    def vote_together(self, n: int, last: str, crash: bool) -> None:
        self.vote(n, "Fay", "approve", 0, crash=False)
        self.vote(n, "Lee", last, 0, crash)

    @precondition(lambda self: Plan.objects.filter(state="changes_requested").exists())
    @rule(n=index, budget=st.sampled_from(["100", "200"]), crash=seldom)
    def revise(self, n: int, budget: str, crash: bool) -> None:
        with suppress(GtmError):
            rework.revise(self.plan(n), {"budget": {"amount": budget, "currency": "USD"}}, comment="Better.")
        self.commit(crash)

    @precondition(lambda self: not self.is_stopped())
    @rule(n=index, scope=st.sampled_from(["plan", "program", "installation"]), crash=seldom)
    def pull(self, n: int, scope: str, crash: bool) -> None:
        plan = self.plan(n)
        about = {"plan": {"plan": plan}, "program": {"program": plan.program}, "installation": {}}
        with suppress(GtmError):
            ripcord.pull(scope, reason="Fraud.", **about[scope])
        self.commit(crash)

    @precondition(lambda self: self.is_stopped())
    @rule(crash=seldom)
    def release(self, crash: bool) -> None:
        for pulled in RipcordPull.objects.filter(state="pulled"):
            which = {"plan": pulled.plan, "program": pulled.program, "scope": pulled.scope}
            for name in ("Rex", "Rita"):
                with self.as_person(name), suppress(NotPermitted):  # one of them may have agreed before
                    ripcord.release(remediation="Fixed.", **which)
        self.commit(crash)

    @precondition(lambda self: self.is_stopped())
    @rule(people=st.sampled_from([["Rex"], ["Rita"], ["Rex", "Rex"], ["Rex", "Rita"]]), crash=seldom)
    def abort(self, people: list[str], crash: bool) -> None:
        pulled = RipcordPull.objects.filter(state="pulled").first()
        if pulled is not None:
            which = {"plan": pulled.plan, "program": pulled.program, "scope": pulled.scope}
            for name in people:
                with self.as_person(name), suppress(GtmError):
                    ripcord.abort(reason="Beyond repair.", **which)
        self.commit(crash)

    @rule(n=index, crash=seldom)
    def pause_or_resume(self, n: int, crash: bool) -> None:
        plan = self.plan(n)
        with suppress(GtmError):
            perform(plan, "resume" if plan.state == "paused" else "pause", comment="The vendor.")
        self.commit(crash)

    @precondition(lambda self: Task.objects.filter(state__in=["escalated", "unknown"]).exists())
    @rule(n=index, name=st.sampled_from(["Fay", "Lee", "Rex"]), crash=seldom)
    def waive(self, n: int, name: str, crash: bool) -> None:
        task = self.plan(n).tasks.filter(state__in=["escalated", "unknown"]).first()
        if task is not None:
            with self.as_person(name), suppress(GtmError):
                work.waive(task, comment="We go on without.")
        self.commit(crash)

    @rule(n=index, second=st.sampled_from(["Rex", "Rita", "Rita", "Fay"]), crash=seldom)
    def break_the_glass(self, n: int, second: str, crash: bool) -> None:
        approval = Approval.objects.filter(plan=self.plan(n)).order_by("pk").last()
        if approval is not None:
            with suppress(GtmError):
                with self.as_person("Rex"):
                    row = break_glass.ask(approval, reason="It opens at nine.")
                with self.as_person(second):
                    break_glass.agree(row, comment="Seen.")
        self.commit(crash)

    @precondition(lambda self: BreakGlass.objects.filter(state="granted").exists())
    @rule(name=st.sampled_from(["Rex", "Rev"]), crash=seldom)
    def review(self, name: str, crash: bool) -> None:
        for row in BreakGlass.objects.filter(state="granted"):
            with self.as_person(name), suppress(GtmError):
                break_glass.review(row, verdict="Right.")
        self.commit(crash)

    @precondition(lambda self: Escalation.objects.exists())
    @rule(n=index, way=st.sampled_from(["grant", "record", "acknowledge"]), crash=seldom)
    def answer(self, n: int, way: str, crash: bool) -> None:
        plan = self.plan(n)
        task = plan.tasks.filter(state__in=["escalated", "unknown"]).first()
        case = plan.escalations.order_by("pk").last()
        with suppress(GtmError):
            if task is not None and way == "grant":
                work.grant_attempt(task, comment="Once more.")
            elif task is not None and way == "record":
                work.complete(task, result={"points": 1}, evidence={"sheet": "yes"}, comment="By hand.")
            elif case is not None:
                with self.as_person("Lee"):
                    ladder.acknowledge(case)
        self.commit(crash)

    @rule(name=st.sampled_from(["Fay", "Lee", "Ann"]))
    def leave(self, name: str) -> None:
        now = self.time.now
        AbsenceFactory(person=self.people[name], starts_at=now, ends_at=now.replace(hour=23, minute=59))

    # -------------------------------------------------------------- what always holds

    @invariant()
    def approved_by_distinct_eligible_people_on_this_content(self) -> None:
        """I1, I9, I10."""
        for approval in Approval.objects.filter(state__in=["approved"]):
            votes = approval.decisions.filter(kind="approve", superseded_at=None, void_reason="")
            names = [vote.person.name for vote in votes]
            seats = [s["role"] for s in approval.policy["seats"]]
            assert {vote.scope_sha256 for vote in votes} == {approval.scope_sha256}
            assert any(
                all(role in self.roles[name] for role, name in zip(seats, order, strict=True))
                for order in permutations(names, len(seats))
            ), f"I1: {names} do not fill {seats}"
        assert not Decision.objects.filter(person__name__in=["Req", "Rex"]).exists(), "I9"

    @invariant()
    def two_people_bypass_and_a_third_reviews_before_the_plan_closes(self) -> None:
        """I1 for what nobody approved."""
        for approval in Approval.objects.filter(state="bypassed").select_related("plan"):
            row = BreakGlass.objects.get(approval=approval, state__in=["granted", "reviewed"])
            assert {row.asked_by.name, row.agreed_by.name} == {"Rex", "Rita"}
            assert row.reviewed_by is None or row.reviewed_by.name == "Rev"
            assert row.state == "reviewed" or not approval.plan.state.startswith("succ")

    @invariant()
    def two_people_abort_and_what_is_aborted_takes_no_step(self) -> None:
        for pulled in RipcordPull.objects.filter(state="aborted", scope="program"):
            assert {agreed["name"] for agreed in pulled.agreed_to("abort")} == {"Rex", "Rita"}
        over = Plan.objects.filter(state="aborted")
        assert not Task.objects.filter(plan__in=over, state__in=watch.MOVING).exists()
        assert not Approval.objects.filter(plan__in=over, state__in=["pending", "frozen"]).exists()

    @invariant()
    def final_rounds_never_change(self) -> None:
        """I2. What is approved may be superseded, nothing else."""
        rows = Approval.objects.filter(state__in=SETTLED).values_list(
            "pk", "state", "decided_at", "scope_sha256"
        )
        found = {pk: rest for pk, *rest in rows}
        assert {pk: found.get(pk) for pk in self.settled} == self.settled
        self.settled = found

    @invariant()
    def attempts_are_limited(self) -> None:
        """I4. And the effect of a revision happens once."""
        for task in Task.objects.filter(kind="automated").select_related("plan"):
            assert task.attempts_used <= 3 + task.attempts_granted
            turns = task.attempts.filter(executor="substitute", outcome="failed").count()
            assert turns <= task.plan.revision
        assert len(set(self.effects)) == len(self.effects), "the effect happened twice"

    @invariant()
    def no_task_stands_before_an_unapproved_gate(self) -> None:
        """I3."""
        waiting = {"pending", "suspended", "cancelled"}
        for task in Task.objects.filter(key="sum-up").exclude(state__in=waiting).select_related("plan"):
            latest = task.plan.approvals.order_by("round").last()
            assert latest is not None, f"{task} is {task.state} with no round"
            assert latest.state in ("approved", "bypassed"), (
                f"{task} is {task.state}, its gate {latest.state}"
            )

    @invariant()
    def ladders_climb_once_and_have_a_time(self) -> None:
        """I5, I8."""
        fired = list(RungFiring.objects.values_list("case", "cycle", "rung"))
        assert len(set(fired)) == len(fired)
        climbing = Escalation.objects.filter(state__in=["armed", "notified", "acknowledged"])
        assert not climbing.filter(due_at=None).exists()

    @invariant()
    def every_state_is_explained(self) -> None:
        """I7."""
        assert list(audit.unexplained_states()) == []

    # -------------------------------------------------------------- and in the end

    def drain(self) -> None:
        """The world calms down: every worker succeeds, the sweep comes round, nobody decides anything."""
        for _ in range(12):
            while self.bells:
                self.run(self.bells.pop(), "success", lambda: None)
                self.commit(crash=False)
            moving = Task.objects.filter(kind="automated", state__in=watch.MOVING)
            if not moving.filter(plan__state__in=["running", "blocked"]).exists():
                return
            self.time.pass_time(minutes=20)
            sweep()
            self.commit(crash=False)

    def stands_for_a_reason(self) -> None:
        """No plan hangs: it is over, or it is stopped, or a person is asked."""
        for plan in Plan.objects.filter(state__in=["running", "blocked"]):
            if stops.is_stopped(plan) is None and not owes_review(plan):
                states = set(plan.tasks.values_list("state", flat=True))
                assert states & {"awaiting_approval", "escalated", "unknown"}, (plan.state, states)
                assert not states & {"ready", "leased", "running", "retry_wait", "fallback_ready"}, states

    def everybody_helps(self) -> None:
        """With people there and willing, every plan ends; unless all who might fill a seat stepped aside."""
        self.time.pass_time(days=2)  # whoever left is back
        for _ in range(4):
            self.release(crash=False)
            self.review("Rev", crash=False)
            for n, plan in enumerate(Plan.objects.order_by("pk")):
                if plan.state == "paused":
                    self.pause_or_resume(n, crash=False)
                self.revise(n, "100", crash=False)
                for name in ("Fay", "Lee", "Ann"):
                    self.vote(n, name, "approve", 0, crash=False)
                if plan.tasks.filter(state__in=["escalated", "unknown"]).exists():
                    self.answer(n, "record", crash=False)
            self.drain()
            sweep()
        for plan in Plan.objects.exclude(state__in=FINAL_PLAN_STATES):
            assert plan.approvals.filter(state="unsatisfiable").exists(), (plan.state, plan.tasks.all())

    def leaves_evidence(self) -> None:
        """I7. The chains hold, and no attempt is left without an outcome."""
        assert [b for chain in changelog.chains() for b in changelog.verify_chain(chain)] == []
        assert not TaskAttempt.objects.filter(
            task__plan__state__startswith="succ", outcome="running"
        ).exists()


@pytest.mark.django_db
def test_whatever_happens_in_whatever_order_the_invariants_hold():
    run_state_machine_as_test(
        Governance,
        settings=settings(
            max_examples=5,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
