"""Questions about plans that several places ask. Each answers with a fixed number of queries."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from django.db.models import Count, Exists, Min, OuterRef, Prefetch, Q, QuerySet
from django.db.models.functions import TruncDate

from gtm.core import canonical, clock
from gtm.core.errors import NotFound
from gtm.core.evidence import changelog
from gtm.core.models import AnchorCopy, ChangeLogEntry
from plans.models import (
    ASKING_STATES,
    CLAIMABLE_STATES,
    FAILING_STATES,
    SUCCEEDED_PLAN_STATES,
    UNANSWERED_STATES,
    Approval,
    ApprovalState,
    Artifact,
    BreakGlass,
    Decision,
    DecisionKind,
    Escalation,
    EscalationState,
    Notification,
    NotificationState,
    Plan,
    PlanState,
    RipcordPull,
    Schedule,
    ScheduledRun,
    Task,
    TaskKind,
    TaskState,
    of_command,
)
from plans.schemas.answer import Answer, of_item
from plans.schemas.outputs import payload_of
from programs.models import Partner, whose_act
from programs.selectors import is_partners_contact

FOLLOW_UP = "gtm-governance:follow-up"
"""The key of the command by which an item of a backlog becomes work."""

# What fills a plan's row and no list shows; the run's inputs are small, and who decides depends on them.
PLAN_DOCUMENTS = ("declaration", "context", "checklist", "datasets")
STANDS_IN, DONE_IN_PLACE = "stands in", "done in place of"
"""The events of the change log that say who stands in for whom: asked, and done."""
FORECAST = "forecast"
"""The event of the change log that keeps what a daily look ahead said."""
OUTLOOK = "outlook"
"""The event of the change log that says that the answer of a running plan has another verdict than before."""
LOOKED = "looked"
"""The event of the change log that keeps what a look at the newest data found, unless it is the same."""
PROGRESS = "progress"
"""The event of the change log by which a person says how far a task is."""
COMMENTED = "commented"
"""The event of a comment in the change log."""


def comments_on(task: Task) -> list[dict[str, Any]]:
    """What people said about a task, oldest first: who, when, text and evidence."""
    entries = ChangeLogEntry.objects.filter(
        chain=task.change_chain(), entity="plans.task", entity_id=str(task.pk), event=COMMENTED
    )
    rows = (changelog.row_of(entry) for entry in entries.select_related("payload").order_by("sequence"))
    return [{"at": r["at"], "by": r["actor"], "text": r["reason"], "evidence": r["to"] or {}} for r in rows]


def forecasts_of(plan: Plan) -> list[dict[str, Any]]:
    """What each daily look ahead of the plan said, oldest first."""
    entries = ChangeLogEntry.objects.filter(chain=plan.change_chain(), entity="plans.plan", event=FORECAST)
    rows = (changelog.row_of(entry) for entry in entries.select_related("payload").order_by("sequence"))
    return [row["to"] for row in rows if row["to"] is not None]


def looks_of(plan: Plan) -> list[dict[str, Any]]:
    """What looks at the newest data found, oldest first. What found the same again is left out."""
    entries = ChangeLogEntry.objects.filter(chain=plan.change_chain(), entity="plans.plan", event=LOOKED)
    rows = (changelog.row_of(entry) for entry in entries.select_related("payload").order_by("sequence"))
    return [row["to"] for row in rows if row["to"] is not None]


def renewed_answers(plans: Iterable[Plan]) -> dict[int, tuple[str, dict[str, Any]]]:
    """Primary key of a plan → the key of a task, and the answer that the last look ahead gave in its place.

    Plans that are not looked ahead of, or not since they were changed, are left out.
    """
    chosen = {plan.change_chain(): plan for plan in plans if plan.next_forecast_at is not None}
    if not chosen:
        return {}
    entries = ChangeLogEntry.objects.filter(chain__in=chosen, entity="plans.plan", event=FORECAST)
    found: dict[int, tuple[str, dict[str, Any]]] = {}
    for entry in entries.select_related("payload").order_by("sequence"):
        seen, plan = changelog.row_of(entry)["to"] or {}, chosen[entry.chain]
        if seen.get("revision") == plan.revision and "answer" in seen:
            found[plan.pk] = (seen["answers"], seen["answer"])
    return found


def for_our_people(rows: QuerySet[Any], user: Any) -> QuerySet[Any]:
    """What belongs to plans is for our own people, as plans are; a partner's contact has their own tasks."""
    if not is_partners_contact(user):
        return rows
    return rows.filter(owner__accounts=user.pk) if rows.model is Task else rows.none()


def answers_of(plans: Iterable[Plan]) -> dict[int, dict[str, Any]]:
    """Primary key of a plan → its answer as stored: that of the last task that gave one, or what the last
    look ahead says in the place of that task. A follow-up answers with the item that it carries out. Plans
    without one are left out."""
    chosen = {plan.pk: plan for plan in plans}
    found: dict[int, dict[str, Any]] = {}
    if follow_ups := [pk for pk, plan in chosen.items() if plan.command_key == FOLLOW_UP]:
        contexts = Plan.objects.filter(pk__in=follow_ups).values_list("pk", "context")  # lists leave it out
        items = {pk: context["item"] for pk, context in contexts if "item" in context}
        found = {pk: payload_of(of_item(item, chosen[pk].currency)) for pk, item in items.items()}
    rows = Artifact.objects.filter(plan__in=chosen, kind=Answer.kind, superseded_at=None)
    renewed = renewed_answers(chosen.values())
    given = rows.order_by("task__position", "position").values_list("plan_id", "task__key", "payload")
    for pk, task, payload in given:
        instead = renewed.get(pk)
        found[pk] = instead[1] if instead is not None and instead[0] == task else payload
    return found


def answer_of(plan: Plan) -> dict[str, Any] | None:
    """The answer of a plan; None before there is one."""
    return answers_of([plan]).get(plan.pk)


def visible_plans(user: Any) -> QuerySet[Plan]:
    """Plans are for our own people: they name deals of every partner. A partner's contact reads records."""
    plans = Plan.objects.select_related("program", "campaign", "requested_by")
    if not user.is_active:
        return plans.none()
    return plans.exclude(Exists(Partner.objects.filter(contact__accounts=user)))


def latest_plan_with(campaign: Any, variable: str) -> Plan | None:
    """The campaign's newest plan of which a task has recorded ``variable``."""
    done = Task.objects.filter(plan=OuterRef("pk"), output_var=variable, output__isnull=False)
    return Plan.objects.filter(Exists(done), campaign=campaign).order_by("-created_at").first()


def plan_by_id(plan_id: str) -> Plan:
    plan = Plan.objects.select_related("program", "campaign", "requested_by").filter(plan_id=plan_id).first()
    if plan is None:
        raise NotFound(f"There is no plan {plan_id}.", hint="Work, Plans lists them.")
    return plan


def follow_ups_of(plan: Plan) -> QuerySet[Plan]:
    """The plans that items of this plan's backlog became, the oldest first."""
    found = Plan.objects.filter(inputs__source=plan.plan_id, **of_command(FOLLOW_UP))
    return found.prefetch_related("tasks__owner").order_by("pk")


def plan_with_tasks(plan_id: str) -> Plan:
    return with_tasks(Plan.objects.select_related("program", "campaign", "requested_by")).get(plan_id=plan_id)


def with_tasks(plans: QuerySet[Plan]) -> QuerySet[Plan]:
    return plans.prefetch_related(
        "tasks__agent", "tasks__fallback_agent", "tasks__owner", "tasks__needs", "tasks__plan"
    )


def tasks_with_people() -> QuerySet[Task]:
    return Task.objects.select_related(
        "plan", "plan__program", "agent", "fallback_agent", "owner", "covers_for"
    ).prefetch_related("needs", "attempts")


def approvals_with_votes() -> QuerySet[Approval]:
    votes = Decision.objects.select_related("person", "on_behalf_of", "user").order_by("decided_at")
    return Approval.objects.select_related("plan", "plan__program", "task").prefetch_related(
        Prefetch("decisions", votes)
    )


def changes_asked(approval: Approval) -> list[Decision]:
    """The votes of a round that asked for changes, each with its reason, the oldest first."""
    votes = approval.decisions.filter(kind=DecisionKind.REQUEST_CHANGES, superseded_at=None)
    return list(votes.select_related("person").order_by("decided_at", "pk"))


def answers_to_changes(plan: Plan, since: datetime) -> list[dict[str, Any]]:
    """What people said when they changed the plan from ``since`` on: at, by, text; the oldest first."""
    entries = ChangeLogEntry.objects.filter(
        chain=plan.change_chain(), entity="plans.plan", event__in=("revise", "review_again"),
        at__gte=canonical.rfc3339(since),
    )  # fmt: skip
    rows = (changelog.row_of(entry) for entry in entries.select_related("payload").order_by("sequence"))
    return [{"at": row["at"], "by": row["actor"], "text": row["reason"]} for row in rows]


def sent_back_to(user: Any, people: set[int]) -> QuerySet[Approval]:
    """Rounds that asked for changes of plans that these people asked for or whose program they own.

    What nobody asked for, a scheduled run, is for all who operate plans.
    """
    theirs = whose_act.by_people("plan__requested_by", people) | Q(plan__program__owner__in=people)
    if user.has_perm("plans.operate_plan"):
        theirs |= Q(plan__requested_by=None)
    rounds = approvals_with_votes().filter(theirs, state="changes_requested", plan__state="changes_requested")
    return rounds.distinct().order_by("decided_at", "pk")


def pulls_to_close() -> QuerySet[RipcordPull]:
    """Rip-cords that are pulled, the oldest first: what is stopped waits for two who may release."""
    pulls = RipcordPull.objects.filter(state="pulled").select_related("plan", "program", "pulled_by")
    return pulls.order_by("created_at", "pk")


def cases_with_people() -> QuerySet[Escalation]:
    found = Escalation.objects.select_related("plan__program", "task", "approval", "acknowledged_by", "owner")
    return found.prefetch_related("firings")


def notifications_of(user: Any) -> QuerySet[Notification]:
    """What the person behind an account was told, or is going to be."""
    return notifications_with_people().filter(person__accounts=user)


def notifications_with_people() -> QuerySet[Notification]:
    """Every message, for operations; those that failed or wait to be retried say why in ``error``."""
    return Notification.objects.select_related("notice", "notice__plan", "person")


def failing_channels() -> list[dict[str, Any]]:
    """What operations repair: channel, how many messages are stuck, since when, and the last reason."""
    stuck = Notification.objects.filter(state__in=FAILING_STATES).order_by("updated_at")
    found: dict[str, dict[str, Any]] = {}
    for message in stuck.only("channel", "error", "updated_at"):
        row = found.setdefault(
            message.channel, {"channel": message.channel, "messages": 0, "since": message.updated_at}
        )
        row["messages"] += 1
        row["error"] = message.error
    return list(found.values())


def late_anchor_copies() -> list[dict[str, Any]]:
    """Places that anchors do not reach: place, how many copies wait, since when, and the last reason."""
    late = AnchorCopy.objects.filter(delivered_at=None, attempts__gt=0).order_by("anchor__number")
    found: dict[str, dict[str, Any]] = {}
    for copy in late.select_related("anchor").only("place", "error", "anchor__at"):
        since = datetime.fromisoformat(copy.anchor.at)
        row = found.setdefault(copy.place, {"place": copy.place, "copies": 0, "since": since})
        row["copies"] += 1
        row["error"] = copy.error
    return list(found.values())


def schedules_with_runs() -> QuerySet[Schedule]:
    """Schedules with their times due, the newest first: started, skipped, refused and why."""
    runs = ScheduledRun.objects.select_related("plan").order_by("-due_at")
    return Schedule.objects.select_related("program", "owner").prefetch_related(Prefetch("runs", runs))


def find_approval(reference: str) -> Approval:
    """By number, or by "plan-id/gate" or "plan-id/2.3" of its task (the newest round). Raises NotFound."""
    rounds = approvals_with_votes()
    if reference.isdigit():
        found = rounds.filter(pk=int(reference)).first()
    else:
        plan_id, _, gate = reference.partition("/")
        found = (
            rounds.filter(Q(gate=gate) | Q(task__task_id=gate) if gate else Q(), plan__plan_id=plan_id)
            .order_by("-round", "-pk")
            .first()
        )
    if found is None:
        raise NotFound(f"There is no approval {reference}.", hint="Waiting for me lists what waits.")
    return found


def find_task(reference: str) -> Task:
    """By number, or by "plan-id/2.3". Raises NotFound."""
    plan_id, _, task_id = reference.partition("/")
    asked = {"pk": int(reference)} if reference.isdigit() else {"plan__plan_id": plan_id, "task_id": task_id}
    found = tasks_with_people().filter(**asked).first()
    if found is None:
        raise NotFound(f"There is no task {reference}.", hint="Waiting for me lists what waits.")
    return found


def break_glass_uses(*, owed: bool = False) -> QuerySet[BreakGlass]:
    """Every use for auditors, newest first; ``owed``: those without their review, most urgent first."""
    rows = BreakGlass.objects.select_related(
        "approval__plan__program", "approval__task", "asked_by", "agreed_by", "reviewed_by"
    )
    return rows.filter(state="granted").order_by("review_due_at") if owed else rows


def count_by_state() -> dict[str, dict[str, int]]:
    """How many plans, tasks, approvals, escalations and messages are in each of their states."""
    kinds = {
        "plans": (Plan, PlanState),
        "tasks": (Task, TaskState),
        "approvals": (Approval, ApprovalState),
        "escalations": (Escalation, EscalationState),
        "messages": (Notification, NotificationState),
    }
    return {name: _by_state(model, states) for name, (model, states) in kinds.items()}


def _by_state(model: Any, states: Any) -> dict[str, int]:
    rows = model.objects.order_by().values_list("state").annotate(number=Count("pk"))
    return dict.fromkeys(states.values, 0) | dict(rows)


def pulls_of(plan: Plan) -> QuerySet[RipcordPull]:
    """Rip-cords that touched the plan: its own, and those of its program and the installation in its time."""
    wider = Q(scope="installation") | Q(scope="program", program=plan.program_id)
    wider &= Q(closed_at=None) | Q(closed_at__gte=plan.created_at)
    if plan.finished_at:
        wider &= Q(created_at__lte=plan.finished_at)
    touched = (
        wider if plan.pk is None else Q(plan=plan) | wider
    )  # one that is only proposed has none of its own
    return RipcordPull.objects.filter(touched).select_related("pulled_by").order_by("pk")


def oldest_waiting() -> dict[str, float]:
    """Seconds that the longest-waiting approval, task and escalation have waited; 0 where none does."""
    ready = Task.objects.filter(state__in=CLAIMABLE_STATES)
    since = {
        "approval": _oldest(Approval.objects.filter(state__in=ASKING_STATES), "opened_at"),
        "automated task": _oldest(ready.filter(kind=TaskKind.AUTOMATED), "updated_at"),
        "human task": _oldest(ready.filter(kind=TaskKind.HUMAN), "updated_at"),
        "escalation": _oldest(Escalation.objects.filter(state__in=UNANSWERED_STATES), "created_at"),
    }
    now = clock.now()
    return {what: (now - at).total_seconds() if at else 0.0 for what, at in since.items()}


def _oldest(rows: QuerySet[Any], field: str) -> Any:
    return rows.order_by().aggregate(oldest=Min(field))["oldest"]


def weekly_trends(weeks: int = 8) -> dict[str, list[float | None]]:
    """How the work went week by week, the oldest first: runs, cases, hours to decide.

    Hours are the median of rounds decided in the week; None where nothing was decided. Four queries.
    """
    now = clock.now()
    since = now - timedelta(weeks=weeks)
    done = Plan.objects.filter(state__in=SUCCEEDED_PLAN_STATES)
    counted = {
        "Runs started": (Plan.objects.filter(created_at__gt=since), "created_at"),
        "Runs finished well": (done.filter(finished_at__gt=since), "finished_at"),
        "Escalations": (Escalation.objects.filter(created_at__gt=since), "created_at"),
    }
    found: dict[str, list[float | None]] = {}
    for name, (rows, field) in counted.items():
        days = rows.order_by().values_list(TruncDate(field)).annotate(number=Count("pk"))
        in_week: Counter[int] = Counter()
        for day, number in days:
            in_week[min((now.date() - day).days // 7, weeks - 1)] += number
        found[name] = [float(in_week[week]) for week in reversed(range(weeks))]
    decided = Approval.objects.filter(decided_at__gt=since, opened_at__isnull=False).order_by()
    hours: defaultdict[int, list[float]] = defaultdict(list)
    for opened_at, decided_at in decided.values_list("opened_at", "decided_at").iterator():
        hours[(now - decided_at).days // 7].append((decided_at - opened_at).total_seconds() / 3600)
    found["Hours to decide, median"] = [
        round(median(hours[week]), 1) if hours[week] else None for week in reversed(range(weeks))
    ]
    return found
