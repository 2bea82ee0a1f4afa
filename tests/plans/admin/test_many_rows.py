"""Pages ask the database as often for many rows as for few; the change log is read without counting it."""

import pytest
from django.contrib import admin
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from gtm.core.actors import Actor, acting_as
from gtm.core.models import ChangeLogEntry
from plans.admin.waiting import ON_BADGE
from plans.engine.escalation import ladder
from plans.engine.people import inbox
from plans.models import Plan
from tests.doors import user
from tests.factories import gate, make_plan, seat

FEW, MORE = 3, 2 * ON_BADGE
PAGES = {
    "home": ("finance", "/"),
    "inbox": ("finance", "/plans/approval/inbox/"),
    "plans": ("ops", "/plans/plan/"),
    "tasks": ("ops", "/plans/task/"),
    "approvals": ("ops", "/plans/approval/"),
    "escalations": ("ops", "/plans/escalation/"),
    "datasets": ("ops", "/programs/dataset/"),
    "change log": ("auditor", "/core/changelogentry/"),
    "REST plans": ("ops", "/api/v1/plans/"),
    "REST tasks": ("ops", "/api/v1/tasks/"),
    "REST approvals": ("ops", "/api/v1/approvals/"),
    "REST escalations": ("ops", "/api/v1/escalations/"),
}


def start(number: int, program) -> None:
    """Runs that wait for finance, each with an open case."""
    with acting_as(Actor.system("Test")):
        for _ in range(number):
            plan = make_plan(gate(seat("finance")), requester=user("ops"), program=program)
            ladder.open_case(plan, "late", "It is late", approval=plan.approvals.get())


def test_pages_ask_as_often_for_many_rows_as_for_few(login, demo):
    def asked() -> dict[str, int]:
        found = {}
        for page, (username, url) in PAGES.items():
            client = login(username)
            client.get(url)
            cache.clear()  # the badge is kept for seconds: how fast this machine is must not matter
            with CaptureQueriesContext(connection) as queries:
                assert client.get(url).status_code == 200
            found[page] = len(queries)
        return found

    start(FEW, demo)
    few = asked()
    start(MORE, demo)
    assert asked() == few


def test_the_inbox_finds_what_is_mine_behind_what_is_others(demo):
    with acting_as(Actor.system("Test")):
        for role in ("legal", "legal", "legal", "finance"):
            make_plan(gate(seat(role)), requester=user("ops"), program=demo)
    waiting = inbox.waiting_for(user("finance"), most=2)
    assert [a.policy["seats"][0]["role"] for a in waiting.approvals] == ["finance"]
    assert not waiting.is_full
    assert inbox.waiting_for(user("legal"), most=2).is_full


def test_the_inbox_knows_whom_a_gate_falls_back_on(demo):
    with acting_as(Actor.system("Test")):
        covered = gate(seat("nobody-has-this"), fallbacks={"nobody-has-this": "finance"})
        make_plan(covered, requester=user("ops"), program=demo)
    assert len(inbox.waiting_for(user("finance")).approvals) == 1


def test_an_auditor_finds_the_rows_of_a_plan_in_the_change_log(login, asked):
    client, url = login("auditor"), reverse("admin:core_changelogentry_changelist")
    page = client.get(url, {"q": asked.plan_id})
    rows = ChangeLogEntry.objects.filter(chain=asked.change_chain())
    assert set(page.context["cl"].result_list) == set(rows)
    assert not client.get(url, {"q": "no such plan"}).context["cl"].result_list
    with CaptureQueriesContext(connection) as queries:
        client.get(url)
    assert [q["sql"] for q in queries if "COUNT" in q["sql"] and "changelogentry" in q["sql"]] == []


@pytest.mark.parametrize("username", ["ops", "finance", "analyst"])
def test_the_whole_change_log_is_for_auditors(login, username):
    assert login(username).get(reverse("admin:core_changelogentry_changelist")).status_code == 403


def test_an_export_reads_what_the_list_leaves_out(login, demo):
    request = login("ops").get(reverse("admin:plans_plan_changelist")).wsgi_request
    plans = admin.site.get_model_admin(Plan)
    shown = plans.get_changelist_instance(request).get_queryset(request)
    assert "declaration" in shown.query.deferred_loading[0]
    assert not plans.get_export_queryset(request).query.deferred_loading[0]
