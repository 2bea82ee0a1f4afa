"""Whether the data of a run reach beyond the last launch of its program: what ends before says nothing of it."""

from __future__ import annotations

from datetime import date, timedelta

from plans.commands.shared.windows import WindowPair
from plans.engine.running.steps import StepContext
from plans.models import CARRIED_OUT_STATES, Task, of_command
from programs.models import Program

LAUNCH, GO_LIVE = "referral-program-orchestration:launch-program", "go-live"


def launched_on(program: Program) -> str:
    """The day on which the program went live by its last launch, ISO 8601; empty where none did, or was aborted."""
    live = Task.objects.filter(
        plan__program=program, key=GO_LIVE, state__in=CARRIED_OUT_STATES, **of_command(LAUNCH, "plan__")
    )
    last = live.exclude(plan__state="aborted").select_related("plan").order_by("-finished_at", "-pk").first()
    return str(last.plan.inputs["launch_date"]) if last else ""


def before_the_launch(context: StepContext, windows: WindowPair) -> str:
    """Why the window says nothing of the last launch: it ends before it. Empty where it reaches beyond."""
    launch = _launch(context)
    last = (windows.current.end - timedelta(days=1)).date()
    if launch is None or last >= launch:
        return ""
    return f"The data end on {last}, before the launch of {launch}. Load what came since, and run it again."


def partly_before(context: StepContext, windows: WindowPair) -> str:
    """What of the window lies before the last launch; empty where all of it or nothing does."""
    launch = _launch(context)
    if launch is None or not windows.current.start.date() < launch < windows.current.end.date():
        return ""
    before = (launch - windows.current.start.date()).days
    return f"Of the {windows.current.days} days of the window {before} lie before the launch of {launch}."


def _launch(context: StepContext) -> date | None:
    """Plans of before this was kept know none."""
    told = context.program.get("launched_on")
    return date.fromisoformat(told) if told else None
