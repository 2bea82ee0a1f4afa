"""What people do on a host while processes are killed: start plans, answer what waits, read plan JSON.

python -m benchmarks.hosts.people start NUMBER        prints the plans, as JSON
python -m benchmarks.hosts.people drive SECONDS       until every plan has ended, or the time is over
python -m benchmarks.hosts.people check               what is wrong, as JSON; nothing is an empty list
python -m benchmarks.hosts.people documents           SHA-256 of the plan JSON that this host gives, as JSON
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle, islice
from typing import Any

import django

django.setup()

from django.contrib.auth import get_user_model  # noqa: E402
from django.db import OperationalError, connections  # noqa: E402
from django.db.models import Q  # noqa: E402

from gtm.core import clock  # noqa: E402
from gtm.core.actors import ADMIN, Actor, acting_as  # noqa: E402
from gtm.core.errors import GtmError  # noqa: E402
from gtm.core.models import ChangeLogChain  # noqa: E402
from plans.engine.gates import rounds  # noqa: E402
from plans.engine.people import human_tasks  # noqa: E402
from plans.export import document, files, verify  # noqa: E402
from plans.models import (  # noqa: E402
    AT_WORK_PLAN_STATES,
    DECIDABLE_STATES,
    FINAL_TASK_STATES,
    SUCCEEDED_PLAN_STATES,
    Approval,
    Artifact,
    Plan,
    Task,
    TaskAttempt,
    TaskKind,
)
from plans.runs import start as runs  # noqa: E402
from tests.documents import usage  # noqa: E402

LINES = (
    (usage.PLAN, "cdnow"),
    (usage.MONITOR, "cdnow"),
    (usage.OPTIMIZE, None),
    (usage.LAUNCH.replace("2025-12-10", usage.LAUNCH_DAY), None),
    (usage.TRACK, None),
)
SPENT = ("escalated", "unknown")
"""States of a task that people answer with another attempt."""


@contextmanager
def by(user: Any) -> Iterator[None]:
    with acting_as(Actor.of_user(user, ADMIN, interactive=True)):
        yield


def start(number: int) -> list[str]:
    who = get_user_model().objects.get(username="ops")
    made = []
    for line, program in islice(cycle(LINES), number):
        with by(who):
            command, given = runs.parse_usage(line)
            made.append(runs.start(runs.draft(command, given, program)).plan_id)
    return made


def act_once(told: Counter[str]) -> None:
    """Everybody does what they may: tasks, approvals, and one more attempt where the engine gave up."""
    people = list(
        get_user_model().objects.filter(people__isnull=False, is_active=True).distinct().order_by("pk")
    )
    at_work = {"plan__state__in": AT_WORK_PLAN_STATES}
    of_people = Q(kind=TaskKind.HUMAN, state="ready") | Q(state="with_substitute")
    for task in Task.objects.filter(of_people, **at_work):
        done = {"result": {"done": True}, "evidence": {"note": "Seen."}, "comment": "Done by hand."}
        _somebody(people, told, "tasks of people", human_tasks.complete, task, **done)
    for approval in Approval.objects.filter(state__in=DECIDABLE_STATES, **at_work):
        for user in people:
            seen = {"comment": "Because.", "reauthenticated_at": clock.now()}
            if not _somebody([user], told, "decisions", rounds.decide, approval, "approve", **seen):
                continue
            approval.refresh_from_db()
            if approval.state not in DECIDABLE_STATES:
                break
    for task in Task.objects.filter(kind=TaskKind.AUTOMATED, state__in=SPENT, **at_work):
        _somebody(people, told, "attempts granted", human_tasks.grant_attempt, task, comment="Once more.")


def _somebody(people: list[Any], told: Counter[str], what: str, act: Any, *given: Any, **more: Any) -> bool:
    for user in people:
        try:
            with by(user):
                act(*given, **more)
        except GtmError:
            continue
        told[what] += 1
        return True
    return False


def is_over(plan: Plan) -> bool:
    """Ended well; or a launch that waits for its day and for nothing else."""
    if plan.state in SUCCEEDED_PLAN_STATES:
        return True
    if "launch-program" not in plan.command_key or plan.state != "running":
        return False
    opened = plan.tasks.exclude(state__in=FINAL_TASK_STATES)
    return all(task.state == "pending" for task in opened) and opened.exclude(held_because="").exists()


def read_newest(plan: Plan, told: Counter[str]) -> None:
    """A reader has what the log said when it asked, or an error in words; never something older."""
    head = ChangeLogChain.objects.get(pk=plan.change_chain()).sequence
    try:
        found = json.loads(files.read(plan))
    except GtmError:
        told["reads refused"] += 1
        return
    told["reads"] += 1
    if found["integrity"]["length"] < head:
        told["OLD DOCUMENTS READ"] += 1


def drive(seconds: float) -> dict[str, Any]:
    until, told = time.monotonic() + seconds, Counter[str]()
    while True:
        plans = list(Plan.objects.order_by("pk"))
        still = [plan for plan in plans if not is_over(plan)]
        if not still or time.monotonic() > until:
            states = [(plan.plan_id, plan.command_key, plan.state) for plan in still]
            return {"still": states, "over": len(plans) - len(still), **told}
        try:
            act_once(told)
            for plan in still[:3]:
                read_newest(plan, told)
        except OperationalError:
            connections.close_all()
        time.sleep(1)


def check() -> list[str]:
    """Outputs once each, chains whole, and documents that prove it."""
    wrong: list[str] = []
    for plan in Plan.objects.order_by("pk"):
        for task in plan.tasks.filter(kind=TaskKind.AUTOMATED, state="succeeded"):
            well = task.attempts.filter(outcome=TaskAttempt.Outcome.SUCCEEDED).count()
            if well != 1:
                wrong.append(f"{task}: {well} attempts succeeded")
        if len(keys := list(Artifact.objects.filter(plan=plan).values_list("task", "key"))) != len({*keys}):
            wrong.append(f"{plan.plan_id}: an output is there twice")
        raw = files.read(plan)
        if raw != document.to_bytes(document.build(Plan.objects.get(pk=plan.pk))):
            wrong.append(f"{plan.plan_id}: its document is not the newest")
        found = verify.prove_bytes(raw)
        wrong += [f"{plan.plan_id}: {finding}" for finding in found.findings]
        if files.ALTERED.encode() in raw:
            wrong.append(f"{plan.plan_id}: its log says that somebody altered its file, and nobody has")
    return wrong


def documents() -> dict[str, str]:
    plans = Plan.objects.order_by("pk")
    return {plan.plan_id: hashlib.sha256(files.read(plan)).hexdigest() for plan in plans}


if __name__ == "__main__":
    what, *given = sys.argv[1:]
    work: Any = {"start": start, "drive": drive, "check": check, "documents": documents}[what]
    with acting_as(Actor.system("Benchmark")):
        print(json.dumps(work(*map(int, given))))
