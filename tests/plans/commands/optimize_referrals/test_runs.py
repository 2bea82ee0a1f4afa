"""optimize-referrals run again and again: inputs, thresholds, spikes, cases, what the next run says."""

from datetime import timedelta

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from gtm.core.errors import GtmError, InvalidInput
from plans.cases.fraud import verbs
from plans.cases.fraud.models import FraudCase
from plans.demo import referrals as demo
from plans.engine.gates import rounds
from plans.runs import start
from tests.plans.commands.optimize_referrals.conftest import SHORT, keys, output, payload, table

STAGES = ("invited_at", "clicked_at", "submitted_at", "qualified_at", "pipeline_at", "won_at")


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


def test_whoever_asked_for_the_run_does_not_approve_it(site, world):
    site.load(world)
    with site.by("ops"), pytest.raises(GtmError):
        rounds.decide(site.run().approvals.get(), "approve", comment="Mine.")


def test_a_window_before_the_data_is_said_to_be_no_comparison(site, world):
    end = pc.max(world["referrals"].column("invited_at")).as_py()
    kept = pc.greater(world["referrals"].column("invited_at"), pa.scalar(end - timedelta(days=100)))
    site.load(world | {"referrals": world["referrals"].filter(kept)})
    plan = site.run(f"{SHORT} --window 90d --detail full")
    found = {task.output_var: task.output for task in plan.tasks.all() if task.output}
    why = found["data"]["window"]["not_comparable"]
    assert why.startswith("No comparison is possible: the window before, ")
    assert found["data"]["flows"]["previous"] is None
    assert found["performance"]["conversion_lift"] is None
    assert found["risk"]["fraud_reduction"] is None
    assert len(payload(plan, "funnel")["series"]) == 1
    assert all("Window before" not in item["definition"] for item in payload(plan, "dashboard")["items"])
    said = " ".join(str(payload(plan, key)) for key in keys(plan))
    assert "in the window before" not in said
    assert why in said


def test_a_summary_says_less_with_the_same_figures(site, world):
    site.load(world)
    short, full = (
        site.run(f"{SHORT} --window 30d --detail summary"),
        site.run(f"{SHORT} --window 30d --detail full"),
    )
    assert keys(short) < keys(full)
    assert output(short, "performance")["kpis"] == output(full, "performance")["kpis"]


def test_every_bad_input_is_told_at_once(site):
    command, given = start.parse_usage(
        f'{SHORT} --window 31d --detail brief --dimensions chanel --alert_threshold "conversoin<0.1"'
    )
    with pytest.raises(InvalidInput) as refused:
        start.draft(command, given, None)
    fields = {problem.field for problem in refused.value.problems}
    assert fields == {"window", "detail", "dimensions", "alert_threshold", "datasets"}


def test_labels_do_not_reach_the_heuristics(site, world):
    site.load(world)
    labelled = output(site.run(), "risk")
    site.load({"referrals": world["referrals"].drop_columns(["fraud"])})
    bare = output(site.run(), "risk")
    assert bare["cases"] == labelled["cases"]
    assert (bare["precision"], bare["recall"]) == (None, None)


def test_more_fraud_means_more_money_at_risk(site, world):
    site.load(world)
    before = output(site.run(), "risk")
    site.load(with_ring(world, 12))
    after = output(site.run(), "risk")
    new = {r for case in after["cases"] for r in case["referrals"]} - {
        r for case in before["cases"] for r in case["referrals"]
    }
    assert new >= {f"ring-{n}" for n in range(12)}
    assert after["kpis"]["money_at_risk"] > before["kpis"]["money_at_risk"]
    assert after["expected_loss"] > before["expected_loss"]


def test_sources_that_the_program_bans_are_looked_for(site, world):
    site.load(world)
    site.program.banned_sources = ["google.com"]
    site.program.save()
    seen = {row[0]: row[2] for row in table(site.run(), "heuristics")}
    assert seen["Banned source"] > 0


def test_a_spike_pulls_the_ripcord_in_one_run(site, world):
    site.load(with_ring(world, 120))
    plan = site.run()
    assert plan.escalations.filter(trigger="fraud-spike").count() == 1
    assert plan.pulls.get().trigger == "fraud-spike"
    assert plan.tasks.get(key="playbook").state != "succeeded"


def test_a_threshold_breached_twice_pulls_the_ripcord_and_once_does_not(site, world):
    line = f'{SHORT} --alert_threshold "conversion<0.99"'
    site.load(until(world, demo.START + timedelta(days=76)))
    first, again = site.run(line), site.run(line)
    assert [plan.breaches.get(rule="alert-conversion").window for plan in (first, again)] == ["30d", "30d"]
    assert not first.pulls.exists() and not again.pulls.exists()
    site.load(world)
    second = site.run(line)
    assert second.pulls.get().trigger == "alert-conversion"
    assert second.escalations.get(trigger="alert-conversion").occurrences == 1


def test_a_lenient_threshold_that_is_kept_starts_no_count_of_a_strict_one_again(site, world):
    site.load(until(world, demo.START + timedelta(days=69)))
    site.run(f'{SHORT} --alert_threshold "conversion<0.99"')
    site.load(until(world, demo.START + timedelta(days=76)))
    site.run(f'{SHORT} --alert_threshold "conversion<0.0001"')
    site.load(world)
    last = site.run(f'{SHORT} --alert_threshold "conversion<0.99"')
    assert last.pulls.filter(trigger="alert-conversion").exists()
    (case,) = last.escalations.filter(trigger="alert-conversion")
    assert {told["limit"] for told in case.evidence} == {"conversion<0.99", "conversion<0.0001"}


def test_a_case_takes_two_people_and_stays_decided(site, world):
    site.load(world)
    site.run()
    case = FraudCase.objects.first()
    with site.by("architect"):
        verbs.act(case, "hold", comment="The ring shares one card.")
    assert verbs.held_referrals(case.program) == set(case.referrals)
    with site.by("architect"), pytest.raises(GtmError, match="Somebody else"):
        verbs.act(case, "release", comment="Changed my mind.")
    with site.by("sponsor"):
        verbs.act(case, "release", comment="A family, seen their papers.")
    assert verbs.held_referrals(case.program) == set()
    known = FraudCase.objects.count()
    site.run(f"{SHORT} --window 90d")
    assert FraudCase.objects.filter(key=case.key).get().state == "released"
    assert FraudCase.objects.count() >= known


def test_an_experiment_that_is_asked_for_is_read_and_an_unknown_one_named(site, world):
    site.load(world)
    plan = site.run(f'{SHORT} --experiments "warm-invite,no-such-test"')
    read = {row["experiment"]: row["verdict"] for row in output(plan, "performance")["experiments"]}
    assert read["no-such-test"] == "not read"
    assert read["warm-invite"] in {"ship", "hold", "stop", "keep running"}


def test_a_change_of_thresholds_is_told_by_the_next_run(site, world):
    site.load(world)
    first = site.run(f"{SHORT} --window 30d")
    second = site.run(f'{SHORT} --window 30d --alert_threshold "conversion<0.01"')
    told = f"Alert thresholds were none in {first.plan_id} and are conversion<0.01 now."
    assert output(second, "data")["definition_changes"] == [told]


def test_referrals_alone_are_enough_and_the_rest_is_said_to_be_missing(site, world):
    site.load({"referrals": world["referrals"]})
    plan = site.run(f"{SHORT} --window 30d")
    assert plan.approvals.count() == 1
    assert "No payouts are loaded." in output(plan, "data")["notes"]
    assert output(plan, "risk")["cases"]


def test_labels_turned_round_change_no_case(site, world):
    site.load(world)
    before = output(site.run(SHORT), "risk")
    place = world["referrals"].column_names.index("fraud")
    turned = world["referrals"].set_column(place, "fraud", pc.invert(world["referrals"].column("fraud")))
    site.load({"referrals": turned})
    after = output(site.run(SHORT), "risk")
    assert after["cases"] == before["cases"] and after["kpis"] == before["kpis"]
    assert after["precision"] < 0.5 < before["precision"]


def test_a_decided_case_is_a_label_of_the_next_run(site, world):
    site.load({"referrals": world["referrals"].drop_columns(["fraud"])})
    assert output(site.run(SHORT), "risk")["case_precision"] is None
    one, other = FraudCase.objects.all()[:2]
    for case, verdict in ((one, "confirm"), (other, "release")):
        with site.by("architect"):
            verbs.act(case, "hold", comment="Looks alike.")
        with site.by("sponsor"):
            verbs.act(case, verdict, comment="Seen the papers.")
    plan = site.run(SHORT)
    risk = output(plan, "risk")
    assert (risk["case_precision"], risk["confirmed_share"]) == (0.5, 0.5)
    assert (risk["case_recall"], risk["recall"]) == (None, None)  # nobody looked at what was not proposed
    items = plan.artifacts.get(key="risk").payload["items"]
    told = {item["key"]: item["unavailable"] for item in items}
    assert told["recall"].startswith("Nothing is known of recall: people decide on what was proposed.")
