"""The demo's launch material in the database, and contexts of its steps."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from gtm.core import canonical
from plans.commands.launch_program.facts import material_facts
from plans.demo import launch_kit, organisation
from plans.engine.running.steps import StepContext
from programs.models import LaunchProfile, MessageTemplate, Program
from programs.selectors import holders_of_roles, program_facts, runbooks_of
from tests.factories import START, ApproverFactory, PersonFactory, ProgramFactory, RoleFactory

LAUNCH_DATE = "2026-03-20"  # a Friday, eighteen days after START
TEAMS = ("sales", "customer-success")
INPUTS = {"launch_date": LAUNCH_DATE, "channels": ["email", "in-app"]}


def establish() -> Program:
    program = ProgramFactory(
        slug="customer-advocates", name="Customer Advocates", kind="referral", time_zone="Europe/Berlin",
        owner=PersonFactory(name="Olivia Park", email="olivia@example.com"),
    )  # fmt: skip
    launch_kit.load(program)
    for login in organisation.LOGINS:
        if login.username in TEAMS:
            person = PersonFactory(name=login.name, email=f"{login.username}@demo.example")
            ApproverFactory(person=person, role=RoleFactory(slug=login.username))
    return program


def context_of(program: Program, *, now: datetime = START, **given: Any) -> StepContext:
    """What the engine would hand to a step of a run started ``now``."""
    outputs, observed = given.pop("outputs", {}), given.pop("observed", None)
    plan_id = given.pop("plan_id", "plan-1")
    return StepContext(
        inputs={**INPUTS, **given},
        outputs=canonical.plain(outputs),
        program=canonical.plain(
            program_facts(program)
            | material_facts(program)
            | {"holders": holders_of_roles(), "runbooks": runbooks_of(program.kind)}
        ),
        plan_id=plan_id,
        data=None,
        seed=1,
        now=now,
        progress=lambda percent, note="": None,
        observed=observed,
    )


def change_template(key: str, segment: str = "", **fields: Any) -> MessageTemplate:
    template = MessageTemplate.objects.get(key=key, segment=segment, locale="en", variant="")
    for name, value in fields.items():
        template._meta.get_field(name)  # a name that is none would change nothing
        setattr(template, name, value)
    template.save()
    return template


def change_profile(**fields: Any) -> LaunchProfile:
    profile = LaunchProfile.objects.get()
    for name, value in fields.items():
        setattr(profile, name, value)
    profile.save()
    return profile


def outputs_by_key(result: Any) -> dict[str, Any]:
    return {output.key: output for output in result.outputs}
