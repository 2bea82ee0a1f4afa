"""Break-glass, the rip-cord, rules, the policy bench and the directory, from the admin."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from gtm.core import clock
from gtm.core.actors import Actor, acting_as
from plans.engine.alarms import readings
from plans.models import Breach, BreakGlass, Reading, RipcordPull
from plans.schemas.outputs import Signal
from programs.models import LIVE_PROGRAM_STATES, Absence, Delegation, Person, Program
from tests.doors import user
from tests.factories import round_of

FINANCE_GATE = "loyalty-lifecycle-orchestration:plan-loyalty/finance-approval"


def said(response) -> str:
    return " ".join(map(str, get_messages(response.wsgi_request)))


def allow(username, *codenames):
    user(username).user_permissions.add(*Permission.objects.filter(codename__in=codenames))


# ------------------------------------------------------------------ break-glass


@pytest.fixture
def glass(asked, settings):
    """Where to ask for break-glass on the round, with it switched on and three people allowed."""
    settings.GTM_BREAK_GLASS = True
    allow("ops", "use_break_glass")
    allow("exec", "use_break_glass")
    allow("legal", "review_break_glass")
    return reverse("admin:plans_approval_break_glass", args=[round_of(asked).pk])


def test_two_people_break_the_glass_and_a_third_reviews(login, asked, glass):
    asked_for = login("ops").post(glass, {"reason": "The bank closes.", "hours": "4"})
    row = BreakGlass.objects.get()
    page = reverse("admin:plans_breakglass_change", args=[row.pk])
    assert asked_for.url == page
    assert "The bank closes." in login("exec").get(page).content.decode()
    login("exec").post(page, {"answer": "grant", "comment": "Agreed."})
    row.refresh_from_db()
    assert (row.state, row.agreed_by.name, round_of(asked).state) == ("granted", "Elena Rossi", "bypassed")
    owed = login("legal").get(reverse("admin:plans_breakglass_changelist")).content.decode()
    assert "Reviews due" in owed
    login("legal").post(page, {"answer": "review", "comment": "It was right."})
    row.refresh_from_db()
    assert (row.state, row.review) == ("reviewed", "It was right.")


def test_one_person_alone_breaks_no_glass(login, asked, glass):
    login("ops").post(glass, {"reason": "The bank closes.", "hours": "4"})
    page = reverse("admin:plans_breakglass_change", args=[BreakGlass.objects.get().pk])
    assert "second person" in said(login("ops").post(page, {"answer": "grant", "comment": "Me again."}))
    assert round_of(asked).state == "pending"


def test_break_glass_is_not_offered_where_it_is_off(login, asked, glass, settings):
    settings.GTM_BREAK_GLASS = False
    approval = reverse("admin:plans_approval_change", args=[round_of(asked).pk])
    assert "Ask for break-glass" not in login("ops").get(approval).content.decode()
    assert "switched off" in said(login("ops").post(glass, {"reason": "Now.", "hours": "4"}))
    assert not BreakGlass.objects.exists()


@pytest.mark.parametrize("hours", ["0", "25", "", "soon"])
def test_break_glass_ends_within_a_day(login, asked, glass, hours):
    assert "24 hours" in said(login("ops").post(glass, {"reason": "Now.", "hours": hours}))
    assert not BreakGlass.objects.exists()


# ------------------------------------------------------------------ rip-cord


@pytest.mark.parametrize(("where", "scope"), [("cdnow", "program"), ("everything", "installation")])
def test_two_people_release_what_one_stopped(login, asked, where, scope):
    pull = reverse("admin:plans_ripcord_pull")
    page = login("ops").post(pull, {"where": where, "reason": "Points are paid twice."}).url
    row = RipcordPull.objects.get()
    assert (row.scope, row.state, round_of(asked).state) == (scope, "pulled", "frozen")
    first, second = login("exec"), login("deputy")
    first.post(page, {"remediation": "The job is off."})
    row.refresh_from_db()
    assert row.state == "pulled"
    assert "already" in said(first.post(page, {"remediation": "Really."}))
    second.post(page, {"remediation": "Payouts are checked."})
    row.refresh_from_db()
    assert (row.state, round_of(asked).state) == ("released", "pending")


def test_hold_on_a_programs_page_stops_its_plans_and_two_people_release_it(login, asked):
    ops, program = login("ops"), Program.objects.get(slug="cdnow")
    page = reverse("admin:programs_program_change", args=[program.pk])
    cord = f"{reverse('admin:plans_ripcord_pull')}?where=cdnow"
    assert program.state in LIVE_PROGRAM_STATES
    assert f'href="{cord}"' in ops.get(page).content.decode()
    assert ops.get(cord).context["chosen"] == program
    pulled = ops.post(cord, {"where": "cdnow", "reason": "Points are paid twice."}).url
    before = program.state
    program.refresh_from_db()
    assert (program.state, round_of(asked).state) == ("held", "frozen")
    for name in ("hold", "release", "abort"):
        url = reverse("admin:programs_program_perform", args=[program.pk, name])
        assert said(ops.post(url, {"comment": "Alone."})), name
    assert f'href="{cord}"' in login("exec").get(page).content.decode()
    assert login("exec").get(cord).url == pulled
    login("exec").post(pulled, {"remediation": "The job is off."})
    program.refresh_from_db()
    assert (program.state, round_of(asked).state) == ("held", "frozen")
    login("deputy").post(pulled, {"remediation": "Payouts are checked."})
    program.refresh_from_db()
    assert (program.state, round_of(asked).state) == (before, "pending")


def test_a_pull_names_what_it_stops_and_why(login, asked):
    pull = reverse("admin:plans_ripcord_pull")
    assert "scope" in said(login("ops").post(pull, {"where": "nowhere", "reason": "Why not."}))
    assert "why" in said(login("ops").post(pull, {"where": "everything", "reason": " "})).lower()
    assert login("auditor").post(pull, {"where": "everything", "reason": "Look."}).status_code == 403
    assert not RipcordPull.objects.exists()


def test_who_may_not_release_releases_nothing(login, asked):
    login("ops").post(reverse("admin:plans_ripcord_pull"), {"where": "cdnow", "reason": "Stop."})
    row = RipcordPull.objects.get()
    page = reverse("admin:plans_ripcordpull_change", args=[row.pk])
    assert "permission" in said(login("ops").post(page, {"remediation": "Fine again."}))
    row.refresh_from_db()
    assert row.released_by == []


# ------------------------------------------------------------------ rules


@pytest.fixture
def breached(asked):
    """One breach of an undeclared rule, and one good period of another."""
    with acting_as(Actor.system("Test")):
        readings.raise_signal(asked, None, Signal("margin", "Below zero.", "2026-01", value=-3))
        readings.clear(asked, ["churn"], period="2026-01")
    return Reading.objects.get(rule="margin")


def test_rules_nearest_to_their_ladder_come_first(login, breached):
    rows = login("ops").get(reverse("admin:plans_rules")).context["rows"]
    assert [(r["rule"].key, r["rule"].breaches) for r in rows] == [("margin", 1), ("churn", 0)]


def test_a_wrong_value_is_corrected_and_the_old_one_stays_on_record(login, breached):
    page = reverse("admin:plans_reading_change", args=[breached.pk])
    login("ops").post(page, {"value": "4", "verdict": "good", "comment": "Read from the wrong sheet."})
    breached.refresh_from_db()
    assert (breached.verdict, breached.value) == ("good", "4")
    shown = login("ops").get(page).content.decode()
    assert "breached, -3" in shown and "Read from the wrong sheet." in shown


def test_a_correction_takes_a_reason_and_operations(login, breached):
    page = reverse("admin:plans_reading_change", args=[breached.pk])
    login("ops").post(page, {"value": "4", "verdict": "good", "comment": ""})
    login("auditor").post(page, {"value": "4", "verdict": "good", "comment": "Nicer."})
    breached.refresh_from_db()
    assert (breached.verdict, breached.value) == ("breached", "-3")


def test_more_readings_take_no_more_queries(login, asked, breached):
    client, page = login("ops"), reverse("admin:plans_rules")
    client.get(page)
    cache.clear()  # what waits is counted again when something was written
    with CaptureQueriesContext(connection) as few:
        client.get(page)
    with acting_as(Actor.system("Test")):
        for month in range(2, 9):
            readings.raise_signal(asked, None, Signal(f"rule-{month}", "Low.", f"2026-0{month}"))
    cache.clear()
    with CaptureQueriesContext(connection) as many:
        client.get(page)
    assert len(many) == len(few)


def test_breaches_are_listed_open_ones_apart(login, breached):
    assert Breach.objects.count() == 0  # an undeclared rule counts nothing
    assert login("auditor").get(reverse("admin:plans_breach_changelist")).status_code == 200


# ------------------------------------------------------------------ bench


def test_the_bench_says_who_must_approve_and_who_is_passed_over(login, asked):
    url = reverse("admin:plans_bench")
    shown = login("auditor").get(url, {"plan": asked.plan_id})
    (gate,) = shown.context["asked"]
    assert {c.person.name for c in gate.bench.candidates} == {"Fiona Walsh", "Dora Klein"}
    assert "always asked" in shown.content.decode()


def test_a_proposed_policy_is_held_against_past_rounds_and_stores_nothing(login, asked, decided):
    url = reverse("admin:plans_bench_replay")
    client = login("auditor")
    seats = {"gate": FINANCE_GATE, "form-TOTAL_FORMS": 2, "form-INITIAL_FORMS": 0}
    seats |= {"form-0-role": "finance", "form-0-minimum": 2, "form-1-role": "", "form-1-minimum": ""}
    (row,) = client.get(url, seats).context["rows"]
    assert (row.was, row.would_be, row.differs) == ("approved", "unsatisfiable", True)
    seats |= {"form-0-minimum": 1}
    (row,) = client.get(url, seats).context["rows"]
    assert (row.would_be, row.differs) == ("approved", False)


def test_the_replay_starts_from_the_seats_as_they_are(login, asked):
    url = reverse("admin:plans_bench_replay")
    forms = login("auditor").get(url, {"gate": FINANCE_GATE}).context["seats"].forms
    assert [f.initial for f in forms[:2]] == [
        {"role": "finance", "minimum": 1},
        {"role": "exec-sponsor", "minimum": 1, "over": "400000", "currency": "USD"},
    ]


# ------------------------------------------------------------------ directory and delegation


def test_the_directory_shows_authority_absence_and_who_covers(login, demo):
    now = clock.now()
    people = {person.name: person for person in Person.objects.all()}
    away = {"starts_at": now - timedelta(days=1), "ends_at": now + timedelta(days=3)}
    with acting_as(Actor.system("Test")):
        Absence(person=people["Fiona Walsh"], substitute=people["Dora Klein"], **away).save()
        Absence(person=people["Lena Brandt"], **away).save()
    page = login("auditor").get(reverse("admin:plans_directory"))
    (fiona,) = [
        seat for office in page.context["offices"] for seat in office.seats
        if (office.role.slug, seat.approver.person.name) == ("finance", "Fiona Walsh")
    ]  # fmt: skip
    assert fiona.authority == "up to 1,000,000 USD a year"
    assert fiona.absences[0].substitute.name == "Dora Klein"
    assert "Legal" in page.context["empty"] and "Finance" not in page.context["empty"]


def form_of(client, role="legal", **changes):
    form = client.get(reverse("admin:programs_delegation_add")).context["form"]
    until = clock.now() + timedelta(days=7)
    told = {
        "principal": form.initial["principal"],
        "to": Person.objects.get(name="Dora Klein").pk,
        "role": form.fields["role"].queryset.get(slug=role).pk,
        "starts_at": form.initial["starts_at"],
        "ends_at": f"{until:%Y-%m-%dT%H:%M}",
        "currency": "USD",
        "reason": "On a train.",
    }
    return told | changes


def test_an_approver_delegates_and_takes_it_back(login, demo):
    client = login("legal")
    assert client.post(reverse("admin:programs_delegation_add"), form_of(client)).status_code == 302
    row = Delegation.objects.get()
    assert (row.principal.name, row.delegate.name, row.reason) == ("Lena Brandt", "Dora Klein", "On a train.")
    revoke = reverse("admin:programs_delegation_revoke", args=[row.pk])
    assert login("finance").post(revoke).status_code == 403
    client.post(revoke, {"comment": "Back."})
    row.refresh_from_db()
    assert row.revoked_at is not None


def test_a_delegation_that_does_not_fit_says_so_beside_the_field(login, demo):
    client = login("legal")
    lena = Person.objects.get(name="Lena Brandt").pk
    page = client.post(reverse("admin:programs_delegation_add"), form_of(client, to=lena))
    assert page.context["form"].errors == {"to": ["is the principal."]}
    assert not Delegation.objects.exists()


def test_nobody_delegates_what_is_not_theirs(login, demo):
    client = login("finance")
    lena = Person.objects.get(name="Lena Brandt").pk
    form = form_of(client, role="finance", principal=lena)
    page = client.post(reverse("admin:programs_delegation_add"), form)
    assert "principal" in page.context["form"].errors
    assert not Delegation.objects.exists()
