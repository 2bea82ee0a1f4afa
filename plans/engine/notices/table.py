"""What is told: one table from rows of the change log to notices.

No module of the engine sends anything. A matter is told because its change was logged: the notice commits
with the change, whoever made it and by whatever way in. When the subject is decided, what has not been
delivered is withdrawn in the same transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import CharField, Exists, OuterRef
from django.db.models.functions import Cast

from gtm.core import actors, canonical, clock, events
from plans import case_kinds
from plans.models import (
    ASSIGNED_STATES,
    OPEN_APPROVAL_STATES,
    OPEN_CASE_STATES,
    WITH_PEOPLE,
    Escalation,
    Notice,
    NoticeKind,
    Plan,
    Task,
    TaskKind,
)
from plans.selectors import COMMENTED, OUTLOOK, STANDS_IN

STATE = "state"
BATCH = 500


def _always(obj: Any) -> bool:
    return True


def _nothing(obj: Any) -> dict[str, Any]:
    return {}


@dataclass(frozen=True, slots=True)
class NoticeRule:
    """The kind of notice, when the row alone does not decide, and what must be remembered of the moment."""

    kind: NoticeKind
    applies: Callable[[Any], bool] = _always
    facts: Callable[[Any], dict[str, Any]] = _nothing
    keeps_value: bool = False
    """Whether the facts are what the row says it came to."""
    keeps_row: bool = False
    """Whether the facts are what the row says of its field, and by whom."""


def _waits_for_people(task: Task) -> bool:
    return task.is_with_people


def _is_reminded(task: Task) -> bool:
    return _waits_for_people(task) and task.reminded > 0


def _rung(case: Any) -> dict[str, Any]:
    return {"rung": case.rung, "cycle": case.cycle}


def _by_somebody_else(account: Any) -> bool:
    """Whoever changes an account of their own knows it, and what sets the site up tells nobody."""
    acting = actors.current_or_none()
    return acting is not None and acting.actor.user_id not in (None, account.pk)


def _by_a_person(account: Any) -> bool:
    """A new password is told also where its owner is said to have set it: whoever knew the old one could."""
    acting = actors.current_or_none()
    return acting is not None and acting.actor.user_id is not None


_OF_TWO = NoticeRule(NoticeKind.AUTHORITY, facts=lambda change: {"state": change.state})
_OF_ACCOUNT = NoticeRule(NoticeKind.ACCOUNT, _by_somebody_else, keeps_row=True)
_OF_PASSWORD = NoticeRule(NoticeKind.ACCOUNT, _by_a_person, keeps_row=True)
_ASSIGNED = NoticeRule(NoticeKind.TASK, _waits_for_people)
_WROTE = NoticeRule(
    NoticeKind.MESSAGE, facts=lambda plan: {"author_id": actors.current().actor.user_id}, keeps_row=True
)
_ENDED = NoticeRule(NoticeKind.ENDED, facts=lambda plan: {"state": plan.state})

RULES: Mapping[tuple[str, str, str], NoticeRule] = {
    ("plans.approval", "open", STATE): NoticeRule(NoticeKind.DECISION),
    ("plans.approval", "changed", "reminded"): NoticeRule(
        NoticeKind.REMINDER, facts=lambda approval: {"percent": approval.reminded}
    ),
    ("plans.approval", "request_changes", STATE): NoticeRule(NoticeKind.CHANGES),
    ("plans.escalation", "notify", STATE): NoticeRule(NoticeKind.RUNG, facts=_rung),
    ("plans.escalation", "hand_over", STATE): NoticeRule(
        NoticeKind.RUNG, facts=lambda case: _rung(case) | {"person_id": case.owner_id}
    ),
    ("plans.escalation", "told at once", "people"): NoticeRule(NoticeKind.BOARD),
    ("plans.escalation", "turn", "on call"): NoticeRule(NoticeKind.RUNG, facts=_rung, keeps_value=True),
    ("plans.escalation", "exhaust", STATE): NoticeRule(NoticeKind.EXHAUSTED),
    ("plans.task", "make_ready", STATE): _ASSIGNED,
    ("plans.task", "grant_attempt", STATE): _ASSIGNED,
    ("plans.task", "changed", "owner"): _ASSIGNED,
    ("plans.task", "hand_to_person", STATE): _ASSIGNED,
    ("plans.task", "changed", "reminded"): NoticeRule(
        NoticeKind.TASK_REMINDER, _is_reminded, lambda task: {"percent": task.reminded}
    ),
    ("plans.plan", STANDS_IN, "stand-in"): NoticeRule(NoticeKind.STAND_IN, keeps_value=True),
    ("plans.plan", COMMENTED, "message"): _WROTE,
    ("plans.plan", OUTLOOK, "verdict"): NoticeRule(NoticeKind.OUTLOOK, keeps_row=True),
    ("plans.breach", "created", ""): NoticeRule(NoticeKind.BREACH),
    ("plans.ripcordpull", "created", ""): NoticeRule(NoticeKind.RIPCORD),
    ("plans.scheduledrun", "refuse", STATE): NoticeRule(NoticeKind.SCHEDULE),
    ("plans.policyversion", "created", ""): NoticeRule(NoticeKind.POLICY),
    ("plans.webhooksubscription", "disable", STATE): NoticeRule(NoticeKind.WEBHOOK, keeps_row=True),
    ("plans.webhooksubscription", "given up", "delivery"): NoticeRule(NoticeKind.WEBHOOK, keeps_row=True),
    ("programs.guardedchange", "created", ""): _OF_TWO,
    **{
        ("programs.guardedchange", name, STATE): _OF_TWO
        for name in ("approve", "refuse", "make_single_handed", "confirm")
    },
    ("auth.user", "created", "account"): _OF_ACCOUNT,
    ("auth.user", "changed", "password"): _OF_PASSWORD,
    **{
        ("auth.user", "changed", name): _OF_ACCOUNT
        for name in ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")
    },
    **{
        ("plans.plan", name, STATE): _ENDED
        for name in ("succeed", "succeed_degraded", "reject", "fail", "cancel", "finish_abort")
    },
}
"""(entity, event, field) of a log row → what is told of it. Kinds of cases declare their own."""

UNDECIDED: Mapping[str, frozenset[str]] = {
    "plans.approval": OPEN_APPROVAL_STATES - {"exhausted"},
    "plans.escalation": OPEN_CASE_STATES - {"acknowledged"},
    "plans.task": ASSIGNED_STATES,
    "plans.ripcordpull": frozenset({"pulled"}),
    "plans.policyversion": frozenset({"proposed"}),
    "programs.guardedchange": frozenset({"proposed"}),
}
"""States in which there is still something to tell."""


@dataclass(frozen=True, slots=True)
class NoticeWaiting:
    """There are notices in the outbox."""


def record(event: events.Recorded) -> None:
    """Subscriber, inside the transaction of the change: put a notice into the outbox, or withdraw some."""
    entity = event.obj._meta.label_lower
    told = case_kinds.states_told(UNDECIDED, entity)
    if event.field == STATE and told is not None and event.obj.state not in told:
        _withdraw(event.obj, f"It is {event.obj.get_state_display().lower()} now.")
    if event.field == "owner" and entity == "plans.task":
        _withdraw(event.obj, "The task was given to somebody else.")
    of_case = case_kinds.notice_after(entity, event.event, event.field)
    rule = of_case or RULES.get((entity, event.event, event.field))
    if rule is not None and rule.applies(event.obj):
        key = f"{rule.kind}:{event.chain}:{event.sequence}"
        facts = rule.facts(event.obj)
        if isinstance(rule, NoticeRule) and rule.keeps_value:
            facts = facts | dict(event.after)
        if isinstance(rule, NoticeRule) and rule.keeps_row:
            said = {"field": event.field, "before": event.before, "after": event.after}
            facts = facts | canonical.plain(said) | {"by": actors.current().actor.label}
        notify(NoticeKind(rule.kind), event.obj, key=key, facts=facts)


def notify(kind: NoticeKind, obj: Any, *, key: str, facts: Mapping[str, Any] | None = None) -> bool:
    """Put a matter into the outbox, once for each ``key``. Answers whether it was new."""
    plan = obj if isinstance(obj, Plan) else getattr(obj, "plan", None)
    subject = {"entity": obj._meta.label_lower, "entity_id": str(obj.pk), "plan": plan}
    _, is_new = Notice.objects.get_or_create(
        key=key, defaults={"kind": kind, "facts": dict(facts or {}), "created_at": clock.now(), **subject}
    )
    if is_new:
        events.publish_on_commit(NoticeWaiting())
    return is_new


def _withdraw(obj: Any, reason: str) -> None:
    if isinstance(obj, Task) and obj.kind != TaskKind.HUMAN and obj.covers_for_id is None:
        return  # nobody is told of the engine's own tasks, unless a substitute had one
    told = Notice.objects.filter(entity=obj._meta.label_lower, entity_id=str(obj.pk), withdrawn_at=None)
    if isinstance(obj, Escalation) and obj.state in OPEN_CASE_STATES:
        told = told.exclude(kind=NoticeKind.BOARD)  # a board hears of it although somebody has it in hand
    told.update(withdrawn_at=clock.now(), withdrawn_reason=reason)


def tell_overdue(now: datetime) -> int:
    """Tasks of people whose time has run out, each told once for each due time."""
    told = Notice.objects.filter(kind=NoticeKind.OVERDUE, entity="plans.task")
    late = Task.objects.filter(WITH_PEOPLE, due_at__lte=now, frozen_at=None)
    untold = late.annotate(name_in_notice=Cast("pk", CharField())).exclude(
        Exists(told.filter(entity_id=OuterRef("name_in_notice"), created_at__gte=OuterRef("due_at")))
    )
    rows = [
        Notice(
            key=f"{NoticeKind.OVERDUE}:{pk}:{due_at.isoformat()}",
            kind=NoticeKind.OVERDUE,
            entity="plans.task",
            entity_id=str(pk),
            plan_id=plan,
            created_at=clock.now(),
        )
        for pk, due_at, plan in untold.order_by("due_at", "pk").values_list("pk", "due_at", "plan")[:BATCH]
        if due_at is not None  # so the filter; it is read again here for the type
    ]
    return _put(rows)


def _put(rows: Sequence[Notice]) -> int:
    """Put notices into the outbox, each once for its key. Answers how many were new."""
    if not rows:
        return 0
    keys = [row.key for row in rows]
    with transaction.atomic():
        known = set(Notice.objects.filter(key__in=keys).values_list("key", flat=True))
        new = [row for row in rows if row.key not in known]
        Notice.objects.bulk_create(new, ignore_conflicts=True)
        if new:
            events.publish_on_commit(NoticeWaiting())
    return len(new)
