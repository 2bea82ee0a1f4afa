"""The plan page's timeline, change log, downloads of the whole plan, and the comparison with another."""

import math

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from gtm.core.actors import Actor, acting_as
from plans.models import Artifact, Plan
from tests.doors import user
from tests.factories import gate, make_plan, make_run, seat


@pytest.fixture
def whole(demo) -> Plan:
    """A plan whose document is valid."""
    with acting_as(Actor.system("Test")):
        return make_run(gate(seat("finance")), requester=user("ops"), program=demo).plan


@pytest.mark.parametrize(("fmt", "start"), [("pdf", b"%PDF-"), ("xlsx", b"PK")])
def test_the_whole_plan_is_downloaded(login, whole, fmt, start):
    response = login("auditor").get(reverse("admin:plans_plan_report", args=[whole.pk, fmt]))
    assert response.content.startswith(start)
    assert response["Content-Disposition"] == f'attachment; filename="{whole.plan_id}.{fmt}"'


def test_a_plan_is_not_to_be_had_in_other_formats(login, whole):
    assert login("ops").get(reverse("admin:plans_plan_report", args=[whole.pk, "docx"])).status_code == 404


def test_the_timeline_shows_every_task_with_its_attempts_in_words(login, asked):
    page = login("ops").get(reverse("admin:plans_plan_change", args=[asked.pk]), {"tab": "timeline"})
    assert [bar.task_id for bar in page.context["bars"]] == ["1", "2", "9"]
    assert [bar.task_id for bar in page.context["bars"] if bar.critical] == ["1", "2", "9"]
    assert "People decide this." in page.content.decode()


def test_the_change_log_shows_what_moved_place_by_place(login, asked):
    page = login("ops").get(reverse("admin:plans_plan_change", args=[asked.pk]), {"tab": "changes"})
    rows = {(r["event"], r["field"]): r["differences"] for r in page.context["changes"]}
    assert [(d.path, d.before, d.after) for d in rows["begin", "state"]] == [("state", "approved", "running")]
    assert '<del class="g-del">approved</del>' in page.content.decode()


def test_older_rows_of_the_change_log_are_a_page_further(login, asked, monkeypatch):
    monkeypatch.setattr("plans.admin.page.CHANGES_ON_A_PAGE", 2)
    client, url = login("auditor"), reverse("admin:plans_plan_change", args=[asked.pk])
    found, address = [], f"{url}?tab=changes"
    newest = client.get(address).context["changes"][0]["sequence"]
    for _ in range(math.ceil(newest / 2)):
        page = client.get(address)
        found += [row["sequence"] for row in page.context["changes"]]
        address = f"{url}?tab=changes&before={found[-1]}"
    assert found == list(range(newest, 0, -1))
    assert "Older rows" not in page.content.decode() and "Newest rows" in page.content.decode()
    assert client.get(f"{url}?tab=changes&before=none").context["changes"][0]["sequence"] == newest


def test_two_runs_are_compared_and_only_what_differs_is_shown_on_request(login, asked):
    with acting_as(Actor.system("Test")):
        other = make_plan(
            gate(seat("legal")),
            requester=asked.requested_by,
            program=asked.program,
            inputs={"budget": {"amount": "250", "currency": "USD"}, "goal": "retention"},
        )
    url = reverse("admin:plans_plan_compare", args=[asked.pk])
    shown = dict(login("ops").get(url, {"with": other.plan_id, "only": "on"}).context["sections"])
    inputs = [(row.label, row.left, row.right) for row in shown["Inputs"]]
    assert inputs == [("budget.amount", "100", "250"), ("goal", "", "retention")]
    assert [(r.left, r.right) for r in shown["Rules"]] == [("1 × finance", "1 × legal")]
    whole = dict(login("ops").get(url, {"with": other.plan_id}).context["sections"])
    assert ("budget.currency", "USD", "USD") in [(r.label, r.left, r.right) for r in whole["Inputs"]]


def test_comparing_asks_the_database_the_same_number_of_times_for_any_plan(login, asked):
    client, url = login("ops"), reverse("admin:plans_plan_compare", args=[asked.pk])
    with acting_as(Actor.system("Test")):
        small = make_plan(gate(seat("legal")), requester=asked.requested_by, program=asked.program)
        gates = [gate(seat("legal"), key=f"gate-{n}") for n in range(5)]
        large = make_plan(*gates, requester=asked.requested_by, program=asked.program)
    client.get(url, {"with": small.plan_id})
    with CaptureQueriesContext(connection) as few:
        client.get(url, {"with": small.plan_id})
    with CaptureQueriesContext(connection) as many:
        client.get(url, {"with": large.plan_id})
    assert len(many) == len(few)


def test_a_plan_alone_says_how_to_get_something_to_compare_with(login, asked):
    page = login("ops").get(reverse("admin:plans_plan_compare", args=[asked.pk]))
    assert "Run it again with other inputs" in page.content.decode()


def test_a_list_of_actions_that_cannot_become_work_is_shown_to_be_read(login, asked):
    named = {"title": "Ask earlier", "why": "Late touches", "owner": "analytics", "effort": "low"}
    item = named | {"due": "", "expected_value": None, "unit": "", "lift": "", "sample_size": None}
    payload = {"kind": "backlog", "key": "actions", "title": "Actions", "items": [item], "note": ""}
    told = {"key": "actions", "title": "Actions", "kind": "backlog", "payload": payload, "sha256": "0" * 64}
    with acting_as(Actor.system("Test")):
        Artifact(plan=asked, task=asked.tasks.first(), **told).save()
    page = login("ops").get(reverse("admin:plans_plan_change", args=[asked.pk])).content.decode()
    assert "Ask earlier" in page and "Make tasks from the backlog" not in page
