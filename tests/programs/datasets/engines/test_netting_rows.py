"""Refunds, claw-backs and credit notes: one rule, however they are written, in every figure of their kind."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from programs.analytics.fx import convert
from programs.datasets import OpenData, Options, SnapshotStore
from programs.datasets.engines.duck import DuckDBEngine
from programs.datasets.engines.netting_rows import net_rows
from programs.datasets.loading.ingest import ingest
from programs.datasets.rates import ecb_rates

START = date(2024, 1, 1)
WINDOW = {"start": datetime(2024, 1, 1, tzinfo=UTC), "end": datetime(2025, 1, 1, tzinfo=UTC)}
OPTIONS = Options(currency="USD", now=datetime(2027, 1, 1, tzinfo=UTC))
BY_DAY_OF_MOVEMENT = {
    "refunds",
    "refunded",
    "clawed_back",
    "gross_conversions",
    "gross_revenue",
    "gross_paid_out",
}
FEW = settings(
    max_examples=3,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
NUMBERS = count()


def day(number: int) -> str:
    return str(START + timedelta(days=number))


def load(folder, kind, rows):
    """Rows as dictionaries, whatever columns they have; a number keeps the files apart."""
    header = list(dict.fromkeys(name for row in rows for name in row))
    file = folder / f"{kind}-{next(NUMBERS)}.csv"
    lines = (",".join(str(row.get(name, "")) for name in header) for row in rows)
    file.write_text("\n".join([",".join(header), *lines]) + "\n")
    taken = ingest([file], kind, store=SnapshotStore(folder / "store"), options=OPTIONS)
    assert taken.reasons == {}, taken.reasons
    return taken


def engine(folder):
    return DuckDBEngine(SnapshotStore(folder / "store"))


def plain(rows):
    """Amounts and counts, without what stands in the period of a movement or is called gross."""
    kept = [{k: v for k, v in row.items() if k not in BY_DAY_OF_MOVEMENT} for row in rows]
    return [row for row in kept if any(v for k, v in row.items() if k != "step" and v != "")]


def counts(taken, placing):
    return [(c.movement, c.rows, c.amount) for c in taken.movements.of(placing)] if taken.movements else []


# Referrals.


@dataclass(frozen=True)
class Order:
    """A referral that was won, and what was given back of it."""

    number: int
    won: int
    revenue: Decimal
    back: Decimal

    @property
    def is_undone(self) -> bool:
        return self.back == self.revenue

    def row(self, revenue: Decimal, *, won: bool = True, **more: object) -> dict[str, object]:
        stages = ("clicked_at", "submitted_at", "qualified_at", "pipeline_at")
        told = {
            "referral_id": f"r{self.number}", "referrer_id": f"a{self.number % 3}",
            "partner_id": f"p{self.number % 2}", "channel": "mail" if self.number % 2 else "link",
            "invited_at": day(self.won - 3), "reward": 10, "referee_customer_id": f"c{self.number}",
            **dict.fromkeys(stages, day(self.won - 2)),
        }  # fmt: skip
        money = {"won_at": day(self.won), "revenue": revenue, "margin": revenue * Decimal("0.4")}
        paid = {} if self.is_undone else {"paid_at": day(self.won + 1)}
        return told | (money | paid if won else {}) | more

    def refund(self, sign: int, **more: object) -> dict[str, object]:
        told = {"referral_id": f"r{self.number}", "referrer_id": f"a{self.number % 3}"}
        return told | {"invited_at": day(self.won + 9), "revenue": sign * self.back} | more


LAST = Order(999, 340, Decimal(1), Decimal(0))


@st.composite
def referred(draw) -> list[Order]:
    orders = []
    for number, won in enumerate(draw(st.lists(st.integers(5, 300), unique=True, min_size=4, max_size=10))):
        revenue = Decimal(draw(st.integers(2, 90))) * 2
        back = draw(st.sampled_from((Decimal(0), revenue, revenue / 2)))
        orders.append(Order(number, won, revenue, back))
    return [*orders, LAST]


def referral_ways(orders):
    back = [order for order in orders if order.back]
    gross = [order.row(order.revenue) for order in orders]
    beside = {
        order: {"refunded_at": day(order.won + 9)}
        | ({} if order.is_undone else {"refunded_amount": order.back})
        for order in back
    }
    return {
        "without the refunded part": [o.row(o.revenue - o.back, won=not o.is_undone) for o in orders],
        "rows of their own": [*gross, *(o.refund(1, movement="refund") for o in back)],
        "negative amounts": [*gross, *(o.refund(-1) for o in back)],
        "numbers of their own": [
            *gross,
            *(o.refund(-1, referral_id=f"x{o.number}", referee_customer_id=f"c{o.number}") for o in back),
        ],
        "columns": [o.row(o.revenue, **beside.get(o, {})) for o in orders],
    }  # fmt: skip


def referral_figures(folder, snapshot, payouts=None):
    ask = engine(folder)
    by = ("channel",)
    return {
        "flows": plain(ask.referral_flows(snapshot, **WINDOW, by=by).to_pylist()),
        "funnel": plain(
            ask.referral_funnel(snapshot, **WINDOW, as_of=WINDOW["end"], by=by, payouts=payouts).to_pylist()
        ),
        "levels": ask.reward_levels(snapshot, **WINDOW, as_of=WINDOW["end"], payouts=payouts).to_pylist(),
        "partners": ask.partner_referrals(snapshot, **WINDOW, payouts=payouts).to_pylist(),
        "trend": plain(ask.referral_trend(snapshot, **WINDOW).to_pylist()),
    }


@FEW
@given(orders=referred())
def test_every_way_to_write_a_refund_gives_the_same_figures_of_referrals(tmp_path, orders):
    event(f"undone: {sum(o.is_undone for o in orders)}")
    event(f"in part: {sum(0 < o.back < o.revenue for o in orders)}")
    taken = {way: load(tmp_path, "referrals", rows) for way, rows in referral_ways(orders).items()}
    figures = {way: referral_figures(tmp_path, found.snapshot) for way, found in taken.items()}
    (flow,) = engine(tmp_path).referral_flows(taken["columns"].snapshot, **WINDOW).to_pylist()
    assert flow["revenue"] == sum(o.revenue - o.back for o in orders)
    assert flow["conversions"] == sum(not o.is_undone for o in orders)
    assert flow["gross_revenue"] - flow["refunded"] == flow["revenue"]
    for way, found in figures.items():
        assert found == figures["without the refunded part"], way


def test_a_refund_said_twice_lowers_once(tmp_path):
    order = Order(1, 20, Decimal(80), Decimal(80))
    rows = [order.row(order.revenue, refunded_at=day(29)), order.refund(-1), LAST.row(Decimal(1))]
    taken = load(tmp_path, "referrals", rows)
    assert counts(taken, "order") == [("refund", 1, 80)]
    assert counts(taken, "beyond") == []
    (flow,) = engine(tmp_path).referral_flows(taken.snapshot, **WINDOW).to_pylist()
    assert (flow["revenue"], flow["gross_revenue"], flow["refunded"], flow["refunds"]) == (1, 81, 80, 1)


def test_a_refund_of_no_known_referral_is_counted_and_in_no_figure(tmp_path):
    order = Order(1, 20, Decimal(80), Decimal(30))
    stranger = order.refund(-1, referral_id="from last year", referee_customer_id="c77")
    taken = load(tmp_path, "referrals", [order.row(order.revenue), stranger, LAST.row(Decimal(1))])
    assert counts(taken, "unplaced") == [("refund", 1, 30)]
    assert any("Unplaced, for want of an order" in n and "1 refund of 30.00 USD" in n for n in taken.notes)
    (flow,) = engine(tmp_path).referral_flows(taken.snapshot, **WINDOW).to_pylist()
    assert (flow["revenue"], flow["refunded"], flow["invites"]) == (81, 0, 2)


def test_a_refund_without_an_amount_takes_all_of_the_order(tmp_path):
    order = Order(1, 20, Decimal(80), Decimal(80))
    bare = {k: v for k, v in order.refund(1, movement="cancellation").items() if k != "revenue"}
    taken = load(tmp_path, "referrals", [order.row(order.revenue), bare, LAST.row(Decimal(1))])
    assert counts(taken, "order") == [("cancellation", 1, 80)]


def test_a_partners_figures_after_a_refund(tmp_path):
    order, other = (Order(n, 20 + n, Decimal(80), Decimal(40 * n)) for n in (0, 2))
    taken = load(
        tmp_path, "referrals", [order.row(order.revenue), other.row(other.revenue), other.refund(-1)]
    )
    (partner,) = engine(tmp_path).partner_referrals(taken.snapshot, **WINDOW).to_pylist()
    assert (partner["referrals"], partner["won"], partner["revenue"], partner["gross_margin"]) == (
        2,
        1,
        80,
        32,
    )
    assert partner["payout"] == 10  # the reward of the other was never paid


def test_a_window_that_ends_before_a_refund_does_not_know_it_yet(tmp_path):
    order = Order(1, 20, Decimal(80), Decimal(80))
    taken = load(tmp_path, "referrals", [order.row(order.revenue), order.refund(-1), LAST.row(Decimal(1))])
    span = {"start": WINDOW["start"], "end": datetime(2024, 1, 26, tzinfo=UTC)}
    ask = engine(tmp_path)
    (then,) = ask.referral_funnel(taken.snapshot, **span, as_of=span["end"]).to_pylist()
    (now,) = ask.referral_funnel(taken.snapshot, **span, as_of=WINDOW["end"]).to_pylist()
    assert [(f["won"], f["revenue"], f["margin"]) for f in (then, now)] == [(1, 80, 32), (0, 0, 0)]


def test_a_refund_that_says_its_margin_takes_that(tmp_path):
    order = Order(1, 20, Decimal(80), Decimal(40))
    taken = load(tmp_path, "referrals", [order.row(order.revenue), order.refund(-1, margin=-30)])
    (flow,) = engine(tmp_path).referral_flows(taken.snapshot, **WINDOW).to_pylist()
    assert (flow["revenue"], flow["margin"]) == (40, 2)


def test_what_is_left_takes_the_rate_of_the_sale_and_a_refund_by_day_that_of_the_refund(tmp_path):
    order = Order(1, 20, Decimal(80), Decimal(40))
    rows = [row | {"currency": "EUR"} for row in (order.row(order.revenue), order.refund(-1))]
    taken = load(tmp_path, "referrals", rows)
    ask = DuckDBEngine(SnapshotStore(tmp_path / "store"), currency="USD")
    (flow,) = ask.referral_flows(taken.snapshot, **WINDOW).to_pylist()

    def usd(amount, at):
        on = START + timedelta(days=at)
        return convert(amount, "EUR", "USD", on, ecb_rates(), exponent=Decimal("0.01")).amount

    assert flow["revenue"] == usd(Decimal(40), 20)
    assert flow["gross_revenue"] == usd(Decimal(80), 20)
    assert flow["refunded"] == usd(Decimal(40), 29) != usd(Decimal(40), 20)


def test_nothing_taken_back_costs_nothing_more(tmp_path):
    taken = load(tmp_path, "referrals", [LAST.row(Decimal(1))])
    assert taken.movements is None
    folder = SnapshotStore(tmp_path / "store").rows_path(taken.snapshot).parent
    assert {file.name for file in folder.iterdir()} == {"rows.parquet", "snapshot.json"}


# Payouts.


def payout(number: int, amount: int, **more: object) -> dict[str, object]:
    told = {"payout_id": f"pay{number}", "referral_id": f"r{number}", "beneficiary_id": f"a{number % 3}"}
    return told | {"paid_at": day(40 + number), "amount": amount, "status": "paid"} | more


def clawback(number: int, amount: int, **more: object) -> dict[str, object]:
    return payout(number, amount, payout_id=f"back{number}", paid_at=day(90), status="") | more


PAID, TAKEN = {1: 10, 2: 10, 3: 8, 4: 10}, {2: 10, 3: 4}
PAYOUT_WAYS = {
    "without them": [payout(n, a - TAKEN.get(n, 0)) for n, a in PAID.items() if a != TAKEN.get(n)],
    "rows by sign": [*(payout(n, a) for n, a in PAID.items()), *(clawback(n, -a) for n, a in TAKEN.items())],
    "rows by name": [
        *(payout(n, a) for n, a in PAID.items()),
        *(clawback(n, a, movement="claw back") for n, a in TAKEN.items()),
    ],
    "the payout's number": [
        *(payout(n, a) for n, a in PAID.items()),
        *(clawback(n, -a, payout_id=f"pay{n}") for n, a in TAKEN.items()),
    ],
    "a column": [payout(n, a, clawed_back_amount=TAKEN.get(n, 0)) for n, a in PAID.items()],
    "a status": [
        payout(n, a, clawed_back_amount=4 if n == 3 else 0, status="reversed" if n == 2 else "paid")
        for n, a in PAID.items()
    ],
}
REFERRALS = [Order(n, 20, Decimal(80), Decimal(0)) for n in range(6)]


@pytest.mark.parametrize("way", PAYOUT_WAYS)
def test_claw_backs_lower_payouts_and_what_rewards_cost(tmp_path, way):
    referrals = load(tmp_path, "referrals", [order.row(order.revenue) for order in REFERRALS]).snapshot
    taken = load(tmp_path, "referral_payouts", PAYOUT_WAYS[way])
    (flow,) = engine(tmp_path).referral_payout_flows(referrals, taken.snapshot, **WINDOW).to_pylist()
    assert (flow["payouts"], flow["paid_out"]) == (3, 24)
    rewards = referral_figures(tmp_path, referrals, taken.snapshot)
    # Six rewards of ten; a payout that is not in the data was not taken back.
    cost = {"without them": 60}.get(way, 60 - 10 - 4)
    assert rewards["levels"][0]["payout"] == sum(f["reward"] for f in rewards["funnel"]) == cost
    assert sum(partner["payout"] for partner in rewards["partners"]) == cost


def test_gross_payouts_and_claw_backs_by_their_day_stand_beside(tmp_path):
    referrals = load(tmp_path, "referrals", [order.row(order.revenue) for order in REFERRALS]).snapshot
    taken = load(tmp_path, "referral_payouts", [*PAYOUT_WAYS["rows by sign"], clawback(9, -7)])
    (flow,) = engine(tmp_path).referral_payout_flows(referrals, taken.snapshot, **WINDOW).to_pylist()
    assert (flow["gross_paid_out"], flow["clawed_back"], flow["paid_out"]) == (38, 14, 24)
    early = WINDOW | {"end": datetime(2024, 3, 1, tzinfo=UTC)}
    (before,) = engine(tmp_path).referral_payout_flows(referrals, taken.snapshot, **early).to_pylist()
    assert (before["paid_out"], before["clawed_back"]) == (24, 0)
    assert counts(taken, "unplaced") == [("clawback", 1, 7)]
    assert any("want of a payout" in note and "1 clawback of 7.00 USD" in note for note in taken.notes)


def test_a_payout_that_was_taken_back_breaks_no_rule_of_paying(tmp_path):
    order = Order(2, 20, Decimal(80), Decimal(80))
    referrals = load(tmp_path, "referrals", [order.row(order.revenue, refunded_at=day(25))]).snapshot

    def broken(rows):
        payouts = load(tmp_path, "referral_payouts", rows).snapshot
        found = engine(tmp_path).payout_compliance(referrals, payouts, **WINDOW, holding_days=10)
        return [row["rule"] for row in found.to_pylist()]

    assert broken([payout(2, 10)]) == ["after_refund"]
    assert broken([payout(2, 10), clawback(2, -10)]) == []


@pytest.mark.parametrize(
    ("amount", "paid_in", "broken"),
    [(10, "EUR", []), (11, "EUR", ["above_reward"]), (9, "EUR", []), (10, "USD", []), (10, "GBP", [])],
)
def test_a_payout_is_held_against_its_reward_in_the_currency_of_both(tmp_path, amount, paid_in, broken):
    for won in (20, 60, 200):  # the euro is worth more when it is paid, or less
        order = Order(2, won, Decimal(80), Decimal(0))
        referrals = load(tmp_path, "referrals", [order.row(order.revenue, currency="EUR")]).snapshot
        paid = payout(2, amount, currency=paid_in, paid_at=day(won + 40))
        payouts = load(tmp_path, "referral_payouts", [paid]).snapshot
        asked = DuckDBEngine(SnapshotStore(tmp_path / "store"), currency="USD")
        found = asked.payout_compliance(referrals, payouts, **WINDOW, holding_days=10).to_pylist()
        assert [row["rule"] for row in found] == broken
        partly = [paid | {"amount": 12, "payout_id": "x"}, clawback(2, -3, payout_id="x", currency=paid_in)]
        taken = load(tmp_path, "referral_payouts", partly).snapshot
        assert asked.payout_compliance(referrals, taken, **WINDOW, holding_days=10).num_rows == 0


@pytest.mark.parametrize("paid_in", ["EUR", "GBP"])
@pytest.mark.parametrize(("back", "left"), [(0, 1), (1, 0), (Decimal("0.4"), Decimal("0.6"))])
@pytest.mark.parametrize("undone", [False, True])
def test_what_is_taken_back_of_a_reward_is_netted_in_the_currency_of_the_payout(
    tmp_path, paid_in, back, left, undone
):
    """Promised and paid on days with other rates: what is left is that part of the promise, to the cent."""
    for won in (20, 60, 200):
        order = Order(2, won, Decimal(80), Decimal(80 if undone else 0))
        told = order.row(order.revenue, currency="EUR", **({"refunded_at": day(won + 2)} if undone else {}))
        referrals = load(tmp_path, "referrals", [told]).snapshot
        sent = Decimal(10) if paid_in == "EUR" else Decimal("8.55")  # what ten euro were worth in pounds
        rows = [payout(2, sent, currency=paid_in, paid_at=day(won + 40))]
        rows += [clawback(2, -sent * back, currency=paid_in, paid_at=day(won + 60))] if back else []
        payouts = load(tmp_path, "referral_payouts", rows).snapshot
        asked = DuckDBEngine(SnapshotStore(tmp_path / "store"), currency="USD")
        given = {"as_of": WINDOW["end"], "payouts": payouts}
        (cell,) = asked.referral_funnel(referrals, **WINDOW, **given).to_pylist()
        promise = convert(Decimal(10), "EUR", "USD", START + timedelta(days=won), ecb_rates()).amount
        assert abs(cell["reward"] - promise * left) <= Decimal("0.01")
        assert cell["paid"] == (0 if undone or not left else 1)


@pytest.mark.parametrize(("near", "whole"), [(0.05, 1), (0.0, 0)])
def test_how_near_to_a_promise_a_payout_elsewhere_is_all_of_it_is_a_rule(tmp_path, near, whole):
    """A returned order was paid 8.55 pounds of ten euro, and nothing was taken back: what does it cost?"""
    order = Order(2, 20, Decimal(80), Decimal(80))
    row = order.row(order.revenue, currency="EUR", refunded_at=day(22))
    referrals = load(tmp_path, "referrals", [row]).snapshot
    sent = payout(2, Decimal("8.55"), currency="GBP", paid_at=day(60))
    payouts = load(tmp_path, "referral_payouts", [sent]).snapshot
    asked = DuckDBEngine(SnapshotStore(tmp_path / "store"), currency="USD", near=near)
    as_of = WINDOW["end"]
    assert asked.payouts_elsewhere(referrals, payouts, as_of=as_of) == {"rewards": 1, "whole": whole}
    (cell,) = asked.referral_funnel(referrals, **WINDOW, as_of=as_of, payouts=payouts).to_pylist()
    promised, paid = (
        convert(Decimal(amount), currency, "USD", START + timedelta(days=days), ecb_rates()).amount
        for amount, currency, days in (("10", "EUR", 20), ("8.55", "GBP", 60))
    )
    assert abs(paid - promised) > Decimal("0.01")
    assert abs(cell["reward"] - (promised if whole else min(paid, promised))) <= Decimal("0.01")


def test_payouts_in_the_currency_of_their_promise_are_no_payouts_elsewhere(tmp_path):
    order = Order(2, 20, Decimal(80), Decimal(0))
    referrals = load(tmp_path, "referrals", [order.row(order.revenue)]).snapshot
    payouts = load(tmp_path, "referral_payouts", [payout(2, 10)]).snapshot
    for currency in ("USD", "EUR", ""):
        asked = DuckDBEngine(SnapshotStore(tmp_path / "store"), currency=currency)
        found = asked.payouts_elsewhere(referrals, payouts, as_of=WINDOW["end"])
        assert found == {"rewards": 0, "whole": 0}


def test_a_reward_paid_for_an_order_that_came_back_is_a_cost_until_it_is_taken_back(tmp_path):
    order = Order(2, 20, Decimal(80), Decimal(80))
    referrals = load(tmp_path, "referrals", [order.row(order.revenue, refunded_at=day(25))]).snapshot

    def cost(*rows):
        payouts = load(tmp_path, "referral_payouts", list(rows)).snapshot if rows else None
        (level,) = referral_figures(tmp_path, referrals, payouts)["levels"]
        return level["won"], level["gross_margin"], level["payout"]

    assert cost() == (0, 0, 0)
    assert cost(payout(2, 10)) == (0, 0, 10)
    assert cost(payout(2, 10), clawback(2, -10)) == (0, 0, 0)


def test_a_reward_taken_back_in_both_files_is_taken_back_once(tmp_path):
    order = Order(2, 20, Decimal(80), Decimal(0))
    back = {"referral_id": "r2", "referrer_id": "a2", "invited_at": day(90), "reward": -4}
    referrals = load(tmp_path, "referrals", [order.row(order.revenue), back])
    payouts = load(tmp_path, "referral_payouts", [payout(2, 10), clawback(2, -4)]).snapshot
    assert counts(referrals, "order") == [("adjustment", 1, 4)]
    found = [referral_figures(tmp_path, referrals.snapshot, each)["levels"] for each in (None, payouts)]
    assert [(level["won"], level["payout"], level["gross_margin"]) for (level,) in found] == [(1, 6, 32)] * 2


# Deals.


def deal(number: str, at: int, amount: object, company: str = "Acme", **more: object) -> dict[str, object]:
    told = {"opportunity_id": number, "stage": "Won", "created_at": day(at), "amount": amount}
    return told | {"account_name": company} | more


def deals_left(folder, taken):
    rows = engine(folder).deal_rows({"": taken.snapshot}, as_of=WINDOW["end"]).to_pylist()
    return {row["opportunity_id"]: row["amount"] for row in rows if not row["undone"]}


@pytest.mark.parametrize(
    ("rows", "left", "unplaced"),
    [
        ([deal("d1", 0, 50), deal("c1", 5, -50)], {}, 0),
        ([deal("d1", 0, 50), deal("c1", 5, -20)], {"d1": 30}, 0),
        ([deal("d1", 0, 50), deal("d1", 5, -20)], {"d1": 30}, 0),  # the deal's own number
        ([deal("d1", 0, 50), deal("d1", 5, 20, movement="credit note")], {"d1": 30}, 0),
        ([deal("d1", 0, 50), deal("d1", 5, "", movement="cancellation")], {}, 0),
        ([deal("d1", 0, 50, refunded_amount=20)], {"d1": 30}, 0),
        ([deal("d1", 0, 50), deal("c1", 5, 5, movement="adjustment")], {"d1": 55}, 0),
        ([deal("d1", 0, 50), deal("d2", 3, 10), deal("c1", 5, -20)], {"d1": 30, "d2": 10}, 0),
        ([deal("d1", 6, 50), deal("c1", 5, -20)], {"d1": 50}, 20),  # before the deal
        ([deal("d1", 0, 50), deal("c1", 5, -20, "Globex")], {"d1": 50}, 20),
        ([deal("d1", 0, 50, partner="n"), deal("c1", 5, -20, partner="m")], {"d1": 50}, 20),
        ([deal("d1", 0, 50), deal("c1", 5, -20, currency="EUR")], {"d1": 50}, 20),
        ([deal("d1", 0, 50, campaign="a"), deal("c1", 5, -20, campaign="b")], {"d1": 50}, 20),
        ([deal("d1", 0, 50, campaign="a"), deal("c1", 5, -20)], {"d1": 30}, 0),
        ([deal("d1", 0, 50, "", person_id="51;77"), deal("c1", 5, -20, "", person_id="77")], {"d1": 30}, 0),
        ([deal("d1", 0, 50), deal("c1", 5, -20), deal("c2", 6, -20), deal("c3", 7, -20)], {"d1": 10}, 20),
        ([deal("d1", 0, 0)], {"d1": 0}, 0),
    ],
)  # fmt: skip
def test_a_credit_note_lowers_the_deal_it_names_or_the_latest_that_it_fits(tmp_path, rows, left, unplaced):
    taken = load(tmp_path, "opportunities", rows)
    assert deals_left(tmp_path, taken) == left
    assert sum(amount for *_, amount in counts(taken, "unplaced")) == unplaced


def test_several_partners_deals_are_netted_each_in_its_own_book(tmp_path):
    books = {
        "north": load(tmp_path, "opportunities", [deal("d1", 0, 50), deal("c1", 5, -20)]).snapshot,
        "south": load(tmp_path, "opportunities", [deal("d1", 0, 70), deal("c9", 5, -99)]).snapshot,
    }
    described = [{"kind": "opportunities", "sha256": s.sha256, "partner": p} for p, s in books.items()]
    data = OpenData(tmp_path / "store", described)
    rows = data.engine.deal_rows(data.snapshots("opportunities"), as_of=WINDOW["end"]).to_pylist()
    assert [(row["owner"], row["amount"], row["gross_amount"]) for row in rows] == [
        ("north", 30, 50),
        ("south", 70, 70),
    ]
    account = data.movements("opportunities")
    assert (account.sales, account.orders) == (2, 2)
    assert [(c.placing, c.amount) for c in account.counts] == [("customer", 20), ("unplaced", 99)]


# What was stored before.

BACK = Order(1, 20, Decimal(80), Decimal(80)).row(Decimal(80), refunded_at=day(29))
OLD = {
    "referrals": (["movement", "refunded_amount"], [BACK, LAST.row(Decimal(1))]),
    "referral_payouts": (
        ["movement", "clawed_back_amount"],
        [payout(1, 10), clawback(1, -10), payout(2, 10)],
    ),
    "opportunities": (
        ["movement", "refunded_amount"],
        [deal("d1", 0, 50), deal("c1", 5, -50), deal("d2", 6, 9)],
    ),
}


@pytest.mark.parametrize("kind", OLD)
def test_a_snapshot_of_the_first_contract_is_netted_by_its_signs_and_days(tmp_path, kind):
    missing, rows = OLD[kind]
    taken = load(tmp_path, kind, rows)
    store = SnapshotStore(tmp_path / "store")
    old = pq.read_table(store.rows_path(taken.snapshot)).drop_columns(missing)
    profile = {name: told for name, told in taken.snapshot.profile.items() if name in old.column_names}
    earlier = replace(taken.snapshot, sha256="0" * 64, contract_version=1, profile=profile)
    with store.workspace() as directory:
        pq.write_table(old, directory / "rows.parquet")
        store.put(earlier, directory / "rows.parquet")
    assert net_rows(store, earlier).account == taken.movements
    assert (taken.movements.sales, taken.movements.orders) == (2, 1)
    asked = {
        "referrals": lambda s: engine(tmp_path).referral_flows(s, **WINDOW),
        "referral_payouts": lambda s: engine(tmp_path).referral_payout_flows(
            load(tmp_path, "referrals", [LAST.row(Decimal(1))]).snapshot, s, **WINDOW
        ),
        "opportunities": lambda s: engine(tmp_path).deal_rows({"": s}, as_of=WINDOW["end"]),
    }[kind]
    assert asked(earlier).to_pylist() == asked(taken.snapshot).to_pylist()
