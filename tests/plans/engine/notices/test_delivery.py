"""What people are told, over real servers: once, by the channel they chose, and never after the decision."""

from datetime import UTC, datetime
from datetime import time as clock_time

import pytest
from django.contrib.auth.models import Permission
from django.core.exceptions import ValidationError

from gtm.core.actors import acting_as
from gtm.core.fsm import perform
from gtm.core.models import ChangeLogPayload
from plans import selectors
from plans.engine.alarms.readings import raise_signal
from plans.engine.escalation import deadlines, ladder
from plans.engine.notices import delivery
from plans.engine.notices.delivery import Sent
from plans.engine.people import human_tasks
from plans.engine.stopping import ripcord
from plans.models import Notice, NoticeKind, Notification, NotificationPreference
from plans.schemas.outputs import Signal
from tests.factories import PersonFactory, ProgramFactory, gate, make_plan, round_of, seat
from tests.plans.engine.conftest import actor_of, prefer

pytestmark = pytest.mark.usefixtures("acting", "mail")


def arrived(sink):
    return [(mail["To"], mail["Subject"]) for mail in sink.mails]


def about(sink, word):
    return [pair for pair in arrived(sink) if word in pair[1]]


def states():
    return dict(Notification.objects.order_by("pk").values_list("pk", "state"))


# ------------------------------------------------------------------ decisions


def test_whoever_is_asked_to_decide_is_told_once_with_a_link_to_the_page(finance, mail):
    approval = round_of(make_plan())
    assert [delivery.work_off(), delivery.work_off()] == [Sent(made=1, sent=1), Sent()]
    assert arrived(mail) == [("finance@example.com", "Your decision is needed: Sign-off")]
    text = mail.mails[0].get_content()
    assert f"https://gtm.example.com/plans/approval/{approval.pk}/change/" in text
    assert "Go?" in text


def test_nothing_is_sent_once_the_round_is_decided(finance, mail, vote):
    vote(finance, round_of(make_plan()))
    assert delivery.work_off() == Sent()
    assert about(mail, "decision") == []
    assert Notice.objects.get(kind=NoticeKind.DECISION).withdrawn_reason == "It is approved now."


def test_a_message_made_before_the_decision_is_cancelled_with_the_reason(finance, mail, vote):
    prefer(finance, digest="daily")
    approval = round_of(make_plan())
    assert delivery.work_off() == Sent(made=1)
    vote(finance, approval)
    assert delivery.work_off() == Sent(cancelled=1)
    message = Notification.objects.get(notice__kind=NoticeKind.DECISION)
    assert (message.state, message.history.first().history_change_reason) == (
        "cancelled",
        "It is approved now.",
    )
    assert mail.mails == []


def test_who_has_voted_is_not_reminded(finance, mail, vote, time):
    second = PersonFactory(name="second", email="second@example.com", roles=["finance"])
    approval = round_of(make_plan(gate(seat("finance", 2))))
    delivery.work_off()
    time.pass_time(hours=25)  # Tuesday 11:00, 9 of 16 working hours
    assert deadlines.remind(time()) == 1
    vote(second, approval)
    delivery.work_off()
    assert about(mail, "50 %") == [("finance@example.com", "50 % of the time to decide is over: Sign-off")]


def test_a_frozen_round_is_told_when_it_goes_on(finance, mail):
    plan = make_plan()
    ripcord.pull("plan", plan=plan, reason="Odd figures")
    delivery.work_off()
    assert about(mail, "decision") == []
    may = Permission.objects.get(codename="release_ripcord")
    for person in (PersonFactory(), PersonFactory()):
        person.accounts.first().user_permissions.add(may)
        with acting_as(actor_of(person)):
            ripcord.release(plan, remediation="Looked into it")
    delivery.work_off()
    assert about(mail, "decision") == [("finance@example.com", "Your decision is needed: Sign-off")]


# ------------------------------------------------------------------ the other kinds


def test_each_rung_tells_the_people_on_it_and_names_the_rung(finance, mail, time):
    for slug in ("strategist", "legal"):
        PersonFactory(email=f"{slug}@example.com", roles=[slug])
    case = ladder.open_case(make_plan(), "negative-roi", "The return is negative")
    delivery.work_off()
    time.pass_time(days=1)
    ladder.fire_due(time())
    delivery.work_off()
    assert about(mail, "Escalation") == [
        ("strategist@example.com", "Escalation: The return is negative"),
        ("legal@example.com", "Escalation: The return is negative"),
    ]
    assert "Rung 2 of 3 (legal)" in mail.mails[-1].get_content()
    assert f"/plans/escalation/{case.pk}/change/" in mail.mails[-1].get_content()


def test_an_acknowledged_case_withdraws_what_was_not_delivered(finance, mail):
    person = PersonFactory(roles=["strategist"])
    case = ladder.open_case(make_plan(), "negative-roi", "The return is negative")
    with acting_as(actor_of(person)):
        ladder.acknowledge(case)
    delivery.work_off()
    assert about(mail, "Escalation") == []


def test_an_unanswered_ladder_tells_the_owner_that_the_matter_holds(finance, owner, mail):
    ladder.open_case(make_plan(program=ProgramFactory(owner=owner)), "negative-roi", "The return is negative")
    delivery.work_off()
    assert about(mail, "hold") == [
        ("owner@example.com", "On hold, nobody has answered: The return is negative")
    ]


def test_a_task_tells_its_owner_and_after_its_time_that_it_is_overdue(finance, owner, mail, vote, time):
    plan = make_plan(owner=owner)
    vote(finance, round_of(plan))
    task = plan.tasks.get(key="publish")
    task.due_at = datetime(2026, 3, 3, 10, tzinfo=UTC)
    task.save()
    delivery.work_off()
    time.pass_time(days=2)
    delivery.work_off()
    delivery.work_off()
    assert [pair for pair in arrived(mail) if pair[0] == "owner@example.com"] == [
        ("owner@example.com", "Your task: publish"),
        ("owner@example.com", "Overdue: publish"),
    ]


def test_a_task_given_to_somebody_else_tells_that_person_only(finance, owner, mail, vote):
    plan = make_plan(owner=owner)
    vote(finance, round_of(plan))
    colleague = PersonFactory(email="colleague@example.com")
    human_tasks.reassign(plan.tasks.get(key="publish"), owner=colleague, comment="I am away")
    delivery.work_off()
    assert about(mail, "task") == [("colleague@example.com", "Your task: publish")]


def test_the_first_breach_tells_the_owner_and_the_same_period_again_does_not(owner, mail):
    churn = {"signal": "churn", "title": "Churn", "breaches": 2, "pulls_ripcord": False}
    plan = make_plan(program=ProgramFactory(slug="gold", owner=owner), triggers=[churn])
    for _ in range(2):
        raise_signal(
            plan, plan.tasks.get(key="work"), Signal("churn", "Churn is high", value="0.2", period="2026-02")
        )
        delivery.work_off()
    assert about(mail, "breached") == [("owner@example.com", "Limit breached: churn on gold")]


def test_a_pulled_rip_cord_tells_owner_and_releasers_at_once_even_at_night(owner, mail):
    releaser = PersonFactory(email="releaser@example.com")
    releaser.accounts.first().user_permissions.add(Permission.objects.get(codename="release_ripcord"))
    prefer(owner, quiet_from=clock_time(9), quiet_until=clock_time(17), digest="daily")
    plan = make_plan(program=ProgramFactory(owner=owner))
    ripcord.pull("plan", plan=plan, reason="Odd figures")
    delivery.work_off()
    subject = f"Stopped: the rip-cord was pulled on {plan.plan_id}"
    assert sorted(about(mail, "Stopped")) == [
        ("owner@example.com", subject),
        ("releaser@example.com", subject),
    ]


def test_a_rejected_plan_tells_who_asked_for_it(finance, mail, vote):
    asker = PersonFactory(email="asker@example.com")
    plan = make_plan(requester=asker.accounts.first())
    vote(finance, round_of(plan), "reject")
    delivery.work_off()
    assert about(mail, "rejected") == [("asker@example.com", f"{plan.plan_id} rejected: o")]


# ------------------------------------------------------------------ preferences


def test_a_channel_is_told_beside_mail_and_its_address_is_stored_nowhere(finance, mail, hook):
    prefer(finance, channels=["finance"])
    make_plan()
    assert delivery.work_off().sent == 2
    ((path, body),) = hook.posts
    assert (path, body["title"]) == ("/s3cret", "Your decision is needed: Sign-off")
    assert body["message"].startswith("For finance\n")
    logged = [str(row) for row in ChangeLogPayload.objects.values_list("body", flat=True)]
    kept = [str(row) for row in [*Notification.objects.values(), *NotificationPreference.objects.values()]]
    assert [text for text in logged + kept if "s3cret" in text] == []


def test_a_daily_summary_puts_everything_into_one_message_at_the_persons_hour(mail, time):
    person = PersonFactory(roles=["finance"], time_zone="America/New_York", email="ny@example.com")
    prefer(person, digest="daily", digest_hour=7)
    make_plan(), make_plan()
    assert delivery.work_off() == Sent(made=2)
    assert set(Notification.objects.values_list("due_at", flat=True)) == {
        datetime(2026, 3, 2, 12, tzinfo=UTC)
    }
    time.pass_time(hours=2)
    assert delivery.work_off() == Sent(sent=2)
    assert arrived(mail) == [("ny@example.com", "2 notices for you")]


@pytest.mark.parametrize(
    ("start", "end", "due"),
    [
        (9, 17, datetime(2026, 3, 2, 17, tzinfo=UTC)),
        (22, 11, datetime(2026, 3, 2, 11, tzinfo=UTC)),
        (9, 9, datetime(2026, 3, 2, 10, tzinfo=UTC)),
        (11, 12, datetime(2026, 3, 2, 10, tzinfo=UTC)),
    ],
    ids=["by day", "over midnight", "never", "later"],
)
def test_quiet_hours_hold_a_message_back_to_their_end(finance, start, end, due):
    prefer(finance, quiet_from=clock_time(start), quiet_until=clock_time(end))
    make_plan()
    delivery.work_off()
    assert Notification.objects.get().due_at == due


def test_a_muted_kind_is_not_written(owner):
    prefer(owner, muted_kinds=["breach"])
    plan = make_plan(program=ProgramFactory(owner=owner))
    raise_signal(plan, plan.tasks.get(key="work"), Signal("churn", "Churn is high", period="2026-02"))
    delivery.work_off()
    assert Notification.objects.filter(notice__kind=NoticeKind.BREACH).count() == 0


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"channels": ["nowhere"]}, "channels"),
        ({"by_mail": False}, "by_mail"),
        ({"muted_kinds": ["decision"]}, "muted_kinds"),
        ({"muted_kinds": ["gossip"]}, "muted_kinds"),
        ({"quiet_from": clock_time(1)}, "quiet_until"),
        ({"digest_hour": 24}, "digest_hour"),
    ],
)
def test_a_preference_that_cannot_work_is_refused_by_field(finance, wish, field):
    with pytest.raises(ValidationError) as refused:
        NotificationPreference(person=finance, **wish).full_clean()
    assert field in refused.value.message_dict


# ------------------------------------------------------------------ failing channels


def test_a_failing_channel_is_retried_with_growing_pauses_shown_and_given_up(finance, mail, time):
    mail.answers["DATA"] = "451 later"
    make_plan()
    delivery.work_off()
    message = Notification.objects.get()
    pauses = []
    while message.state != "failed":
        pauses.append(round((message.due_at - time()).total_seconds() / 60))
        time.now = message.due_at
        delivery.work_off()
        message.refresh_from_db()
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert (message.attempts, message.error) == (
        10,
        ("The mail server did not accept the message (SMTPDataError)."),
    )


def test_a_message_that_failed_arrives_when_the_channel_is_back_and_then_once(finance, mail, time):
    mail.answers["DATA"] = "451 later"
    make_plan()
    assert delivery.work_off() == Sent(made=1, failed=1)
    del mail.answers["DATA"]
    assert delivery.work_off() == Sent()
    time.pass_time(minutes=1)
    assert [delivery.work_off(), delivery.work_off()] == [Sent(sent=1), Sent()]
    assert len(mail.mails) == 1


def test_an_address_refused_for_good_is_not_tried_again_until_operations_say_so(finance, mail):
    mail.answers["RCPT"] = "550 unknown"
    make_plan()
    delivery.work_off()
    message = Notification.objects.get()
    assert (message.state, message.error) == ("failed", "The mail server refuses the address.")
    mail.answers.clear()
    operator = PersonFactory()
    operator.accounts.first().user_permissions.add(Permission.objects.get(codename="operate_plan"))
    with acting_as(actor_of(operator)):
        delivery.send_again(message, comment="The address was repaired")
    assert delivery.work_off() == Sent(sent=1)


def test_a_channel_that_fails_does_not_hold_up_the_other_and_is_shown_to_operations(
    finance, mail, hook, time
):
    prefer(finance, channels=["finance"])
    hook.status = 500
    make_plan(), make_plan()
    assert delivery.work_off() == Sent(made=4, sent=2, failed=1)  # one try a pass, whatever waits behind it
    assert len(mail.mails) == 2
    assert selectors.failing_channels() == [
        {
            "channel": "finance",
            "messages": 1,
            "since": time(),
            "error": "Channel finance did not accept the message.",
        }
    ]


def test_a_message_a_lost_worker_held_is_sent_again_under_the_same_message_id(finance, mail, time):
    prefer(finance, digest="daily")
    make_plan()
    delivery.work_off()
    message = Notification.objects.get()
    perform(message, "claim", set_fields={"attempts": 1})
    time.pass_time(days=1)
    delivery.work_off()
    message.refresh_from_db()
    assert (message.state, message.error) == ("retry_wait", "The worker was lost while it was sending.")
    time.pass_time(minutes=1)
    delivery.work_off()
    assert [mail["Message-ID"] for mail in mail.mails] == [f"<notice-{message.pk}-1@gtm-governance>"]


def test_what_is_told_does_not_lengthen_the_evidence_of_the_plan(finance, mail):
    plan = make_plan()
    before = ChangeLogPayload.objects.filter(entry__chain=plan.change_chain()).count()
    delivery.work_off()
    assert ChangeLogPayload.objects.filter(entry__chain=plan.change_chain()).count() == before
    told = ChangeLogPayload.objects.filter(entry__chain=f"notices:{plan.plan_id}").order_by("pk")
    assert [row.entry.event for row in told] == ["created", "claim", "deliver"]


def test_a_matter_that_cannot_be_told_does_not_silence_the_others(finance, mail, caplog):
    broken = make_plan()
    subject = {"entity": "plans.plan", "entity_id": str(broken.pk), "plan": broken}
    Notice.objects.create(key="broken", kind=NoticeKind.RUNG, **subject)  # a plan has no rungs
    make_plan()
    assert delivery.work_off().sent == 2
    assert "the outbox failed on" in caplog.text
