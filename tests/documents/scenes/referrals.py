"""Runs of optimize-referrals: the document's line to its end, other windows, alarms and an architect away."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa

from plans.cases.fraud import verbs
from plans.cases.fraud.models import FraudCase
from plans.demo import referrals as demo
from plans.engine.stopping import ripcord
from plans.runs import revise
from programs.models import Metric, Partner
from tests.documents.stage import ADVOCATES, Record, Stage, failing
from tests.documents.usage import OPTIMIZE as LINE
from tests.documents.usage import OPTIMIZE_REFERRALS as COMMAND
from tests.plans.commands.optimize_referrals.test_runs import until, with_ring

SHORT = f"/{COMMAND}"


def tables() -> dict[str, pa.Table]:
    return demo.tables(np.random.default_rng(demo.SEED), advocates=ADVOCATES)


def usage_line(stage: Stage) -> dict[str, Record]:
    plan = stage.complete(stage.run(LINE), "compliance-log", "ops")
    before = stage.record(plan)
    stage.decide(plan, "playbook-approval", "strategist")
    for key, who in (("tooling-changes", "ops"), ("partner-communications", "ops")):
        stage.complete(plan, key, who)
    case = FraudCase.objects.filter(plan=plan).first()
    with stage.by("strategist"):
        verbs.act(case, "hold", comment="The ring shares one card.")
    return {"referrals": stage.stored(plan), "referrals-waiting": before}


def inputs(stage: Stage) -> dict[str, Record]:
    lines = {
        "7d": (f"{SHORT} --window 7d", "data-refresh"),
        "90d": (f"{SHORT} --window 90d", "data-refresh"),
        "summary": (
            f'{SHORT} --detail summary --dimensions "persona,region" --experiments warm-invite '
            "--alert_threshold conversion<0.0001",
            "risk-review",
        ),
    }
    plans = {name: stage.run(line, until=until) for name, (line, until) in lines.items()}
    found = {f"referrals-{name}": stage.record(plan) for name, plan in plans.items()}
    return found | {"referrals-pipeline": stage.record(stage.start(f"{SHORT} --pattern pipeline"))}


def alarm(stage: Stage) -> dict[str, Record]:
    """A threshold broken in two periods; two people say what they did."""
    line = f'{SHORT} --alert_threshold "conversion<0.99"'
    world = tables()
    earlier = until(world, demo.START + timedelta(days=76))
    stage.load_referrals({"referrals": earlier["referrals"]})
    first = stage.run(line, until="performance-diagnostics")
    stage.load_referrals({"referrals": world["referrals"]})
    plan = stage.run(line, until="performance-diagnostics")
    held = stage.record(plan)
    for username, said in (("exec", "The form is mended."), ("deputy", "Seen.")):
        with stage.by(username):
            ripcord.release(plan, remediation=said)
    return {
        "referrals-once": stage.record(first),
        "referrals-alarm": held,
        "referrals-released": stage.record(plan),
    }


def spike(stage: Stage) -> dict[str, Record]:
    stage.load_referrals({"referrals": with_ring(tables(), 120)["referrals"]})
    return {"referrals-spike": stage.record(stage.run(SHORT, until="risk-review"))}


def away(stage: Stage) -> dict[str, Record]:
    """Both who hold the architect's role are away: somebody of lifecycle operations covers."""
    stage.go_away("strategist", "partner")
    plan = stage.complete(stage.run(SHORT), "compliance-log", "ops")
    asked = stage.messages()
    stage.decide(plan, "playbook-approval", "customer-success")
    return {"referrals-away": stage.record(plan) | {"messages": asked}}


def outage(stage: Stage) -> dict[str, Record]:
    with failing(COMMAND, "data-refresh", 1), failing(COMMAND, "risk-review", 2):
        plan = stage.through(stage.start(SHORT), until="risk-review")
    return {"referrals-outage": stage.record(plan)}


def changes(stage: Stage) -> dict[str, Record]:
    """A threshold of the run, a metric and a partner's tier move while it waits."""
    plan = stage.run(f"{SHORT} --alert_threshold conversion<0.0001", until="data-refresh")
    with stage.by("ops"):
        revise.change(plan, {"alert_threshold": "conversion<0.0002"}, comment="Stricter.")
    metric = Metric.objects.get(key="referral-conversion")
    metric.threshold = Decimal("0.03")
    metric.save()
    partner = Partner.objects.get(slug="northwind")
    partner.programs.add(plan.program)
    partner.tier = "platinum"
    partner.save()
    return {"referrals-changed": stage.record(plan)}


def in_a_browser(stage: Stage) -> dict[str, Record]:
    return stage.in_a_browser(
        "referrals-browser", "customer-advocates", "portal", SHORT, "performance-diagnostics"
    )


SCENES = (usage_line, inputs, alarm, spike, away, outage, changes, in_a_browser)
