"""Refunds, cancellations and adjustments: the rule against a plain reading, and the ways to write them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from gtm.core.errors import NotFound
from programs.datasets import OpenData, Options, SnapshotStore
from programs.datasets.engines.netting import net_orders
from programs.datasets.loading.ingest import ingest
from tests.programs.datasets.test_local_time import answers

START = date(2024, 1, 1)
OPTIONS = Options(currency="USD", now=datetime(2027, 1, 1, tzinfo=UTC))
CASH = ("gross", "refunded")


@dataclass(frozen=True)
class Row:
    member: str
    day: int
    amount: Decimal
    order: str = ""
    movement: str = "sale"

    def cells(self, *names: str) -> str:
        told = {
            "member_id": self.member,
            "purchased_at": START + timedelta(days=self.day),
            "amount": self.amount,
            "order_id": self.order,
            "movement": self.movement,
        }
        return ",".join(str(told[name]) for name in names)


def load(tmp_path, rows, header=("member_id", "purchased_at", "amount", "order_id", "movement"), name="rows"):
    file = tmp_path / f"{name}.csv"
    file.write_text("\n".join([",".join(header), *(row.cells(*header) for row in rows)]) + "\n")
    return ingest([file], "purchases", store=SnapshotStore(tmp_path / "store"), options=OPTIONS)


def opened(tmp_path, taken) -> OpenData:
    described = [{"kind": "purchases", "sha256": taken.snapshot.sha256, "partner": ""}]
    return OpenData(tmp_path / "store", described)


def orders_left(tmp_path, taken) -> list[tuple[str, int, Decimal]]:
    store = SnapshotStore(tmp_path / "store")
    netted = net_orders(store, taken.snapshot)
    rows = pq.read_table(netted.orders if netted else store.rows_path(taken.snapshot)).to_pylist()
    return sorted((r["member_id"], (r["purchased_at"].date() - START).days, r["amount"]) for r in rows)


def unplaced(taken) -> list[tuple[str, Decimal]]:
    return [(c.movement, c.amount) for c in taken.movements.of("unplaced")] if taken.movements else []


# The rule, read plainly: one list of orders, one movement after the other.


def plainly(rows: list[Row]) -> tuple[list[tuple[str, int, Decimal]], Decimal]:
    """Orders left, and the sum that found none."""
    orders = [{"row": row, "net": row.amount, "changed": False} for row in rows if row.movement == "sale"]
    named = {order["row"].order: order for order in orders if order["row"].order}
    left_over = Decimal(0)
    nameless = []
    for row in rows:
        if row.movement != "sale" and row.order in named:
            named[row.order]["net"] += effect(row)
            named[row.order]["changed"] = True
        elif row.movement != "sale":
            nameless.append(row)
    for row in sorted(nameless, key=lambda each: (each.day, effect(each))):
        for order in sorted(orders, key=lambda each: each["row"].day, reverse=True):
            same = order["row"].member == row.member and order["row"].day <= row.day
            if same and order["net"] + effect(row) >= 0:
                order["net"] += effect(row)
                order["changed"] = True
                break
        else:
            left_over += abs(effect(row))
    kept = [o for o in orders if o["net"] > 0 or not o["changed"]]
    return sorted((o["row"].member, o["row"].day, o["net"]) for o in kept), left_over


def effect(row: Row) -> Decimal:
    return row.amount if row.movement == "adjustment" else -abs(row.amount)


CENTS = st.decimals(1, 60, places=2)


@st.composite
def worlds(draw) -> list[Row]:
    """Members with orders on days of their own, and movements with and without an order, some too large."""
    rows, numbers = [], iter(range(10_000))
    for member in ("ann", "bob", "cat"):
        days = draw(st.lists(st.integers(0, 300), unique=True, min_size=1, max_size=5))
        sales = [
            Row(member, day, draw(st.one_of(st.just(Decimal("0.00")), CENTS)), f"o{next(numbers)}")
            for day in days
        ]
        rows += sales
        for _ in range(draw(st.integers(0, 4))):
            kind = draw(st.sampled_from(("refund", "refund", "cancellation", "adjustment")))
            whose = draw(st.sampled_from([*sales, None]))
            amount = draw(CENTS) * (draw(st.sampled_from((1, -1))) if kind == "adjustment" else -1)
            if whose and draw(st.booleans()) and whose.amount > 0:
                amount = -whose.amount
            order = whose.order if whose and draw(st.booleans()) else ""
            rows.append(Row(member, draw(st.integers(0, 310)), amount, order, kind))
    return [*rows, Row("last", 320, Decimal(1), "end")]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=worlds())
def test_orders_are_netted_as_the_rule_reads(tmp_path, rows):
    wanted, left_over = plainly(rows)
    taken = load(tmp_path, rows)
    event(f"unplaced: {left_over > 0}")
    event(f"orders gone: {len(wanted) < sum(r.movement == 'sale' for r in rows)}")
    assert taken.rejected_rows == 0
    assert orders_left(tmp_path, taken) == wanted
    assert sum((amount for _, amount in unplaced(taken)), Decimal(0)) == left_over


@st.composite
def refunded_worlds(draw) -> list[tuple[Row, Decimal]]:
    """Sales, and what was given back of each: nothing, a part or all. The last day has a sale that stands."""
    sales = []
    for n, day in enumerate(draw(st.lists(st.integers(0, 300), unique=True, min_size=3, max_size=14))):
        amount = draw(CENTS)
        back = draw(st.sampled_from((Decimal(0), Decimal(0), amount, (amount / 2).quantize(Decimal("0.01")))))
        sales.append((Row(f"m{n % 4}", day, amount, f"o{n}"), back))
    return [*sales, (Row("last", 320, Decimal(1), "end"), Decimal(0))]


@settings(
    max_examples=5,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(world=refunded_worlds())
def test_every_way_to_write_refunds_gives_the_same_figures(tmp_path, world):
    """Rows of their own by sign or by name, a column beside the sale, or orders that were netted before."""
    sales = [sale for sale, _ in world]
    back = [
        replace(sale, day=sale.day + 10, amount=-given, movement="refund") for sale, given in world if given
    ]
    positive = [replace(row, amount=-row.amount) for row in back]
    netted = [replace(sale, amount=sale.amount - given) for sale, given in world if given < sale.amount]
    plain = ("member_id", "purchased_at", "amount", "order_id")
    taken = {
        "netted before": load(tmp_path, netted, plain),
        "negative amounts": load(tmp_path, [*sales, *back], plain),
        "named, negative": load(tmp_path, [*sales, *back]),
        "named, positive": load(tmp_path, [*sales, *positive]),
    }
    file = tmp_path / "columns.csv"
    lines = (f"{sale.cells(*plain)},{given}" for sale, given in world)
    file.write_text("\n".join([",".join([*plain, "Refunded amount"]), *lines]) + "\n")
    taken["a column"] = ingest([file], "purchases", store=SnapshotStore(tmp_path / "store"), options=OPTIONS)
    event(f"refunds: {min(len(back), 3)}")
    figures = {way: sale_view(answers(opened(tmp_path, result))) for way, result in taken.items()}
    for way, found in figures.items():
        assert found == figures["netted before"], way


def sale_view(found):
    """The answers without the columns that say what happened on the day of a refund."""
    return {
        name: [
            {key: value for key, value in row.items() if key not in CASH}
            for row in rows
            if row.get("orders", 1) or row.get("members", 1)  # a month or a group of refunds alone has none
        ]
        if isinstance(rows, list)
        else rows
        for name, rows in found.items()
    }


# One kind of row after the other, small enough to count by hand.


def rows_of(*told: tuple) -> Iterator[Row]:
    for member, day, amount, *more in told:
        yield Row(member, day, Decimal(str(amount)), *more)


@pytest.mark.parametrize(
    ("told", "left", "without_order"),
    [
        ([("a", 0, 30, "o1"), ("a", 9, -30, "o1", "refund")], [], []),  # the order's own number
        ([("a", 0, 30, "o1"), ("a", 9, -30, "r-o1", "refund")], [], []),  # a number of its own
        ([("a", 0, 30), ("a", 9, 10, "", "refund")], [20], []),  # named, so its sign does not matter
        ([("a", 0, 30), ("a", 5, 20), ("a", 9, -25, "", "refund")], [5, 20], []),  # the latest does not fit
        ([("a", 0, 30), ("a", 5, 20), ("a", 9, -25, "", "refund"), ("a", 9, -8, "", "refund")], [5, 12], []),
        ([("a", 5, 30), ("a", 0, -30, "", "refund")], [30], [30]),  # before the order
        ([("a", 5, 30), ("b", 9, -30, "", "refund")], [30], [30]),  # somebody else's
        ([("a", 0, 30), ("a", 9, -31, "", "refund")], [30], [31]),  # fits none
        ([("a", 0, 0), ("a", 1, 30)], [0, 30], []),  # a free order is a purchase
        ([("a", 0, 30, "o1"), ("a", 1, 0, "o1", "cancellation")], [], []),  # cancels all of it
        ([("a", 0, 30, "o1"), ("a", 1, 45, "o2", "cancellation")], [30], []),  # cancelled in its own row
        ([("a", 0, 30, "o1"), ("a", 1, 12, "o1", "adjustment")], [42], []),
        ([("a", 0, 30, "o1"), ("a", 1, -12, "", "adjustment")], [18], []),
        ([("a", 0, 30, "o1"), ("a", 1, -20, "o1", "refund"), ("a", 2, -20, "o1", "refund")], [], []),
    ],
)
def test_a_movement_changes_the_order_it_belongs_to(tmp_path, told, left, without_order):
    taken = load(tmp_path, list(rows_of(*told)))
    assert (taken.rejected_rows, taken.duplicate_rows) == (0, 0)
    assert [amount for *_, amount in orders_left(tmp_path, taken)] == left
    assert [amount for _, amount in unplaced(taken)] == without_order


def test_what_exceeds_its_order_is_told(tmp_path):
    told = rows_of(
        ("a", 0, 30, "o1"), ("a", 1, -20, "o1", "refund"), ("a", 2, -20, "o1", "refund"), ("b", 0, 9)
    )
    taken = load(tmp_path, list(told))
    (excess,) = taken.movements.of("beyond")
    assert excess.amount == 10
    assert "the excess in no figure: 1 refund of 10.00 USD" in " ".join(taken.notes)
    months = opened(tmp_path, taken).engine.revenue_by_period(taken.snapshot).to_pylist()
    assert [(row["revenue"], row["gross"], row["refunded"]) for row in months] == [(9, 39, 30)]


def test_partial_refunds_of_one_order_are_no_conflict_and_no_copies(tmp_path):
    told = [("a", 0, 30, "o1"), ("a", 1, -5, "o1", "refund"), ("a", 1, -5, "o1", "refund")]
    taken = load(tmp_path, list(rows_of(*told)))
    assert (taken.rejected_rows, taken.duplicate_rows) == (0, 0)
    assert orders_left(tmp_path, taken) == [("a", 0, 20)]


def test_a_refund_in_another_currency_than_its_order_is_unplaced(tmp_path):
    file = tmp_path / "two.csv"
    file.write_text(
        "member_id,purchased_at,amount,order_id,currency\na,2024-01-01,30,o1,EUR\na,2024-01-09,-30,o1,USD\n"
    )
    taken = ingest([file], "purchases", store=SnapshotStore(tmp_path / "store"), options=OPTIONS)
    assert unplaced(taken) == [("refund", 30)]
    assert "1 refund of 30.00 USD" in " ".join(taken.notes)


@pytest.mark.parametrize("word", ["Refund", "return", "credit note", "Chargeback"])
def test_usual_words_for_a_refund_are_understood(tmp_path, word):
    file = tmp_path / "words.csv"
    lines = ("a,2024-01-01,30,Purchase", f"a,2024-01-09,30,{word}", "b,2024-01-01,5,")
    file.write_text("\n".join(["member_id,purchased_at,amount,kind", *lines]))
    taken = ingest([file], "purchases", store=SnapshotStore(tmp_path / "store"), options=OPTIONS)
    assert orders_left(tmp_path, taken) == [("b", 0, 5)]


def test_a_sale_of_less_than_nothing_is_rejected(tmp_path):
    told = [("a", 0, 30, "o1"), ("a", 9, -30, "o2", "sale")]
    assert load(tmp_path, list(rows_of(*told))).reasons == {
        "amount: negative for a sale; call it a refund": 1
    }


def test_cash_stands_in_the_month_of_the_refund(tmp_path):
    told = [("a", 0, 30, "o1"), ("b", 3, 50, "o2"), ("a", 40, -30, "o1", "refund"), ("c", 41, 7, "o3")]
    taken = load(tmp_path, list(rows_of(*told)))
    data = opened(tmp_path, taken)
    months = data.engine.revenue_by_period(data.snapshot("purchases")).to_pylist()
    assert [(m["revenue"], m["gross"], m["refunded"]) for m in months] == [(50, 80, 0), (7, 7, 30)]
    at = datetime(2024, 1, 1, tzinfo=UTC)
    windows = [(at + timedelta(days=31), at + timedelta(days=62)), (at, at + timedelta(days=31))]
    rows = data.engine.loyalty_windows(data.snapshot("purchases"), windows=windows).to_pylist()
    sums = [[sum(r[name] for r in rows if r["n"] == n) for name in ("revenue", *CASH)] for n in (0, 1)]
    assert sums == [[7, 7, 30], [50, 80, 0]]


def test_nothing_left_is_said_and_not_zero(tmp_path):
    data = opened(tmp_path, load(tmp_path, list(rows_of(("a", 0, 30, "o1"), ("a", 9, -30, "o1", "refund")))))
    with pytest.raises(NotFound, match="all 1 sales were refunded or cancelled"):
        data.snapshot("purchases")


def test_sales_alone_cost_nothing_more(tmp_path):
    taken = load(tmp_path, list(rows_of(("a", 0, 30, "o1"), ("a", 9, 0, "o2"))))
    store = SnapshotStore(tmp_path / "store")
    assert taken.movements is None
    assert {file.name for file in store.rows_path(taken.snapshot).parent.iterdir()} == {
        "rows.parquet",
        "snapshot.json",
    }


def test_a_snapshot_of_before_is_netted_by_its_signs(tmp_path):
    """Rows stored under the first contract have no movement and no column of refunds."""
    taken = load(tmp_path, list(rows_of(("a", 0, 30, "o1"), ("a", 9, -30, "r1", "refund"), ("b", 0, 5))))
    store = SnapshotStore(tmp_path / "store")
    rows = store.rows_path(taken.snapshot)
    old = pq.read_table(rows).drop_columns(["movement", "refunded_amount"])
    profile = {name: told for name, told in taken.snapshot.profile.items() if name in old.column_names}
    earlier = replace(taken.snapshot, sha256="0" * 64, contract_version=1, profile=profile)
    pq.write_table(old, tmp_path / "old.parquet")
    with store.workspace() as directory:
        (tmp_path / "old.parquet").rename(directory / "rows.parquet")
        store.put(earlier, directory / "rows.parquet")
    netted = net_orders(store, earlier)
    assert [row["member_id"] for row in pq.read_table(netted.orders).to_pylist()] == ["b"]
