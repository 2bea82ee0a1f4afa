"""Runs of track-source: the document's line to its end, a dispute, and a guardrail broken twice."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from django.contrib.auth import get_user_model

from gtm.core.errors import GuardNotMet
from plans.cases.disputes import verbs
from plans.cases.disputes.models import AttributionRecord
from plans.models import Plan, Schedule
from plans.runs import revise
from programs.models import MeasurementAgreement
from tests.documents.stage import Record, Stage, failing, play
from tests.documents.usage import TRACK as LINE
from tests.documents.usage import TRACK_SOURCE as COMMAND
from tests.plans.commands.track_source.campaign import a_deal

SHORT = f'/{COMMAND} --campaign "AI Launch Tour"'


def usage_line(stage: Stage) -> dict[str, Record]:
    """The line to its end; on the way a partner disputes a deal, and the governance board is called."""
    plan = stage.run(LINE)
    waiting = stage.record(plan)
    stage.decide(plan, "results-validation", "analyst")
    disputed = play(stage, [lambda stage: dispute(stage, plan)])
    plan.refresh_from_db()
    stage.complete(plan, "hand-over", "partner")
    return {"track": stage.stored(plan), "track-waiting": waiting} | disputed


def dispute(stage: Stage, plan: Plan) -> dict[str, Record]:
    record = AttributionRecord.objects.get(plan=plan, partner__slug="northwind")
    with stage.by("northwind"):
        verbs.file(record, record.partner, deal=a_deal(plan), claim="It was ours alone.")
    return {"track-dispute": stage.record(plan) | {"messages": stage.messages()}}


def inputs(stage: Stage) -> dict[str, Record]:
    lines = {
        "7d": (f"{SHORT} --window 7d", "reconciliation"),
        "campaign": (f'{SHORT} --window "campaign duration"', "reconciliation"),
        "first": (f"{SHORT} --attribution_model first-touch", "attribution"),
        "last": (f"{SHORT} --attribution_model last-touch", "attribution"),
        "summary": (f'{SHORT} --detail summary --dimensions "partner,channel,asset,region"', "reporting"),
    }
    plans = {name: stage.run(line, until=until) for name, (line, until) in lines.items()}
    found = {f"track-{name}": stage.record(plan) for name, plan in plans.items()}
    return found | {"track-row": stage.record(stage.start(f"{SHORT} --pattern pipeline"))}


def guardrail(stage: Stage) -> dict[str, Record]:
    """Confidence below the guardrail until 15 October, and again with what was loaded since."""
    agreement = MeasurementAgreement.objects.get()
    agreement.confidence_guardrail = Decimal("0.99")
    agreement.save()
    stage.load_campaign(until=datetime(2026, 10, 15, tzinfo=UTC))
    first = stage.run(SHORT, until="attribution")
    stage.load_campaign()
    plan = stage.run(SHORT, until="attribution")
    asked = stage.messages()
    return {"track-once": stage.record(first), "track-alarm": stage.record(plan) | {"messages": asked}}


def away(stage: Stage) -> dict[str, Record]:
    stage.go_away("analyst")
    plan = stage.run(SHORT)
    asked = stage.messages()
    stage.decide(plan, "results-validation", "partner")
    return {"track-away": stage.record(plan) | {"messages": asked}}


def mismatch(stage: Stage) -> dict[str, Record]:
    """One partner's amounts are two fifths too high: no reader can reconcile the books."""
    stage.load_campaign(contoso_amounts=1.4)
    return {"track-mismatch": stage.record(stage.run(SHORT))}


def outage(stage: Stage) -> dict[str, Record]:
    with failing(COMMAND, "data-gathering", 2):
        plan = stage.through(stage.start(SHORT), until="data-gathering")
    return {"track-outage": stage.record(plan)}


def changes(stage: Stage) -> dict[str, Record]:
    """The model, a guardrail, a data source and the cadence of reports move around a plan."""
    stage.load_campaign(until=datetime(2026, 10, 15, tzinfo=UTC))
    plan = stage.run(SHORT, until="data-gathering")
    cadence = Schedule(
        name="weekly", command=COMMAND, program=plan.program, crontab="0 6 * * 1",
        owner=get_user_model().objects.get(username="ops"), inputs={"campaign": "AI Launch Tour"},
    )  # fmt: skip
    cadence.save()
    agreement = MeasurementAgreement.objects.get()
    agreement.attribution_model, agreement.confidence_guardrail = "last-touch", Decimal("0.6")
    with stage.by("analyst"):
        try:
            agreement.save()
        except GuardNotMet as error:
            refused = str(error)
    with stage.by("analyst", reason="The board asked for it."):
        agreement.save()
        cadence.crontab = "0 6 * * 5"
        cadence.save()
    stage.load_campaign()
    with stage.by("ops"):
        revise.change(plan, comment="Newer files.", fresh_data=True)
    return {"track-changed": stage.record(plan) | {"refused": refused}}


def in_a_browser(stage: Stage) -> dict[str, Record]:
    return stage.in_a_browser("track-browser", "ai-launch", "dashboard", LINE, "reporting")


SCENES = (usage_line, inputs, guardrail, mismatch, away, outage, changes, in_a_browser)
