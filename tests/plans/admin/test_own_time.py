"""Times are shown, and entered, where the reader is."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.urls import reverse
from rest_framework.test import APIClient

from gtm.core import clock
from gtm.core.actors import Actor, acting_as
from gtm.core.models import AccountZone
from plans.engine.escalation import ladder
from plans.engine.notices import delivery
from programs.models import Delegation, Person, Program
from programs.own_time import zone_of
from tests.doors import fields, url, user
from tests.factories import PersonFactory, ProgramFactory, gate, make_plan, round_of, seat

EMPTY_TIERS = {
    f"tiers-{name}": 0 for name in ("TOTAL_FORMS", "INITIAL_FORMS", "MIN_NUM_FORMS", "MAX_NUM_FORMS")
}
DUE = datetime(2027, 1, 4, 20, 30, tzinfo=UTC)


def live_in(zone, who="legal"):
    person = Person.objects.get(accounts__username=who)
    with acting_as(Actor.system("Test")):
        person.time_zone = zone
        person.save()
    return person


@pytest.mark.parametrize(
    ("zone", "told"),
    [
        ("UTC", "Mon 2027-01-04 20:30 UTC (15:30 America/New_York)"),
        ("America/New_York", "Mon 2027-01-04 15:30 America/New_York"),
        ("Asia/Tokyo", "Tue 2027-01-05 05:30 Asia/Tokyo (Mon 2027-01-04 15:30 America/New_York)"),
    ],
)
def test_a_due_time_is_shown_in_the_readers_zone_with_the_programs_beside_it(login, demo, zone, told):
    live_in(zone)
    with acting_as(Actor.system("Test")):
        plan = make_plan(gate(seat("legal")), program=ProgramFactory(time_zone="America/New_York"))
        approval = round_of(plan)
        approval.due_at = DUE
        approval.save()
        case = ladder.open_case(plan, "late", "Late")
        case.due_at = DUE
        case.save()
    page = login("legal").get(reverse("admin:plans_escalation_change", args=[case.pk])).content.decode()
    assert f"The next rung is notified on {told}." in page
    assert f"due {told}<" in login("legal").get(reverse("admin:plans_inbox")).content.decode()


def test_a_time_typed_is_a_time_where_the_person_is(login, demo):
    live_in("Asia/Tokyo")
    client = login("legal")
    at = reverse("admin:programs_delegation_add")
    form = client.get(at).context["form"]
    assert "In Asia/Tokyo" in form.fields["ends_at"].help_text
    assert abs(datetime.fromisoformat(f"{form.initial['starts_at']}+09:00") - clock.now()) < timedelta(
        minutes=2
    )
    ends = (clock.now() + timedelta(days=3)).replace(second=0, microsecond=0)
    told = form.initial | {
        "to": Person.objects.get(name="Dora Klein").pk,
        "role": form.fields["role"].queryset.get(slug="legal").pk,
        "ends_at": (ends + timedelta(hours=9)).strftime("%Y-%m-%dT%H:%M"), "currency": "USD",
        "reason": "On a train.",
    }  # fmt: skip
    assert client.post(at, {k: getattr(v, "pk", v) for k, v in told.items()}).status_code == 302
    assert Delegation.objects.get().ends_at == ends


def test_a_case_waits_until_the_time_that_was_typed_on_its_page(login, demo):
    live_in("Asia/Tokyo", "ops")
    with acting_as(Actor.system("Test")):
        case = ladder.open_case(make_plan(), "late", "Late")
    client, at = login("ops"), reverse("admin:plans_escalation_change", args=[case.pk])
    until = (clock.now() + timedelta(days=2)).replace(second=0, microsecond=0)
    typed = (until + timedelta(hours=9)).strftime("%Y-%m-%dT%H:%M")
    client.post(at, {"answer": "wait", "until": "soon", "comment": "Later."})
    case.refresh_from_db()
    assert case.state == "notified"
    client.post(at, {"answer": "wait", "until": typed, "comment": "The vendor is away."})
    case.refresh_from_db()
    assert (case.state, case.due_at) == ("acknowledged", until)


def test_a_message_tells_each_person_the_time_where_they_are(demo, mailoutbox):
    with acting_as(Actor.system("Test")):
        people = {zone: PersonFactory(roles=["treasury"], time_zone=zone) for zone in ("Asia/Tokyo", "UTC")}
        plan = make_plan(gate(seat("treasury")), program=ProgramFactory(time_zone="UTC"))
    delivery.work_off()
    due = round_of(plan).due_at
    for zone, person in people.items():
        (message,) = [m for m in mailoutbox if m.to == [person.email] and "decision" in m.subject]
        assert f"{zone}" in message.body
        assert (f"Due {due:%a %Y-%m-%d %H:%M} UTC." in message.body) == (zone == "UTC")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"time_zone": "Mars/Base"}, "time_zone"),
        ({"country": "ZZ"}, "country"),
        ({"country": "DE", "subdivision": "XX"}, "subdivision"),
        ({"working_week": "9"}, "working_week"),
    ],
)
def test_a_place_that_does_not_exist_is_refused_by_page_and_rest(login, demo, changes, field):
    client = login("ops")
    program = Program.objects.get(slug="cdnow")
    page = reverse("admin:programs_program_change", args=[program.pk])
    form = client.get(page).context["adminform"].form
    told = {name: form.initial.get(name) for name in form.fields} | changes | EMPTY_TIERS
    answer = client.post(page, {name: value for name, value in told.items() if value is not None})
    assert field in answer.context["adminform"].form.errors
    api = APIClient()
    api.force_login(user("ops"))
    at = url("programs/cdnow/")
    refused = api.patch(at, changes, format="json", headers={"If-Match": api.get(at)["ETag"]})
    assert (refused.status_code, fields(refused)) == (400, [field])


def test_somebody_whose_stored_zone_is_none_reads_in_utc(login, demo):
    person = Person.objects.get(accounts__username="legal")
    with connection.cursor() as cursor:  # as rows were before zones were checked
        cursor.execute("UPDATE programs_person SET time_zone = 'Mars/Base' WHERE id = %s", [person.pk])
    assert login("legal").get(reverse("admin:plans_inbox")).status_code == 200
    person.refresh_from_db()
    assert person.zone == "UTC"


def test_an_account_may_read_times_in_a_zone_of_its_own(login, demo):
    person, page = live_in("Asia/Tokyo"), reverse("own_zone")
    client = login("legal")
    assert "<b>Asia/Tokyo</b>" in client.get(page).content.decode()
    assert client.post(page, {"time_zone": "Europe/Lisbon"}).url == page
    assert "<b>Europe/Lisbon</b>" in client.get(page).content.decode()
    form = client.get(reverse("admin:programs_delegation_add")).context["form"]
    assert "In Europe/Lisbon" in form.fields["ends_at"].help_text
    person.refresh_from_db()
    assert person.zone == "Asia/Tokyo", "deadlines are by where somebody works"
    assert zone_of(user("finance")) != "Europe/Lisbon"
    client.post(page, {"time_zone": ""})
    assert zone_of(user("legal")) == "Asia/Tokyo"


@pytest.mark.parametrize("wrong", ["Europe/Berln", "../../etc/passwd", "x" * 60, "<b>"])
def test_what_is_no_zone_is_refused_and_nothing_is_kept(login, demo, wrong):
    answer = login("legal").post(reverse("own_zone"), {"time_zone": wrong})
    assert answer.status_code == 400 and "<b>x" not in answer.content.decode()
    assert not AccountZone.objects.exists()
