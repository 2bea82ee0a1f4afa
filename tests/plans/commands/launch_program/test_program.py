"""launch-program through the engine: a date that is late, what holds it, and the way to go-live."""

import io
import zipfile
from datetime import UTC, date, datetime, timedelta
from itertools import count

import pytest
import vobject
from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import QuerySet

from gtm.core import clock
from gtm.core.actors import ADMIN, Actor, acting_as
from gtm.core.errors import GuardNotMet, InvalidInput
from gtm.core.fsm import perform
from gtm.core.places import filestore
from plans.commands.launch_program.report import standing
from plans.engine.gates import preview
from plans.engine.people import human_tasks
from plans.engine.record.content import CONTENT
from plans.engine.running import runner, sweep
from plans.engine.running.replay import replay
from plans.engine.stopping import ripcord
from plans.export.document import build
from plans.export.rules import problems
from plans.models import Plan, Schedule, ScheduledRun
from plans.runs import revise, schedules
from plans.runs import start as base
from plans.selectors import answer_of
from programs.models import LaunchProfile, Person, Program, Role, Runbook, RunbookTask
from tests.plans.conftest import decide, demo_organisation, output_of, start, work_off

LINE = (
    '/referral-program-orchestration:launch-program --program "Customer Advocates" '
    '--launch-date 2025-12-10 --channels "email,in-app"'
)
IN_TIME = LINE.replace("2025-12-10", "2026-04-15")
pytestmark = pytest.mark.usefixtures("carried", "db")
AFTER_LAUNCH = ("outcomes-day-1", "outcomes-day-7", "partner-support", "retrospective")
APPROVERS = {"legal-approval": "legal", "finance-approval": "finance", "partner-approval": "partner"}


def at(day: str, hour: int = 12):
    return clock.standing_at(datetime.fromisoformat(day).replace(hour=hour, tzinfo=UTC))


def people_work(plan, *but):
    """Everybody does what is ready, and what becomes ready; the engine does its part."""
    while ready := work_off(plan).tasks.filter(kind="human", state="ready").exclude(key__in=but).first():
        human_tasks.complete(ready, result={"done": "yes"}, evidence={"note": f"{ready.key} seen"})
    return plan


def live_on(plan, *days):
    """Time comes to each of these days after the launch of 15 April, and people do what is for it."""
    for day in days:
        noon, seconds = datetime(2026, 4, 15, 12, tzinfo=UTC) + timedelta(days=day), count()
        with clock.standing_at(lambda noon=noon, s=seconds: noon + timedelta(seconds=next(s))):
            sweep.sweep()
            plan = people_work(plan)
    return plan


def approve(plan):
    for gate, username in APPROVERS.items():
        decide(plan, gate, username)
    return work_off(plan)


@pytest.fixture(scope="module")
def carried(django_db_setup, django_db_blocker, cdnow):
    """The demo organisation, and a launch in time that stands at its approvals, once for the module."""
    with (
        django_db_blocker.unblock(),
        pytest.MonkeyPatch.context() as patch,
        transaction.atomic(),
        demo_organisation(cdnow, patch),
    ):
        plan = people_work(start(IN_TIME))
        with django_db_blocker.block():
            yield plan.pk
        transaction.set_rollback(True)


@pytest.fixture
def plan(carried, db):
    return Plan.objects.get(pk=carried)


def state(plan, key):
    return plan.tasks.get(key=key).state


def held(plan, key):
    return plan.tasks.get(key=key).held_because


def item(plan, key):
    return next(i for i in plan.checklist if i["key"] == key)


def test_the_documents_line_starts_and_says_at_once_how_late_it_is():
    plan = start(LINE)
    assert (plan.state, plan.usage) == ("running", LINE)
    told = item(plan, "launch-date")
    assert (told["result"], told["blocking"]) == ("failed", False)
    assert "lies 82 days back and is late by 73 business days" in told["evidence"]
    assert "the earliest possible launch is 2026-03-27" in told["evidence"]
    assert "Probability of making it: below 1 %" in told["evidence"]
    assert plan.tasks.get(key="design-charter").due_at == datetime(2025, 11, 13, 17, tzinfo=UTC)
    asked = item(plan, "review-data")
    assert (asked["result"], asked["blocking"]) == ("failed", False)
    assert asked["evidence"].startswith("Reviews on day 0, 1, 7, 30 cannot run yet. No current referrals. ")
    assert asked["evidence"].endswith("by 2025-12-10, on the page Data, Load data.")


def test_a_passed_date_holds_go_or_no_go_until_a_person_changes_it():
    plan = approve(people_work(start(LINE)))
    assert (state(plan, "readiness"), state(plan, "go-no-go")) == ("pending", "pending")
    assert "passed 82 days ago: a person has to change it" in held(plan, "readiness")
    revise.change(plan, {"launch_date": "2026-03-20"}, comment="Moved to spring.")
    plan = approve(people_work(plan))
    assert state(plan, "go-no-go") == "awaiting_approval"


def test_a_change_of_the_date_reschedules_what_is_open_and_logs_it():
    plan = people_work(start(LINE), "terms-review")
    before = plan.tasks.get(key="terms-review").due_at
    revise.change(plan, {"launch_date": "2026-05-20"}, comment="Moved.")
    task = plan.tasks.get(key="terms-review")
    assert (before.date().isoformat(), task.due_at.date().isoformat()) == ("2025-12-08", "2026-05-14")
    assert task.history.first().due_at == task.due_at
    assert state(plan, "referral-forms") == "succeeded"  # what is done and does not depend on the date stays
    assert item(plan, "launch-date")["result"] == "passed"
    assert plan.usage == LINE.replace("2025-12-10", "2026-05-20")


def test_a_changed_date_needs_the_approvals_anew(plan):
    plan = approve(plan)
    revise.change(plan, {"launch_date": "2026-04-22"}, comment="A week later.")
    people_work(plan)
    rounds = plan.approvals.filter(gate="legal-approval").order_by("round")
    assert [r.state for r in rounds] == ["superseded", "pending"]
    assert state(plan, "readiness") == "pending"


def test_an_open_blocker_vetoes_and_what_does_not_block_counts_by_its_weight():
    studio = Role.objects.get(slug="creative")
    RunbookTask(
        runbook=Runbook.objects.get(channel=""), key="press-kit", name="Make the press kit", phase="tooling",
        group="creative", responsible=studio, accountable=studio, weight=2, is_blocker=True,
    ).save()  # fmt: skip
    plan = approve(people_work(start(IN_TIME), "press-kit", "help-centre"))
    assert held(plan, "readiness") == (
        "Make the press kit is open and blocks the launch. Ready to 91.4 %, 95.0 % is asked for."
    )
    human_tasks.complete(plan.tasks.get(key="press-kit"), result={}, evidence={})
    ready = output_of(work_off(plan), "readiness")
    assert (ready["decision"], ready["readiness"]) == ("go", pytest.approx(34 / 35))


def test_nobody_approves_before_their_own_review():
    plan = people_work(start(IN_TIME), "terms-review")
    assert state(plan, "partner-approval") == "awaiting_approval"
    assert state(plan, "legal-approval") == "pending"
    people_work(plan)
    assert state(plan, "legal-approval") == "awaiting_approval"


def test_it_goes_live_on_its_date_and_books_its_reviews(plan):
    plan = approve(plan)
    decide(plan, "go-no-go", "exec")
    people_work(plan)
    assert held(plan, "confirm-tracking") == "It begins on 2026-04-15, the day of the launch."
    assert state(plan, "go-live") == "pending"
    plan = live_on(plan, 0)
    assert state(plan, "go-live") == "succeeded"
    assert answer_of(plan)["headline"] == "Live since 2026-04-15. The first review is on day 0."
    assert held(plan, "outcomes-day-7") == "It begins on 2026-04-22, day 7 of the launch."
    booked = ScheduledRun.objects.order_by("due_at")
    assert {run.schedule.command for run in booked} == {"referral-program-orchestration:optimize-referrals"}
    assert [run.due_at.isoformat() for run in booked] == [
        "2026-04-15T17:00:00+00:00",
        "2026-04-16T09:00:00+00:00",
        "2026-04-22T09:00:00+00:00",
        "2026-05-15T09:00:00+00:00",
    ]
    with at("2026-04-16"):
        assert schedules.fire_due() == 0  # the demo's referrals are not loaded here: refused, with the reason
    assert [run.state for run in booked.all()] == ["refused", "refused", "due", "due"]
    assert Schedule.objects.first().next_due_at is None


def test_an_abort_after_go_live_calls_off_the_reviews_and_pauses_a_program_it_made_active(plan):
    QuerySet(Program).filter(pk=plan.program_id).update(state="planning")  # as a program that is new
    plan = approve(people_work(start(IN_TIME)))
    decide(plan, "go-no-go", "exec")
    with at("2026-04-15"):
        plan = live_on(plan, 0)
        assert (state(plan, "go-live"), Program.objects.get(pk=plan.program_id).state) == (
            "succeeded",
            "active",
        )
        ripcord.pull("plan", plan=plan, reason="The offer was wrong.")
        for username in ("exec", "deputy"):
            with acting_as(person(username)):
                ripcord.abort(plan, reason="Beyond repair.")
    plan.refresh_from_db()
    assert (plan.state, Program.objects.get(pk=plan.program_id).state) == ("aborted", "paused")
    with at("2026-05-16"):
        assert schedules.fire_due() == 0
    assert set(ScheduledRun.objects.values_list("state", flat=True)) == {"due"}


def test_an_abort_hands_out_calendars_in_which_everything_is_called_off():
    plan = work_off(start(IN_TIME), "checklist", "sessions")
    handed_out = events_of(plan, "launch-calendar")
    ripcord.pull("plan", plan=plan, reason="The offer was wrong.")
    for username in ("exec", "deputy"):
        with acting_as(person(username)):
            ripcord.abort(plan, reason="Beyond repair.")
    called_off = events_of(plan, "launch-calendar-called-off")
    assert {e.status.value for e in called_off.values()} == {"CANCELLED"}
    assert called_off.keys() == handed_out.keys()
    later = {
        uid: int(e.sequence.value) - int(handed_out[uid].sequence.value) for uid, e in called_off.items()
    }
    assert set(later.values()) == {1}
    kept = filestore.read(plan.artifacts.get(key="invitations-called-off").payload["path"])
    with zipfile.ZipFile(io.BytesIO(kept)) as packed:
        mails = [vobject.readOne(packed.read(n).decode()) for n in packed.namelist() if n.endswith(".ics")]
    assert {mail.method.value for mail in mails} == {"CANCEL"}
    assert all(mail.vevent.attendee_list for mail in mails)


def events_of(plan, key):
    content = filestore.read(plan.artifacts.get(key=key).payload["path"]).decode()
    return {event.uid.value: event for event in vobject.readOne(content).vevent_list}


def test_the_people_whom_the_checklist_names_bring_the_shipped_runbook_to_go_live():
    """Everybody does their own tasks; to complete them is no edit of what they approve later."""
    with acting_as(person("ops")):
        plan = start(IN_TIME)
    said = item(plan, "approvals")
    assert said["result"] == "passed"
    named = dict(part.split(": ") for part in said["evidence"].rstrip(".").split(". "))
    done_by = {}

    def everybody_works(*but):
        ready = plan.tasks.filter(kind="human", state="ready").exclude(key__in=but)
        while task := work_off(plan) and ready.select_related("owner", "agent").first():
            owner = task.owner or task.agent.approvers.first().person
            with acting_as(Actor.of_user(owner.accounts.get(), ADMIN, interactive=True)):
                human_tasks.complete(task, result={}, evidence={"note": "Seen."})
            done_by[task.key] = owner.name

    everybody_works()
    assert {"Lena Brandt", "Fiona Walsh", "Paul Nguyen"} <= {*done_by.values()}
    for gate, username in {**APPROVERS, "go-no-go": "exec"}.items():
        voter = Person.objects.get(accounts__username=username).name
        approval = plan.approvals.filter(gate=gate).latest("round")
        asked = [one for one in preview.who_must_approve(plan) if one.gate == gate]
        assert voter in named[approval.title].split(", ")
        assert voter in {c.person.name for c in asked[0].bench.candidates}
        assert decide(plan, gate, username).state == "approved"
        work_off(plan)
    for day in ("2026-04-15", "2026-04-16", "2026-04-22", "2026-05-15"):
        with at(day):
            sweep.sweep()
            everybody_works()
    assert {state(plan, key) for key in ("go-live", "retrospective", "outcome-log")} == {"succeeded"}


def person(username):
    user = get_user_model().objects.get(username=username)
    return Actor.of_user(user, ADMIN, interactive=True)


def test_a_go_that_comes_after_its_date_does_not_go_live(plan):
    plan = approve(plan)
    decide(plan, "go-no-go", "exec")
    people_work(plan)
    with at("2026-04-16"):
        live_on(plan, 1)
        assert state(plan, "go-live") == "pending"
        assert "passed 1 days ago" in held(plan, "go-live")


def test_the_whole_way_is_logged_with_its_success_metrics(plan):
    plan = approve(plan)
    decide(plan, "go-no-go", "exec")
    people_work(plan)
    assert live_on(plan, 0, 1, 7).state == "running"
    assert state(plan, "retrospective") == "pending"
    plan = live_on(plan, 30)
    assert plan.state == "succeeded"
    outcomes = output_of(plan, "outcome-log")
    assert (outcomes["response_sla"], outcomes["readiness"]) == (1.0, 1.0)
    assert len(outcomes["outcomes"]) == len(AFTER_LAUNCH)
    assert [told for told in replay(plan) if not told.same] == []
    document = build(plan)
    assert problems(document) == []
    actual = {metric["key"]: metric["actual"] for metric in document["success_metrics"]}
    assert actual == {"readiness": 1.0, "tracking_accuracy": None, "response_sla": 1.0}
    (*_, links) = output_of(plan, "readiness")["headline"]
    assert links["value"].startswith("none of ") and links["value"].endswith(" was followed")


def test_channels_decide_on_the_tasks():
    keys = {channel: set(start(IN_TIME.replace("email,in-app", channel)).tasks.values_list("key", flat=True))
            for channel in ("email", "in-app", "social")}  # fmt: skip
    assert keys["email"] - keys["in-app"] == {"email-deliverability", "email-schedule"}
    assert keys["social"] - keys["email"] == {"social-schedule"}


def test_a_channel_without_a_runbook_is_refused_with_those_there_are():
    with pytest.raises(InvalidInput) as refused:
        start(LINE.replace("in-app", "inapp"))
    problem = refused.value.problems[0]
    assert (problem.field, problem.nearest) == ("channels", "in-app")


def test_a_plan_keeps_the_runbook_it_started_with():
    plan = start(IN_TIME)
    task = RunbookTask.objects.get(key="terms-review")
    task.name = "Review terms again"
    task.save()
    runbook = Runbook.objects.get(channel="")
    assert runbook.definition_version == 2
    work_off(plan)
    assert "Referral launch v1" in output_of(plan, "checklist")["runbooks"]
    assert "Referral launch v2" in output_of(work_off(start(IN_TIME)), "checklist")["runbooks"]


def test_a_runbook_that_cannot_be_scheduled_is_refused_with_every_fault():
    task = RunbookTask.objects.get(key="design-charter")
    task.needs = ["tracking", "nothing"]
    task.save()
    with pytest.raises(InvalidInput) as refused:
        start(LINE)
    told = " ".join(problem.message for problem in refused.value.problems)
    assert "needs nothing, which is not there" in told
    assert "wait for each other in a circle" in told


def test_other_channels_add_and_skip_tasks_and_numbers_stay():
    plan = people_work(start(IN_TIME.replace("email,in-app", "in-app")), "in-app-placement")
    numbers = dict(plan.tasks.values_list("key", "task_id"))
    revise.change(plan, {"channels": "email"}, comment="E-mail instead.")
    plan = people_work(plan)
    assert dict(plan.tasks.values_list("key", "task_id")) == numbers | {
        "email-deliverability": "2.11",
        "email-schedule": "4.3",
    }
    assert (state(plan, "in-app-placement"), state(plan, "email-schedule")) == ("skipped", "succeeded")
    told = {r["field"]: (r["from"], r["to"]) for r in build(plan)["change_log"] if r["event"] == CONTENT}
    assert told["inputs/channels"] == (["in-app"], ["email"])
    assert state(approve(plan), "go-no-go") == "awaiting_approval"


def test_once_live_it_is_moved_no_more(plan):
    plan = approve(plan)
    decide(plan, "go-no-go", "exec")
    with at("2026-04-15"):
        live_on(plan, 0)
        with pytest.raises(GuardNotMet):
            revise.change(plan, {"launch_date": "2026-06-01"}, comment="Later.")


def test_a_task_given_to_somebody_elsewhere_is_due_by_their_calendar():
    profile = LaunchProfile.objects.get()
    profile.buffer_days = 0
    profile.save()
    plan = start(LINE.replace("2025-12-10", "2026-05-05"))  # 1 May is a holiday in France, not in the US
    terms = plan.tasks.get(key="terms-review")
    assert terms.due_at.date().isoformat() == "2026-05-01"
    revise.reassign(terms, owner=Person.objects.get(name="Clara Moreau"), comment="On leave.")
    terms.refresh_from_db()
    assert terms.due_at.isoformat() == "2026-04-30T15:00:00+00:00"


def test_mended_material_is_taken_up_by_a_change_and_only_what_reads_it_is_done_again(plan):
    kit = output_of(plan, "comms-kit")["sha256"]
    profile = LaunchProfile.objects.get()
    profile.copy = profile.copy | {"reward": "€60 of credit"}
    profile.save()
    revise.change(plan, comment="Another reward.", fresh_data=True)
    assert {state(plan, key) for key in ("comms-kit", "tooling-qa", "kit-review")} == {"pending", "ready"}
    assert {state(plan, key) for key in ("checklist", "referral-forms", "tracking")} == {"succeeded"}
    assert output_of(people_work(plan), "comms-kit")["sha256"] != kit
    assert state(approve(plan), "go-no-go") == "awaiting_approval"


def test_a_runbook_edited_since_waits_for_a_change_of_the_plan(plan):
    RunbookTask.objects.get(key="help-centre").delete()
    sara = Person.objects.get(name="Sara Lind")
    revise.reassign(plan.tasks.get(key="confirm-forms"), owner=sara, comment="Hers.")
    plan.refresh_from_db()
    assert "help-centre" in {row["key"] for row in plan.context["runbooks"][""]["tasks"]}
    revise.change(plan, comment="There is no help centre.", fresh_data=True)
    assert "help-centre" not in {row["key"] for row in plan.context["runbooks"][""]["tasks"]}


def test_a_second_reader_finds_every_milestone_of_the_launch_in_its_calendar():
    plan = work_off(start(IN_TIME))
    file = plan.artifacts.get(key="launch-calendar", superseded_at=None).payload
    events = vobject.readOne(filestore.read(file["path"]).decode()).vevent_list
    found = {e.summary.value.removeprefix("Customer Advocates: "): e.dtstart.value for e in events}
    due = {task.key: task.due_at.date() for task in plan.tasks.exclude(due_at=None)}
    assert {title: found[title] for title in found if "due" in title} == {
        "Legal approval due": due["legal-approval"],
        "Finance approval due": due["finance-approval"],
        "Partner approval due": due["partner-approval"],
        "Go or no-go due": due["go-no-go"],
    }
    assert found["go-live"] == date(2026, 4, 15)
    assert found["content freeze"] == date(2026, 4, 9)
    assert [found[f"review, day {n}"] for n in (0, 1, 7, 30)] == [
        date(2026, 4, 15), date(2026, 4, 16), date(2026, 4, 22), date(2026, 5, 15),
    ]  # fmt: skip


def test_further_approvers_get_a_seat_at_go_or_no_go():
    plan = start(f"{IN_TIME} --approvers finance")
    decision = next(gate for gate in plan.declaration["gates"] if gate["key"] == "go-no-go")
    assert [seat["role"] for seat in decision["seats"]] == ["exec-sponsor", "finance"]


def test_partners_are_supported_after_the_launch_by_their_manager(plan):
    after = plan.tasks.filter(key__in=AFTER_LAUNCH)
    assert {(t.agent.slug, t.owner.name, t.fallback_agent.slug) for t in after} == {
        ("partner-manager", "Paul Nguyen", "partner-ops")
    }


def test_every_gate_but_the_last_word_has_a_substitute(plan):
    covered = {gate.key: dict(gate.fallbacks) for gate in plan.rules.gates}
    assert covered == {
        "legal-approval": {"legal": "exec-sponsor"},
        "finance-approval": {"finance": "exec-sponsor"},
        "partner-approval": {"partner-manager": "partner-ops"},
        "go-no-go": {},
    }


def test_tooling_qa_that_fails_twice_pulls_the_ripcord():
    profile = LaunchProfile.objects.get()
    profile.vocabulary = {"utm_source": ["nobody"], "utm_medium": ["nothing"]}
    profile.save()
    plan = people_work(start(IN_TIME), "email-deliverability")
    assert plan.tasks.get(key="tooling-qa").attempts.count() == 0  # the tooling is not all built yet
    human_tasks.complete(plan.tasks.get(key="email-deliverability"), result={}, evidence={})
    while ready := plan.tasks.filter(kind="automated", state__in=("ready", "fallback_ready")).first():
        runner.run_task(ready.pk, "in-process")
    plan.refresh_from_db()
    case = plan.escalations.get(trigger="tooling-qa-failed")
    assert (plan.state, plan.pulls.get().trigger) == ("held", "tooling-qa-failed")
    assert len(case.evidence) == 2
    assert case.firings.get().role == "lifecycle-ops"


def test_approvals_that_slip_twice_pull_the_ripcord(plan):
    with at("2026-03-20"):
        sweep.sweep()
    plan.refresh_from_db()
    assert (plan.state, plan.pulls.get().trigger) == ("held", "approval-late")


def test_a_waived_task_counts_on_neither_side_and_is_listed():
    plan = work_off(start(IN_TIME))
    before = standing(plan)[0].items[0]
    task = plan.tasks.get(key="train-sales")
    human_tasks.report_blocked(task, reason="Nobody is there in March.")
    with acting_as(Actor.of_user(get_user_model().objects.get(username="exec"), ADMIN, interactive=True)):
        perform(task, "waive", comment="After the launch.", set_fields={"finished_at": clock.now()})
    figures, _ = standing(plan)
    after = figures.items[0]
    assert (after.numerator, after.denominator) == (before.numerator, before.denominator - 1)


def test_a_persona_that_no_template_speaks_to_is_told_before_the_start():
    def kit(line):
        checklist = base.draft(*base.parse_usage(line), None).checklist
        return next(item["evidence"] for item in checklist if item["key"] == "kit")

    assert "No template" not in kit(IN_TIME)
    assert "No template is written for nonsense: they get the general words." in kit(
        f"{IN_TIME} --segments nonsense"
    )


def test_a_launch_is_estimated_to_last_until_its_last_due_date():
    with at("2026-03-20"):
        plan = start(IN_TIME)
        body = build(plan)
    hours = int(body["estimated_duration"].removeprefix("PT").partition("H")[0])
    last = max(task.due_at for task in plan.tasks.all() if task.due_at)
    assert hours == int((last - plan.created_at).total_seconds()) // 3600 > 24 * 26
