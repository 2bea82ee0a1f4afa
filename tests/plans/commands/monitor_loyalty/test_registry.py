"""The registry decides what a KPI is: definitions, versions and limits, through the command and REST."""

import pyarrow as pa
import pytest
from django.contrib.auth.models import Permission
from rest_framework.test import APIClient

from gtm.core.models import ChangeLogEntry
from plans.export import document
from plans.models import Breach, Escalation, Reading
from programs.models import Metric
from programs.schemas.metrics import STANDARD
from programs.services import establish_metrics
from tests.doors import manage
from tests.factories import PersonFactory, RoleFactory
from tests.plans.commands.loyalty_program import (
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
)


@pytest.fixture
def registry(loyalty, tmp_path):
    """The program with purchases and a full registry."""
    load_purchases(loyalty, tmp_path)
    establish_metrics()
    return loyalty


def change(key, **fields):
    metric = Metric.objects.get(key=key)
    for name, value in fields.items():
        setattr(metric, name, value)
    metric.save()
    return metric


def pull(line=SUMMARY):
    return run(line, "data-pull")


def test_standard_metrics_are_made_once_and_kept_as_the_organisation_has_them(acting):
    RoleFactory(slug="finance")
    assert establish_metrics() == (len(STANDARD), 0)
    change("loyalty-csat", name="Happy members")
    assert manage("load_metrics") == (
        0,
        f"0 metrics made. {len(STANDARD)} existed already and were not changed.\n",
    )
    assert Metric.objects.get(key="loyalty-csat").name == "Happy members"
    assert Metric.objects.get(key="loyalty-liability").owner_role.slug == "finance"


def test_a_changed_definition_over_rest_is_a_new_version_with_its_diff_in_the_change_log(acting):
    establish_metrics()
    user = PersonFactory().accounts.get()
    user.user_permissions.add(*Permission.objects.filter(codename__in=["change_metric", "view_metric"]))
    client = APIClient()
    client.force_login(user)
    answer = client.get("/api/v1/metrics/loyalty-retention/")
    sent, seen = {"window": "60 days", "threshold": "0.5"}, {"if-match": answer["ETag"]}
    refused = client.patch("/api/v1/metrics/loyalty-retention/", sent, format="json", headers=seen)
    assert (refused.status_code, refused.json()["detail"].split(" of ")[0]) == (422, "Say why threshold")
    sent |= {"reason": "Two quarters below it."}
    told = client.patch("/api/v1/metrics/loyalty-retention/", sent, format="json", headers=seen)
    assert (told.status_code, told.json()["definition_version"]) == (200, 2)
    logged = ChangeLogEntry.objects.filter(entity="programs.metric", event="changed").order_by("sequence")
    found = {e.payload.body["field"]: (e.payload.body["from"], e.payload.body["to"]) for e in logged}
    assert (found["window"], found["definition_version"]) == (("window of the run", "60 days"), (1, 2))
    assert {entry.payload.body["reason"] for entry in logged} == {"Two quarters below it."}


def test_a_new_limit_or_name_is_no_new_definition(acting):
    establish_metrics()
    assert change("loyalty-csat", threshold="0.7", name="Happy members").definition_version == 1
    assert change("loyalty-csat", denominator="members").definition_version == 2


def test_the_version_stands_beside_the_figure(registry):
    change("loyalty-active-rate", numerator="members enrolled")
    plan = pull()
    figure = next(m for m in outputs(plan)["kpis"]["items"] if m["key"] == "active_rate")
    assert figure["definition"] == "Members enrolled / members, window of the run (v2)"
    assert values(plan)["data"]["metric_versions"]["loyalty-active-rate"] == 2


def test_the_words_of_the_definition_are_what_is_counted(registry):
    before = values(pull())["data"]
    change("loyalty-active-rate", numerator="orders")
    after = values(pull())["data"]
    assert before["kpis"]["active_rate"] == pytest.approx(
        before["flows"]["active"] / before["flows"]["members"]
    )
    assert after["kpis"]["active_rate"] == pytest.approx(after["flows"]["orders"] / after["flows"]["members"])


def test_words_nobody_can_count_give_no_figure(registry):
    change("loyalty-active-rate", numerator="members who smiled")
    assert "“members who smiled”" in values(pull())["data"]["unavailable"]["active_rate"]


def test_a_method_whose_words_were_changed_gives_no_figure(registry):
    change("loyalty-churn-risk", numerator="members without a purchase for a year")
    found = values(run(SUMMARY, "data-pull", "health-diagnostics"))["health"]
    assert found["churn_risk"] is None
    assert (
        "otherwise than as “repeat buyers who have probably left / repeat buyers”"
        in found["unavailable"]["churn_risk"]
    )


def test_retention_is_over_the_days_of_the_registry(registry):
    change("loyalty-retention", window="30 days")
    for window in ("7d", "quarter"):
        found = values(pull(f"{SUMMARY} --window {window}"))["data"]
        assert found["retention"] == pytest.approx(retained(30))


@pytest.mark.parametrize(("window", "days"), [("7d", 7), ("30d", 30)])
def test_retention_is_that_of_the_window_asked_and_of_the_one_before(registry, window, days):
    found = values(pull(f"{SUMMARY} --window {window}"))["data"]
    assert found["window"]["days"] == days
    assert found["retention"] == pytest.approx(retained(days))
    assert found["kpis_before"]["retention"] == pytest.approx(retained(days, ago=1))


def test_the_repeat_rate_is_that_of_the_newest_cohort_that_is_closed(registry):
    for window, days in (("7d", 7), ("30d", 30)):
        found = values(pull(f"{SUMMARY} --window {window}"))["data"]
        assert found["newest_cohorts"] == pytest.approx(repeated(90, width=days))
        assert found["kpis"]["repeat_rate"] == pytest.approx(repeated(90, width=10_000))


def test_where_the_registry_still_says_everybody_it_is_everybody(registry):
    change(
        "loyalty-retention",
        numerator="members who bought again within the window",
        denominator="members observed for the window",
    )
    assert values(pull(f"{SUMMARY} --window 30d"))["data"]["retention"] == pytest.approx(
        repeated(30, width=10_000)
    )


def test_retention_says_so_where_the_window_before_begins_before_the_data(registry):
    change("loyalty-retention", window="200 days")
    found = values(pull())["data"]
    assert found["retention"] is None
    assert "begins before the data" in found["unavailable"]["retention"]


def days_of_members():
    who, when, _ = purchases()
    days = {}
    for name, moment in zip(who, when, strict=True):
        days.setdefault(name, set()).add((moment - START).days)
    return list(days.values())


END = max((moment - START).days for moment in purchases()[1]) + 1


def retained(span, ago=0):
    """Of those who bought in the ``span`` days before the last ``span`` days, who did in these."""
    end = END - ago * span
    before = [each for each in days_of_members() if any(end - 2 * span <= day < end - span for day in each)]
    return sum(any(end - span <= day < end for day in each) for each in before) / len(before)


def repeated(span, width):
    closed = [each for each in days_of_members() if END - min(each) >= span]
    newest = max(min(each) for each in closed)
    cohort = [each for each in closed if min(each) > newest - width]
    return sum(any(0 < day - min(each) <= span for day in each) for each in cohort) / len(cohort)


def test_a_window_that_is_no_number_of_days_is_said(registry):
    change("loyalty-retention", window="a while")
    assert "“a while”" in values(pull())["data"]["unavailable"]["retention"]


def test_the_next_run_tells_what_was_redefined(registry):
    first = pull(f"{LINE} --alert_threshold csat<0.5")
    assert values(first)["data"]["definition_changes"] == ["There was no run before."]
    change("loyalty-retention", window="60 days")
    second = pull(LINE)
    told = values(second)["data"]["definition_changes"]
    assert told == [
        f"Alert thresholds were csat<0.5 in {first.plan_id} and are none now.",
        "Retention, v1 → v2: window “window of the run” → “60 days”.",
    ]
    versions = {row["metric"]: row["version"] for row in rows(outputs(second)["definitions"])}
    assert (versions["retention"], versions["csat"]) == ("v2", "v1")


def test_a_metric_the_registry_lacks_stands_as_standard(loyalty, tmp_path):
    load_purchases(loyalty, tmp_path)
    figure = next(m for m in outputs(pull())["kpis"]["items"] if m["key"] == "revenue")
    assert figure["definition"].endswith("(standard, not in the registry)")


def test_the_registry_keeps_limits_for_runs_that_name_none(registry):
    change("loyalty-retention", threshold="0.99")
    change("loyalty-revenue", threshold="1")
    found = values(pull())["data"]
    assert found["thresholds"] == "retention<0.99,revenue<1"
    assert {alert["rule"]: alert["verdict"] for alert in found["alerts"]} == {
        "retention<0.99": "breached", "revenue<1": "kept",
    }  # fmt: skip


def test_a_kept_limit_leaves_its_value_and_two_periods_without_any_are_told(registry, tmp_path):
    line = f"{SUMMARY} --alert_threshold revenue<1,csat<0.1"
    plan = pull(line)
    body = document.build(plan)
    told = {one["rule"]: (one["value"], one["verdict"]) for one in body["readings"]}
    assert told["alert-revenue"] == (f"{values(plan)['data']['kpis']['revenue']:.6g}", "good")
    assert told["alert-csat"] == ("", "missing")
    assert not Escalation.objects.exists()
    load_purchases(registry, tmp_path, shift=7)
    pull(line)
    assert Escalation.objects.get().trigger == "alert-csat-metric-missing"


def test_retention_in_the_words_of_before_is_not_compared_with_itself(registry, tmp_path):
    words = Metric.objects.get(key="loyalty-repeat-rate")
    change("loyalty-retention", numerator=words.numerator, denominator=words.denominator)
    load_purchases(registry, tmp_path, members=40)  # the last came on day 213 of 300
    found = values(pull(f"{SUMMARY} --window 7d"))["data"]
    assert found["kpis"]["retention"] is not None
    assert found["kpis_before"]["retention"] is None


def test_limits_named_for_the_run_go_before_those_of_the_registry(registry):
    change("loyalty-retention", threshold="0.99")
    found = values(pull(f"{SUMMARY} --alert_threshold csat<0.1"))["data"]
    assert found["thresholds"] == "csat<0.1"


def test_a_breach_of_another_definition_does_not_count(registry, tmp_path):
    line = f"{SUMMARY} --alert_threshold retention<0.99"
    pull(line)
    change("loyalty-retention", window="60 days")
    load_purchases(registry, tmp_path, shift=7)
    plan = pull(line)
    assert [r.metric_version for r in Reading.objects.filter(rule="alert-retention")] == [1, 2]
    assert Breach.objects.filter(rule="alert-retention").count() == 2
    assert (Escalation.objects.exists(), plan.state) == (False, "running")


def test_breakdowns_are_those_the_definition_allows(registry, tmp_path):
    change("loyalty-active-rate", dimensions=["tier"])
    names = sorted(set(purchases()[0]))
    table = pa.table({"member_id": names, "enrolled_at": [START] * len(names), "tier": ["Base"] * len(names),
                      "region": ["north"] * len(names)})  # fmt: skip
    load(registry, tmp_path, "members", table)
    columns = [
        column["key"] for column in outputs(pull(f"{SUMMARY} --dimensions region"))["drilldown"]["columns"]
    ]
    assert "active_rate" not in columns
    columns = [
        column["key"] for column in outputs(pull(f"{SUMMARY} --dimensions tier"))["drilldown"]["columns"]
    ]
    assert "active_rate" in columns
