"""The plans folder: one file a plan, rewritten after every commit that touched it.

Writers take a lock a plan and read the rows while they hold it, so the last file written shows the last
state; the file appears whole or not at all.
"""

from __future__ import annotations

import fcntl
import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction

from gtm.core import clock, events
from gtm.core.models import ChangeLogChain
from plans.export import document, rules
from plans.models import Plan, PlanFile

logger = logging.getLogger(__name__)


class InvalidDocument(Exception):
    """A document of ours violates our own schema: a defect, never written over a good file."""


def path_of(plan: Plan) -> Path:
    return Path(settings.GTM_PLANS_DIR) / f"{plan.plan_id}.json"


def write(plan: Plan) -> bytes:
    """Write the plan's file as of now and answer its bytes."""
    target = path_of(plan)
    target.parent.mkdir(parents=True, exist_ok=True)
    with _lock(target), transaction.atomic():
        plan = Plan.objects.select_related("program", "campaign", "requested_by").get(pk=plan.pk)
        body = document.build(plan)
        if found := rules.problems(body):
            raise InvalidDocument(
                f"{plan.plan_id}: " + "; ".join(f"{p.field}: {p.message}" for p in found[:10])
            )
        raw = document.to_bytes(body)
        _replace(target, raw)
        PlanFile.objects.update_or_create(plan=plan, defaults={"sequence": body["integrity"]["length"]})
    return raw


def read(plan: Plan) -> bytes:
    """The file's bytes, written anew if the plan has moved on since (a crash between commit and write)."""
    head = ChangeLogChain.objects.filter(pk=plan.change_chain()).values_list("sequence", flat=True).first()
    known = PlanFile.objects.filter(plan=plan).values_list("sequence", flat=True).first()
    target = path_of(plan)
    return target.read_bytes() if known == head and target.is_file() else write(plan)


def write_behind(since: timedelta = timedelta(days=1)) -> int:
    """Write every file that is behind its plan; the sweep calls it. Answers how many were written.

    A crash between commit and write leaves a plan behind; ``since`` bounds how far back that is looked for.
    """
    prefix = "plan:"
    grown = ChangeLogChain.objects.filter(name__startswith=prefix, grown_at__gte=clock.now() - since)
    heads = {name.removeprefix(prefix): number for name, number in grown.values_list("name", "sequence")}
    known = dict(PlanFile.objects.filter(plan__plan_id__in=heads).values_list("plan__plan_id", "sequence"))
    behind = [plan_id for plan_id, number in heads.items() if known.get(plan_id) != number]
    written = 0
    for plan in Plan.objects.filter(plan_id__in=behind):
        try:
            write(plan)
            written += 1
        except InvalidDocument:
            logger.exception("a plan file is not written; the others are")
    return written


def follow(event: events.ChainGrew) -> None:
    """Subscriber: a plan's chain grew, so its file is out of date."""
    plan = Plan.objects.filter(plan_id=event.chain.removeprefix("plan:")).first()
    if plan is not None:
        write(plan)


@contextmanager
def _lock(target: Path) -> Iterator[None]:
    with open(target.with_suffix(".lock"), "w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(handle, fcntl.LOCK_UN)


def _replace(target: Path, raw: bytes) -> None:
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as handle:
        handle.write(raw)
        handle.flush()
        os.fsync(handle.fileno())
    os.replace(handle.name, target)
