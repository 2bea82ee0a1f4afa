"""A joint campaign of two partners in Kuwait: thousandths of dinars are kept from their files to records."""

from decimal import Decimal

import pyarrow as pa
import pytest

from gtm.core.evidence import audit
from gtm.core.money import amount_text
from plans.cases.disputes.models import AttributionRecord
from plans.engine.running.replay import replay
from tests.plans.commands.track_source.campaign import establish, load, publish, run, values, without

DINARS = {"northwind": Decimal("0.307"), "contoso": Decimal("0.358"), "": Decimal("0.307")}
"""Of a dollar and of a euro."""


@pytest.fixture
def joint(acting):  # noqa: F811
    found = establish()
    found.program.currency, found.program.time_zone, found.program.country = "KWD", "Asia/Kuwait", "KW"
    found.program.save()
    for partner in (found.northwind, found.contoso):
        partner.currency = "KWD"
        partner.save()
    found.campaign.currency, found.campaign.budget = "KWD", Decimal("1250.125")
    found.campaign.save()
    return found


def in_dinars(table, rate):
    """The same table with its amounts in dinars, to the thousandth."""
    for n, name in enumerate(table.column_names):
        column = table[name].to_pylist()
        if name.lower() == "currency":
            column = ["KWD"] * len(column)
        elif name.lower() in ("amount", "deal size", "target"):
            column = [each and str(round(Decimal(str(each)) * rate, 3)) for each in column]
        else:
            continue
        table = table.set_column(n, name, pa.array(column, pa.string()))
    return table


def test_thousandths_of_dinars_are_kept_from_the_files_to_the_records(joint, tmp_path):
    tables = {
        owner: {kind: in_dinars(table, DINARS[owner]) for kind, table in kinds.items()}
        for owner, kinds in without().items()
    }
    load(joint, tmp_path, tables)
    plan = publish(run(), joint)
    assert plan.tasks.get(output_var="published").state == "succeeded"
    records = {record.partner.slug: record for record in AttributionRecord.objects.filter(plan=plan)}
    assert set(records) == {"northwind", "contoso"}
    for slug, record in records.items():
        told = next(row for row in values(plan)["published"]["records"] if row["partner"] == slug)
        for name in ("sourced_pipeline", "credited_pipeline", "credited_revenue"):
            kept = getattr(record, name)
            assert kept == Decimal(told[name]), name
            assert kept == round(kept, 3)
    total = next(iter(records.values())).total_pipeline
    credited_in_all = sum(record.credited_pipeline for record in records.values())
    assert credited_in_all == pytest.approx(total, abs=Decimal("0.002"))
    credited = [record.credited_pipeline for record in records.values()]
    assert any(each != round(each, 2) for each in credited)  # a third decimal that two would have lost
    assert all(f"{each:,.3f}" == amount_text(each, "KWD") for each in credited)
    assert audit.audit_values().breaks == ()
    assert all(found.same for found in replay(plan))
