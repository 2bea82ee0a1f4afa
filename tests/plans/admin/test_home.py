"""Home with trends, search from everywhere, and schedules made from the list of commands."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from gtm.core import clock
from gtm.core.actors import ADMIN, Actor, acting_as
from gtm.search import MOST_OF_A_KIND
from plans.drawing import sparkline
from plans.engine.alarms import readings
from plans.engine.gates import rounds
from plans.engine.stopping import ripcord
from plans.models import Schedule
from plans.runs import registry
from plans.schemas.outputs import Signal
from plans.selectors import weekly_trends
from programs.models import Program
from tests.doors import user
from tests.factories import START, gate, make_plan, round_of, seat

HOME = reverse("admin:index")


# ------------------------------------------------------------------ home


def test_trends_count_by_week_and_tell_the_median_to_decide(demo):
    def at(weeks, hours=0):
        return clock.standing_at(START + timedelta(weeks=weeks, hours=hours))

    with acting_as(Actor.system("Test")):
        for week in (0, 1, 1):
            with at(week):
                plan = make_plan(gate(seat("legal")), requester=user("ops"), program=demo)
    with at(1, 5), acting_as(Actor.of_user(user("legal"), ADMIN, interactive=True)):
        rounds.decide(round_of(plan), "approve")
    with at(2):
        found = weekly_trends(weeks=4)
    assert found["Runs started"] == [0, 1, 2, 0]
    assert [hours for hours in found["Hours to decide, median"] if hours is not None] == [5.0]


def test_a_trend_shows_watched_metrics_and_leads_to_them(login, asked):
    with acting_as(Actor.system("Test")):
        for month, value in (("2026-01", 4), ("2026-02", 2)):
            readings.raise_signal(asked, None, Signal("margin", "Low.", month, value=value))
    (trend,) = [t for t in login("ops").get(HOME).context["trends"] if t["href"]]
    assert (trend["told"], trend["values"]) == (["4", "2"], [4.0, 2.0])
    assert "<title>Rule: margin, CDNOW Rewards: 4; 2</title>" in trend["spark"]


@pytest.mark.parametrize(
    ("command", "rule", "value", "told"),
    [
        ("plan-loyalty", "negative-roi", "-1234.5", "-1,234.50 USD"),
        ("monitor-loyalty", "alert-churn-risk", "0.0551", "5.5 %"),
        ("monitor-loyalty", "alert-enrolment", "1200", "1,200 members"),
        ("plan-loyalty", "compliance-blocker", "", "–"),
    ],
)
def test_a_reading_says_its_unit_wherever_it_stands(login, demo, command, rule, value, told):
    plugin = registry.get(command).plugin
    with acting_as(Actor.system("Test")):
        declared = [{"signal": rule, "title": rule}]
        plan = make_plan(
            requester=user("ops"), program=demo, plugin=plugin, command=command, triggers=declared
        )
        row = readings.raise_signal(plan, None, Signal(rule, "Look.", "2026-01", value=value))
    client = login("ops")
    assert [t["told"] for t in client.get(HOME).context["trends"] if t["href"]] == [[told]] * bool(value)
    pages = ["plans_rules", "plans_reading_changelist", "plans_breach_changelist"]
    urls = [reverse(f"admin:{name}") for name in pages]
    for url in [*urls, reverse("admin:plans_reading_change", args=[row.pk])]:
        assert told in client.get(url).content.decode()


def test_home_says_what_is_stopped(login, asked):
    with acting_as(Actor.of_user(user("ops"), ADMIN, interactive=True)):
        ripcord.pull("program", program=asked.program, reason="Points are paid twice.")
    assert "Stopped: CDNOW Rewards." in login("finance").get(HOME).content.decode()


def test_home_asks_the_same_number_of_questions_for_many_plans(login, asked):
    client = login("ops")
    client.get(HOME)
    cache.clear()
    with CaptureQueriesContext(connection) as one:
        client.get(HOME)
    with acting_as(Actor.system("Test")):
        for _ in range(4):
            make_plan(gate(seat("finance")), requester=asked.requested_by, program=asked.program)
    cache.clear()
    with CaptureQueriesContext(connection) as many:
        client.get(HOME)
    assert len(many) == len(one)


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ([0, 1], "M4.0 24.0L116.0 4.0"),
        ([3, None, 3], "M4.0 24.0M116.0 24.0"),
        ([7], "M4.0 24.0"),
    ],
)
def test_a_sparkline_spans_its_values_and_leaves_gaps(values, path):
    assert f'd="{path}"' in sparkline.draw(values, "A & B")
    assert "<title>A &amp; B:" in sparkline.draw(values, "A & B")


def test_nothing_known_draws_nothing():
    assert sparkline.draw([None, None], "x") == sparkline.draw([], "x") == ""


# ------------------------------------------------------------------ search


def results(client, term):
    page = client.get(reverse("admin:search"), {"s": term, "extended": "1"})
    return [(row.title, row.link) for row in page.context["results"]]


def test_search_finds_plans_programs_and_approvals(login, asked):
    links = [link for _, link in results(login("ops"), asked.plan_id)]
    assert reverse("admin:plans_plan_change", args=[asked.pk]) in links
    assert reverse("admin:plans_approval_change", args=[round_of(asked).pk]) in links
    assert ("CDNOW Rewards", reverse("admin:programs_program_change", args=[asked.program_id])) in results(
        login("ops"), "cdnow"
    )


def test_search_reads_a_few_of_each_kind(login, asked):
    with acting_as(Actor.system("Test")):
        for _ in range(MOST_OF_A_KIND):
            make_plan(requester=asked.requested_by, program=asked.program, objective="Needle")
    found = [link for title, link in results(login("ops"), "needle") if title == "Needle"]
    assert len(found) == MOST_OF_A_KIND


def test_search_shows_nobody_what_they_may_not_see(login, asked):
    user("analyst").groups.clear()
    assert results(login("analyst"), asked.plan_id) == []
    assert settings.UNFOLD["COMMAND"].get("search_models") is None


# ------------------------------------------------------------------ schedules


@pytest.fixture
def schedule():
    return {
        "name": "weekly",
        "command": "loyalty-lifecycle-orchestration:plan-loyalty",
        "program": Program.objects.get(slug="cdnow").pk,
        "inputs": "--goal retention --tiers 3 --budget 50000",
        "crontab": "0 6 * * 1",
        "catch_up": "skip",
        "is_active": "on",
    }


def test_a_schedule_is_made_from_a_command_and_options(login, demo, schedule):
    client, url = login("ops"), reverse("admin:plans_schedule_add")
    shown = client.get(url).context["adminform"].form.fields["command"].choices
    assert "loyalty-lifecycle-orchestration:plan-loyalty" in dict(shown)
    assert client.post(url, schedule).status_code == 302
    row = Schedule.objects.get()
    assert row.inputs == {"goal": "retention", "tiers": "3", "budget": "50000"}
    again = client.get(reverse("admin:plans_schedule_change", args=[row.pk]))
    assert again.context["adminform"].form.initial["inputs"] == schedule["inputs"]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"inputs": "--tiers 3 --color red"}, "inputs"),
        ({"inputs": "tiers 3"}, "inputs"),
        ({"command": "no-such"}, "command"),
        ({"crontab": "every day"}, "crontab"),
    ],
)
def test_a_schedule_that_cannot_run_is_refused_at_its_field(login, demo, schedule, wrong, field):
    page = login("ops").post(reverse("admin:plans_schedule_add"), schedule | wrong)
    assert field in page.context["adminform"].form.errors
    assert not Schedule.objects.exists()
