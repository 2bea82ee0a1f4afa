"""monitor-loyalty through its public door: a usage line in, a plan out, on a small program in SQLite."""

from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from django.contrib.auth.models import Permission
from pyarrow import csv

from gtm.core import clock
from gtm.core.actors import acting_as
from gtm.core.errors import InvalidInput
from plans.commands.monitor_loyalty.steps import insights
from plans.engine.escalation import ladder
from plans.export import document
from plans.models import Breach, Escalation, Plan, RipcordPull, RungFiring, Schedule
from plans.runs import schedules
from programs.models import Experiment, Person, Tier
from tests.factories import PersonFactory
from tests.plans.commands.loyalty_program import (
    DAYS,
    LINE,
    START,
    SUMMARY,
    load,
    load_purchases,
    outputs,
    purchases,
    rows,
    run,
    values,
    work,
)
from tests.plans.engine.conftest import actor_of
from tests.programs.datasets.conftest import CDNOW

DATA = Path(__file__).parents[3] / "data"


def test_the_usage_line_runs_to_the_strategists_gate(loyalty, tmp_path):
    for kind, table in load_purchases(loyalty, tmp_path).items():
        load(loyalty, tmp_path, kind, table)
    plan = run(LINE)
    found = values(plan)
    assert plan.tasks.get(key="roadmap-validation").state == "awaiting_approval"
    assert found["data"]["dimensions"] == ["tier", "region"]
    assert found["health"]["unavailable"] == {}
    assert found["experiments"]["read"] == 1


def test_sums_over_groups_equal_the_totals(loyalty, tmp_path):
    for kind, table in load_purchases(loyalty, tmp_path).items():
        load(loyalty, tmp_path, kind, table)
    data = values(run(LINE))["data"]
    for name in ("members", "orders", "revenue", "earned", "redeemed"):
        assert sum(group[name] for group in data["groups"]) == pytest.approx(data["flows"][name])


def test_revenue_is_that_of_the_purchases_in_the_window(loyalty, tmp_path):
    load_purchases(loyalty, tmp_path)
    _, times, amounts = purchases()
    end = max(times).replace(hour=0) + timedelta(days=1)
    wanted = sum(a for t, a in zip(times, amounts, strict=True) if t >= end - timedelta(days=30))
    assert values(run(LINE))["data"]["flows"]["revenue"] == pytest.approx(wanted)


def test_a_window_before_the_data_is_said_to_be_no_comparison(loyalty, tmp_path):
    members, times, amounts = purchases()
    late = [n for n, moment in enumerate(times) if moment >= max(times) - timedelta(days=40)]
    columns = {"member_id": members, "purchased_at": times, "amount": amounts}
    load(loyalty, tmp_path, "purchases", pa.table({k: [v[n] for n in late] for k, v in columns.items()}))
    plan = run(f"{SUMMARY} --window 30d --detail full", "data-pull")
    data, shown = values(plan)["data"], outputs(plan)
    why = data["window"]["not_comparable"]
    assert why.startswith("No comparison is possible: the window before, 2025-0")
    assert (data["engagement_lift"], data["flows"]["active_before"]) == (None, None)
    assert set(data["kpis_before"].values()) == {None}
    assert {row["previous"] for row in rows(shown["window_comparison"])} == {None}
    assert {row["verdict"] for row in rows(shown["kpi_comparison"])} == {"not comparable"}
    assert why in data["headline"][0]["value"] and why in shown["kpis"]["note"]


def test_without_a_ledger_liability_is_said_to_be_unavailable(loyalty, tmp_path):
    load_purchases(loyalty, tmp_path)
    health = values(run(LINE))["health"]
    assert health["liability"] is None
    assert (
        "No point ledger is loaded; load one on the page Data, Load data."
        in health["unavailable"]["liability"]
    )


@pytest.mark.parametrize(
    "more", ["--window 31d", "--detail long", "--dimensions tier,planet", "--alert_threshold nonsense<1"]
)
def test_bad_inputs_are_refused(loyalty, tmp_path, more):
    load_purchases(loyalty, tmp_path)
    with pytest.raises(InvalidInput):
        run(f"/loyalty-lifecycle-orchestration:monitor-loyalty {more}")
    assert not Plan.objects.exists()


def test_one_breach_is_recorded_and_pulls_nothing(loyalty, tmp_path):
    load_purchases(loyalty, tmp_path)
    plan = run(f"{LINE} --alert_threshold retention<0.99")
    assert Breach.objects.filter(rule="alert-retention").count() == 1
    assert not Escalation.objects.exists()
    assert plan.state == "running"


ALARM = f"{LINE} --alert_threshold retention<0.99"


def assert_escalated(plan, trigger):
    """The case stands on the analyst's rung, the plan is stopped by that trigger."""
    case = Escalation.objects.get(plan=plan, trigger=trigger)
    told = RungFiring.objects.filter(case=case).order_by("rung").first()
    assert (case.ladder[0]["roles"], case.rung) == (["member-insights-analyst"], 1)
    assert (told.rung, told.role) == (1, "member-insights-analyst")
    assert RipcordPull.objects.get(plan=plan).trigger == trigger
    assert plan.state == "held"


def test_a_second_breach_in_another_period_opens_the_ladder_and_pulls_the_rip_cord(loyalty, tmp_path):
    load_purchases(loyalty, tmp_path)
    first = run(ALARM, "data-pull")
    load_purchases(loyalty, tmp_path, shift=7)
    second = run(ALARM, "data-pull")
    assert first.state == "running"
    assert_escalated(second, "alert-retention")


def test_two_runs_on_the_same_day_each_breach_and_count_as_one_period(loyalty, tmp_path):
    load_purchases(loyalty, tmp_path)
    plans = [run(ALARM, "data-pull") for _ in range(2)]
    assert [plan.breaches.get().rule for plan in plans] == ["alert-retention"] * 2
    assert not Escalation.objects.exists()
    assert {plan.state for plan in plans} == {"running"}


def test_a_monthly_run_that_keeps_the_rule_does_not_clear_the_breach_of_a_weekly_one(loyalty, tmp_path):
    for shift, (window, limit) in enumerate((("7d", 0.99), ("30d", 0.01), ("7d", 0.99))):
        load_purchases(loyalty, tmp_path, shift=7 * shift)
        plan = run(f"{SUMMARY} --window {window} --alert_threshold retention<{limit}", "data-pull")
    assert_escalated(plan, "alert-retention")
    told = plan.readings.get()
    assert (told.window, told.verdict, told.period[:6]) == ("7d", "breached", "until ")


def test_a_run_with_a_lenient_threshold_between_two_breaches_clears_nothing(loyalty, tmp_path):
    for shift, limit in enumerate((0.99, 0.01, 0.99)):
        load_purchases(loyalty, tmp_path, shift=7 * shift)
        plan = run(f"{LINE} --alert_threshold retention<{limit}", "data-pull")
    assert_escalated(plan, "alert-retention")
    (told,) = plan.readings.all()
    assert (told.verdict, told.limit) == ("breached", "retention<0.99")


def test_scheduled_runs_count_breaches_like_others(loyalty, tmp_path, time):
    owner = PersonFactory().accounts.get()
    owner.user_permissions.add(Permission.objects.get(codename="operate_plan"))
    schedule = Schedule(
        program=loyalty,
        owner=owner,
        name="daily",
        command="monitor-loyalty",
        crontab="0 12 * * *",
        inputs={"window": "30d", "alert_threshold": "retention<0.99"},
    )
    schedule.full_clean()
    schedule.save()
    plans = []
    for shift, hours in ((0, 2), (7, 24)):
        load_purchases(loyalty, tmp_path, shift=shift)
        time.pass_time(hours=hours)
        assert schedules.fire_due() == 1
        plans.append(work(Plan.objects.order_by("pk").last(), "data-pull"))
    assert plans[0].state == "running"
    assert_escalated(plans[1], "alert-retention")


def test_a_liability_spike_pulls_the_rip_cord_at_once(loyalty, tmp_path):
    ledger = load_purchases(loyalty, tmp_path)["point_ledger"]
    late = START + timedelta(days=DAYS - 5)
    spike = ledger.slice(0, 1).to_pylist()[0]
    spike |= {"entry_id": "spike", "entry": "issue", "points": 9_000_000.0, "cost": None}
    spike |= {"posted_at": late, "issued_at": late}
    load(
        loyalty,
        tmp_path,
        "point_ledger",
        pa.concat_tables([ledger, pa.Table.from_pylist([spike], ledger.schema)]),
    )
    assert_escalated(run(LINE, "data-pull", "health-diagnostics"), "liability-spike")


def test_the_ledger_as_it_is_shows_no_spike(loyalty, tmp_path):
    load(loyalty, tmp_path, "point_ledger", load_purchases(loyalty, tmp_path)["point_ledger"])
    plan = run(LINE, "data-pull", "health-diagnostics")
    assert values(plan)["health"]["spikes"] == []
    assert plan.state == "running"


def test_the_time_to_resolve_an_alert_is_told_in_the_next_run(loyalty, tmp_path, time):
    load_purchases(loyalty, tmp_path)
    earlier = run(SUMMARY, "data-pull")
    analyst = actor_of(Person.objects.get(approverships__role__slug="member-insights-analyst"))
    for hours in (3, 5, 40):
        case = ladder.open_case(earlier, "alert-retention", "Repeat rate past its alert threshold")
        time.pass_time(hours=hours)
        with acting_as(analyst):
            ladder.resolve(case, remediation="Sent the win-back letters.")
    ladder.open_case(earlier, "alert-csat", "Satisfied members past the alert threshold")
    found = values(run(SUMMARY, "data-pull"))["data"]
    assert found["alert_remediation_time"] == 5.0


def test_a_repeat_rate_is_not_compared_with_itself_where_nobody_new_was_observed(loyalty, tmp_path):
    load_purchases(loyalty, tmp_path, members=40)  # of whom none was new between day 203 and 210 of 300

    def repeat_rate(line):
        plan = run(line, "data-pull")
        body = document.build(plan)
        found = next(one for one in body["success_metrics"] if one["key"] == "repeat_rate")
        return values(plan)["data"]["kpis_before"]["repeat_rate"], found["met"]

    assert repeat_rate(f"{SUMMARY} --window 7d") == (None, None)
    before, met = repeat_rate(f"{SUMMARY} --window quarter")
    assert before is not None and met is not None


def test_an_alert_over_a_weekend_is_held_against_the_ladder_by_its_working_hours(loyalty, tmp_path, time):
    load_purchases(loyalty, tmp_path)
    earlier = run(SUMMARY, "data-pull")
    analyst = actor_of(Person.objects.get(approverships__role__slug="member-insights-analyst"))
    time.pass_time(days=(4 - clock.now().weekday()) % 7)
    time.pass_time(hours=16 - clock.now().hour)
    case = ladder.open_case(earlier, "alert-retention", "Repeat rate past its alert threshold")
    time.pass_time(hours=66)  # from Friday at four to Monday at ten
    with acting_as(analyst):
        ladder.resolve(case, remediation="Sent the win-back letters.")

    def held(line):
        body = document.build(run(line, "data-pull"))
        found = next(one for one in body["success_metrics"] if one["key"] == "alert_remediation_time")
        return found["actual"], found["target"], found["met"]

    assert held(SUMMARY) == (2, 32, True)
    assert held(f"{SUMMARY} --alert_threshold alert_remediation_time>24") == (66, 24, False)


def test_summary_is_the_short_of_full(loyalty, tmp_path):
    for kind, table in load_purchases(loyalty, tmp_path, members=900).items():
        load(loyalty, tmp_path, kind, table)
    short = outputs(run(f"{SUMMARY} --dimensions region,channel"))
    full = outputs(run(f"{SUMMARY} --dimensions region,channel --detail full"))
    assert full.keys() - short.keys() == {
        "definitions", "experiment_figures", "group_trend", "holdout", "member_list", "points_by_tier",
        "tier_migration_chart", "tier_windows", "vintages",
    }  # fmt: skip
    assert (short.keys() - full.keys(), len(short["drilldown"]["rows"])) == (set(), 5)
    assert len(full["drilldown"]["rows"]) > 5
    assert {
        "backlog",
        "backlog_values",
        "assumptions",
        "risks",
        "next_tests",
        "kpi_comparison",
    } <= short.keys()


def test_a_test_held_by_its_guardrail_says_so_and_what_that_takes(loyalty, tmp_path):
    """A rare outcome takes a hundred times the members there are: no weeks are promised."""
    load_purchases(loyalty, tmp_path)
    lines = [
        {"experiment": "Bonus", "unit_id": f"{arm}-{n}", "variant": arm, "metric": metric,
         "value": float(n < count), "assigned_at": START + timedelta(days=n % 28)}
        for metric, counts in (("bought", {"control": 10, "new": 40}), ("left", {"control": 4, "new": 4}))
        for arm, count in counts.items()
        for n in range(100)
    ]  # fmt: skip
    load(loyalty, tmp_path, "experiments", pa.Table.from_pylist(lines))
    guards = {"name": "left", "role": "guardrail", "direction": "lower", "margin": 0.05}
    metrics = [{"name": "bought", "role": "primary"}, guards]
    Experiment(program=loyalty, key="bonus", name="Bonus", planned_per_arm=100, metrics=metrics).save()
    plan = run(LINE)
    (told,) = values(plan)["experiments"]["experiments"]
    assert told["verdict"] == "hold"
    (row,) = rows(outputs(plan)["next_tests"])
    assert row["suggestion"] == "Test new again with members enough for left"
    assert "bought won, +300.0 %" in row["why"] and "less than 10 %" not in row["why"]
    assert (row["n"], row["weeks"], row["guardrails"] > 100_000) == (None, None, True)
    assert "cannot be tested here" in row["why"]


def test_every_action_has_an_interval_an_owner_a_date_a_sample_and_weeks(loyalty, tmp_path):
    load_purchases(loyalty, tmp_path, members=900)
    Tier(program=loyalty, rank=1, name="Base", threshold=0).save()
    Tier(program=loyalty, rank=2, name="Silver", threshold=120).save()
    plan = run(LINE)
    actions = values(plan)["actions"]["backlog"]
    assert {"Nudge members close to the next tier"} <= {action["title"] for action in actions}
    for action in actions:
        worth = action["chance_to_win"] * action["effect_per_member"] * action["members"] * action["margin"]
        assert action["expected_value"] == pytest.approx(worth)
        assert action["expected_low"] < action["expected_value"] < action["expected_high"]
        assert all(action[name] for name in ("owner", "eta", "why"))
        # A test is promised where its members exist, and else none.
        if action["sample_size_per_arm"]:
            assert 2 * action["sample_size_per_arm"] <= action["members"] and action["test_weeks"] >= 4
            assert "with 80 % power" in action["why"]
        else:
            assert "cannot be tested here; compare windows, with regression to the mean" in action["why"]
            assert "expected to buy anyway" in action["why"] and action["test_weeks"] is None
    assert {"7d", "30d", "quarter"} == values(plan)["health"]["tier_moves"].keys()


def test_retention_reacts_within_one_window_to_members_who_stop(loyalty, tmp_path):
    """A hundred members who bought every ten days for a year, and three hundred who left long ago: in the
    last window every second one is missing."""
    who, day = [], []
    for member in range(100):
        until = 370 if member % 2 else 400
        days = range(member % 10, until, 10)
        who += [f"m{member}"] * len(days)
        day += days
    who += [f"gone{n}" for n in range(300)]
    day += [n % 40 for n in range(300)]
    who.append("m1")  # the last day has a purchase, so that the window ends there
    day.append(399)
    bought = {"member_id": who, "purchased_at": [START + timedelta(days=d, hours=12) for d in day],
              "amount": [20.0] * len(who)}  # fmt: skip
    load(loyalty, tmp_path, "purchases", pa.table(bought))
    data = values(run(f"{SUMMARY} --window 30d", "data-pull"))["data"]
    assert data["retention"] == pytest.approx(0.51)
    assert data["kpis_before"]["retention"] == 1.0


def test_what_an_order_is_worth_is_drawn_towards_everybodys(loyalty):
    """Those whose few orders were dear buy a usual one next: the plain mean forecast half as much again."""
    rng, size = np.random.default_rng(4), 6000
    own, orders = rng.gamma(6, 10, size), 1 + rng.poisson(0.7, size)
    seen = np.array([m * rng.gamma(1.5, 1 / 1.5, n).mean() for m, n in zip(own, orders, strict=True)])
    buyers = SimpleNamespace(monetary=seen * orders, orders=orders)
    dearest, cheapest = seen >= np.quantile(seen, 0.9), seen <= np.quantile(seen, 0.1)
    found = insights.order_values(buyers)
    for group in (dearest, cheapest):
        assert found[group].mean() / own[group].mean() == pytest.approx(1, abs=0.15)
    assert seen[dearest].mean() / own[dearest].mean() > 1.4
    assert found.mean() == pytest.approx(own.mean(), rel=0.03)


def test_what_work_costs_is_taken_off_the_value_of_an_action_or_said_to_be_unknown(loyalty, tmp_path):
    load_purchases(loyalty, tmp_path, members=900)
    Tier(program=loyalty, rank=1, name="Base", threshold=0).save()
    Tier(program=loyalty, rank=2, name="Silver", threshold=120).save()
    before = run(SUMMARY)
    assert "nobody has entered what a person-day costs" in outputs(before)["backlog_values"]["note"]
    headline = values(before)["actions"]["answer"]["headline"]
    assert headline.endswith(" person-days of work, which nobody has entered.")
    loyalty.person_day_cost = 250
    loyalty.save()
    after = run(SUMMARY)
    gross = {row["title"]: row for row in values(before)["actions"]["backlog"]}
    for row in values(after)["actions"]["backlog"]:
        labour = 250 * row["effort_days"]
        assert row["labour"] == labour
        assert row["expected_value"] == pytest.approx(gross[row["title"]]["expected_value"] - labour)
        assert row["expected_low"] == pytest.approx(gross[row["title"]]["expected_low"] - labour)
    assert "net of labour" in outputs(after)["backlog_values"]["note"]
    headline = values(after)["actions"]["answer"]["headline"]
    assert headline.endswith(" after labour.") or headline.startswith("No proposal pays for its labour.")
    item = outputs(after)["backlog"]["items"][0]
    assert item["low"] < item["expected_value"] < item["high"]


def test_bg_nbd_of_the_cdnow_sample_is_that_of_fader_hardie_and_lee(loyalty, tmp_path):
    sample = set((DATA / "cdnow" / "sample.txt").read_text().split())
    rows = csv.read_csv(
        CDNOW,
        convert_options=csv.ConvertOptions(column_types={"customer_id": "str", "dollar_value": "float64"}),
    )
    inside = pc.and_(pc.is_in(rows["customer_id"], pa.array(sorted(sample))),
                     pc.less_equal(pc.cast(rows["date"], "date32"), date(1997, 9, 30)))  # fmt: skip
    rows = rows.filter(inside)
    table = pa.table(
        {"member_id": rows["customer_id"], "purchased_at": rows["date"], "amount": rows["dollar_value"]}
    )
    load(loyalty, tmp_path, "purchases", table)
    model = values(run(SUMMARY, "data-pull", "health-diagnostics"))["health"]["bg_nbd"]
    assert model["customers"] == 2357
    assert [round(model[name], 3) for name in ("r", "alpha", "a", "b")] == [0.243, 4.414, 0.793, 2.426]
    assert round(model["log_likelihood"], 1) == -9582.4


def test_a_member_list_that_ends_before_the_window_says_when_somebody_enrolled_last(loyalty, tmp_path):
    load_purchases(loyalty, tmp_path)
    members, _, _ = purchases()
    names = sorted(set(members))
    joined = [START + timedelta(days=n % 50) for n in range(len(names))]
    load(loyalty, tmp_path, "members", pa.table({"member_id": names, "enrolled_at": joined}))
    plan = run(SUMMARY, "data-pull")
    found = values(plan)["data"]
    last = found["last_enrolment"]
    assert (found["flows"]["enrolled"], last["last_enrolled_on"]) == (0, "2025-02-19")
    assert last["enrolled_up_to_it"] == sum(day >= START + timedelta(days=20) for day in joined)
    assert "Nobody of the member list enrolled in the window" in outputs(plan)["kpis"]["note"]
    fresh = [*joined[:-1], START + timedelta(days=DAYS - 3)]
    load(loyalty, tmp_path, "members", pa.table({"member_id": names, "enrolled_at": fresh}))
    again = values(run(SUMMARY, "data-pull"))["data"]
    assert (again["flows"]["enrolled"], "last_enrolment" in again) == (1, False)
