"""The files of plans: one a plan, written when the plan comes to rest, and for whoever reads it.

What is behind is known from the rows: the head of the plan's chain and its last anchor, against those the
file shows. So a crash before the write loses nothing. No task waits for a file: the control worker writes it,
and a reader whose file is behind.

The row of a plan's file says what the file shows, and its digest. Whoever reads compares both, so that a
reader on any host has the newest document or an error. ``plan_places`` says where the file is.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import Case, Exists, Max, OuterRef, Q, QuerySet, When

from gtm.core import clock, events
from gtm.core.actors import SWEEP, Actor, acting_as
from gtm.core.evidence import anchors, changelog, keys
from gtm.core.models import ChangeLogChain
from gtm.core.places import objects
from plans.export import document, plan_places, sealing
from plans.models import AT_WORK_PLAN_STATES, MOVING_STATES, Plan, PlanFile, Task, TaskKind

logger = logging.getLogger(__name__)

PATIENCE = timedelta(seconds=30)
"""How old the file of a plan that is moving may grow: the document of a long plan takes seconds to make."""
ANCHOR_TIME = timedelta(seconds=5)
"""How long the file of a plan that has ended waits for the anchor its end asks for, which writes it: a file
made before would be made twice."""
ALTERED = "file altered"
"""The event of a row that says that a file in the plans folder was not the one that we wrote."""
PREFIX = "plan:"
"""A plan's chain is named by it."""


def path_of(plan: Plan) -> Path:
    """Where the file of a plan is, or would be, in the plans folder."""
    return objects.plans.path(f"{plan.plan_id}.json")


def write(plan: Plan) -> bytes:
    """Seal the plan as of now, write its file and answer its bytes."""
    with plan_places.writing(plan.plan_id):
        body = sealing.sealed(plan)
        raw = document.to_bytes(body)
        integrity = body["integrity"]
        shown = max((made["number"] for made in integrity["anchors"]), default=0)
        seal = sealing.last_seal(body["change_log"]) or {"sequence": 0}
        known = {
            "sequence": integrity["length"],
            "anchor": shown,
            "seal": seal["sequence"],
            "sha256": plan_places.put(plan.plan_id, raw),
            "written_at": clock.now(),
        }
        _name(plan, known)
    return raw


def _name(plan: Plan, known: dict[str, Any]) -> None:
    """The row says which document counts: never an older one than it says already."""
    with transaction.atomic():
        PlanFile.objects.get_or_create(plan=plan, defaults={"sequence": 0})
        row = PlanFile.objects.select_for_update().get(plan=plan)
        if (row.sequence, row.anchor) > (known["sequence"], known["anchor"]):
            return
        before, row = row.sha256, PlanFile(plan=plan, **known)
        row.save(force_update=True)
    if before != row.sha256:
        plan_places.forget_others(plan.plan_id, row.sha256, before)


def read(plan: Plan) -> bytes:
    """The file's bytes, written anew if the plan or its anchors have moved on (a crash before the write), or
    if somebody else has altered the file: that is a row of the plan's log."""
    chain = plan.change_chain()
    head = ChangeLogChain.objects.filter(pk=chain).values_list("sequence", flat=True).first()
    last = anchors.of_chain(chain, since=plan.created_at).aggregate(last=Max("number"))["last"] or 0
    known = PlanFile.objects.filter(plan=plan).first()
    if known is None or (known.sequence, known.anchor) != (head, last):
        return write(plan)
    raw = plan_places.read(plan.plan_id, known.sha256)
    if raw is None:  # deleted, or another host has just named a newer one
        return write(plan)
    found = hashlib.sha256(raw).hexdigest()
    if found == known.sha256 or not known.sha256:  # of a file of before, its digest is not kept
        return raw
    logger.warning("the file of %s is not the one that was written; it is written anew", plan.plan_id)
    with acting_as(Actor.system("Plan documents", via=SWEEP)), transaction.atomic():
        changelog.append(plan, ALTERED, field="file", before=known.sha256, after=found)
    return write(plan)


def export(plan: Plan) -> bytes:
    """The file for whoever takes it out of the house, under a checkpoint where this installation signs."""
    raw = read(plan)
    if keys.signing() and not anchors.holds_head(plan.change_chain()):
        anchors.anchor(tell_auditors=False, for_a_reader=True)
        raw = read(plan)
    return raw


def write_behind(since: timedelta = timedelta(days=1), patience: timedelta = timedelta(0)) -> int:
    """Write every file that is behind its plan or its anchors. Answers how many.

    The control worker calls it each second for what moved just now, and the sweep for the last day: a crash
    leaves a plan behind, and ``since`` bounds how far back that is looked for. A plan that is moving is left
    until its file is older than ``patience``, and one that ended just now to its anchor.
    """
    now = clock.now()
    settled = Q(finished_at=None) | Q(finished_at__lte=now - min(patience, ANCHOR_TIME))
    return _write_each(_due(Plan.objects.filter(settled, plan_id__in=_behind(now - since)), patience))


def seal_earlier(count: int = 20) -> int:
    """Write files of before there were seals anew, with one. Answers how many.

    In any order, so that those that cannot be made do not keep the others back.
    """
    return _write_each(Plan.objects.filter(file__seal=0).order_by("?")[:count])


def _behind(since: datetime) -> set[str]:
    grown = ChangeLogChain.objects.filter(name__startswith=PREFIX, grown_at__gte=since)
    heads = {name.removeprefix(PREFIX): number for name, number in grown.values_list("name", "sequence")}
    last: dict[str, int] = {}
    for number, chains in anchors.since(since):
        last |= {name.removeprefix(PREFIX): number for name in chains if name.startswith(PREFIX)}
    files = PlanFile.objects.filter(plan__plan_id__in={*heads, *last})
    known = {
        plan_id: (row, anchor)
        for plan_id, row, anchor in files.values_list("plan__plan_id", "sequence", "anchor")
    }
    return {
        *(plan_id for plan_id, row in heads.items() if known.get(plan_id, (0, 0))[0] != row),
        *(plan_id for plan_id, number in last.items() if known.get(plan_id, (0, 0))[1] != number),
    }


def follow_anchor(event: events.Anchored) -> None:
    """Subscriber: an anchor holds these plans, and their files show it. Who moves is written later anyway."""
    held = {name.removeprefix(PREFIX) for name in event.chains if name.startswith(PREFIX)}
    _write_each(_due(Plan.objects.filter(plan_id__in=held), PATIENCE))


def _write_each(plans: Iterable[Plan]) -> int:
    """Write these files and answer how many: one that cannot be made does not keep the others back."""
    written = 0
    for plan in plans:
        try:
            write(plan)
            written += 1
        except (sealing.InvalidDocument, OSError):
            logger.exception("the file of %s is not written; the others are", plan.plan_id)
    return written


def _due(plans: QuerySet[Plan], patience: timedelta) -> Iterator[Plan]:
    """Plans at rest, and those that move and whose file is old, or that have none and began long ago."""
    at_work = Task.objects.filter(plan=OuterRef("pk"), kind=TaskKind.AUTOMATED, state__in=MOVING_STATES)
    moves = Q(state__in=AT_WORK_PLAN_STATES) & Exists(at_work)
    latest = clock.now() - patience
    for plan in plans.annotate(moves=Case(When(moves, then=True), default=False)).order_by("pk"):
        if not plan.moves or _written_at(plan) <= latest:
            yield plan


def _written_at(plan: Plan) -> datetime:
    """When its file was written; of a plan without one, when there was first something to write."""
    known = PlanFile.objects.filter(plan=plan).values_list("written_at", flat=True).first()
    return known or plan.started_at or plan.created_at
