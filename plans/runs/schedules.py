"""Schedules: what is due is enlisted as a row, and each row starts exactly one run.

django-celery-beat rings at the time the crontab says, on the program's wall clock; the sweep hears what was
not rung. Neither decides anything: what is due follows from the schedule's own row, so a bell that rings
twice, late or never changes nothing. After an outage the missed times are run or skipped as the schedule
says, and shown either way.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from celery.schedules import ParseException, crontab
from django.db import transaction
from django.db.models import Q
from django_celery_beat.models import CrontabSchedule, PeriodicTask

from gtm.core import clock
from gtm.core.actors import SWEEP, TASK, Actor, acting_as
from gtm.core.errors import GtmError, InvalidInput, NotFound, Problem, StaleVersion, WrongState
from gtm.core.evidence import changelog
from gtm.core.fsm import perform
from plans.engine.gates.conflicts import writers_of_schedules
from plans.models import CatchUp, Plan, RipcordPull, Schedule, ScheduledRun
from plans.runs import registry, start
from plans.schemas import cron
from plans.schemas.inputs import read_inputs
from programs.models import Person, Program
from programs.selectors import program_facts

logger = logging.getLogger(__name__)

MISSED_AFTER = timedelta(minutes=10)
UNHEARD_AFTER = timedelta(seconds=30)
MOST_AT_ONCE = 200
RUNS_AT_ONCE = 10


def fire_due(*, unheard_for: timedelta = timedelta()) -> int:
    """Enlist what is due and start it; answers how many runs began. Safe at any moment."""
    now = clock.now()
    with acting_as(Actor.system("Scheduler", via=SWEEP)):
        late = Schedule.objects.filter(is_active=True, next_due_at__lte=now - unheard_for)
        for schedule in late.order_by("next_due_at"):
            try:
                enlist(schedule, now)
            except Exception:  # noqa: BLE001 - it stays late and is tried again; the others must not wait for it
                logger.exception("could not enlist %s", schedule)
        runs = ScheduledRun.objects.filter(state="due", due_at__lte=now)
        runs = runs.exclude(
            schedule__crontab="", schedule__is_active=False
        )  # what was booked can be called off
        runs = runs.select_related("schedule__program", "schedule__owner").order_by("due_at", "pk")
        # In their order, periods are counted; one that cannot begin takes nobody's place.
        begun = (run for run in runs[:MOST_AT_ONCE] if _begin(run))
        return sum(1 for _ in islice(begun, RUNS_AT_ONCE))


def book(
    name: str, command: str, program: Program, inputs: Mapping[str, Any], *, at: datetime, owner: Any
) -> ScheduledRun:
    """Have a command run once, at a moment to come; the sweep hears it. Booked again it moves to that moment.

    Raises InvalidInput where the schedule could not run: wrong inputs, an owner who may not start plans.
    """
    schedule = Schedule.objects.filter(name=name).first() or Schedule(name=name)
    schedule.command, schedule.program, schedule.inputs = command, program, dict(inputs)
    schedule.crontab, schedule.catch_up, schedule.owner = "", CatchUp.CATCH_UP, owner
    if owner is None:
        raise InvalidInput("The run has no owner.", problems=[Problem("owner", "is required.")])
    if wrong := faults(schedule):
        problems = [Problem(field, message) for field, message in wrong.items()]
        raise InvalidInput(f"{command} cannot be booked.", problems=problems)
    schedule.save()
    run = ScheduledRun.objects.filter(schedule=schedule, state="due").first()
    run = run or ScheduledRun(schedule=schedule)
    run.due_at = at
    run.save()
    return run


def call_off(name: str) -> None:
    """What was booked under that name is not run any more; its rows stay."""
    for schedule in Schedule.objects.filter(name=name, crontab="", is_active=True):
        schedule.is_active = False
        schedule.save()


def enlist(schedule: Schedule, now: datetime) -> int:
    """A row for every time the schedule was due until ``now``; missed ones are skipped where it says so."""
    with transaction.atomic():
        changelog.lock_chain(schedule.change_chain())
        schedule.refresh_from_db()
        if not schedule.is_active:
            return 0
        zone = schedule.program.time_zone
        due = list(
            islice(cron.occurrences(schedule.crontab, zone, schedule.watched_until, now), MOST_AT_ONCE)
        )
        for at in due:
            if ScheduledRun.objects.filter(schedule=schedule, due_at=at).exists():
                continue
            run = ScheduledRun(schedule=schedule, due_at=at)
            run.save()
            if schedule.catch_up == CatchUp.SKIP and now - at > MISSED_AFTER:
                reason = "It was missed. Nothing ran when it was due, and this schedule skips missed runs."
                perform(run, "skip", comment=reason, set_fields={"reason": reason})
        if due:
            schedule.watched_until = due[-1]
        schedule.save()
    return len(due)


def _begin(run: ScheduledRun) -> bool:
    try:
        try:
            plan = Plan.objects.filter(idempotency_key=run.idempotency_key).first() or _start(run)
            perform(run, "start", set_fields={"plan": plan})
        except (WrongState, StaleVersion):
            raise
        except GtmError as error:
            reason = " ".join(error.lines())
            perform(run, "refuse", comment=reason, set_fields={"reason": reason})
            return False
    except (WrongState, StaleVersion):
        logger.info("somebody else has started or refused %s", run)
        return False
    except Exception:  # noqa: BLE001 - it stays due and is tried again; the others must not wait for it
        logger.exception("could not start %s", run)
        return False
    return True


def _start(run: ScheduledRun) -> Plan:
    """Start the run in its owner's name, who counts as its requester. Raises GtmError with the reasons."""
    schedule = run.schedule
    stopped = RipcordPull.objects.filter(state="pulled").filter(
        Q(scope="installation") | Q(scope="program", program=schedule.program)
    )
    if pull := stopped.first():
        raise GtmError(f"The rip-cord is pulled: {pull.reason}")
    owner = schedule.owner
    if not owner.is_active or not owner.has_perm("plans.operate_plan"):
        raise GtmError(f"{owner} may not start plans any more. The schedule needs another owner.")
    with acting_as(
        Actor.of_user(owner, TASK), f"Schedule {schedule.name}, due {run.due_at:%Y-%m-%d %H:%M} UTC"
    ):
        writers = {user for user, _ in writers_of_schedules([schedule.pk])[schedule.pk]}
        draft = start.prepare(
            registry.get(schedule.command), schedule.inputs, schedule.program, written_by=writers
        )
        return start.start(draft, idempotency_key=run.idempotency_key)


def run_after_all(run: ScheduledRun, *, comment: str) -> ScheduledRun:
    """Operations want a skipped or refused run after all: it is due again and starts at the next pass."""
    perform(run, "run_after_all", comment=comment, set_fields={"reason": ""})
    return run


# ------------------------------------------------------------------ what a schedule must be


def faults(schedule: Schedule) -> dict[str, str]:
    """Everything wrong with command, inputs, program and owner, by field."""
    found: dict[str, str] = {}
    program = Program.objects.filter(pk=schedule.program_id).first()
    try:
        command = registry.get(schedule.command)
    except NotFound as error:
        return {"command": " ".join(error.lines())}
    if program is not None and program.kind != command.program_kind:
        found["program"] = f"{command.path} runs on {command.program_kind} programs."
    elif program is not None:
        _, problems = read_inputs(command.inputs, schedule.inputs, program_facts(program))
        if problems:
            found["inputs"] = " ".join(f"{p.field}: {p.sentence()}" for p in problems)
    if schedule.owner_id and not schedule.owner.has_perm("plans.operate_plan"):
        found["owner"] = "The owner needs the permission to operate plans."
    elif schedule.owner_id and not Person.objects.filter(accounts=schedule.owner_id).exists():
        found["owner"] = "The owner's account belongs to nobody, so nobody would ask for its runs."
    return found


# ------------------------------------------------------------------ the bell


def follow_schedule(sender: Any, instance: Schedule, **_: Any) -> None:
    """Receiver: django-celery-beat rings as the schedule says; what it cannot say is heard by the sweep.

    That is what is booked, a line with two days of which either counts (Celery wants both), and words that
    Celery does not know (``L``, ``#``).
    """
    if not instance.crontab or cron.either_day(instance.crontab) or not _can_ring(instance.crontab):
        PeriodicTask.objects.filter(name=_bell(instance)).delete()
        return
    fields = dict(zip(cron.FIELDS, instance.crontab.split(), strict=True))
    line, _ = CrontabSchedule.objects.get_or_create(timezone=instance.program.time_zone, **fields)
    same = PeriodicTask.objects.filter(name=_bell(instance), crontab=line, enabled=instance.is_active)
    if same.exists():
        return  # a save would make beat read all its rows again
    PeriodicTask.objects.update_or_create(
        name=_bell(instance),
        defaults={
            "crontab": line,
            "task": "plans.tasks.run_schedules",
            "queue": "control",
            "enabled": instance.is_active,
            "description": f"The timer of schedule {instance.name}. Edit the schedule instead.",
        },
    )


def _can_ring(line: str) -> bool:
    try:
        crontab(*line.split())
    except (ParseException, ValueError):
        return False
    return True


def forget_schedule(sender: Any, instance: Schedule, **_: Any) -> None:
    PeriodicTask.objects.filter(name=_bell(instance)).delete()


def follow_program(sender: Any, instance: Program, created: bool, **_: Any) -> None:
    """Receiver: the wall clock of a schedule is its program's."""
    if not created:
        for schedule in instance.schedules.all():
            schedule.save()
            follow_schedule(sender, schedule)


def _bell(schedule: Schedule) -> str:
    return f"schedule {schedule.pk}"
