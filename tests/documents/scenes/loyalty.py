"""Runs of plan-loyalty: the document's line to its end, and what its safeguards ask for."""

from __future__ import annotations

from decimal import Decimal

from plans.engine.running.sweep import sweep
from plans.engine.stopping import ripcord
from plans.models import Plan
from plans.runs import policies, revise
from tests.documents.stage import Record, Stage, failing
from tests.documents.usage import PLAN as LINE
from tests.documents.usage import PLAN_LOYALTY as COMMAND


def finish(stage: Stage, plan: Plan) -> Plan:
    stage.work(plan)
    stage.complete(plan, "segment-validation", "analyst", segments="as computed")
    stage.decide(plan, "finance-approval", "finance")
    return stage.decide(plan, "legal-approval", "legal")


def usage_line(stage: Stage) -> dict[str, Record]:
    """The document's line, finished, and the runs of the same program with other inputs."""
    plan = finish(stage, stage.start(LINE))
    found = {"loyalty": stage.stored(plan)}
    monitored = stage.run("/loyalty-lifecycle-orchestration:monitor-loyalty")
    stage.decide(monitored, "roadmap-validation", "strategist")
    stage.complete(monitored, "distribute", "analyst")
    found["loyalty"] |= {"later": stage.record(plan)["json"], "monitored": stage.record(monitored)["json"]}
    return found


def goals(stage: Stage) -> dict[str, Record]:
    """A run for each of the other goals."""
    found = {}
    for goal in ("expansion", "engagement", "advocacy"):
        plan = stage.run(LINE.replace("retention", goal), until="economic-modeling")
        found[f"loyalty-{goal}"] = stage.record(plan)
    return found


def kinds(stage: Stage) -> dict[str, Record]:
    lines = {
        "points": "--goal retention --tiers points-only --budget 2000/month",
        "hybrid": "--goal retention --tiers hybrid --budget 2000",
        "missions": "--goal retention --tiers missions --budget 2000",
    }
    plans = {name: stage.run(f"/{COMMAND} {given}", until="tier-design") for name, given in lines.items()}
    found = {f"loyalty-{name}": stage.record(plan) for name, plan in plans.items()}
    row = stage.start(f"{LINE} --pattern pipeline --retry-limit 1")
    month = stage.start(LINE.replace("50000", "50000/month"))
    return found | {"loyalty-pipeline": stage.record(row), "loyalty-month": stage.record(month)}


def wishes(stage: Stage) -> dict[str, Record]:
    """A segment of the data asked for as persona, and constraints."""
    plan = stage.run(f"{LINE} --personas Champions", until="economic-modeling")
    notes = stage.run(f'{LINE} --constraints "points must not expire"', until="economic-modeling")
    return {"loyalty-personas": stage.record(plan), "loyalty-constraints": stage.record(notes)}


def loss(stage: Stage) -> dict[str, Record]:
    """Two designs that lose money, and two people who let the second go on."""
    program = stage.program("cdnow")
    program.platform_cost_monthly = Decimal(5000)
    program.save()
    first = stage.run(LINE, until="economic-modeling")
    plan = stage.run(LINE.replace("50000", "10000"), until="economic-modeling")
    held = stage.record(plan)
    for username, said in (("exec", "The pool is halved."), ("deputy", "Margins are checked.")):
        with stage.by(username):
            ripcord.release(plan, remediation=said)
    once = stage.record(first)
    return {"loyalty-once": once, "loyalty-loss": held, "loyalty-released": stage.record(plan)}


def blocker(stage: Stage) -> dict[str, Record]:
    """Legal asks for changes and nobody answers for a month."""
    plan = stage.run(LINE)
    stage.complete(plan, "segment-validation", "analyst")
    stage.decide(plan, "legal-approval", "legal", "request_changes", "Consent is missing.")
    asked = stage.record(plan)
    stage.pass_time(days=30)
    for _ in range(2):
        sweep()
    return {"loyalty-blocker": asked, "loyalty-blocked": stage.record(plan)}


def away(stage: Stage) -> dict[str, Record]:
    """Legal is away, and so is the strategist."""
    stage.go_away("legal", "strategist")
    plan = stage.run(LINE, "partner")
    stage.complete(plan, "segment-validation", "analyst")
    asked = stage.messages()
    stage.decide(plan, "legal-approval", "exec")
    return {"loyalty-away": stage.record(plan) | {"messages": asked}}


def outage(stage: Stage) -> dict[str, Record]:
    """A pull of data fails once, a model three times."""
    with failing(COMMAND, "signal-review", 1), failing(COMMAND, "economic-modeling", 3):
        return {"loyalty-outage": stage.record(stage.through(stage.start(LINE)))}


def changes(stage: Stage) -> dict[str, Record]:
    """Tiers and budget change in the plan; a margin and the time finance has change around it."""
    plan = stage.run(LINE)
    stage.complete(plan, "segment-validation", "analyst")
    with stage.by("ops"):
        revise.change(plan, {"tiers": "4", "budget": "45000"}, comment="Four tiers for less.")
        asked = policies.propose("plan-loyalty", "finance-approval", {"hours": 24}, reason="More time.")
    with stage.by("exec"):
        policies.decide(asked, "adopt", comment="Agreed.")
    stage.work(plan)
    program = stage.program("cdnow")
    program.gross_margin += Decimal("0.05")
    program.save()
    return {"loyalty-changed": stage.record(plan)}


def in_a_browser(stage: Stage) -> dict[str, Record]:
    return stage.in_a_browser("loyalty-browser", "cdnow", "redemption page", LINE, "lifecycle-mapping")


SCENES = (usage_line, goals, kinds, wishes, loss, blocker, away, outage, changes, in_a_browser)
