"""Breaches are counted by rule and period, across the runs of a command on a program."""

import pytest

from gtm.core import canonical
from gtm.core.actors import acting_as
from gtm.core.errors import InvalidInput, NotPermitted
from plans.engine.alarms import readings
from plans.engine.alarms.overview import rule_overviews
from plans.engine.escalation import deadlines
from plans.engine.running import runner
from plans.engine.stopping import stopped
from plans.export import document
from plans.models import Breach, Escalation, TaskAttempt
from plans.schemas import counting
from plans.schemas.outputs import Measured, Signal
from tests.factories import PersonFactory, ProgramFactory, gate, make_plan, seat
from tests.plans.engine.conftest import actor_of

pytestmark = pytest.mark.usefixtures("acting")
RULE = {"signal": "negative-roi", "title": "Negative", "breaches": 2, "pulls_ripcord": False}


def cases(plan):
    return plan.escalations.filter(trigger="negative-roi")


def raise_in(plan, period, value=-1.0):
    return readings.raise_signal(
        plan, plan.tasks.get(key="work"), Signal("negative-roi", "ROI below 0", period=period, value=value)
    )


def test_the_first_breach_is_on_record_and_the_second_opens_the_ladder():
    program = ProgramFactory()
    first, second = make_plan(program=program, triggers=[RULE]), make_plan(program=program, triggers=[RULE])
    raise_in(first, "Q1")
    assert cases(first).count() == 0
    raise_in(second, "Q2")
    assert [e["period"] for e in cases(second).get().evidence] == ["Q1", "Q2"]


def test_the_second_plan_with_the_same_design_counts_its_own_breach_and_no_second_period():
    program = ProgramFactory()
    first, same, other = (make_plan(program=program, triggers=[RULE]) for _ in range(3))
    for plan in (first, same):
        raise_in(plan, "design a")
    assert [counted(plan) for plan in (first, same)] == [1, 1]
    assert cases(first).count() == cases(same).count() == 0
    raise_in(first, "design b")
    raise_in(other, "design b")  # the second breach by another plan: it escalates from there as well
    assert [counted(plan) for plan in (first, same, other)] == [2, 1, 2]
    assert [e["period"] for e in cases(other).get().evidence] == ["design a", "design b"]
    assert (cases(first).count(), cases(same).count()) == (1, 0)


def counted(plan):
    """Where the counter stood for the plan, as its file says."""
    told = document.build(plan)["guardrails"]["triggers"]
    return next(row["count"] for row in told if row["signal"] == "negative-roi")


def test_windows_count_apart_and_a_window_that_keeps_the_rule_clears_no_other():
    """Weekly and monthly runs over a quarter: each reaches its second breach by its own."""
    program = ProgramFactory()

    def look(day, window, value):
        plan = make_plan(program=program, triggers=[ALERT | {"of": 0}])
        readings.measure(plan, None, Measured("negative-roi", value, f"until {day}", window=window))
        return plan

    look("01-31", "30d", 0.7)
    weekly = [look(f"02-{day}", "7d", value) for day, value in (("07", 0.7), ("14", 0.9), ("21", 0.7))]
    assert not Escalation.objects.filter(trigger="negative-roi").exists()
    quarter = look("02-28", "quarter", 0.9)  # the same last day as both below
    second_week, second_month = look("02-28", "7d", 0.6), look("02-28", "30d", 0.6)
    assert [cases(plan).count() for plan in (*weekly, quarter)] == [0, 0, 0, 0]
    week, month = cases(second_week).get(), cases(second_month).get()
    assert [(e["period"], e["window"]) for e in week.evidence] == [
        ("until 02-21", "7d"),
        ("until 02-28", "7d"),
    ]
    assert [(e["period"], e["window"]) for e in month.evidence] == [
        ("until 01-31", "30d"), ("until 02-28", "30d"),
    ]  # fmt: skip
    assert {(o.measured_over[0], o.breaches) for o in rule_overviews()} == {
        ("7d", 2), ("30d", 2), ("quarter", 0),
    }  # fmt: skip


def test_a_reading_of_before_windows_were_kept_counts_for_the_window_of_its_plan():
    program = ProgramFactory()
    for window, day in (("7d", "02-07"), ("30d", "02-08")):
        old = make_plan(program=program, triggers=[RULE], inputs={"window": window})
        raise_in(old, f"until {day}")
    plan = make_plan(program=program, triggers=[RULE], inputs={"window": "7d"})
    readings.raise_signal(plan, None, Signal("negative-roi", "Low.", "until 02-14", window="7d"))
    assert [e["period"] for e in cases(plan).get().evidence] == ["until 02-07", "until 02-14"]


@pytest.mark.parametrize("name", ["model", "scope"])
def test_models_and_campaigns_share_no_reading(name):
    plan = make_plan(triggers=[RULE])
    for value in ("first-touch", "last-touch"):
        told = {"period": "until 02-28", name: value}
        readings.raise_signal(plan, None, Signal("negative-roi", "Low.", **told))
        readings.raise_signal(plan, None, Signal("negative-roi", "Low.", **told))
    assert (plan.readings.count(), cases(plan).count()) == (2, 0)


def test_the_plan_json_lists_the_readings_that_the_plan_made():
    program = ProgramFactory()
    raise_in(make_plan(program=program, triggers=[RULE]), "Q1")
    plan = make_plan(program=program, triggers=[RULE])
    readings.keep(plan, {"negative-roi": ""}, Signal("negative-roi", "", "Q2", window="30d"))
    (told,) = canonical.plain(document.build(plan))["readings"]
    assert told == {
        "rule": "negative-roi", "metric_version": 1, "window": "30d", "model": "", "scope": "",
        "period": "Q2", "value": "", "limit": "", "verdict": "good", "message": "",
        "at": canonical.rfc3339(plan.readings.get().created_at),
    }  # fmt: skip
    assert counted(plan) == 0


def test_a_correction_of_one_plans_value_lowers_the_counter_that_another_reached(time):
    program = ProgramFactory()
    first, second = (make_plan(program=program, triggers=[RULE]) for _ in range(2))
    raise_in(first, "Q1")
    raise_in(second, "Q1")
    time.pass_time(hours=1)
    readings.correct(first.readings.get(), value="2", breached=False, comment="The feed was late.")
    third = make_plan(program=program, triggers=[RULE])
    raise_in(third, "Q2")
    assert (counted(first), counted(second), cases(third).count()) == (0, 0, 0)
    assert not Breach.objects.filter(period="Q1", cleared_at=None).exists()


def test_the_same_period_twice_counts_once():
    plan = make_plan(triggers=[RULE])
    assert raise_in(plan, "Q1").pk == raise_in(plan, "Q1").pk
    assert cases(plan).count() == 0


def test_a_run_and_its_revision_are_two_periods():
    plan = make_plan(triggers=[RULE])
    raise_in(plan, "")
    plan.revision = 2
    plan.save()
    raise_in(plan, "")
    assert cases(plan).count() == 1


def test_a_good_measurement_starts_the_count_again():
    plan = make_plan(triggers=[RULE])
    raise_in(plan, "Q1")
    readings.clear(plan, {"negative-roi"})
    raise_in(plan, "Q2")
    assert cases(plan).count() == 0


def test_another_program_counts_for_itself():
    raise_in(make_plan(triggers=[RULE]), "Q1")
    other = make_plan(triggers=[RULE])
    raise_in(other, "Q2")
    assert cases(other).count() == 0


def test_a_rule_that_says_so_pulls_the_ripcord():
    plan = make_plan(triggers=[RULE | {"breaches": 1, "pulls_ripcord": True}])
    raise_in(plan, "Q1")
    plan.refresh_from_db()
    assert (plan.state, plan.pulls.get().trigger) == ("held", "negative-roi")


# ------------------------------------------------------------------ metric rules

ALERT = RULE | {"comparator": "<", "limit": "0.8", "clear_limit": "0.85", "of": 3, "metric_version": 1}


def measure(plan, *values):
    for number, value in enumerate(values, start=1 + plan.readings.count()):
        readings.measure(plan, None, Measured("negative-roi", value, f"week {number}"))


@pytest.mark.parametrize(
    ("values", "opened"),
    [
        ((0.7, 0.7), 1),
        ((0.7, 0.9, 0.7), 0),
        ((0.7, 0.82, 0.7), 1),
        ((0.7, 0.82, 0.82, 0.7), 0),
        ((0.7, None, 0.7), 1),
        ((0.8, 0.8), 0),
    ],
    ids=[
        "two",
        "good between",
        "not yet clear between",
        "out of the window",
        "missing between",
        "at the limit",
    ],
)
def test_two_of_three_periods_past_the_limit_escalate(values, opened):
    plan = make_plan(triggers=[ALERT])
    measure(plan, *values)
    assert cases(plan).count() == opened


def test_the_case_names_both_periods_and_their_values():
    plan = make_plan(triggers=[ALERT])
    measure(plan, 0.7, 0.6)
    assert cases(plan).get().detail == "Breached week 1: 0.7; week 2: 0.6."


def test_several_missing_periods_raise_a_notice_of_their_own():
    plan = make_plan(triggers=[ALERT])
    silent = plan.escalations.filter(trigger="negative-roi-metric-missing")
    measure(plan, 0.9, None)
    assert silent.count() == 0
    measure(plan, None)
    assert silent.count() == 1


def test_readings_of_another_version_of_the_metric_do_not_count():
    program = ProgramFactory()
    measure(make_plan(program=program, triggers=[ALERT]), 0.7)
    later = make_plan(program=program, triggers=[ALERT | {"metric_version": 2}])
    measure(later, 0.7)
    assert cases(later).count() == 0


def test_a_correction_lowers_the_counter_and_is_noted_on_the_open_case():
    plan = make_plan(triggers=[ALERT])
    measure(plan, 0.7, 0.6)
    first = plan.readings.order_by("pk").first()
    readings.correct(first, value="0.95", breached=False, comment="The feed was late.")
    assert cases(plan).get().evidence[-1] == {
        "correction": "week 1",
        "before": "breached 0.7",
        "after": "good 0.95",
        "note": "The feed was late.",
    }
    fresh = make_plan(program=plan.program, triggers=[ALERT])
    assert counting.count_breaches(
        plan.rules.trigger("negative-roi"), [r.verdict for r in plan.readings.order_by("pk")]
    ).counted == (1,)
    assert cases(fresh).count() == 0


def test_the_same_period_measured_again_corrects_and_never_counts_twice():
    plan = make_plan(triggers=[ALERT])
    for value in (0.7, 0.6, 0.9):
        readings.measure(plan, None, Measured("negative-roi", value, "week 1"))
    assert (plan.readings.get().verdict, cases(plan).count()) == ("good", 0)


def test_only_operations_correct_and_they_say_why():
    plan = make_plan(triggers=[ALERT])
    measure(plan, 0.7)
    with pytest.raises(InvalidInput):
        readings.correct(plan.readings.get(), value="1", breached=False, comment=" ")
    with acting_as(actor_of(PersonFactory())), pytest.raises(NotPermitted):
        readings.correct(plan.readings.get(), value="1", breached=False, comment="I say so.")


def test_the_first_breach_is_on_record_for_the_owner_the_second_pulls_and_a_good_period_clears():
    plan = make_plan(triggers=[RULE | {"pulls_ripcord": True}])
    raise_in(plan, "Q1")
    assert (plan.breaches.get().cleared_at, plan.pulls.count()) == (None, 0)
    raise_in(plan, "Q2")
    assert plan.pulls.get().reason == "Negative: ROI below 0"
    readings.clear(plan, {"negative-roi"}, period="Q3")
    assert plan.breaches.filter(cleared_at=None).count() == 0


def test_people_of_the_plan_report_what_no_metric_shows_and_others_do_not():
    plan = make_plan(triggers=[RULE | {"signal": "partner-dispute", "breaches": 1}])
    strategist = PersonFactory(roles=["strategist"])
    with acting_as(actor_of(PersonFactory())), pytest.raises(NotPermitted):
        readings.report(plan, "partner-dispute", "They say the lead was theirs.")
    with acting_as(actor_of(strategist)):
        readings.report(plan, "partner-dispute", "They say the lead was theirs.")
        with pytest.raises(InvalidInput, match="no such trigger"):
            readings.report(plan, "bad-weather", "It rains.")
    assert plan.escalations.filter(trigger="partner-dispute").count() == 1


def test_approvals_that_slip_twice_escalate_where_the_command_says_so(time):
    for role in ("finance", "legal"):
        PersonFactory(roles=[role])
    late = RULE | {"signal": "approval-late"}
    plan = make_plan(gate(), gate(seat("legal"), key="law", hours=24), triggers=[late])
    time.pass_time(days=2)
    deadlines.escalate_overdue(time())
    assert plan.escalations.filter(trigger="approval-late").count() == 0
    time.pass_time(days=2)
    deadlines.escalate_overdue(time())
    assert plan.escalations.filter(trigger="approval-late").count() == 1


def test_a_step_that_fails_twice_escalates_where_the_command_says_so():
    plan = make_plan(triggers=[RULE | {"signal": "work-failed"}])
    task = plan.tasks.get(key="work")
    for fence in (1, 2):
        assert plan.escalations.filter(trigger="work-failed").count() == 0
        runner.count_failure(task, TaskAttempt(task=task, number=fence, fence=fence), "A link is broken.")
    assert plan.escalations.filter(trigger="work-failed").count() == 1


THRESHOLD = RULE | {"pulls_ripcord": False}


def held_against(plan, limit, period, value):
    """A run that brings its own threshold on one metric looks at a period."""
    if value < float(limit.partition("<")[2]):
        signal = Signal("negative-roi", f"{limit} {period}", period, value, "7d", limit=limit)
        return readings.raise_signal(plan, plan.tasks.get(key="work"), signal)
    fine = Signal("negative-roi", "", period, window="7d")
    return readings.keep(plan, {"negative-roi": f"{value}"}, fine, limits={"negative-roi": limit})


def test_a_lenient_threshold_clears_no_breach_of_a_strict_one():
    program = ProgramFactory()
    strict, lenient = "revenue<50000", "revenue<5000"
    first, second, third = (make_plan(program=program, triggers=[THRESHOLD]) for _ in range(3))
    held_against(first, strict, "week 1", 16452)
    held_against(second, lenient, "week 2", 17405.2)
    assert Breach.objects.get().cleared_at is None
    held_against(third, strict, "week 3", 14668)
    told = cases(third).get().evidence
    assert [(e["period"], e["value"]) for e in told] == [
        ("week 1", "16452"), ("week 2", "17405.2"), ("week 3", "14668"),
    ]  # fmt: skip
    assert cases(second).count() == 0
    (overview,) = rule_overviews()
    assert (overview.limit, overview.breaches) == ("when revenue<50000", 3)


def test_a_strict_threshold_is_no_breach_of_a_lenient_one():
    program = ProgramFactory()
    plans = [make_plan(program=program, triggers=[THRESHOLD]) for _ in range(3)]
    held_against(plans[0], "revenue<50000", "week 1", 16452)
    held_against(plans[1], "revenue<50000", "week 2", 60000)
    held_against(plans[2], "revenue<20000", "week 3", 14668)
    # Under 20,000 the first week was a breach as well, and the second was fine.
    assert [cases(plan).count() for plan in plans] == [0, 0, 0]


def test_the_document_says_what_a_reading_was_held_against():
    plan = make_plan(triggers=[THRESHOLD])
    held_against(plan, "revenue<5", "week 1", 6)
    (told,) = document.build(plan)["readings"]
    assert (told["verdict"], told["value"], told["limit"]) == ("good", "6", "revenue<5")


def test_a_case_asks_every_plan_to_stop_whose_breach_it_counts():
    """Two losing plans: the second is held, and neither publishes while its case is open."""
    program, rule = ProgramFactory(), RULE | {"pulls_ripcord": True}
    first, second, other = (make_plan(program=program, triggers=[rule]) for _ in range(3))
    raise_in(first, "design a")
    assert stopped.nothing_asks_to_stop(first, {}) is None
    raise_in(second, "design b")
    said = stopped.nothing_asks_to_stop(first, {})
    assert said.endswith(
        f"(case of {second.plan_id}, which counts this plan). Resolve it on its ladder first."
    )
    assert stopped.nothing_asks_to_stop(second, {}) is not None
    assert stopped.nothing_asks_to_stop(other, {}) is None


@pytest.mark.parametrize("words", ["about a third", "nan", ""])
def test_a_value_that_a_person_corrected_in_words_keeps_what_they_said_of_it(words):
    program = ProgramFactory()
    first, second = (make_plan(program=program, triggers=[THRESHOLD]) for _ in range(2))
    held_against(first, "revenue<50000", "week 1", 60000)
    readings.correct(first.readings.get(), value=words, breached=True, comment="The file was cut.")
    held_against(second, "revenue<20000", "week 2", 14668)
    assert cases(second).count() == 1
