"""A small world in which anything may happen in any order: two plans, their people, crashes and clocks.

A bell is kept in a list, or lost with the process between commit and dispatch; a worker vanishes in
the middle of a step, or comes back late; people vote, pull and revise while a step computes.
"""

from __future__ import annotations

from contextlib import ExitStack, suppress
from typing import Any

import pytest
from django.conf import settings as installation
from django.contrib.auth.models import Permission
from django.db import connection, transaction
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from gtm.core import canonical, events
from gtm.core.actors import ADMIN, Actor, acting_as
from gtm.core.clock import standing_at
from gtm.core.errors import GtmError, NotPermitted
from gtm.core.fsm import perform
from plans.engine.escalation import ladder
from plans.engine.gates import break_glass, rework, rounds, scope
from plans.engine.people import human_tasks
from plans.engine.running import dispatch, runner, steps
from plans.engine.running.steps import EffectUnclear, PermanentError, TransientError
from plans.engine.running.sweep import sweep
from plans.engine.stopping import ripcord, stopped
from plans.models import Approval, BreakGlass, Decision, Escalation, Plan, RipcordPull, Task
from plans.schemas.outputs import Figure, Metrics, StepResult
from tests.factories import (
    AbsenceFactory,
    ApproverFactory,
    PersonFactory,
    RoleFactory,
    UserFactory,
    gate,
    make_run,
    seat,
)
from tests.plans.engine.conftest import MovableClock

PLANS = 2
WAITS = {"minute": {"minutes": 1.5}, "backoff": {"minutes": 20}, "day": {"hours": 9}, "long": {"days": 4}}
ENDS = ("success", "success", "success", "transient", "permanent", "unclear", "power cut")
VOTES = ("approve", "approve", "reject", "request_changes", "recuse")
CLOSING = ("release_ripcord", "use_break_glass")
index = st.integers(0, 11)
seldom = st.sampled_from([False, False, False, True])


class PowerCut(BaseException):
    """The process is gone: no line after this one runs."""


class World(RuleBasedStateMachine):
    """What can happen; who inherits says what must hold. Undone when it ends."""

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
        steps.register("p:proof", "work", self.step)
        steps.register("p:proof", "sum-up", self.step, self.effect)
        self.bells: list[int] = []
        self.effects: list[tuple[int, int]] = []
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
        self.people["Ann"].accounts.add(UserFactory())
        self.people["Gil"] = PersonFactory(name="Gil")
        self.roles["Gil"] = set()
        self.opened_before: dict[str, set[int]] = {}
        """Role that Gil has gained → the rounds that were there before."""
        self.votes_before_sharing: int | None = None
        """How many votes there were when an account of Ann became one of Lee."""
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
        transaction.set_rollback(True)
        self.open.close()

    # -------------------------------------------------------------- how it goes round

    def step(self, context: steps.StepContext) -> StepResult:
        self.script()
        return StepResult({"points": 7}, [Metrics("found", "Found", [Figure("points", "Points", 7)])])

    def effect(self, plan: Plan, values: Any) -> None:
        approval = plan.approvals.filter(gate="sign-off").latest("round")
        assert stopped.is_stopped(plan) is None, "I6: an effect after the pull"
        assert approval.state in ("approved", "bypassed"), "I3: an effect behind an unapproved gate"
        now = canonical.digest(scope.scope_of(plan, approval.rules))
        assert now == approval.scope_sha256, "I3: an effect of content nobody approved"
        self.effects.append((plan.pk, plan.revision))

    def commit(self, crash: bool) -> None:
        """Bells ring after the commit, unless the process dies right there."""
        pending = [entry[1].event for entry in connection.run_on_commit if hasattr(entry[1], "event")]
        connection.run_on_commit = []  # a new one, as Django makes after each commit
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
        return any(stopped.is_stopped(plan) for plan in Plan.objects.all())

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
        name=st.sampled_from(["Fay", "Lee", "Ann", "Req", "Rex", "Gil"]),
        kind=st.sampled_from(VOTES),
        account=st.integers(0, 1),
        crash=seldom,
    )
    def vote(self, n: int, name: str, kind: str, account: int, crash: bool) -> None:
        approval = Approval.objects.filter(plan=self.plan(n)).order_by("pk").last()
        if approval is not None:
            with self.as_person(name, account), suppress(GtmError):
                rounds.decide(approval, kind, comment="Because.")
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
                human_tasks.waive(task, comment="We go on without.")
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
                human_tasks.grant_attempt(task, comment="Once more.")
            elif task is not None and way == "record":
                human_tasks.complete(
                    task, result={"points": 1}, evidence={"sheet": "yes"}, comment="By hand."
                )
            elif case is not None:
                with self.as_person("Lee"):
                    ladder.acknowledge(case)
        self.commit(crash)

    @rule(role=st.sampled_from(["finance", "legal"]), n=index)
    def gain(self, role: str, n: int) -> None:
        """Somebody is given a role and tries it at once; an account of Ann goes over to Lee, and both try."""
        if role not in self.opened_before:
            ApproverFactory(person=self.people["Gil"], role=RoleFactory(slug=role))
            self.roles["Gil"].add(role)
            self.opened_before[role] = set(Approval.objects.values_list("pk", flat=True))
        self.vote(n, "Gil", "approve", 0, crash=False)
        if self.votes_before_sharing is None:
            account = self.people["Ann"].accounts.order_by("pk").last()
            self.people["Lee"].accounts.add(account)
            self.people["Ann"].accounts.remove(account)
            self.votes_before_sharing = Decision.objects.count()
        self.vote(n, "Ann", "approve", 0, crash=False)
        self.vote(n, "Lee", "approve", 1, crash=False)

    @rule(name=st.sampled_from(["Fay", "Lee", "Ann"]))
    def leave(self, name: str) -> None:
        now = self.time.now
        AbsenceFactory(person=self.people[name], starts_at=now, ends_at=now.replace(hour=23, minute=59))
