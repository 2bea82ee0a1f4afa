"""What a launch writes: the calendar revisions it handed out, the program made active, its reviews booked."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gtm.core import clock
from gtm.core.fsm import perform
from gtm.core.places import filestore
from plans.commands.launch_program.steps.events import REVIEW_KEY
from plans.commands.shared.metrics import default_thresholds
from plans.engine.notices import invitations
from plans.engine.running import kept_outputs
from plans.engine.running.kept_files import kept_file
from plans.models import Plan, Task
from plans.runs import schedules
from programs.analytics.bundle import pack
from programs.analytics.ical import called_off
from programs.analytics.thresholds import first_to_alarm
from programs.models import UNLAUNCHED_PROGRAM_STATES, CalendarRevision, Program, measured
from programs.selectors import metric_definitions

KIND = "referral"


def keep_revisions(plan: Plan, values: Mapping[str, Any]) -> None:
    """Remember what was handed out, in the transaction that records the task: a change counts on from it."""
    program: Program = plan.program
    kept = {row.key: row for row in CalendarRevision.objects.filter(program=program)}
    for key, told in values["revisions"].items():
        row = kept.get(key) or CalendarRevision(program=program, key=key)
        row.sequence, row.sha256 = told["sequence"], told["sha256"]
        row.changed_at = datetime.fromisoformat(told["changed_at"])
        row.attendees = told["attendees"]
        row.save()


def hand_out(plan: Plan, values: Mapping[str, Any]) -> None:
    """Remember what is handed out, and mail each session to whom it asks, or asks no more."""
    keep_revisions(plan, values)
    kept = plan.tasks.get(key="sessions").artifacts.filter(key="invitations").order_by("pk").last()
    if kept is not None:
        invitations.hand_out(plan, kept.payload["path"])


def call_off_events(plan: Plan, values: Mapping[str, Any]) -> None:
    """Undo ``keep_revisions`` when the plan is aborted: the same calendar and invitations, all called off."""
    task = plan.tasks.get(key="sessions")
    kept = {artifact.key: artifact for artifact in task.artifacts.order_by("pk")}
    outputs = []
    if calendar := kept.get("launch-calendar"):
        content = called_off(filestore.read(calendar.payload["path"]), now=clock.now())
        title = "Launch calendar, called off"
        outputs.append(kept_file("launch-calendar-called-off", title, content, "ics", "text/calendar"))
    archive = ""
    if handed_out := kept.get("invitations"):
        with zipfile.ZipFile(io.BytesIO(filestore.read(handed_out.payload["path"]))) as packed:
            files = {
                name.replace(".ics", "-called-off.ics"): called_off(packed.read(name), now=clock.now())
                for name in packed.namelist()
                if name.endswith(".ics") and "no-longer-asked" not in name and "called-off" not in name
            }
        title = "Invitations to the sessions, called off"
        content = pack(files, {"program": plan.program.name})
        called = kept_file("invitations-called-off", title, content, "zip", "application/zip")
        outputs.append(called)
        archive = called.path
    kept_outputs.keep(task, outputs, first=len(kept))
    if archive:
        invitations.hand_out(plan, archive)


def apply_go_live(plan: Plan, values: Mapping[str, Any]) -> None:
    """Make the program active and book its reviews, each to run once, in the name of who launched it; the first
    look at its limits is due now."""
    if plan.program.state in UNLAUNCHED_PROGRAM_STATES:
        perform(plan.program, "activate")
    for review in values["reviews"]:
        schedules.book(
            _name(review, plan),
            REVIEW_KEY,
            plan.program,
            _inputs_of(review),
            at=datetime.fromisoformat(review["at"]),
            owner=_account(plan),
        )
    Plan.objects.filter(pk=plan.pk).note(next_forecast_at=clock.now())


def with_the_registrys(own: str) -> str:
    """Limits of the monitoring plan beside those of the metric registry: of two on one side of a metric the one
    that alarms first."""
    return first_to_alarm((own, default_thresholds(metric_definitions(KIND))), measured(KIND))


def _inputs_of(review: Mapping[str, Any]) -> dict[str, Any]:
    """A review that holds limits of the monitoring plan holds those of the metric registry beside them."""
    inputs = dict(review["inputs"])
    if own := inputs.get("alert_threshold", ""):
        inputs["alert_threshold"] = with_the_registrys(own)
    return inputs


def withdraw_go_live(plan: Plan, values: Mapping[str, Any]) -> None:
    """Undo ``apply_go_live`` when the plan is aborted: no review is due any more, and a program that was
    active only by this launch pauses."""
    for review in values["reviews"]:
        schedules.call_off(_name(review, plan))
    if values["activates"] and plan.program.state == "active":
        perform(plan.program, "pause", comment=f"Its launch {plan.plan_id} was aborted.")


def _name(review: Mapping[str, Any], plan: Plan) -> str:
    return f"review-day-{review['day']}-{plan.plan_id}"


def _account(plan: Plan) -> Any:
    """Who launched, else who owns the task of going live: the first who may start plans."""
    owner = Task.objects.select_related("owner").get(plan=plan, key="go-live").owner
    accounts = [plan.requested_by, *(owner.accounts.all() if owner else ())]
    return next((a for a in accounts if a and a.is_active and a.has_perm("plans.operate_plan")), None)
