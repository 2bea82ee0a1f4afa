"""What plans rest on and do not hold: agreement, program, tiers, partners, metrics, schedules, policies.

A change of one of them is noted in its own transaction, for every plan that it concerns: those that are not
over, and the last that succeeded of each command, which is the one that stands. After the commit the note
becomes a row of the plan's log; the sweep carries what a crash has left.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import ForeignKey, Max, Q
from django.db.models.fields.files import FieldFile

from gtm.core import actors, canonical, clock, events
from gtm.core.actors import Actor, acting_as
from gtm.core.evidence import changelog
from gtm.core.evidence.differ import ContentChange, differ
from gtm.core.governed import GovernedModel
from plans.models import (
    AROUND,
    LADDER,
    LIVE_PLAN_STATES,
    SUCCEEDED_PLAN_STATES,
    OutsideChange,
    Plan,
    PolicyVersion,
    of_command,
)
from plans.selectors import FOLLOW_UP

logger = logging.getLogger(__name__)

BATCH = 200
LONGEST_PLACE = 300
PARENTS = frozenset({"program", "tier", "campaign"})
"""Links that say where an object belongs; a column of such a name that is no link is content."""
NO_CONTENT = frozenset({"from_plan", "is_default", "departs"})


@dataclass(frozen=True, slots=True)
class Surrounding:
    """A kind of object: the plans that rest on one, and the place at which their logs tell of it."""

    plans: Callable[[Any], Q]
    place: Callable[[Any], str]
    concerns: Callable[[Plan, Any], bool] = lambda plan, obj: True


@dataclass(frozen=True, slots=True)
class OutsideNoted:
    """A plan's log is owed a row."""

    plan_pk: int


def _of_partner(partner: Any) -> Q:
    programs = partner.programs.values("pk")
    return Q(program__in=programs) | Q(campaign__in=partner.campaigns.values("pk"))


def _reads_metric(plan: Plan, metric: Any) -> bool:
    known = plan.context.get("metrics")
    return isinstance(known, Mapping) and any(told.get("key") == metric.key for told in known.values())


SURROUNDINGS: Mapping[str, Surrounding] = {
    "programs.measurementagreement": Surrounding(
        lambda agreement: Q(campaign=agreement.campaign_id), lambda agreement: "agreement"
    ),
    "programs.program": Surrounding(lambda program: Q(program=program.pk), lambda program: "program"),
    "programs.campaign": Surrounding(lambda campaign: Q(campaign=campaign.pk), lambda campaign: "campaign"),
    "programs.tier": Surrounding(lambda tier: Q(program=tier.program_id), lambda tier: f"tiers/{tier.rank}"),
    "programs.benefit": Surrounding(
        lambda benefit: Q(program=benefit.tier.program_id),
        lambda benefit: f"tiers/{benefit.tier.rank}/benefits/{benefit.name}",
    ),
    "programs.lifecycletrigger": Surrounding(
        lambda trigger: Q(program=trigger.program_id), lambda trigger: f"triggers/{trigger.key}"
    ),
    "programs.partner": Surrounding(_of_partner, lambda partner: f"partners/{partner.slug}"),
    "programs.metric": Surrounding(
        lambda metric: Q(program__kind=metric.key.partition("-")[0]),
        lambda metric: f"metrics/{metric.key}",
        _reads_metric,
    ),
    "plans.schedule": Surrounding(
        lambda schedule: Q(program=schedule.program_id) & _of(schedule.command),
        lambda schedule: f"schedules/{schedule.name}",
    ),
}
"""What plans rest on, by the label of its model. Policies have a comparison of their own."""


def _of(command: str) -> Q:
    """Plans of a command, written as its key or as its name alone."""
    return Q(**of_command(command)) if ":" in command else Q(command=command)


def concerned(these: Q) -> list[Plan]:
    """Of these plans, those that are not over and the last that succeeded of each command and subject."""
    plans = Plan.objects.filter(these).exclude(**of_command(FOLLOW_UP))
    alive = plans.filter(state__in=sorted(LIVE_PLAN_STATES)).values("pk")
    subject = ("program", "plugin", "command", "campaign")
    succeeded = plans.filter(state__in=sorted(SUCCEEDED_PLAN_STATES)).order_by()
    stand = succeeded.values(*subject).annotate(last=Max("pk")).values("last")
    return list(Plan.objects.filter(Q(pk__in=alive) | Q(pk__in=stand)).order_by("pk"))


def note(event: events.Recorded) -> None:
    """Subscriber, inside the transaction of the change: remember the rows that logs of plans are owed."""
    label = event.obj._meta.label_lower
    if label == PolicyVersion._meta.label_lower and event.event == "adopt":
        owe(_of_policy(event.obj))
    elif label in SURROUNDINGS:
        found = SURROUNDINGS[label]
        changes = list(_changes(event, found.place(event.obj)))
        plans = concerned(found.plans(event.obj)) if changes else []
        owe((plan, AROUND, change) for plan in plans if found.concerns(plan, event.obj) for change in changes)


def owe(rows: Iterable[tuple[Plan, str, ContentChange]], reason: str = "") -> None:
    """Note rows for the logs of plans, in the running transaction, by whoever is acting; carried after it."""
    acting, now = actors.current(), clock.now()
    noted = [
        OutsideChange(
            plan=plan,
            event=event,
            field=change.place[:LONGEST_PLACE],
            before=canonical.plain(change.before),
            after=canonical.plain(change.after),
            reason=reason or acting.reason,
            actor=acting.actor.label,
            user=acting.actor.user,
            via=acting.actor.via,
            request_id=acting.actor.request_id,
            on_behalf_of=acting.on_behalf_of,
            noted_at=now,
        )
        for plan, event, change in rows
    ]
    OutsideChange.objects.bulk_create(noted)
    for plan_pk in dict.fromkeys(row.plan_id for row in noted):
        events.publish_on_commit(OutsideNoted(plan_pk))


def _changes(event: events.Recorded, place: str) -> Iterator[ContentChange]:
    if event.event == "created":
        yield ContentChange(place, None, _held_by(event.obj))
    elif event.event == "deleted":
        yield ContentChange(place, _held_by(event.obj), None)
    elif event.event == "changed" and _is_content(event.obj._meta.get_field(event.field)):
        yield from differ(event.before, event.after, f"{place}/{event.field}")


def _is_content(field: Any) -> bool:
    return field.name not in NO_CONTENT and not (isinstance(field, ForeignKey) and field.name in PARENTS)


def _held_by(obj: GovernedModel) -> dict[str, Any]:
    """What an object holds, links by the name of what they point to."""
    found = {}
    for column in obj.evidence_columns():
        field = obj._meta.get_field(column)
        if not _is_content(field):
            continue
        value = getattr(obj, field.name)
        if isinstance(field, ForeignKey) and value is not None:
            value = str(value)
        elif isinstance(value, FieldFile):
            value = value.name
        if value not in (None, "", [], {}):
            found[field.name] = canonical.plain(value)
    return found


def _of_policy(policy: PolicyVersion) -> Iterator[tuple[Plan, str, ContentChange]]:
    """A plan keeps the text it started with; its log says what another would have asked."""
    for plan in concerned(_of(policy.command)):
        stored = plan.rules.stored
        if policy.subject == LADDER:
            rungs = [{part: rung[part] for part in rung if part != "rung"} for rung in stored["ladder"]]
            own: Any = {"rungs": rungs, "repeats": stored.get("ladder_repeats", 0)}
        else:
            own = next((gate for gate in stored["gates"] if gate["key"] == policy.subject), None)
        if own is None:
            continue
        before = {part: own.get(part) for part in policy.text}
        for change in differ(before, policy.text, f"policies/{policy.subject}"):
            yield plan, AROUND, change


def carry(noted: OutsideNoted) -> int:
    """Make the notes of a plan rows of its log, in their order, each once. Answers how many."""
    plan = Plan.objects.get(pk=noted.plan_pk)
    with changelog.holding(plan.change_chain()):
        waiting = list(plan.outside_changes.filter(carried_at=None).select_related("user").order_by("pk"))
        for row in waiting:
            actor = Actor(row.actor, row.via, row.user, request_id=row.request_id)
            with acting_as(actor, row.reason, row.on_behalf_of):
                changelog.append(plan, row.event, field=row.field, before=row.before, after=row.after)
        told = plan.outside_changes.filter(pk__in=[row.pk for row in waiting])
        told.update(carried_at=clock.now())
    return len(waiting)


def carry_waiting() -> int:
    """What no commit has carried, after a crash between the two. Answers how many rows."""
    owed = OutsideChange.objects.filter(carried_at=None).order_by("plan_id").values_list("plan_id", flat=True)
    carried = 0
    for plan_pk in owed.distinct()[:BATCH]:
        try:
            carried += carry(OutsideNoted(plan_pk))
        except Exception:  # noqa: BLE001 - the others are carried; the next sweep tries this one again
            logger.exception("what changed around plan %s is not in its log yet", plan_pk)
    return carried
