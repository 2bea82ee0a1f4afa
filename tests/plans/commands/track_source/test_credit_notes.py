"""Credit notes among opportunities lower their deals and stop nothing."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from plans.commands.track_source.steps.deals import Record, reconcile
from plans.models import Artifact
from programs.analytics.fx import ConvertedAmount
from tests.plans.commands.track_source.campaign import (
    LINE,
    establish,
    load,
    start,
    values,
    without,
    work_off,
    world,
)


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


def written(rows, back, how):
    """The deals of a book with what was credited of them (identifier → amount), in one way to write it."""
    credited = [row for row in rows if row["opportunity_id"] in back]
    left = [row | {"amount": round(row["amount"] - back.get(row["opportunity_id"], 0), 2)} for row in rows]
    return {
        "netted before": [row for row in left if row["amount"] != 0],
        "named": [
            *(row | {"movement": ""} for row in rows),
            *(row | {"amount": back[row["opportunity_id"]], "movement": "credit note"} for row in credited),
        ],
        "negative": [*rows, *(row | {"amount": -back[row["opportunity_id"]]} for row in credited)],
        "beside": [row | {"refunded_amount": back.get(row["opportunity_id"], 0)} for row in rows],
    }[how]


def test_credit_notes_however_written_give_the_same_pipeline_revenue_and_splits(joint, tmp_path):
    tables = without(("contoso", "opportunities"))
    rows = tables["northwind"]["opportunities"].to_pylist()
    won = [row for row in rows if row["won"]]
    back = {row["opportunity_id"]: row["amount"] for row in won[:2]}
    back |= {row["opportunity_id"]: round(row["amount"] / 4, 2) for row in won[2:5]}
    load(joint, tmp_path, tables)
    found = {}
    for how in ("netted before", "named", "negative", "beside"):
        book = pa.Table.from_pylist(written(rows, back, how))
        load(joint, tmp_path, {"northwind": {"opportunities": book}})
        plan = work_off(start(LINE.replace("--window 30d", "--window campaign")), until="attribution")
        told = values(plan)
        result, deals = told["attribution"], told["reconciled"]
        found[how] = {
            "deals": {name: deals[name] for name in ("deals", "opened", "won", "pipeline", "revenue")},
            "contributions": result["contributions"],
            "splits": {
                f"{partner} {name}": float(value)
                for partner, credit in result["partner_credit"].items()
                for name, value in credit.items()
            },
        }
        assert ("gross_revenue" in deals) == (how != "netted before")
        if how != "netted before":
            whole = sum(back[row["opportunity_id"]] for row in won[2:5])
            assert float(deals["gross_revenue"]) - float(deals["revenue"]) == pytest.approx(whole)
            assert told["normalised"]["credit_notes"]["gone"] == 2
    for how, figures in found.items():
        assert figures["deals"] == found["netted before"]["deals"], how
        assert figures["contributions"] == found["netted before"]["contributions"], how
        assert figures["splits"] == pytest.approx(found["netted before"]["splits"]), how


def usd(amount: int) -> ConvertedAmount:
    day = date(2026, 1, 20)
    return ConvertedAmount(Decimal(amount), "USD", Decimal(amount), "USD", Decimal(1), day, day, "made up")


def book(owner: str, gross: int, net: int, **told) -> Record:
    """One partner's record of the deal of person p, won."""
    opened = datetime(2026, 1, 20, tzinfo=UTC)
    before = {"gross_opening": usd(gross), "gross_closing": usd(gross), "credited": not net}
    credit = before if net < gross else {}
    facts = {
        "owner": owner, "key": f"{owner}-1", "persons": ("p",), "company": "", "opened": opened,
        "closed": opened, "stage": "won", "won": True, "opening": usd(net), "closing": usd(net),
        "claim": "north", "region": "", "segment": "",
    }  # fmt: skip
    return Record(**(facts | credit | told))


@pytest.mark.parametrize(
    ("books", "left"),
    [
        ([("north", 100, 100), ("south", 100, 100)], 100),
        ([("north", 100, 70), ("south", 100, 100)], 70),
        ([("north", 100, 100), ("south", 100, 70)], 70),  # in the other book
        ([("north", 100, 70), ("south", 100, 70)], 70),  # the same note in both
        ([("north", 100, 100), ("south", 99, 0)], None),  # credited in full, a cent apart
        ([("north", 100, 100), ("south", 20, 0)], 80),  # a book of a part of it
    ],
)
def test_a_credit_note_in_either_book_lowers_the_deal_once(books, left):
    deals = reconcile([book(*told) for told in books])
    assert (
        [deal.pipeline for deal in deals]
        == [deal.revenue for deal in deals]
        == ([] if left is None else [left])
    )
    assert [deal.gross_revenue for deal in deals] == [100] * len(deals)
