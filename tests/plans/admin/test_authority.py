"""Nobody arranges who decides about their own plan, or what they may decide themselves: at every door."""

import re
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from gtm.core import clock
from gtm.core.actors import ADMIN, Actor, acting_as
from gtm.core.errors import GuardNotMet, NotPermitted, WaitsForSecondPerson
from gtm.core.evidence import refusals
from gtm.core.fsm import perform
from gtm.core.models import ChangeLogEntry
from plans.demo.organisation import PASSWORD
from plans.engine.escalation import deadlines
from plans.engine.escalation.ladder import open_case
from plans.engine.gates import eligibility, preview, rounds, taken
from plans.engine.people import human_tasks, substitutes
from plans.models import Approval, Schedule, ScheduledRun
from plans.runs import schedules
from programs.models import Absence, Approver, Delegation, Person, Role
from tests.doors import INPUTS, agree, start, url, user
from tests.factories import gate, make_plan, make_run, round_of, seat
from tests.plans.admin.filled_form import filled

LATE = "holds this authority only since after this round was opened"
FINANCE, LEGAL = gate(seat("finance"), key="money"), gate(seat("legal"), key="law")


@pytest.fixture
def session(site):
    def of(username):
        client = APIClient()
        client.force_login(user(username))
        return client

    return of


def who(username):
    return Person.objects.get(accounts__username=username)


def two_gates(program, **fields):
    with acting_as(Actor.system("Test")):
        return make_plan(FINANCE, LEGAL, requester=user("ops"), program=program, **fields)


def decide(session, username, approval):
    seen = session(username).get(url(f"approvals/{approval.pk}/"))["ETag"]
    body = {"decision": "approve", "comment": "Fine.", "password": PASSWORD}
    at = url(f"approvals/{approval.pk}/decide/")
    return session(username).post(at, body, format="json", headers={"If-Match": seen})


def at(model, view, *args):
    return reverse(f"admin:programs_{model._meta.model_name}_{view}", args=args)


def messages_of(page):
    return " ".join(str(message) for message in page.context["messages"])


def in_two_fields(**times):
    """Instants as the admin's form asks for them."""
    found = {}
    for name, value in times.items():
        found |= {f"{name}_0": value.date().isoformat(), f"{name}_1": value.time().isoformat("seconds")}
    return found


# ------------------------------------------------------------------ who asks arranges nothing


@pytest.mark.parametrize("first", ["absences", "plan"])
def test_absences_that_the_requester_entered_do_not_count_at_the_gates(login, demo, session, first):
    plan = two_gates(demo) if first == "plan" else None
    for role in ("finance", "legal"):
        today = clock.now()
        form = {"person": who(role).pk, "substitute": who("studio").pk, "note": "ill"}
        times = in_two_fields(starts_at=today - timedelta(days=1), ends_at=today + timedelta(days=5))
        assert login("ops").post(at(Absence, "add"), form | times).status_code == 302
    assert not Absence.objects.exists()
    assert agree("exec") == Absence.objects.count() == 2
    plan = plan or two_gates(demo)
    for key, role in (("money", "finance"), ("law", "legal")):
        refused = decide(session, "studio", round_of(plan, key))
        assert (refused.status_code, refused.json()["detail"]) == (
            403,
            f"Clara Moreau holds none of the roles that this gate asks for: {role}.",
        )
        assert decide(session, role, round_of(plan, key)).json()["state"] == "approved"


def test_an_absence_that_somebody_else_entered_counts(login, demo, session):
    steward = Actor.of_user(user("exec"), ADMIN, interactive=True)
    with acting_as(steward), refusals.on_record(), suppress(WaitsForSecondPerson):
        today = clock.now()
        span = {"starts_at": today - timedelta(days=1), "ends_at": today + timedelta(days=5)}
        Absence(person=who("finance"), substitute=who("deputy"), **span).save()
    assert agree("legal") == 1
    plan = two_gates(demo)
    assert "is away until" in decide(session, "finance", round_of(plan, "money")).json()["detail"]
    assert decide(session, "deputy", round_of(plan, "money")).json()["state"] == "approved"


def test_whom_the_requester_made_an_approver_does_not_decide(demo, session):
    ops = Actor.of_user(user("ops"), ADMIN, interactive=True)
    with acting_as(ops), refusals.on_record(), suppress(WaitsForSecondPerson):
        Approver(person=who("studio"), role=Role.objects.get(slug="finance")).save()
    assert agree("exec") == 1
    refused = decide(session, "studio", round_of(two_gates(demo), "money"))
    assert "was made Finance by somebody who asked for this run" in refused.json()["detail"]


# ------------------------------------------------------------------ a round keeps its bench and its facts


def test_a_limit_and_a_role_given_while_a_round_is_open_count_in_the_next(login, demo, session):
    plan = two_gates(demo, amount=Decimal(400_000))
    exec_, row = session("exec"), who("deputy").approverships.get(role__slug="finance")
    path = url(f"approvers/{row.pk}/")
    raised = exec_.patch(
        path, {"limit_amount": "900000"}, format="json", headers={"If-Match": exec_.get(path)["ETag"]}
    )
    given = exec_.post(url("approvers/"), {"person": who("deputy").email, "role": "legal"}, format="json")
    assert (raised.status_code, given.status_code, agree("legal")) == (202, 202, 2)
    for key in ("money", "law"):
        refused = decide(session, "deputy", round_of(plan, key))
        assert (refused.status_code, refused.json()["detail"]) == (403, f"Dora Klein {LATE}.")
        page = login("deputy").get(reverse("admin:plans_approval_change", args=[round_of(plan, key).pk]))
        assert (page.context["actions"], page.context["refused"]) == ([], f"Dora Klein {LATE}.")
    entry = ChangeLogEntry.objects.filter(event="decision refused", chain=plan.change_chain()).latest("pk")
    assert LATE in entry.payload.body["reason"]
    assert decide(session, "finance", round_of(plan, "money")).json()["state"] == "approved"
    later = two_gates(demo, amount=Decimal(400_000))
    assert decide(session, "deputy", round_of(later, "money")).json()["state"] == "approved"


def test_a_program_that_moves_to_another_region_does_not_move_its_open_rounds(demo, session):
    with acting_as(Actor.system("Test")):
        row = who("deputy").approverships.get(role__slug="finance")
        row.regions = ["EMEA"]
        row.save()
    plan, ops, path = two_gates(demo), session("ops"), url("programs/cdnow/")
    moved = ops.patch(path, {"region": "EMEA"}, format="json", headers={"If-Match": ops.get(path)["ETag"]})
    assert (moved.status_code, agree("exec")) == (202, 1)
    refused = decide(session, "deputy", round_of(plan, "money"))
    assert (refused.status_code, "only in EMEA" in refused.json()["detail"]) == (403, True)
    later = two_gates(plan.program.__class__.objects.get(pk=plan.program_id))
    assert decide(session, "deputy", round_of(later, "money")).status_code == 200


def test_a_program_that_its_requester_moved_just_before_brings_nobody_to_the_gate(demo, session):
    """Alone, while no plan is open: who decides must be able to for what it was, too."""
    with acting_as(Actor.system("Test")):
        row = who("deputy").approverships.get(role__slug="finance")
        row.regions = ["EMEA"]
        row.save()
        perform(two_gates(demo), "cancel", comment="Another time.", set_fields={"finished_at": clock.now()})
    ops, path = session("ops"), url("programs/cdnow/")
    moved = ops.patch(path, {"region": "EMEA"}, format="json", headers={"If-Match": ops.get(path)["ETag"]})
    assert moved.status_code == 200
    demo.refresh_from_db()
    plan = two_gates(demo)
    refused = decide(session, "deputy", round_of(plan, "money"))
    assert refused.status_code == 403
    assert "somebody who asked for this run or edited it moved the program there" in refused.json()["detail"]
    with acting_as(Actor.system("Test")):
        by_sales = make_plan(FINANCE, requester=user("sales"), program=demo)
    assert decide(session, "deputy", round_of(by_sales, "money")).json()["state"] == "approved"


def test_a_program_that_its_requester_moved_just_before_loses_no_seat(demo, session):
    abroad = seat("legal", field="region", among=["EMEA"])
    with acting_as(Actor.system("Test")):
        demo.region = "EMEA"
        demo.save()
        perform(two_gates(demo), "cancel", comment="Another time.", set_fields={"finished_at": clock.now()})
    with acting_as(Actor.of_user(user("ops"), ADMIN, interactive=True)):
        demo.region = "US"
        demo.save()
    with acting_as(Actor.system("Test")):
        plan = make_plan(gate(seat("finance"), abroad), requester=user("ops"), program=demo)
        other = make_plan(gate(seat("finance"), abroad), requester=user("sales"), program=demo)
    asked = [[s.role for s in eligibility.bench_of(round_of(p)).seats] for p in (plan, other)]
    assert asked == [["finance", "legal"], ["finance"]]


def test_a_round_whose_people_are_gone_is_asked_again_by_operations_with_a_reason(login, demo, session):
    plan = two_gates(demo)
    with acting_as(Actor.system("Test")):
        for name in ("finance", "deputy"):
            user_ = user(name)
            user_.is_active = False
            user_.save()
        deadlines.reweigh()
        assert round_of(plan, "money").state == "unsatisfiable"
        ask = url("commands/plan-loyalty/approvers/")
        asked = session("ops").post(ask, {"inputs": INPUTS}, format="json")
        (found,) = [one for one in asked.json() if one["gate"] == "finance-approval"]
        assert found["people"] and not re.search("Fiona Walsh|Dora Klein", str(found["people"]))
        Approver(person=who("studio"), role=Role.objects.get(slug="finance")).save()
        deadlines.reweigh()
    approval = round_of(plan, "money")
    assert approval.state == "unsatisfiable"
    path = url(f"approvals/{approval.pk}/ask-again/")
    body = {"reason": "Clara has taken over finance."}
    assert session("legal").post(path, body, format="json").status_code == 403
    assert session("ops").post(path, {}, format="json").status_code == 400
    answer = session("ops").post(path, body, format="json")
    assert (answer.status_code, answer.json()["round"], answer.json()["state"]) == (200, 2, "pending")
    assert decide(session, "studio", round_of(plan, "money")).json()["state"] == "approved"


def test_asking_again_is_offered_in_the_admin_where_nobody_can_decide(login, demo):
    with acting_as(Actor.system("Test")):
        plan = make_plan(gate(seat("ghosts")), requester=user("ops"), program=demo)
    here = reverse("admin:plans_approval_ask_again_all")
    stuck = {"answered": "1", "chosen": [round_of(plan).pk], "reason": "Somebody came."}
    told = messages_of(login("ops").post(here, stuck, follow=True))
    assert "round 2 is open: nobody can decide." in told
    assert list(Approval.objects.filter(plan=plan).order_by("round").values_list("state", flat=True)) == [
        "cancelled",
        "unsatisfiable",
    ]


# ------------------------------------------------------------------ nobody gives authority to themselves


def page_of(person):
    """What the page of somebody sends where nothing was changed."""
    held = list(person.approverships.order_by("pk"))
    form = {
        "name": person.name, "email": person.email, "country": person.country, "time_zone": person.time_zone,
        "is_active": "on", "accounts": list(person.accounts.values_list("pk", flat=True)),
        "approverships-INITIAL_FORMS": len(held), "approverships-TOTAL_FORMS": len(held),
    }  # fmt: skip
    for n, one in enumerate(held):
        prefix = f"approverships-{n}"
        form |= {f"{prefix}-id": one.pk, f"{prefix}-person": person.pk, f"{prefix}-role": one.role_id}
        form[f"{prefix}-limit_currency"] = "USD"
    return form


REFUSED = "Elena Rossi cannot give themselves the authority of Legal."


def holds_legal():
    return who("exec").approverships.filter(role__slug="legal").exists()


def test_an_executive_does_not_name_herself_legal_by_rest(session):
    body = {"person": who("exec").email, "role": "legal"}
    refused = session("exec").post(url("approvers/"), body, format="json")
    assert (refused.status_code, refused.json()["detail"]) == (403, REFUSED)
    assert not holds_legal()


def test_an_executive_does_not_name_herself_legal_on_a_page(login):
    legal = Role.objects.get(slug="legal").pk
    row = {"person": who("exec").pk, "role": legal, "limit_currency": "USD",
           "program_kinds": "[]", "regions": "[]"}  # fmt: skip
    told = login("exec").post(at(Approver, "add"), row, follow=True)
    assert REFUSED in messages_of(told)
    person = who("exec")
    form, n = page_of(person), person.approverships.count()
    form |= {f"approverships-{n}-role": legal, f"approverships-{n}-limit_currency": "USD"}
    form["approverships-TOTAL_FORMS"] = n + 1
    told = login("exec").post(at(Person, "change", person.pk), form, follow=True)
    assert REFUSED in messages_of(told)
    assert not holds_legal()


def test_an_executive_does_not_name_herself_legal_by_a_file(login):
    file = SimpleUploadedFile("seats.csv", f"person,role\n{who('exec').email},legal\n".encode())
    client: Client = login("exec")
    shown = client.post(at(Approver, "import"), {"format": "0", "import_file": file, "resource": ""})
    assert REFUSED in shown.content.decode()
    assert not holds_legal()


def test_an_executive_does_not_bring_back_what_she_may_no_longer_do(login):
    row = who("exec").approverships.get(role__slug="exec-sponsor")
    with acting_as(Actor.system("Test")):
        row.limit_amount = Decimal(10)
        row.save()
    before = row.history.order_by("history_id").first()
    told = login("exec").post(
        at(Approver, "revert", row.pk, before.pk), {"comment": "As it was."}, follow=True
    )
    assert "Elena Rossi cannot give themselves the authority of Executive Sponsor." in messages_of(told)
    row.refresh_from_db()
    assert row.limit_amount == Decimal(10)


def test_somebody_may_give_up_authority_of_their_own(session):
    exec_, row = session("exec"), who("exec").approverships.get(role__slug="exec-sponsor")
    path = url(f"approvers/{row.pk}/")
    lowered = exec_.patch(
        path, {"limit_amount": "10.00"}, format="json", headers={"If-Match": exec_.get(path)["ETag"]}
    )
    assert (lowered.status_code, lowered.json()["limit_amount"]) == (200, "10.00")


def test_a_steward_does_not_make_herself_the_delegate_of_legal(login):
    today = clock.now()
    form = {
        "principal": who("legal").pk, "to": who("exec").pk, "role": Role.objects.get(slug="legal").pk,
        "starts_at": f"{today - timedelta(hours=1):%Y-%m-%d %H:%M}", "currency": "USD",
        "ends_at": f"{today + timedelta(days=2):%Y-%m-%d %H:%M}", "reason": "travels",
    }  # fmt: skip
    page = login("exec").post(at(Delegation, "add"), form, follow=True)
    assert "Elena Rossi cannot give themselves the authority of Lena Brandt." in page.content.decode()
    assert not Delegation.objects.exists()


def test_a_steward_does_not_link_her_own_account_to_legal(login):
    legal = who("legal")
    told = login("exec").post(
        at(Person, "change", legal.pk), page_of(legal) | {"accounts": [user("legal").pk, user("exec").pk]},
        follow=True,
    )  # fmt: skip
    assert "You cannot link your own account to Lena Brandt, who holds a role." in messages_of(told)
    exec_ = Actor.of_user(user("exec"), ADMIN, interactive=True)
    with acting_as(exec_), pytest.raises(NotPermitted), transaction.atomic():
        user("exec").people.add(legal)
    assert list(legal.accounts.all()) == [user("legal")]


# ------------------------------------------------------------------ nobody gains by a loss


def close_person(login):
    address = at(Person, "change", who("legal").pk)
    sent = filled(login("exec").get(address).content.decode())
    sent.pop("is_active")
    login("exec").post(address, sent, follow=True)
    assert not Person.objects.get(name="Lena Brandt").is_active


def end_the_role(login):
    row = who("legal").approverships.get()
    address = at(Approver, "change", row.pk)
    sent = filled(login("exec").get(address).content.decode())
    login("exec").post(
        address, sent | {"valid_until_0": "2026-01-01", "valid_until_1": "00:00:00"}, follow=True
    )
    row.refresh_from_db()
    assert row.valid_until is not None


def delete_the_role(login):
    with acting_as(Actor.system("Test")):
        user("exec").user_permissions.add(Permission.objects.get(codename="delete_approver"))
    row = who("legal").approverships.get()
    login("exec").post(at(Approver, "delete", row.pk), {"post": "yes"}, follow=True)
    assert not Approver.objects.filter(pk=row.pk).exists()


def close_account(login):
    with acting_as(Actor.system("Test")):
        user("exec").user_permissions.add(*Permission.objects.filter(content_type__app_label="auth"))
    address = reverse("admin:auth_user_change", args=[user("legal").pk])
    sent = filled(login("exec").get(address).content.decode())
    sent.pop("is_active")
    login("exec").post(address, sent, follow=True)
    assert not user("legal").is_active


COVER = gate(seat("legal"), fallbacks={"legal": "exec-sponsor"})


@pytest.mark.parametrize("take", [close_person, end_the_role, delete_the_role, close_account])
def test_who_takes_a_role_from_somebody_does_not_decide_in_its_place(login, demo, session, take):
    """Elena covers for legal; what she takes from Lena alone makes her no judge of it."""
    with acting_as(Actor.system("Test")):
        plan = make_plan(COVER, requester=user("ops"), program=demo)
        Approver(person=who("deputy"), role=Role.objects.get(slug="exec-sponsor")).save()
        perform(round_of(plan), "lose_quorum", comment="For a new round.")
        rounds.ask_again(round_of(plan), reason="Dora covers, too.")
    take(login)
    refused = decide(session, "exec", round_of(plan))
    assert (refused.status_code, "took the authority of legal" in refused.json()["detail"]) == (403, True)
    (asked,) = preview.who_must_approve(plan)
    assert [c.person.name for c in asked.bench.candidates] == ["Dora Klein"]
    assert decide(session, "deputy", round_of(plan)).json()["state"] == "approved"


def test_a_rung_gives_nobody_what_they_took_away(login, demo, session):
    with acting_as(Actor.system("Test")):
        ladder = [{"rung": 1, "roles": ["exec-sponsor"], "hours": 8, "effect": "add authority"}]
        plan = make_plan(gate(seat("legal")), requester=user("ops"), program=demo, ladder=ladder)
        open_case(plan, "late", "It is late", approval=round_of(plan))
    assert "Elena Rossi" in [c.person.name for c in eligibility.bench_of(round_of(plan)).candidates]
    close_person(login)
    assert eligibility.bench_of(round_of(plan)).candidates == ()
    assert "took the authority of legal" in decide(session, "exec", round_of(plan)).json()["detail"]


def test_where_an_asker_took_a_role_nobody_decides_in_its_place(login, demo, session):
    with acting_as(Actor.system("Test")):
        plan = make_plan(COVER, requester=user("sales"), program=demo)
        user("sales").groups.add(Group.objects.get(name="Stewards"))
    address = at(Person, "change", who("legal").pk)
    sent = filled(login("sales").get(address).content.decode())
    sent.pop("is_active")
    login("sales").post(address, sent, follow=True)
    refused = decide(session, "exec", round_of(plan))
    assert "which somebody who asked for this run or edited it took away" in refused.json()["detail"]


def test_what_was_taken_long_before_a_plan_does_not_count(login, demo, session, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(taken, "BEFORE_THE_PLAN", timedelta(0))
        close_person(login)
        with acting_as(Actor.system("Test")):
            plan = make_plan(COVER, requester=user("ops"), program=demo)
        assert decide(session, "exec", round_of(plan)).json()["state"] == "approved"


def test_an_asker_keeps_nobody_from_deciding_by_giving_them_work(demo, session):
    with acting_as(Actor.system("Test")):
        plan = make_plan(COVER, requester=user("ops"), program=demo, owner=who("studio"))
    task = plan.tasks.get(key="publish")

    def give(username, to):
        path = url(f"tasks/{task.pk}/")
        body = {"owner": who(to).email, "comment": "Please."}
        seen = {"If-Match": session(username).get(path)["ETag"]}
        return session(username).post(f"{path}reassign/", body, format="json", headers=seen)

    refused = give("ops", "legal")
    assert refused.status_code == 403
    assert (
        "Lena Brandt is asked to decide at Sign-off, and could not any more with this task."
        in (refused.json()["detail"])
    )
    assert give("ops", "sales").status_code == 200
    assert give("strategist", "legal").status_code == 200


# ------------------------------------------------------------------ a task given away and taken back


def test_who_owned_a_guarded_task_before_the_round_does_not_decide_in_it(demo, session):
    """Given away, a vote, taken back: whoever has owned it since its content was made stays out."""
    with acting_as(Actor.system("Test")):
        plan = make_plan(gate(seat("finance")), requester=user("ops"), program=demo, owner=who("finance"))
        human_tasks.reassign(plan.tasks.get(key="publish"), owner=who("studio"), comment="Please.")
        perform(round_of(plan), "lose_quorum", comment="Nobody.")
    path = url(f"approvals/{round_of(plan).pk}/ask-again/")
    again = session("ops").post(path, {"reason": "Once more."}, format="json")
    assert again.json()["round"] == 2
    for name in ("finance", "studio"):
        refused = decide(session, name, round_of(plan))
        assert (refused.status_code, refused.json()["title"]) == (403, "You are not allowed to do this")
    assert "executes or owns a task" in decide(session, "finance", round_of(plan)).json()["detail"]
    (asked,) = preview.who_must_approve(plan)
    assert [c.person.name for c in asked.bench.candidates] == ["Dora Klein"]
    assert decide(session, "deputy", round_of(plan)).json()["state"] == "approved"


@pytest.mark.parametrize("door", ["rest", "page"])
def test_the_requester_waives_no_task_of_the_run(login, demo, session, door):
    """Although they hold the role that the gate after it asks for."""
    with acting_as(Actor.system("Test")):
        Approver(person=who("ops"), role=Role.objects.get(slug="finance")).save()
        plan = make_run(gate(seat("finance")), requester=user("ops"), program=demo).plan
        task = plan.tasks.get(key="work")
        for step in ("lease", "start", "escalate"):
            perform(task, step)
    path, page = url(f"tasks/{task.pk}/"), reverse("admin:plans_task_change", args=[task.pk])

    def waive(username):
        if door == "page":
            login(username).post(page, {"answer": "waive", "comment": "We do without."})
        else:
            seen = {"If-Match": session(username).get(path)["ETag"]}
            session(username).post(f"{path}waive/", {"comment": "Without."}, format="json", headers=seen)
        task.refresh_from_db()
        return task.state

    assert waive("ops") == "escalated"
    entry = ChangeLogEntry.objects.filter(event="refused", chain=plan.change_chain()).latest("pk")
    assert "who asked for this run, or edited it, cannot waive" in entry.payload.body["reason"]
    assert waive("finance") == "waived"


def test_an_approver_waives_within_their_authority_for_the_plan(demo, session):
    """As the gate after the task would ask them: Dora signs up to 200,000 a year."""
    with acting_as(Actor.system("Test")):
        plan = make_run(gate(seat("finance")), requester=user("ops"), program=demo).plan
        plan.amount = Decimal(900_000)
        plan.save()
        task = plan.tasks.get(key="work")
        for step in ("lease", "start", "escalate"):
            perform(task, step)
    path = url(f"tasks/{task.pk}/")

    def waive(username):
        seen = {"If-Match": session(username).get(path)["ETag"]}
        body = {"comment": "We do without."}
        return session(username).post(f"{path}waive/", body, format="json", headers=seen)

    refused = waive("deputy")
    assert (refused.status_code, "may sign up to 200,000" in refused.json()["detail"]) == (403, True)
    assert waive("finance").status_code == 200


def test_who_decided_at_a_gate_does_not_do_a_task_that_it_guards(demo, session):
    """Not as a holder of the task's role either, nor by standing in for its owner."""
    with acting_as(Actor.system("Test")):
        plan = make_plan(gate(seat("finance")), requester=user("ops"), program=demo, owner=who("studio"))
        task = plan.tasks.get(key="publish")
        for name in ("deputy", "sales"):
            Approver(person=who(name), role=task.agent).save()
    assert decide(session, "deputy", round_of(plan)).json()["state"] == "approved"
    path = url(f"tasks/{task.pk}/")

    def complete(username):
        body = {"comment": "Done.", "result": {"done": "yes"}, "evidence": {"note": "seen"}}
        seen = {"If-Match": session(username).get(path)["ETag"]}
        return session(username).post(f"{path}complete/", body, format="json", headers=seen)

    refused = complete("deputy")
    assert refused.status_code == 403
    assert (
        "Dora Klein decided Sign-off, which guards this task. Somebody else has to do it."
        in (refused.json()["detail"])
    )
    now = clock.now()
    with acting_as(Actor.of_user(user("studio"), ADMIN, interactive=True)):
        span = {"starts_at": now - timedelta(days=1), "ends_at": now + timedelta(days=5)}
        Absence(person=who("studio"), substitute=who("deputy"), **span).save()
    with acting_as(Actor.system("Test")):
        substitutes.sweep(now)
    task.refresh_from_db()
    assert task.owner == who("sales")
    with acting_as(Actor.system("Test")):
        Absence(person=who("sales"), **span).save()
        substitutes.sweep(now)
    task.refresh_from_db()
    assert task.owner == who("deputy")  # nobody else is left
    assert complete("deputy").status_code == 200


def test_whoever_wrote_a_schedule_has_asked_for_its_runs(site, demo, session):
    """Not only its owner, who is whoever changed it last."""
    session("strategist").post(
        url("schedules/"),
        {"name": "monthly", "command": "plan-loyalty", "program": "cdnow", "inputs": INPUTS,
         "crontab": "0 6 1 * *"},
        format="json",
    )  # fmt: skip
    row = Schedule.objects.get()
    path = url(f"schedules/{row.pk}/")
    ops = session("ops")
    moved = ops.patch(
        path, {"crontab": "0 7 1 * *"}, format="json", headers={"If-Match": ops.get(path)["ETag"]}
    )
    assert moved.status_code == 200
    with acting_as(Actor.system("Test")):
        Approver(person=who("strategist"), role=Role.objects.get(slug="finance")).save()
        ScheduledRun(schedule=row, due_at=clock.now()).save()
    assert schedules.fire_due() == 1
    plan = ScheduledRun.objects.get().plan
    assert plan.requested_by == user("ops")
    approvable = next(item for item in plan.checklist if "approval" in item["text"])
    assert "Samir Haddad" not in approvable["evidence"]
    money = next(asked for asked in preview.who_must_approve(plan) if "Finance" in asked.title)
    assert ("Samir Haddad", "asked for this run: nobody approves their own request") in money.bench.excluded
    assert "Fiona Walsh" in [c.person.name for c in money.bench.candidates]


def test_two_people_with_an_account_in_common_are_one(demo, session):
    """Also where the account was taken from one of them since."""
    with acting_as(Actor.system("Test")):
        plan = make_plan(gate(seat("finance", 2)), requester=user("ops"), program=demo)
        who("deputy").accounts.add(user("sales"))
        user("sales").people.set([who("finance")])
    assert decide(session, "deputy", round_of(plan)).json()["state"] == "unsatisfiable"
    refused = decide(session, "finance", round_of(plan))
    assert refused.json()["detail"] == (
        "Fiona Walsh has had an account in common with Dora Klein, who has voted."
    )


def test_an_account_that_changed_hands_still_asked_for_the_run(demo, session):
    with acting_as(Actor.system("Test")):
        plan = make_plan(gate(seat("finance")), requester=user("sales"), program=demo)
        user("sales").people.clear()
        user("sales").people.add(who("ops"))
        Approver(person=Person.objects.get(name="Sara Lind"), role=Role.objects.get(slug="finance")).save()
        Person.objects.get(name="Sara Lind").accounts.add(user("legal"))
        perform(round_of(plan), "lose_quorum", comment="Nobody.")
        rounds.ask_again(round_of(plan), reason="Once more.")
    assert "asked for this run" in eligibility.bench_of(round_of(plan)).why_not(
        Person.objects.get(name="Sara Lind").pk
    )


def test_who_decided_at_a_gate_does_not_take_over_a_task_that_it_guards(demo, session):
    with acting_as(Actor.system("Test")):
        plan = make_plan(gate(seat("finance")), requester=user("ops"), program=demo, owner=who("finance"))
    task, ops = plan.tasks.get(key="publish"), session("ops")

    def give(username):
        path = url(f"tasks/{task.pk}/")
        body = {"owner": who(username).email, "comment": "Please."}
        seen = {"If-Match": ops.get(path)["ETag"]}
        return ops.post(f"{path}reassign/", body, format="json", headers=seen)

    assert "executes or owns a task" in decide(session, "finance", round_of(plan)).json()["detail"]
    assert give("studio").status_code == 200
    assert "executes or owns a task" in decide(session, "finance", round_of(plan)).json()["detail"]
    assert decide(session, "deputy", round_of(plan)).json()["state"] == "approved"
    refused = give("deputy")
    assert refused.status_code == 403
    assert "Dora Klein decided Sign-off, which guards this task." in refused.json()["detail"]
    task.refresh_from_db()
    assert task.owner == who("studio")


def test_whose_role_has_ended_completes_none_of_its_tasks(demo, session):
    now = clock.now()
    with acting_as(Actor.system("Test")):
        plan = make_plan(gate(seat("finance")), requester=user("ops"), program=demo)
        role = Role.objects.get(slug="strategist")
        ended = Approver(person=who("legal"), role=role, valid_until=now - timedelta(days=1))
        ended.save()
    decide(session, "finance", round_of(plan))
    task = plan.tasks.get(key="publish")
    path = url(f"tasks/{task.pk}/")

    def complete():
        seen = {"If-Match": session("legal").get(path)["ETag"]}
        body = {"comment": "Done.", "result": {"done": "yes"}, "evidence": {"note": "seen"}}
        return session("legal").post(f"{path}complete/", body, format="json", headers=seen).status_code

    assert complete() == 403
    entry = ChangeLogEntry.objects.filter(event="refused", chain=plan.change_chain()).latest("pk")
    assert "can work on this task" in entry.payload.body["reason"]
    with acting_as(Actor.system("Test")):
        ended.valid_until = now + timedelta(days=1)
        ended.save()
    assert complete() == 200


def test_nobody_with_a_closed_account_is_counted_on_when_a_plan_starts(site):
    with acting_as(Actor.system("Test")):
        for account in map(user, ("finance", "deputy", "exec")):  # who holds the role, and who covers it
            account.is_active = False
            account.save()
    with pytest.raises(GuardNotMet) as refused:
        start()
    assert "Today's people can give every approval" in refused.value.problems[0].message
