"""The registry decides what a referral KPI is: words, versions and limits, through the command."""

import pyarrow as pa
import pytest

from plans.engine.record.content import REPEATED
from plans.export import document
from plans.models import Breach, Reading
from programs.models import Metric
from programs.services import establish_metrics
from tests.plans.commands.optimize_referrals.conftest import SHORT, output, payload


@pytest.fixture
def registry(site, world):
    """The program with its referrals and a full registry."""
    site.load({"referrals": world["referrals"]})
    establish_metrics()
    return site


def change(key, **fields):
    metric = Metric.objects.get(key=key)
    for name, value in fields.items():
        setattr(metric, name, value)
    metric.save()


def figures(plan, key):
    return {item["key"]: item for item in payload(plan, key)["items"]}


def test_versions_stand_beside_the_figures_and_the_next_run_tells_what_was_redefined(registry):
    first = registry.run(SHORT)
    change("referral-conversion", denominator="referrals qualified")
    change("referral-concentration", numerator="share of the largest partner")
    change("referral-fraud-rate", threshold="0.00001")
    second = registry.run(f"{SHORT} --detail full")
    before, after = (output(plan, "data") for plan in (first, second))
    assert before["definition_changes"] == ["There was no run before."]
    assert after["definition_changes"] == [
        "Concentration of revenue (HHI), v1 → v2: numerator “sum of squared revenue shares of partners” → "
        "“share of the largest partner”.",
        "Referral conversion, v1 → v2: denominator “referrals submitted” → “referrals qualified”.",
    ]
    assert figures(first, "dashboard")["conversion"]["definition"].startswith(
        "Referrals won / referrals submitted, window of the run (v1)"
    )
    flows = after["flows"]["current"]
    told = figures(second, "dashboard")["conversion"]
    assert told["value"] == pytest.approx(100 * flows["conversions"] / flows["qualified"])
    assert "(v2)" in told["definition"]
    assert figures(second, "partner_figures")["concentration"]["unavailable"].startswith(
        "The registry defines this otherwise than as “sum of squared revenue shares of partners”"
    )
    versions = {row[0]: row[-1] for row in payload(second, "definitions")["rows"]}
    assert (versions["conversion"], versions["click_rate"]) == ("v2", "v1")
    assert after["thresholds"] == "fraud_rate>0.00001"
    assert [alert["verdict"] for alert in output(second, "risk")["alerts"]] == ["breached"]
    assert Breach.objects.get(plan=second).rule == "alert-fraud-rate"


def test_a_breach_is_counted_for_the_version_it_was_measured_by(registry):
    line = f"{SHORT} --alert_threshold conversion<0.99"
    registry.run(line)
    change("referral-conversion", denominator="referrals qualified")
    registry.run(line)
    readings = Reading.objects.filter(rule="alert-conversion").order_by("pk")
    assert [reading.metric_version for reading in readings] == [1, 2]


def test_words_nobody_can_count_give_no_figure(registry):
    change("referral-click-rate", numerator="invitations that were smiled at")
    found = output(registry.run(SHORT), "performance")
    assert found["kpis"]["click_rate"] is None
    assert "“invitations that were smiled at”" in found["unavailable"]["click_rate"]


def test_a_partner_whose_tier_moved_in_the_data_is_told_from_and_to(registry, world):
    first = registry.run(SHORT)
    table = world["referrals"]
    partners, tiers = table["partner_id"].to_pylist(), table["partner_tier"].to_pylist()
    known = sorted((p, t) for p, t in set(zip(partners, tiers, strict=True)) if p)
    partner, tier = next((p, t) for p, t in known if t != "gold")
    moved = ["gold" if p == partner else t for p, t in zip(partners, tiers, strict=True)]
    place = table.column_names.index("partner_tier")
    registry.load({"referrals": table.set_column(place, "partner_tier", pa.array(moved))})
    body = document.build(registry.run(SHORT))
    told = [row for row in body["change_log"] if row["field"].startswith("partners/")]
    assert [(row["event"], row["field"], row["from"], row["to"], row["reason"]) for row in told] == [
        (REPEATED, f"partners/{partner}/tier", tier, "gold", f"Compared with {first.plan_id}."),
    ]  # fmt: skip
