"""Credit notes among opportunities lower their deals and stop nothing."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest

from plans.commands.track_source.steps.credit_notes import settle
from plans.models import Artifact
from tests.plans.commands.track_source.campaign import establish, load, start, values, work_off, world

AT = datetime(2025, 1, 1, tzinfo=UTC)


@pytest.fixture
def joint(acting):
    return establish()


def deal(number, day, amount, company="Acme", **more):
    told = {"owner": "n", "opportunity_id": number, "person_id": None, "account_name": company}
    return (
        told | {"currency": "USD", "created_at": AT + timedelta(days=day), "amount": Decimal(amount)} | more
    )


@pytest.mark.parametrize(
    ("rows", "left", "unplaced"),
    [
        ([deal("d1", 0, 50), deal("c1", 5, -50)], [], {}),
        ([deal("d1", 0, 50), deal("c1", 5, -20)], [30], {}),
        ([deal("d1", 0, 50), deal("d2", 3, 10), deal("c1", 5, -20)], [30, 10], {}),  # the latest does not fit
        ([deal("d1", 6, 50), deal("c1", 5, -20)], [50], {"USD": 20}),  # before the deal
        ([deal("d1", 0, 50), deal("c1", 5, -20, "Globex")], [50], {"USD": 20}),
        ([deal("d1", 0, 50), deal("c1", 5, -20, owner="m")], [50], {"USD": 20}),  # another partner's
        ([deal("d1", 0, 50), deal("c1", 5, -20, currency="EUR")], [50], {"EUR": 20}),
        ([deal("d1", 0, 50, "", person_id="p"), deal("c1", 5, -20, "", person_id="p")], [30], {}),
        ([deal("d1", 0, 0)], [0], {}),
    ],
)
def test_a_credit_note_lowers_the_latest_deal_that_it_fits(rows, left, unplaced):
    found = settle(rows)
    assert [row["amount"] for row in found.rows] == left
    assert found.unplaced == unplaced


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
    assert figures["unplaced_notes"]["value"].startswith("5")
