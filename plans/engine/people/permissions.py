"""Who may do what, as functions the transition tables name. Each answers None or the reason for no."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model

from gtm.core import clock
from gtm.core.actors import Actor
from gtm.core.evidence import accounts
from gtm.core.identity import confirmation
from plans.engine.escalation import rotas
from plans.engine.people.directory import Directory
from programs.models import Approver, Person, whose_act
from programs.selectors import partners_of

Params = Mapping[str, Any]
NO_SECOND_FACTOR = (
    "This needs a second factor in this session, and the session has shown none. See “Second factor” in "
    "the menu under your name: add one, or show it."
)
NOT_CONFIRMED = (
    "This needs a second factor, and that of your account is not confirmed yet: whoever knows your password "
    "could have added it."
)


def persons_of(user: Any) -> list[Person]:
    """The people behind an account: in practice one. Approvals count people, not accounts."""
    return list(Person.objects.filter(accounts=user, is_active=True)) if user is not None else []


def asked_by(user: Any) -> list[Person]:
    """The people whose act it is what this account did: of a program's, also whoever answers for it."""
    return list(Person.objects.filter(whose_act.of_account(user), is_active=True).distinct())


def people_with(permission: str) -> list[Person]:
    """Everybody with an account, open, that has the permission."""
    may = get_user_model().objects.with_perm(permission, backend="django.contrib.auth.backends.ModelBackend")
    return list(Person.objects.filter(accounts__in=may.values("pk")).distinct().order_by("pk"))


def why_not_in_person(actor: Actor) -> str | None:
    """Why what this actor does is nobody's own act: the engine, a token, a password that others know."""
    if actor.is_system or not actor.interactive:
        return "Only a person in a session can do this; tokens and services cannot."
    return accounts.why_not_theirs(actor.user) or why_no_second_factor(actor)


def why_not_ours(actor: Actor) -> str | None:
    """Why this actor decides nothing for us: no person in a session, or one who speaks for a partner."""
    if refused := why_not_in_person(actor):
        return refused
    if partners := partners_of(actor.user):
        return f"{actor.label} speaks for {partners[0]}, and so does not decide for us."
    return None


def why_no_second_factor(actor: Actor) -> str | None:
    """Why a password alone is not enough here; None where the session has shown more, or none is asked."""
    if not settings.GTM_SECOND_FACTOR or actor.second_factor:
        return None
    if confirmation.waits(actor.user):
        return f"{NOT_CONFIRMED} To have it confirmed, {confirmation.what_to_do(actor.user)}"
    return NO_SECOND_FACTOR


def roles_held(user: Any) -> dict[int, str]:
    """The roles, as number and slug, that the person of this account holds today."""
    now = clock.now()
    held = Approver.objects.filter(person__accounts=user, person__is_active=True).select_related("role")
    return {row.role_id: row.role.slug for row in held if row.is_valid_at(now)}


def holds_role(user: Any, *role_ids: int | None) -> bool:
    return bool({pk for pk in role_ids if pk} & roles_held(user).keys())


def holds_any_role(user: Any) -> bool:
    """Whether the account belongs to somebody who holds a role, and so may have tasks and decisions."""
    return Person.objects.filter(accounts=user, is_active=True, approverships__isnull=False).exists()


def may_operate(actor: Actor, obj: Any, params: Params) -> str | None:
    """People with the permission to operate plans, and the engine where a rule says so."""
    if actor.is_system or actor.user.has_perm("plans.operate_plan"):
        return None
    return "You need the permission to operate plans. Ask operations."


def may_manage_programs(actor: Actor, program: Any, params: Params) -> str | None:
    """People with the permission to change programs, and the engine."""
    if actor.is_system or actor.user.has_perm("programs.change_program"):
        return None
    return "Ask somebody who manages programs."


def may_manage_webhooks(actor: Actor, obj: Any, params: Params) -> str | None:
    """People with the permission to manage webhooks."""
    if actor.is_system or actor.user.has_perm("plans.manage_webhooks"):
        return None
    return "You need the permission to manage webhooks. Ask operations."


def may_pull_ripcord(actor: Actor, obj: Any, params: Params) -> str | None:
    """People with the permission to pull the rip-cord, and the engine for a trigger that says so."""
    if actor.is_system or actor.user.has_perm("plans.pull_ripcord"):
        return None
    return "You need the permission to pull the rip-cord."


def may_release_ripcord(actor: Actor, obj: Any, params: Params) -> str | None:
    """People with the permission to release the rip-cord, never the engine."""
    if actor.is_system or not actor.user.has_perm("plans.release_ripcord"):
        return "You need the permission to release the rip-cord."
    return why_not_ours(actor)


def may_use_break_glass(actor: Actor, obj: Any, params: Params) -> str | None:
    """Two people with the permission to use break-glass, one of them with no other part in the plan."""
    if actor.is_system or not actor.user.has_perm("plans.use_break_glass"):
        return "You need the permission to use break-glass."
    return why_not_ours(actor)


def may_review_break_glass(actor: Actor, obj: Any, params: Params) -> str | None:
    """People with the permission to review break-glass, who did not use it here."""
    if actor.is_system or not actor.user.has_perm("plans.review_break_glass"):
        return "You need the permission to review break-glass."
    return why_not_ours(actor)


def may_work_on(actor: Actor, task: Any, params: Params) -> str | None:
    """The owner of a task, anybody in its role or its substitute's, or operations."""
    if actor.is_system:
        return None
    if task.owner_id and task.owner.accounts.filter(pk=actor.user_id).exists():
        return None
    if holds_role(actor.user, task.agent_id, task.fallback_agent_id):
        return None
    return may_operate(actor, task, params) and (
        f"Only {task.owner or task.agent}, their substitutes and operations can work on this task."
    )


def may_try_again(actor: Actor, task: Any, params: Params) -> str | None:
    """Operations, and while its substitute has the task whoever may work on it."""
    if task.state == "with_substitute":
        return may_work_on(actor, task, params)
    return may_operate(actor, task, params)


def may_answer(actor: Actor, case: Any, params: Params) -> str | None:
    """People on the rungs reached or told at once, their stand-ins, and operations, never the engine."""
    if actor.is_system:
        return "Only people can answer a case."
    if actor.user.has_perm("plans.answer_escalation"):
        return None
    reached = {slug for rung in case.reached for slug in rung.roles} | set(case.told_at_once)
    people, directory = {person.pk for person in persons_of(actor.user)}, Directory.today()
    holders = {approver.person_id for approver in directory.holders(reached)}
    here = [*directory.standing(reached), *rotas.takers(case.reached, directory)]
    if people & (holders | {person.pk for person in here}):
        return None
    return "Only people on the ladder of this case and operations can answer it."


def may_adopt_policy(actor: Actor, row: Any, params: Params) -> str | None:
    """A person in a session with the permission to adopt policies, by any account not the proposer."""
    if actor.is_system or not actor.interactive or not actor.user.has_perm("plans.adopt_policy"):
        return "Only a person in a session with the permission to adopt policies can do this."
    if refused := why_not_ours(actor):
        return refused
    people = {person.pk for person in persons_of(actor.user)}
    if not people:
        return f"The account {actor.label} belongs to no person in the directory."
    if people & {person.pk for person in asked_by(row.proposed_by)} or actor.user_id == row.proposed_by_id:
        return "Nobody may adopt or reject their own proposal. They may withdraw it."
    return None


def may_withdraw_policy(actor: Actor, row: Any, params: Params) -> str | None:
    """The person who proposed it."""
    if not actor.is_system and actor.user_id == row.proposed_by_id:
        return None
    return "Only the person who proposed it can withdraw it."
