"""Rows for tests, through the models' own door: somebody must be acting (fixture ``acting``)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import factory
from django.contrib.auth import get_user_model

from gtm.core.fsm import perform
from plans.engine.gates import eligibility
from plans.models import Approval, Plan, Task, TaskKind
from plans.models.plan import new_plan_id
from programs.models import Absence, Approver, Delegation, Person, Program, Role

START = datetime(2026, 3, 2, 10, tzinfo=UTC)  # a Monday
LADDER = [
    {"rung": 1, "roles": ["strategist"], "hours": 8, "effect": "notify"},
    {"rung": 2, "roles": ["legal"], "hours": 8, "effect": "notify"},
    {"rung": 3, "roles": ["sponsor"], "hours": 16, "effect": "add authority"},
]

DECLARATION = {
    "version": 1,
    "strategy_rationale": "One thing after the other.",
    "stages": [{"stage_id": "1", "name": "S", "execution": "sequential", "merge_gate": False}],
    "gates": [],
    "ladder": LADDER,
    "triggers": [],
    "tool_hooks": [],
    "success_metrics": [],
    "fallbacks": [],
    "outputs": ["What was found"],
    "deliverable_keys": ["found"],
    "outside_parties": [],
    "max_retries": 2,
    "methods": {"work": "a smaller sample"},
}


class UserFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = get_user_model()

    username = factory.Sequence("user{}".format)
    is_active = True


class RoleFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Role
        django_get_or_create = ("slug",)

    slug = "finance"
    name = factory.SelfAttribute("slug")


class PersonFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Person
        skip_postgeneration_save = True

    name = factory.Sequence("Person {}".format)
    email = factory.Sequence("person{}@example.com".format)

    @factory.post_generation
    def user(self, create: bool, extracted: Any, **kwargs: Any) -> None:
        self.accounts.add(extracted or UserFactory())

    @factory.post_generation
    def roles(self, create: bool, extracted: Any, **kwargs: Any) -> None:
        for slug in extracted or ():
            ApproverFactory(person=self, role=RoleFactory(slug=slug))


class ApproverFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Approver

    person = factory.SubFactory(PersonFactory)
    role = factory.SubFactory(RoleFactory)


class AbsenceFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Absence

    starts_at = START - timedelta(days=1)
    ends_at = START + timedelta(days=5)


class DelegationFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Delegation

    role = factory.SubFactory(RoleFactory)
    starts_at = START - timedelta(days=1)
    ends_at = START + timedelta(days=5)
    reason = "travels"


class ProgramFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Program

    slug = factory.Sequence("program-{}".format)
    name = factory.SelfAttribute("slug")
    kind = "loyalty"


def seat(role: str, minimum: int = 1, **condition: Any) -> dict[str, Any]:
    return {"role": role, "minimum": minimum, "condition": condition or None, "why": ""}


def gate(*seats: dict[str, Any], key: str = "sign-off", **rest: Any) -> dict[str, Any]:
    """A gate as a plan's declaration stores it."""
    standard = {
        "key": key,
        "title": "Sign-off",
        "question": "Go?",
        "seats": list(seats or (seat("finance"),)),
        "scope": ["budget", "design"],
        "tolerances": {},
        "hours": 16,
        "on_reject": "veto",
        "on_exhausted": "hold",
        "reauthenticate": False,
        "signal_on_changes": "",
        "distinct_from": [],
    }
    return standard | rest


def make_plan(*gates: dict[str, Any], requester: Any = None, **fields: Any) -> Plan:
    """A running plan: work (done, output ``design``) → the gates, side by side → publication by a person."""
    gates = gates or (gate(),)
    triggers = fields.pop("triggers", [])
    owner = fields.pop("owner", None)
    due_hours = fields.pop("due_hours", {})
    fallback = fields.pop("fallback", None)
    rules = {"triggers": triggers, "due_hours": due_hours, "ladder": fields.pop("ladder", LADDER)}
    rules["evidence"] = fields.pop("evidence", {})
    plan = Plan(
        plan_id=new_plan_id(),
        plugin=fields.pop("plugin", "p"),
        command=fields.pop("command", "c"),
        usage="/p:c",
        objective=fields.pop("objective", "o"),
        complexity="medium",
        strategy="sequential",
        seed=1,
        declaration=DECLARATION | rules | {"gates": list(gates)},
        program=fields.pop("program", None) or ProgramFactory(),
        requested_by=requester,
        **({"inputs": {"budget": {"amount": "100", "currency": "USD"}}} | fields),
    )
    plan.save()
    work = make_task(plan, 1, "work", TaskKind.AUTOMATED, output_var="design")
    stages = [make_task(plan, 2 + n, g["key"], TaskKind.GATE) for n, g in enumerate(gates)]
    last = make_task(plan, 9, "publish", TaskKind.HUMAN, owner=owner, fallback_agent=fallback)
    for stage in stages:
        stage.needs.add(work)
    last.needs.set(stages)
    for step in ("submit", "accept", "begin"):
        perform(plan, step)
    do_work(plan)
    return plan


def make_run(
    *gates: dict[str, Any], requester: Any = None, methods: dict[str, str] | None = None, **fields: Any
) -> Task:
    """A running plan of command ``proof`` whose document is valid; answers its ready task ``work``.

    What ``work`` does is up to the test (``steps.register``); ``sum-up``, another automated task, follows
    it, or the gates between them.
    """
    plan = Plan(
        plan_id=new_plan_id(),
        plugin="p",
        command="proof",
        usage="/p:proof",
        objective=fields.pop("objective", "o"),
        complexity="medium",
        strategy="pipeline",
        seed=1,
        declaration=DECLARATION | {"gates": list(gates)} | ({} if methods is None else {"methods": methods}),
        inputs={"budget": {"amount": "100", "currency": "USD"}},
        program=fields.pop("program", None) or ProgramFactory(),
        requested_by=requester,
    )
    plan.save()
    work = make_task(plan, 1, "work", TaskKind.AUTOMATED, task_id="1.1", output_var="found", **fields)
    stages = [make_task(plan, 2, g["key"], TaskKind.GATE, task_id=f"1.{n}") for n, g in enumerate(gates, 3)]
    after = make_task(plan, 9, "sum-up", TaskKind.AUTOMATED, task_id="1.2", output_var="total")
    for stage in stages:
        stage.needs.add(work)
    after.needs.set(stages or [work])
    for step in ("submit", "accept", "begin"):
        perform(plan, step)
    work.refresh_from_db()
    return work


def make_steps(size: int, is_parallel: bool) -> Plan:
    """An accepted plan of command ``proof``: ``size`` automated tasks ``work``, side by side or in a row."""
    plan = Plan(
        plan_id=new_plan_id(), plugin="p", command="proof", usage="/p:proof", objective="o",
        complexity="medium", strategy="pipeline", seed=1, declaration=DECLARATION,
        program=Program.objects.first() or ProgramFactory(),
    )  # fmt: skip
    plan.save()
    tasks = [
        make_task(plan, number, "work", TaskKind.AUTOMATED, task_id=f"1.{number}")
        for number in range(1, size + 1)
    ]
    for before, task in zip(tasks, tasks[1:], strict=False):
        if not is_parallel:
            task.needs.add(before)
    for step in ("submit", "accept"):
        perform(plan, step)
    return plan


def make_task(plan: Plan, position: int, key: str, kind: str, **fields: Any) -> Task:
    task = Task(
        plan=plan, position=position, stage_id="1", stage_name="S", key=key, name=key,
        kind=kind, agent=RoleFactory(slug="strategist"), **({"task_id": str(position)} | fields),
    )  # fmt: skip
    task.save()
    return task


def do_work(plan: Plan, design: Any = None) -> None:
    """Run the automated task as a worker would."""
    work = plan.tasks.get(key="work")
    perform(work, "lease")
    perform(work, "start")
    perform(work, "succeed", set_fields={"output": design or {"points": "100"}})
    plan.refresh_from_db()


def round_of(plan: Plan, key: str = "sign-off") -> Approval:
    return plan.approvals.filter(gate=key).latest("round")


def names_of(bench: eligibility.Bench) -> set[str]:
    return {candidate.person.name for candidate in bench.candidates}
