"""A launch by a customer's own runbook, as data alone: a new channel, a gate, sessions and limits."""

import io
import zipfile
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.template.loader import render_to_string
from django.urls import reverse

from gtm.core.errors import GuardNotMet
from gtm.core.places import filestore
from plans.admin.page import outputs_of_tasks
from plans.commands.launch_program.records import with_the_registrys
from plans.commands.launch_program.report import readiness_of
from plans.commands.launch_program.steps.events import reviews_of
from plans.engine.running.replay import replay
from plans.export.document import build
from plans.export.rules import problems
from plans.models import ScheduledRun
from plans.runs import registry, revise
from plans.schemas.declaration import Command
from plans.standard import runbooks
from programs.models import (
    Approver,
    LaunchProfile,
    MessageTemplate,
    Metric,
    Person,
    Program,
    Role,
    Runbook,
    RunbookAlert,
    RunbookTask,
)
from programs.schemas.launch_events import DETAILS, WINDOWS
from tests.plans.commands.launch_program.test_program import item, live_on, people_work
from tests.plans.conftest import decide, output_of, start, work_off

pytestmark = pytest.mark.usefixtures("organisation")
LINE = (
    '/referral-program-orchestration:launch-program --program "Customer Advocates" '
    '--launch-date 2026-04-15 --channels "sms"'
)
SESSION = {
    "key": "sms-drill",
    "title": "Drill: text messages",
    "days": "-2",
    "at": "9:30",
    "minutes": "45",
    "teams": ["privacy-officer", "lifecycle-ops"],
    "agenda": "Opt-outs, quiet hours.",
}
REVIEWS = [
    {"day": "3", "at": "08:15", "window": "7d"},
    {"day": "30", "at": "09:00", "window": "30d", "detail": "full"},
]
SMALL = {"key": "x", "title": "X", "text": "x", "utm_source": "s", "utm_medium": "m"}
TEXT = "{{ copy.reward }} for each friend: {{ link.landing }} Stop: {{ token.unsubscribe }}"


def saved(row):
    row.full_clean()
    row.save()
    return row


@pytest.fixture
def sms(organisation):
    """What people enter in forms, and nothing else."""
    role = saved(Role(slug="privacy-officer", name="Privacy officer"))
    saved(Approver(person=Person.objects.get(name="Dora Klein"), role=role))
    runbook = saved(Runbook(program_kind="referral", channel="sms", title="Referral launch: text messages"))
    ops = Role.objects.get(slug="lifecycle-ops")
    days = {"optimistic_days": Decimal(1), "likely_days": Decimal(2), "pessimistic_days": Decimal(3)}
    saved(
        RunbookTask(
            runbook=runbook,
            key="sms-numbers",
            name="Book the sender numbers",
            phase="tooling",
            group="sms",
            responsible=ops,
            accountable=ops,
            is_blocker=True,
            **days,
        )
    )
    saved(
        RunbookTask(
            runbook=runbook,
            key="privacy-approval",
            name="Privacy approval",
            phase="approval",
            group="approvals",
            responsible=role,
            accountable=role,
            purpose="May these people be sent text messages?",
            adds_gate=True,
            **days,
        )
    )
    saved(
        RunbookAlert(
            runbook=runbook,
            key="sms-stops",
            name="People who stop",
            dashboard="Rules and breaches",
            condition="conversion below 1 %",
            threshold="conversion<0.01",
            owner=ops,
            response_minutes=60,
            response="Stop the sends",
        )
    )
    profile = LaunchProfile.objects.get()
    profile.vocabulary = {name: [*values, "sms"] for name, values in profile.vocabulary.items()}
    saved(profile)
    return saved(
        MessageTemplate(
            key="text-message",
            asset="text-message",
            form="message",
            channel="sms",
            title="Text message",
            text=TEXT,
            utm_source="sms",
            utm_medium="sms",
            most_characters=250,
        )
    )


def test_a_new_channel_with_a_gate_of_its_own_goes_from_the_start_to_the_review_of_day_30(sms):
    runbook = Runbook.objects.get(channel="sms")
    before = runbook.definition_version
    runbook.sessions, runbook.reviews = [SESSION], REVIEWS
    saved(runbook)
    assert runbook.definition_version == before + 1
    every = Runbook.objects.get(channel="")
    every.reviews = []
    saved(every)
    plan = people_work(start(LINE))
    assert item(plan, "kit")["result"] == "passed"
    kit = plan.artifacts.get(key="comms-kit").payload["path"]
    with zipfile.ZipFile(io.BytesIO(filestore.read(kit))) as packed:
        (name,) = [name for name in packed.namelist() if name.startswith("sms/")]
        text = packed.read(name).decode()
    assert (name, "utm_source=sms" in text, "*|UNSUB|*" in text) == ("sms/text-message.txt", True, True)
    held = {session["key"]: session["starts"] for session in output_of(plan, "sessions")["sessions"]}
    assert held["sms-drill"].startswith("2026-04-13T09:30:00") and "sales-training" in held
    for gate, who in {
        "legal-approval": "legal",
        "finance-approval": "finance",
        "partner-approval": "partner",
    }.items():
        decide(plan, gate, who)
    work_off(plan)
    assert plan.tasks.get(key="readiness").state == "pending"  # the runbook's own gate is one of them
    decide(plan, "privacy-approval", "deputy")
    work_off(plan)
    decide(plan, "go-no-go", "exec")
    people_work(plan)
    live_on(plan, 0, 1, 7, 30)
    runs = list(ScheduledRun.objects.order_by("due_at").select_related("schedule"))
    assert [run.due_at for run in runs] == [
        datetime(2026, 4, 18, 8, 15, tzinfo=UTC),
        datetime(2026, 5, 15, 9, tzinfo=UTC),
    ]
    assert [run.schedule.inputs["window"] for run in runs] == ["7d", "30d"]
    assert all("conversion<0.02" in run.schedule.inputs["alert_threshold"].split(",") for run in runs)
    plan.refresh_from_db()
    assert plan.state == "succeeded"
    assert [told for told in replay(plan) if not told.same] == []
    assert problems(build(plan)) == []


def test_a_gate_of_the_runbook_counts_for_the_date_and_stands_in_the_checklist(sms):
    plan = work_off(start(LINE), "checklist")
    assert "privacy-approval" in output_of(plan, "checklist")["due"]
    watched = output_of(people_work(plan), "launch-packet")["monitoring"]
    pages = {alert["key"]: alert["page"] for alert in watched if alert["alarm"]}
    assert pages.keys() == {"conversion-drop", "fraud-spike", "sms-stops"}
    assert all(page.endswith(reverse("admin:plans_rules")) for page in pages.values())
    assert "Privacy approval: Dora Klein" in item(plan, "approvals")["evidence"]


def test_a_limit_of_the_monitoring_plan_stands_beside_those_of_the_registry(sms):
    metric = Metric.objects.get(key="referral-fraud-rate")
    metric.threshold = Decimal("0.04")
    metric.save()
    told = with_the_registrys("conversion<0.01")
    assert {"conversion<0.01", "fraud_rate>0.04"} <= set(told.split(","))
    tighter = with_the_registrys("fraud_rate>0.03")
    looser = with_the_registrys("fraud_rate>0.05")
    assert ("fraud_rate>0.03" in tighter.split(","), "fraud_rate>0.04" in looser.split(",")) == (True, True)
    assert with_the_registrys("") == "fraud_rate>0.04"


def test_a_longer_text_than_its_channel_takes_stops_the_start(sms):
    sms.most_characters = 40
    saved(sms)
    with pytest.raises(GuardNotMet) as refused:
        start(LINE)
    assert "40 are the most that its template allows" in str(refused.value.problems[0].message)


def test_a_lower_readiness_is_asked_for_where_the_profile_says_so(sms):
    profile = LaunchProfile.objects.get()
    profile.least_readiness = 60
    saved(profile)
    plan = people_work(start(LINE), "creative-assets")
    assert not any("is asked for" in reason for reason in readiness_of(plan).reasons)


def test_a_session_that_the_runbook_names_no_more_is_called_off(sms):
    runbook = Runbook.objects.get(channel="sms")
    runbook.sessions = [SESSION, SESSION | {"key": "sms-other", "title": "Other"}]
    saved(runbook)
    plan = work_off(start(LINE), "checklist", "sessions")
    runbook.sessions = [SESSION]
    saved(runbook)
    revise.change(plan, {}, comment="One drill is enough.", fresh_data=True)
    work_off(plan, "checklist", "sessions")
    invitations = plan.artifacts.filter(key="invitations").order_by("pk").last().payload["path"]
    with zipfile.ZipFile(io.BytesIO(filestore.read(invitations))) as packed:
        off = packed.read("sms-other-called-off.ics").decode()
    assert "METHOD:CANCEL" in off and "STATUS:CANCELLED" in off and "SEQUENCE:1" in off


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (
            {"sessions": [SESSION | {"days": "soon"}]},
            "Session 1: days must be a whole number from -60 to 60.",
        ),
        ({"sessions": [SESSION | {"teams": ["nobody"]}]}, "There is no role nobody."),
        ({"sessions": [SESSION, SESSION]}, "key sms-drill is there more than once."),
        ({"sessions": [{"key": "a"}]}, "Session 1: title is missing."),
        ({"sessions": "Monday"}, "Write each session as lines of “name: value”, the first after a dash."),
        ({"reviews": [REVIEWS[0] | {"window": "9d"}]}, "Review 1: window must be one of 7d, 30d, 90d."),
        ({"reviews": [REVIEWS[0] | {"at": "25:00"}]}, "Review 1: at must be like 09:00."),
        ({"reviews": [REVIEWS[0] | {"when": "x"}]}, "Review 1: “when” is not known."),
    ],
)
def test_sessions_and_reviews_that_cannot_be_read_are_refused_in_words(sms, fields, said):
    runbook = Runbook.objects.get(channel="sms")
    for name, value in fields.items():
        setattr(runbook, name, value)
    with pytest.raises(ValidationError) as refused:
        runbook.full_clean()
    assert said in [message for found in refused.value.message_dict.values() for message in found]


def test_templates_and_alerts_that_no_launch_could_use_are_refused_in_words(sms):
    with pytest.raises(ValidationError, match="There is no runbook for it"):
        MessageTemplate(
            key="x", asset="faq", channel="fax", title="X", text="x", utm_source="s", utm_medium="m"
        ).clean()
    with pytest.raises(ValidationError, match="needs a form"):
        MessageTemplate(
            key="x", asset="flyer", channel="sms", title="X", text="x", utm_source="s", utm_medium="m"
        ).clean()
    alert = RunbookAlert.objects.get(key="sms-stops")
    alert.threshold = "convertion<0.1"
    with pytest.raises(ValidationError, match="conversion"):
        alert.full_clean()


def test_a_launch_without_any_session_or_review_is_one_that_a_runbook_says(sms):
    for runbook in Runbook.objects.all():
        runbook.sessions = []
        saved(runbook)
    plan = work_off(start(LINE), "checklist", "sessions")
    assert len(output_of(plan, "sessions")["sessions"]) > 3
    every = Runbook.objects.get(channel="")
    every.reviews, every.without_sessions, every.without_reviews = [], True, True
    before = every.definition_version
    saved(every)
    plan = people_work(start(LINE))
    assert (every.definition_version, output_of(plan, "sessions")["sessions"]) == (before + 1, [])
    assert reviews_of(plan.inputs, plan.context) == []
    watched = {one["key"]: one["looked_at"] for one in output_of(plan, "launch-packet")["monitoring"]}
    told = "every hour on day 0 over 7 days, once a day on days 1 to 30 over 7 days"
    assert watched["sms-stops"] == watched["conversion-drop"] == told  # looks go on without a review
    assert watched["tracking-gap"] == "people look: nothing here measures it"
    assert item(plan, "review-data")["evidence"] == "No review is booked after this launch."
    note = plan.artifacts.get(key="sessions").payload["note"]
    assert note.startswith("The runbooks of this launch name no session. Times in ")


@pytest.mark.parametrize(
    ("key", "phase", "adds", "said"),
    [
        ("legal-aproval", "approval", False, "is no approval of every launch (legal-approval, "),
        ("legal-approval", "approval", True, "is an approval of every launch: this row is its estimate"),
        ("sms-numbers-2", "tooling", True, "Only a task in the phase approval can add one."),
    ],
)
def test_a_slip_in_the_key_of_an_approval_adds_no_gate(sms, key, phase, adds, said):
    task = RunbookTask.objects.get(key="sms-numbers")
    task.key, task.phase, task.adds_gate = key, phase, adds
    with pytest.raises(ValidationError) as refused:
        task.full_clean()
    assert said in str(refused.value.message_dict)


def test_each_line_of_the_monitoring_plan_says_when_its_limit_is_held_against_which_days(sms):
    watched = output_of(people_work(start(LINE)), "launch-packet")["monitoring"]
    told = {one["key"]: one["looked_at"] for one in watched}
    assert told["conversion-drop"].startswith(
        "every hour on day 0 over 7 days, once a day on days 1 to 30 over 7 days; reviews day 0 at 17:00 "
    )
    assert told["conversion-drop"].endswith("day 30 at 09:00 over 30 days")
    assert told["tracking-gap"] == "people look: nothing here measures it"


def test_each_dashboard_of_the_monitoring_plan_opens_or_the_plan_says_which_has_no_address(sms):
    alert = RunbookAlert.objects.get(key="support-volume")
    alert.dashboard = "https://desk.example/views/referrals"
    saved(alert)
    program = Program.objects.get(kind="referral")
    program.tooling = {"referral dashboard": "https://bi.example/tracking", "crm": "Salesforce"}
    saved(program)
    plan = people_work(start(LINE))
    pages = {one["key"]: one["page"] for one in output_of(plan, "launch-packet")["monitoring"]}
    assert pages["support-volume"] == "https://desk.example/views/referrals"
    assert pages["tracking-gap"] == "https://bi.example/tracking"  # by the name before the comma
    assert pages["sms-stops"].endswith(reverse("admin:plans_rules"))
    note = plan.artifacts.get(key="monitoring").payload["note"]
    assert note.startswith("Nobody has said where these open: Fulfilment dashboard. Enter each under Tooling")
    artifact = plan.artifacts.get(key="monitoring")
    (grid,) = [one["grid"] for one in outputs_of_tasks(plan) if one["artifact"] == artifact]
    shown = render_to_string("plans/_rows.html", {"output": {"grid": grid}, "most": ":20"})
    assert '<a href="https://bi.example/tracking" rel="noopener noreferrer">' in shown
    assert "<a href" not in shown.split("Failed payouts")[1].split("</tr>")[0]


def test_words_of_the_shipped_lines_that_were_not_true_are_mended_and_those_of_people_stay(sms):
    for key, words in {"conversion-drop": "below 2 % over 24 hours", "fraud-spike": "Our own words"}.items():
        alert = RunbookAlert.objects.get(key=key)
        alert.condition = words
        saved(alert)
    runbooks.load()
    said = dict(RunbookAlert.objects.values_list("key", "condition"))
    assert said["conversion-drop"] == "below 2 % of the referrals of the days a review looks at"
    assert said["fraud-spike"] == "Our own words"


def test_the_success_metric_of_readiness_aims_at_what_the_profile_asks_for(sms):
    profile = LaunchProfile.objects.get()
    profile.least_readiness = 60
    saved(profile)
    (metric,) = (m for m in build(start(LINE))["success_metrics"] if m["key"] == "readiness")
    assert metric["target"] == 0.6


def test_reviews_offer_what_their_command_takes():
    command: Command = registry.get("referral-program-orchestration:optimize-referrals")
    options = {one.name: one.options for one in command.inputs if one.name in ("window", "detail")}
    assert options == {"window": WINDOWS, "detail": DETAILS}
