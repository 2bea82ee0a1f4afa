"""Books that disagree: the reconciliation fails, another reader has a turn, then a person."""

from datetime import timedelta
from decimal import Decimal

import pyarrow as pa
import pytest

from plans.engine.running import runner
from plans.export import document
from plans.models import Task
from programs.models import MeasurementAgreement
from tests.plans.commands.track_source.campaign import establish, load, start, values, work_off, world

SIZE = "Deal size"


def with_amounts(factor, every):
    """The world in which of every so many deals of one partner the amount is another."""
    tables = {partner: dict(kinds) for partner, kinds in world().tables.items()}
    deals = tables["contoso"]["opportunities"]
    sizes = [
        size and float(size) * (1 if n % every else factor) for n, size in enumerate(deals[SIZE].to_pylist())
    ]
    place = deals.column_names.index(SIZE)
    tables["contoso"]["opportunities"] = deals.set_column(place, SIZE, pa.array(sizes))
    return tables


@pytest.fixture
def reconciled(acting, tmp_path, settings):
    settings.GTM_DATA_DIR = tmp_path / "data"
    joint = establish()

    def run(factor, every):
        load(joint, tmp_path, with_amounts(factor, every))
        plan = work_off(start(), until="reconciliation")
        task = plan.tasks.get(key="reconciliation")
        while task.state in ("retry_wait", "fallback_ready"):
            runner.run_task(task.pk, "test")
            task.refresh_from_db()
        return plan, task

    return run


def attempts(task):
    return [(attempt.executor, attempt.outcome) for attempt in task.attempts.order_by("fence")]


def test_books_that_agree_are_read_once(reconciled):
    plan, task = reconciled(1, 1)
    assert attempts(task) == [("original", "succeeded")]
    assert (values(plan)["reconciled"]["reader"], values(plan)["reconciled"]["read_apart"]) == (
        "a person in common", 0,
    )  # fmt: skip


def test_books_that_disagree_on_some_are_read_by_amount_too_and_later_steps_read_alike(reconciled):
    plan, task = reconciled(1.5, 3)
    assert attempts(task) == [("original", "failed"), ("substitute", "succeeded")]
    assert "disagree on the amount of" in task.attempts.order_by("fence").first().error
    found = values(plan)["reconciled"]
    assert found["reader"] == "a person in common and amounts that are not far apart"
    assert found["read_apart"] > 0
    credited = values(work_off(plan))["attribution"]
    assert float(credited["total_pipeline"]) == float(found["pipeline"])
    cover = next(c for c in document.build(plan)["fallbacks"] if c["used"])
    assert cover["used"][0]["outcome"] == "succeeded"


def test_what_books_may_differ_by_is_what_the_partners_agreed_on(reconciled):
    agreement = MeasurementAgreement.objects.get()
    agreement.mismatch_tolerance, agreement.amount_tolerance = Decimal("0.6"), Decimal("0.3")
    agreement.save()
    plan, task = reconciled(1.5, 3)
    assert attempts(task) == [("original", "succeeded")]
    limits = {limit["key"]: limit["limit"] for limit in document.build(plan)["guardrails"]["limits"]}
    assert (limits["amount_tolerance"], limits["mismatch_tolerance"]) == (0.3, 0.6)


def test_amounts_within_the_agreed_distance_are_no_mismatch(reconciled):
    agreement = MeasurementAgreement.objects.get()
    agreement.amount_tolerance = Decimal("0.5")
    agreement.save()
    assert attempts(reconciled(1.5, 1)[1]) == [("original", "succeeded")]


def test_books_that_no_reader_reconciles_go_to_a_person_with_what_failed(reconciled):
    plan, task = reconciled(1.5, 1)
    assert attempts(task) == [("original", "failed"), ("substitute", "failed")]
    assert task.state == "escalated"  # both readers had their turn: the ladder asks people
    assert "would be counted apart" in task.error["message"]
    assert not Task.objects.filter(plan=plan, key="attribution", state="ready").exists()


def test_actions_have_a_day_and_those_about_money_their_value(acting, tmp_path, settings):
    settings.GTM_DATA_DIR = tmp_path / "data"
    load(establish(), tmp_path, world().tables)
    plan = work_off(start())
    actions = values(plan)["report"]["actions"]
    today = plan.created_at.date()
    decide = [a for a in actions if a["title"].startswith(("Decide", "Settle"))]
    adjust = [a for a in actions if a not in decide]
    assert {a["due"] for a in decide} == {(today + timedelta(days=5)).isoformat()}
    assert {a["due"] for a in adjust} == {(today + timedelta(days=14)).isoformat()}
    assert any(a["expected_value"] and a["unit"] == "USD" for a in adjust)


def test_an_action_is_valued_at_what_changes_with_its_interval_its_cost_and_why_it_might_be_wrong(
    acting, tmp_path, settings
):
    settings.GTM_DATA_DIR = tmp_path / "data"
    load(establish(), tmp_path, world().tables)
    told = values(work_off(start()))
    credited = sum(row["pipeline"] for row in told["attribution"]["credit"].values())
    valued = [a for a in told["report"]["actions"] if a["expected_value"] is not None]
    assert valued
    for action in valued:
        assert 0 <= action["low"] < action["expected_value"] < action["high"] < 0.2 * credited
        assert "Cost: " in action["why"] and "It may be wrong because credit is not cause" in action["why"]
    assert not any(a["title"].startswith("Settle") for a in valued)
