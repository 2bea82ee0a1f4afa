"""The public 10,000 paths of the package mta, loaded as files and run through the command."""

import csv
import gzip
from datetime import timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from plans.models import Artifact
from programs.models import Campaign
from programs.services import load_dataset
from tests.conftest import ROOT
from tests.factories import PersonFactory, ProgramFactory
from tests.plans.commands.track_source.campaign import LEAD, LINE, START, run, values

LAST_TOUCH = {
    "alpha": 8447, "eta": 4167, "iota": 3355, "lambda": 1207, "beta": 989, "theta": 653, "epsilon": 531,
    "kappa": 230, "zeta": 107, "gamma": 92, "delta": 5, "mi": 2,
}  # fmt: skip


def expanded():
    """A person for every journey: touches a minute apart, and a deal a minute later where it converted."""
    people, times, channels, buyers, opened, amounts = [], [], [], [], [], []
    with gzip.open(ROOT / "tests" / "data" / "mta" / "paths.csv.gz", "rt") as lines:
        for number, row in enumerate(csv.DictReader(lines)):
            path, won = row["path"].split(" > "), round(float(row["total_conversions"]))
            for copy in range(won + round(float(row["total_null"]))):
                person = f"p{number}-{copy}"
                people += [person] * len(path)
                times += [START + timedelta(minutes=minute) for minute in range(len(path))]
                channels += path
                buyers += [person] * (copy < won)
                opened += [START + timedelta(minutes=len(path))] * (copy < won)
                amounts += [float(row["total_conversion_value"]) / max(won, 1)] * (copy < won)
    touches = pa.table({"person_id": people, "occurred_at": times, "channel": channels})
    deals = {
        "opportunity_id": [f"d-{b}" for b in buyers], "person_id": buyers, "created_at": opened,
        "stage": ["qualified"] * len(buyers), "amount": [round(a, 4) for a in amounts],
    }  # fmt: skip
    return {"touchpoints": touches, "opportunities": pa.table(deals)}


def test_the_published_numbers_come_out_of_the_command(acting, tmp_path):
    for role in (LEAD, "revops", "partner-marketer"):
        PersonFactory(roles=[role])
    program = ProgramFactory(kind="partner", is_default=True, currency="USD")
    Campaign(slug="ai-launch-tour", name="AI Launch Tour", program=program).save()
    for kind, table in expanded().items():
        path = tmp_path / f"{kind}.parquet"
        pq.write_table(table, path)
        load_dataset(kind, [path], program=program)
    plan = run(LINE)
    credit = {
        source.removeprefix("joint · "): c for source, c in values(plan)["attribution"]["credit"].items()
    }
    assert credit["alpha"]["deals"] == pytest.approx(5344.948, abs=0.001)
    assert credit["iota"]["deals"] == pytest.approx(3884.615, abs=0.001)
    assert credit["eta"]["deals"] == pytest.approx(3340.847, abs=0.001)
    assert sum(c["pipeline"] for c in credit.values()) == pytest.approx(74_802.97, rel=0.01)
    chart = Artifact.objects.get(plan=plan, key="models").payload
    series = {s["label"]: s["values"] for s in chart["series"]}
    names = [name.removeprefix("joint · ") for name in chart["categories"]]
    assert dict(zip(names, series["last"], strict=True)) == LAST_TOUCH
    position = dict(zip(names, series["position"], strict=True))
    assert (position["alpha"], position["iota"]) == pytest.approx((7444.824, 3944.948), abs=0.001)
    assert values(plan)["attribution"]["confidence"] == 0  # no touch carries UTM parameters
