"""Launches: the document's line, one in time up to its outcomes, and what its safeguards ask for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.test import override_settings

from plans.engine.running.sweep import sweep
from plans.engine.stopping import ripcord
from plans.models import Plan
from plans.runs import revise
from programs.models import LaunchProfile
from programs.outreach import browser
from tests.documents.stage import Record, Stage, failing
from tests.documents.usage import LAUNCH as LINE
from tests.documents.usage import LAUNCH_DAY as DATE
from tests.documents.usage import LAUNCH_PROGRAM as COMMAND
from tests.landing_site import landing_site

IN_TIME = LINE.replace("2025-12-10", DATE)
EVERYWHERE = IN_TIME.replace("email,in-app", "email,in-app,social,partner")
WIDE = f"{EVERYWHERE} --segments champions --approvers finance"


def approve(stage: Stage, plan: Plan) -> Plan:
    for gate, who in (
        ("legal-approval", "legal"),
        ("finance-approval", "finance"),
        ("partner-approval", "partner"),
    ):
        stage.decide(plan, gate, who)
    return plan


def usage_line(stage: Stage) -> dict[str, Record]:
    plan = stage.start(LINE)
    found = {"launch": stage.record(stage.work(plan))}
    approve(stage, stage.people_work(plan))
    by_slug = stage.start(IN_TIME.replace('"Customer Advocates"', "customer-advocates"))
    return found | {"launch-held": stage.record(plan), "launch-slug": stage.record(by_slug)}


def whole_way(stage: Stage) -> dict[str, Record]:
    """All channels, a persona and a further approver, from the checklist to the outcomes."""
    with landing_site() as server, override_settings(GTM_PRIVATE_LINK_HOSTS={server.host}):
        profile = LaunchProfile.objects.get()
        profile.landing_url = f"http://{server.host}/join"
        profile.destinations = {"terms": f"http://{server.host}/join/terms"}
        profile.allowed_hosts = [server.host]
        profile.save()
        plan = stage.people_work(stage.start(WIDE))
    approve(stage, plan)
    stage.decide(plan, "go-no-go", "exec")
    stage.decide(plan, "go-no-go", "finance")
    stage.people_work(plan)
    for day in (0, 1, 7, 30):
        stage.now = datetime.fromisoformat(DATE).replace(hour=12, tzinfo=UTC) + timedelta(days=day)
        sweep()
        stage.people_work(plan)
    return {"launch-live": stage.stored(plan)}


def pattern(stage: Stage) -> dict[str, Record]:
    return {"launch-pipeline": stage.record(stage.start(f"{IN_TIME} --pattern pipeline"))}


def qa_fails(stage: Stage) -> dict[str, Record]:
    profile = LaunchProfile.objects.get()
    profile.vocabulary = {"utm_source": ["nobody"], "utm_medium": ["nothing"]}
    profile.save()
    plan = stage.people_work(stage.start(IN_TIME))
    held = stage.record(plan)
    for username, said in (("exec", "The tags are mended."), ("deputy", "Seen.")):
        with stage.by(username):
            ripcord.release(plan, remediation=said)
    return {"launch-qa": held, "launch-released": stage.record(plan)}


def in_a_browser(stage: Stage) -> dict[str, Record]:
    """The links of the kit lead to a site of the test and are followed in Chromium, where there is one."""
    with (
        landing_site() as server,
        override_settings(GTM_BROWSER="auto", GTM_PRIVATE_LINK_HOSTS={server.host}),
    ):
        if browser.missing():
            return {}
        profile = LaunchProfile.objects.get()
        profile.landing_url = f"http://{server.host}/script"
        profile.allowed_hosts = [server.host, *profile.allowed_hosts]
        profile.save()
        plan = stage.start(IN_TIME)
        stage.people_work(plan, "kit-review")
        return {"launch-browser": stage.record(plan)}


def outage(stage: Stage) -> dict[str, Record]:
    with failing(COMMAND, "comms-kit", 2):
        plan = stage.through(stage.start(IN_TIME), until="comms-kit")
    return {"launch-outage": stage.record(plan)}


def slips(stage: Stage) -> dict[str, Record]:
    """Nobody approves for three weeks."""
    plan = stage.people_work(stage.start(IN_TIME))
    stage.pass_time(days=21)
    for _ in range(2):
        sweep()
    return {"launch-late": stage.record(plan)}


def away(stage: Stage) -> dict[str, Record]:
    """Lifecycle operations are away: the partner manager covers."""
    stage.go_away("ops", "customer-success")
    plan = stage.run(IN_TIME, "strategist")
    stage.complete(plan, "design-charter", "strategist")
    asked = stage.messages()
    stage.complete(plan, "referral-forms", "partner")
    return {"launch-away": stage.record(plan) | {"messages": asked}}


def changes(stage: Stage) -> dict[str, Record]:
    """Other channels, another owner, another date."""
    plan = stage.people_work(stage.start(IN_TIME.replace("email,in-app", "in-app")), "in-app-placement")
    with stage.by("ops"):
        revise.change(plan, {"channels": "email"}, comment="E-mail instead.")
        revise.reassign(plan.tasks.get(key="confirm-forms"), owner=stage.person("sales"), comment="Hers.")
    return {"launch-changed": stage.record(stage.work(plan))}


SCENES = (usage_line, whole_way, pattern, in_a_browser, qa_fails, outage, slips, away, changes)
