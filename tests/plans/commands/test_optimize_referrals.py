"""optimize-referrals end to end: its usage line on a seeded world, through the doors people use."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from gtm.core.actors import ADMIN, Actor, acting_as
from gtm.core.clock import standing_at
from gtm.core.errors import GtmError, InvalidInput
from plans.commands import base
from plans.demo import referrals as demo
from plans.engine import fraud_cases, gates
from plans.engine.runner import run_task
from plans.models import Breach, FraudCase
from programs.services import load_dataset
from tests.factories import PersonFactory, ProgramFactory

LINE = (
    "/referral-program-orchestration:optimize-referrals "
    '--window 30d --detail full --dimensions "channel,partner-tier"'
)
SHORT = "/referral-program-orchestration:optimize-referrals"
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
STAGES = ("invited_at", "clicked_at", "submitted_at", "qualified_at", "pipeline_at", "won_at")


@pytest.fixture(scope="module")
def world():
    return demo.tables(np.random.default_rng(demo.SEED))


@pytest.fixture
def program(db):
    with standing_at(lambda: NOW), acting_as(Actor.system("Test")):
        yield ProgramFactory(kind="referral", currency="EUR", is_default=True)


@pytest.fixture
def people(program, django_user_model):
    return {
        "ops": person(django_user_model, "ops", "lifecycle-ops", "partner-ops"),
        "architect": person(django_user_model, "architect", "referral-architect"),
        "sponsor": person(django_user_model, "sponsor", "exec-sponsor"),
    }


def person(users, name, *roles):
    return PersonFactory(user=users.objects.create_superuser(name), name=name, roles=list(roles))


def by(someone):
    return acting_as(Actor.of_user(someone.accounts.get(), ADMIN, interactive=True))


@pytest.fixture
def load(program, tmp_path):
    def put(tables):
        for kind, table in tables.items():
            pq.write_table(table, tmp_path / f"{kind}.parquet")
            load_dataset(kind, [tmp_path / f"{kind}.parquet"], program=program, currency="EUR")

    return put


@pytest.fixture
def run(people):
    def go(line=LINE):
        command, given = base.parse_usage(line)
        with by(people["ops"]):
            plan = base.start(base.draft(command, given, None))
        work(plan)
        return plan

    return go


def work(plan):
    """Run whatever is ready, as a worker would, until only people can go on."""
    ready = plan.tasks.filter(kind="automated", state__in=["ready", "fallback_ready"]).order_by("position")
    while task := ready.first():
        run_task(task.pk, worker="test")
    plan.refresh_from_db()


def output(plan, variable):
    return plan.tasks.get(output_var=variable).output


def keys(plan):
    return set(plan.artifacts.values_list("key", flat=True))


def table(plan, key):
    return plan.artifacts.get(key=key).payload["rows"]


def until(tables, day):
    """The world as it was known before ``day``."""
    kept = pc.less(tables["referrals"].column("invited_at"), pa.scalar(day, pa.timestamp("us", tz="UTC")))
    return tables | {"referrals": tables["referrals"].filter(kept)}


def with_ring(tables, size):
    """The world with ``size`` more referrals of the last week, all on one device and one card."""
    source = tables["referrals"]
    row = source.slice(0, 1).to_pylist()[0]
    end = pc.max(source.column("invited_at")).as_py()
    stamps = {name: end - timedelta(hours=8 - place) for place, name in enumerate(STAGES)}
    shared = {
        "device_id": "ring-device",
        "referrer_device_id": "ring-device",
        "payment_hash": "ring-card",
        "referrer_payment_hash": "ring-card",
        "paid_at": None,
        "refunded_at": None,
        "fraud": True,
    }
    added = [
        row
        | stamps
        | shared
        | {
            "referral_id": f"ring-{n}",
            "referrer_id": f"ringer-{n % 5}",
            "referrer_email": f"ringer{n % 5}@example.net",
            "referee_email": f"guest-{n}-x@example.net",
        }
        for n in range(size)
    ]
    ring = pa.Table.from_pylist(added, schema=source.schema)
    return tables | {"referrals": pa.concat_tables([source, ring])}


def test_the_usage_line_runs_verbatim_up_to_the_approval_and_on_to_people(load, world, run, people):
    load(world)
    plan = run()
    approval = plan.approvals.get()
    assert (plan.state, approval.gate) == ("running", "playbook-approval")
    assert keys(plan) >= {
        "window_comparison", "dashboard", "funnel", "drop_offs", "trend", "funnel_by_channel",
        "funnel_by_partner_tier",
        "funnel_by_channel_partner_tier", "incentives", "risk", "fraud_cases", "compliance", "control_chart",
        "partner_health", "partner_scores", "backlog", "playbook",
    }  # fmt: skip
    with by(people["architect"]):
        gates.decide(approval, "approve", comment="Sound.")
    work(plan)
    waiting = plan.tasks.filter(kind="human", state="ready").order_by("position")
    assert [task.key for task in waiting] == ["tooling-changes", "partner-communications"]
    assert "payout_holds" in keys(plan)


def test_whoever_asked_for_the_run_does_not_approve_it(load, world, run, people):
    load(world)
    with by(people["ops"]), pytest.raises(GtmError):
        gates.decide(run().approvals.get(), "approve", comment="Mine.")


def test_every_breakdown_adds_up_to_the_total(load, world, run):
    load(world)
    plan = run()
    funnel = list(output(plan, "performance")["funnel"].values())
    for key in ("funnel_by_channel", "funnel_by_partner_tier", "funnel_by_channel_partner_tier"):
        *groups, total = table(plan, key)
        assert [sum(row[place] for row in groups) for place in range(1, 8)] == funnel == total[1:8]


def test_the_funnel_counts_the_invitations_of_the_window(load, world, run):
    load(world)
    found = output(run(), "performance")["funnel"]
    last = pc.max(world["referrals"].column("invited_at")).as_py()
    end = last.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    rows = [r for r in world["referrals"].to_pylist() if end - timedelta(days=30) <= r["invited_at"] < end]
    assert found["invites"] == len(rows)
    assert found["won"] == sum(r["won_at"] is not None and r["won_at"] < end for r in rows)


def test_a_summary_says_less_with_the_same_figures(load, world, run):
    load(world)
    short, full = run(f"{SHORT} --window 30d --detail summary"), run(f"{SHORT} --window 30d --detail full")
    assert keys(short) < keys(full)
    assert output(short, "performance")["kpis"] == output(full, "performance")["kpis"]


def test_every_bad_input_is_told_at_once(people):
    command, given = base.parse_usage(
        f'{SHORT} --window 31d --detail brief --dimensions chanel --alert_threshold "conversoin<0.1"'
    )
    with pytest.raises(InvalidInput) as refused:
        base.draft(command, given, None)
    fields = {problem.field for problem in refused.value.problems}
    assert fields == {"window", "detail", "dimensions", "alert_threshold", "datasets"}


def test_precision_and_recall_are_those_of_the_labels(load, world, run):
    load(world)
    risk = output(run(), "risk")
    fraud = pc.sum(world["referrals"].column("fraud")).as_py()
    assert risk["precision"] >= 0.95 and risk["recall"] >= 0.9
    assert risk["precision"] * risk["held"] == pytest.approx(risk["recall"] * fraud)


def test_labels_do_not_reach_the_heuristics(load, world, run):
    load(world)
    labelled = output(run(), "risk")
    load({"referrals": world["referrals"].drop_columns(["fraud"])})
    bare = output(run(), "risk")
    assert bare["cases"] == labelled["cases"]
    assert (bare["precision"], bare["recall"]) == (None, None)


def test_more_fraud_means_more_money_at_risk(load, world, run):
    load(world)
    before = output(run(), "risk")
    load(with_ring(world, 12))
    after = output(run(), "risk")
    new = {r for case in after["cases"] for r in case["referrals"]} - {
        r for case in before["cases"] for r in case["referrals"]
    }
    assert new >= {f"ring-{n}" for n in range(12)}
    assert after["kpis"]["money_at_risk"] > before["kpis"]["money_at_risk"]
    assert after["expected_loss"] > before["expected_loss"]


def test_a_spike_pulls_the_ripcord_in_one_run(load, world, run):
    load(with_ring(world, 120))
    plan = run()
    assert plan.escalations.filter(trigger="fraud-spike").count() == 1
    assert plan.pulls.get().trigger == "fraud-spike"
    assert plan.tasks.get(key="playbook").state != "succeeded"


def test_a_threshold_breached_twice_pulls_the_ripcord_and_once_does_not(load, world, run):
    line = f'{SHORT} --alert_threshold "conversion<0.99"'
    load(until(world, demo.START + timedelta(days=76)))
    first, again = run(line), run(line)
    assert Breach.objects.filter(rule="alert-conversion").count() == 1
    assert not first.pulls.exists() and not again.pulls.exists()
    load(world)
    second = run(line)
    assert second.pulls.get().trigger == "alert-conversion"
    assert second.escalations.get(trigger="alert-conversion").occurrences == 1


def test_a_threshold_that_is_kept_starts_the_count_again(load, world, run):
    load(until(world, demo.START + timedelta(days=69)))
    run(f'{SHORT} --alert_threshold "conversion<0.99"')
    load(until(world, demo.START + timedelta(days=76)))
    run(f'{SHORT} --alert_threshold "conversion<0.0001"')
    load(world)
    last = run(f'{SHORT} --alert_threshold "conversion<0.99"')
    assert not last.pulls.filter(trigger="alert-conversion").exists()


def test_a_case_takes_two_people_and_stays_decided(load, world, run, people):
    load(world)
    run()
    case = FraudCase.objects.first()
    with by(people["architect"]):
        fraud_cases.act(case, "hold", comment="The ring shares one card.")
    assert fraud_cases.held_referrals(case.program) == set(case.referrals)
    with by(people["architect"]), pytest.raises(GtmError, match="somebody else"):
        fraud_cases.act(case, "release", comment="Changed my mind.")
    with by(people["sponsor"]):
        fraud_cases.act(case, "release", comment="A family, seen their papers.")
    assert fraud_cases.held_referrals(case.program) == set()
    known = FraudCase.objects.count()
    run(f"{SHORT} --window 90d")
    assert FraudCase.objects.filter(key=case.key).get().state == "released"
    assert FraudCase.objects.count() >= known


def test_an_experiment_that_is_asked_for_is_read_and_an_unknown_one_named(load, world, run):
    load(world)
    plan = run(f'{SHORT} --experiments "warm-invite,no-such-test"')
    read = {row["experiment"]: row["verdict"] for row in output(plan, "performance")["experiments"]}
    assert read["no-such-test"] == "not read"
    assert read["warm-invite"] in {"ship", "hold", "stop", "keep running"}


def test_a_change_of_thresholds_is_told_by_the_next_run(load, world, run):
    load(world)
    first = run(f"{SHORT} --window 30d")
    second = run(f'{SHORT} --window 30d --alert_threshold "conversion<0.01"')
    told = f"Alert thresholds were none in {first.plan_id} and are conversion<0.01 now."
    assert told in output(second, "data")["notes"]


def test_the_backlog_names_owner_date_and_value_best_first(load, world, run, people):
    load(world)
    backlog = output(run(), "playbook")["backlog"]
    assert backlog
    assert {row["owner"] for row in backlog} <= {"ops", "architect"}
    assert all(row["eta"] > "2026-11-23" for row in backlog)
    per_day = [row["expected_value"] / row["effort_days"] for row in backlog]
    assert per_day == sorted(per_day, reverse=True)
