"""Runs of monitor-loyalty: the document's line to its end, other windows, alarms and leads who are away."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from plans.drawing import specification
from plans.engine.stopping import ripcord
from plans.runs import revise
from programs.models import Metric
from tests.documents.stage import Record, Stage, failing
from tests.documents.usage import MONITOR as LINE
from tests.documents.usage import MONITOR_LOYALTY as COMMAND
from tests.plans.commands.loyalty_program import DAYS, START

SHORT = f"/{COMMAND}"


def usage_line(stage: Stage) -> dict[str, Record]:
    plan = stage.run(LINE)
    before = stage.record(plan)
    stage.decide(plan, "roadmap-validation", "strategist")
    stage.complete(plan, "distribute", "analyst")
    return {"monitor": stage.stored(plan), "monitor-waiting": before}


def inputs(stage: Stage) -> dict[str, Record]:
    """The other windows, the other breakdowns, a test by name and a threshold; a summary."""
    lines = {
        "7d": (f"{SHORT} --window 7d", "data-pull"),
        "quarter": (f"{SHORT} --window quarter", "data-pull"),
        "summary": (
            f'{SHORT} --detail summary --dimensions "cohort,channel" --experiments double-points '
            "--alert_threshold retention<0.01",
            "",
        ),
    }
    plans = {name: stage.run(line, until=until) for name, (line, until) in lines.items()}
    found = {f"monitor-{name}": stage.record(plan) for name, plan in plans.items()}
    return found | {"monitor-pipeline": stage.record(stage.start(f"{SHORT} --pattern pipeline"))}


def alarm(stage: Stage) -> dict[str, Record]:
    """A threshold broken in two periods; two people say what they did; the next run says how long it took."""
    line = f"{SHORT} --alert_threshold retention<0.99"
    first = stage.run(line, until="data-pull")
    stage.load_purchases(shift=7)
    plan = stage.run(line, until="data-pull")
    held = stage.record(plan)
    stage.pass_time(hours=5)
    for username, said in (("exec", "Win-back letters are out."), ("deputy", "Seen.")):
        with stage.by(username):
            ripcord.release(plan, remediation=said)
    later = stage.run(SHORT, until="data-pull")
    return {
        "monitor-once": stage.record(first),
        "monitor-alarm": held,
        "monitor-released": stage.record(plan),
        "monitor-later": stage.record(later),
    }


def spike(stage: Stage) -> dict[str, Record]:
    """A points campaign of nine million points five days before the data end."""
    assert stage.world is not None
    ledger = stage.world["point_ledger"]
    late = START + timedelta(days=DAYS - 5)
    issue = ledger.slice(0, 1).to_pylist()[0] | {"entry_id": "spike", "entry": "issue", "points": 9_000_000.0}
    issue |= {"posted_at": late, "issued_at": late} | ({"cost": None} if "cost" in issue else {})
    stage.load(
        "cdnow", "point_ledger", pa.concat_tables([ledger, pa.Table.from_pylist([issue], ledger.schema)])
    )
    return {"monitor-spike": stage.record(stage.run(SHORT, until="health-diagnostics"))}


def away(stage: Stage) -> dict[str, Record]:
    """The analyst is away, then the strategist."""
    stage.go_away("analyst")
    plan = stage.run(LINE)
    stage.decide(plan, "roadmap-validation", "strategist")
    asked = stage.messages()
    stage.complete(plan, "distribute", "strategist")
    return {"monitor-away": stage.record(plan) | {"messages": asked}}


def outage(stage: Stage) -> dict[str, Record]:
    with failing(COMMAND, "data-pull", 2):
        plan = stage.through(stage.start(SHORT), until="data-pull")
    return {"monitor-outage": stage.record(plan)}


def charts_fail(stage: Stage) -> dict[str, Record]:
    """Twice a chart cannot be drawn."""
    drawn, left = specification.specification, iter((1, 2))

    def draw(payload: Any, definitions: Any = None) -> Any:
        if payload["key"] == "revenue_trend" and next(left, None):
            raise ValueError("the font is not there")
        return drawn(payload, definitions)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(specification, "specification", draw)
        return {"monitor-charts": stage.record(stage.through(stage.start(SHORT), until="data-pull"))}


def changes(stage: Stage) -> dict[str, Record]:
    """A threshold of the run, a limit and the words of a metric move while it waits."""
    program = stage.program("cdnow")
    program.tooling = {"crm": "Salesforce"}
    program.save()
    plan = stage.run(f"{SHORT} --alert_threshold retention<0.01", until="data-pull")
    with stage.by("ops"):
        revise.change(plan, {"alert_threshold": "retention<0.02"}, comment="Stricter.")
    metric = Metric.objects.get(key="loyalty-csat")
    metric.threshold, metric.window = Decimal("0.7"), "60 days"
    with stage.by("analyst", reason="Two quarters below it."):
        metric.save()
    program.tooling = {"crm": "HubSpot"}
    with stage.by("ops", reason="Moved over."):
        program.save()
    stage.load_purchases(shift=7)
    with stage.by("ops"):
        revise.change(plan, comment="Newer purchases.", fresh_data=True)
    return {"monitor-changed": stage.record(plan)}


def in_a_browser(stage: Stage) -> dict[str, Record]:
    return stage.in_a_browser("monitor-browser", "cdnow", "dashboard", SHORT, "health-diagnostics")


SCENES = (usage_line, inputs, alarm, spike, away, outage, charts_fail, changes, in_a_browser)
