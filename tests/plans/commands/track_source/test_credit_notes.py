"""Credit notes among opportunities lower their deals and stop nothing."""

import pyarrow as pa
import pytest

from plans.models import Artifact
from tests.plans.commands.track_source.campaign import establish, load, start, values, work_off, world


@pytest.fixture
def joint(acting):
    return establish()


def with_credit_notes(table: pa.Table) -> pa.Table:
    """All of a deal credited, and a note of a company without a deal."""
    rows = table.to_pylist()
    credited = next(row for row in rows if row["amount"] and row["person_id"])
    notes = [
        credited | {"opportunity_id": "CN-1", "amount": -credited["amount"]},
        credited | {"opportunity_id": "CN-2", "amount": -5, "person_id": None,
                    "account_name": "Nobody's Company"},
    ]  # fmt: skip
    return pa.Table.from_pylist([*rows, *notes], schema=table.schema)


def test_credit_notes_stop_nothing_and_are_shown(joint, tmp_path):
    tables = {owner: dict(kinds) for owner, kinds in world().tables.items()}
    load(joint, tmp_path, tables)
    before = values(work_off(start()))
    tables["northwind"]["opportunities"] = with_credit_notes(tables["northwind"]["opportunities"])
    load(joint, tmp_path, {"northwind": {"opportunities": tables["northwind"]["opportunities"]}})
    plan = work_off(start())
    after = values(plan)
    told = after["normalised"]["credit_notes"]
    assert (told["rows"], sum(told["unplaced"].values())) == (2, 5)
    assert after["normalised"]["records"] == before["normalised"]["records"] - told["gone"]
    assert after["attribution"]["total_pipeline"] < before["attribution"]["total_pipeline"]
    figures = {
        item["key"]: item for item in Artifact.objects.get(plan=plan, key="normalised").payload["items"]
    }
    assert figures["unplaced_notes"]["value"].startswith("1 refund of 5")
