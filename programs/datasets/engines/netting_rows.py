"""Referrals, payouts and deals net of what was refunded, clawed back and credited, by ``movements``.

Unlike purchases their rows stay as they are: beside them is kept what each was changed by, and the views of
``netted_views`` take it off as they are read. A row that is brought to zero or below is undone: a referral is
not won, a payout is none, a deal is none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from programs.analytics.identity import normalise_company
from programs.datasets.engines.movements import (
    MovementAccount,
    Place,
    account_of_settled,
    kept_beside,
    pair_table,
    place_by_customer,
    settle,
)
from programs.datasets.engines.netting import net_orders
from programs.datasets.engines.session import one_row
from programs.datasets.loading.limits import Limits
from programs.datasets.snapshots.store import Snapshot, SnapshotStore

FOLDER = "netted-rows-1"  # another number where the rule becomes another


@dataclass(frozen=True, slots=True)
class RowRules:
    """How the rows of a kind say what they are, in SQL; {names} are of columns that may be absent.

    ``reference`` names what a row is of in the list of changes; ``back`` is what it says was taken back.
    """

    amount: str
    key: str
    reference: str
    plain: str
    movement: str
    customer: str
    happened_at: str
    moved_at: str
    back: str
    undone: str
    back_at: str
    own: str
    effect: str = """CASE WHEN {kind} = 'adjustment' THEN coalesce({amount}, 0)
        ELSE -abs(coalesce({amount}, 0)) END"""
    shown: str = "NULL"
    named: str = "{amount}"
    more: str = ""
    column_kind: str = "refund"


SIGNED = "CASE WHEN {kind} = 'adjustment' THEN %s ELSE -abs(%s) END AS %s_effect"
RULES: Mapping[str, RowRules] = {
    "referrals": RowRules(
        amount="revenue", key="referral_id", reference="referral_id", plain="sale",
        movement="CASE WHEN revenue < 0 THEN 'refund' WHEN reward < 0 THEN 'adjustment' ELSE 'sale' END",
        customer="coalesce(referee_customer_id, lower(referee_email))",
        happened_at="coalesce(won_at, invited_at)", moved_at="coalesce(refunded_at, invited_at)",
        back="coalesce({refunded_amount}, 0)", undone="refunded_at IS NOT NULL AND {refunded_amount} IS NULL",
        back_at="coalesce(refunded_at, won_at, invited_at)",
        own="{kind} = 'cancellation' AND revenue > 0",
        # A row that only takes a reward back says nothing about the order.
        named="CASE WHEN {kind} = 'adjustment' AND revenue IS NULL THEN 0 ELSE revenue END",
        shown="reward",
        more=", ".join(SIGNED % (name, name, name) for name in ("margin", "reward")),
    ),
    "referral_payouts": RowRules(
        amount="amount", key="payout_id", reference="referral_id", plain="payout",
        movement="CASE WHEN amount < 0 THEN 'clawback' ELSE 'payout' END",
        customer="referral_id || chr(31) || beneficiary_id",
        happened_at="paid_at", moved_at="paid_at", back="coalesce({clawed_back_amount}, 0)", undone="false",
        back_at="paid_at", own="{kind} = 'reversal'", column_kind="clawback",
    ),
    "opportunities": RowRules(
        amount="amount", key="opportunity_id", reference="opportunity_id", plain="sale",
        movement="CASE WHEN amount < 0 THEN 'refund' ELSE 'sale' END",
        customer="NULL", happened_at="created_at", moved_at="created_at",
        back="coalesce({refunded_amount}, 0)", undone="false", back_at="created_at",
        own="{kind} = 'cancellation' AND amount > 0",
        more="coalesce(partner, '') AS partner, campaign, account_name, person_id",
    ),
}  # fmt: skip
LATER = ("movement", "refunded_amount", "clawed_back_amount")
"""Columns that snapshots of the first contracts have not."""


@dataclass(frozen=True, slots=True)
class NettedRows:
    """``effects``: one row a changed row: id (its place in the snapshot), lowered, undone, moved_at,
    refunded_at, margin and reward (of referrals). ``changes``: one row a placed movement."""

    effects: Path
    changes: Path
    account: MovementAccount


def kind_of(kind: str, columns: Iterable[str]) -> str:
    """SQL of what a stored row is: the kind's own word, "sale" or "payout", or a movement."""
    rules = RULES[kind]
    stated = "movement" if "movement" in set(columns) else "NULL"
    return f"coalesce({stated}, {rules.movement})"


def has_row_movements(snapshot: Snapshot) -> bool:
    """Whether a snapshot has rows that change others or say that they were changed, as its statistics say."""
    if snapshot.kind not in RULES:
        return False
    profile = snapshot.profile
    if profile is None:  # nothing is known of it: netting finds out
        return True
    if any(Decimal(profile.get(name, {}).get("maximum") or 0) != 0 for name in LATER[1:]):
        return True
    stated = profile.get("movement")
    if stated and {stated["minimum"], stated["maximum"]} != {RULES[snapshot.kind].plain}:
        return True
    negative = (profile.get(name, {}).get("minimum") for name in ("revenue", "reward", "amount"))
    if any(low is not None and Decimal(low) < 0 for low in negative):
        return True
    # "reversed" is the last of the words of a status.
    return "refunded_at" in profile or profile.get("status", {}).get("maximum") == "reversed"


def net_rows(store: SnapshotStore, snapshot: Snapshot, limits: Limits | None = None) -> NettedRows | None:
    """What changes the rows of a snapshot, worked out when it is first asked for; None where nothing does."""
    if not has_row_movements(snapshot):
        return None
    home, account = kept_beside(store, snapshot, FOLDER, partial(_net, snapshot.kind), limits)
    return NettedRows(home / "effects.parquet", home / "changes.parquet", account)


def account_of(
    store: SnapshotStore, snapshot: Snapshot, limits: Limits | None = None
) -> MovementAccount | None:
    """What became of the movements of a snapshot of any kind; None without any."""
    netted = net_orders(store, snapshot, limits) or net_rows(store, snapshot, limits)
    return netted.account if netted else None


def _net(kind: str, connection: duckdb.DuckDBPyConnection, rows: Path, made: Path) -> MovementAccount:
    rules = RULES[kind]
    stored = connection.read_parquet(str(rows.resolve()), file_row_number=True)
    stored.create_view("stored")
    given = {name: name if name in stored.columns else "NULL" for name in LATER}
    is_ = kind_of(kind, stored.columns)
    if kind == "referral_payouts":  # a payout that its own status takes back
        is_ = f"CASE WHEN {is_} = 'payout' AND status = 'reversed' THEN 'reversal' ELSE {is_} END"
    terms = given | {"kind": "what", "amount": rules.amount}
    one = {name: text.format(**terms) for name, text in (
        ("effect", rules.effect), ("back", rules.back), ("undone", rules.undone), ("own", rules.own),
        ("named", rules.named), ("more", rules.more),
    )}  # fmt: skip
    connection.execute(f"""
        CREATE TEMP VIEW lines AS
        SELECT file_row_number AS id, CASE WHEN what = '{rules.plain}' THEN 'sale' ELSE what END AS kind,
            {rules.key} AS key, {rules.reference} AS reference, {rules.customer} AS customer,
            CASE WHEN what = '{rules.plain}' THEN {rules.happened_at}
                ELSE {rules.moved_at} END AS happened_at,
            {rules.back_at} AS back_at, currency, {one["named"]} AS amount, {one["effect"]} AS effect,
            {rules.shown} AS shown, {one["back"]} AS refunded, {one["undone"]} AS undone,
            coalesce({one["own"]}, false) AS own{f", {one['more']}" if rules.more else ""}
        FROM (SELECT *, {is_} AS what FROM stored)
    """)  # noqa: S608
    settle(connection, PLACES.get(kind, place_by_customer), rules.column_kind)
    _write(connection, kind, made)
    effects = connection.read_parquet(str(made / "effects.parquet"))
    (undone,) = effects.aggregate("count(*) FILTER (undone)").fetchone() or (0,)
    (sales,) = one_row(connection, "SELECT count(*) FROM sales")
    return account_of_settled(connection, kind, orders=sales - undone)


def _write(connection: duckdb.DuckDBPyConnection, kind: str, made: Path) -> None:
    # Where every change of a row says what it takes off the margin, that counts; else it falls in step.
    more = (
        "CASE WHEN count(m.margin_effect) = count(*) THEN sum(m.margin_effect) END AS margin, "
        "sum(m.reward_effect) AS reward"
        if kind == "referrals"
        else "NULL AS margin, NULL AS reward"
    )
    moved = "coalesce(m.happened_at, s.back_at)"
    connection.execute(
        f"""
        COPY (
            SELECT id, CAST(least(-effect, greatest(coalesce(amount, 0), 0)) AS DECIMAL(18, 4)) AS lowered,
                (whole OR effect < 0) AND coalesce(amount, 0) + effect <= 0 AS undone, moved_at, refunded_at,
                CAST(margin AS DECIMAL(18, 4)) AS margin, CAST(reward AS DECIMAL(18, 4)) AS reward
            FROM (
                SELECT p.sale AS id, any_value(s.amount) AS amount, sum(p.effect) AS effect,
                    bool_or(p.whole) AS whole, max({moved}) AS moved_at,
                    max({moved}) FILTER (coalesce(m.kind, '') <> 'adjustment') AS refunded_at, {more}
                FROM placed p LEFT JOIN moves m ON m.id = p.id JOIN sales s ON s.id = p.sale GROUP BY p.sale
            ) ORDER BY id
        ) TO $effects (FORMAT parquet, COMPRESSION zstd)
    """,  # noqa: S608
        {"effects": str(made / "effects.parquet")},
    )
    connection.execute(
        f"""
        COPY (
            SELECT reference AS {RULES[kind].reference}, moved_at, sold_at, told.currency,
                CAST(lowered AS DECIMAL(18, 4)) AS lowered,
                CAST(lowered AS DECIMAL(18, 4)) AS refunded  -- the same, to be dated by the refund
            FROM told JOIN sales ON sales.id = told.sale ORDER BY ALL
        ) TO $changes (FORMAT parquet, COMPRESSION zstd)
    """,  # noqa: S608
        {"changes": str(made / "changes.parquet")},
    )


def place_by_company_or_person(connection: duckdb.DuckDBPyConnection) -> pa.Table:
    """id, sale: the partner's latest earlier deal of the company, or of a person in it, that a note fits."""
    listed = "id, partner, currency, campaign, account_name, person_id, happened_at, amount"
    notes = connection.execute(
        f"SELECT {listed}, effect FROM free ORDER BY happened_at, effect, key"  # noqa: S608
    ).fetchall()
    if not notes:
        return pair_table([])
    taken = dict(connection.execute("SELECT sale, sum(effect) FROM placed GROUP BY sale").fetchall())
    deals = connection.execute(
        f"SELECT {listed} FROM sales ORDER BY happened_at, key"  # noqa: S608
    ).fetchall()
    left = {deal[0]: (deal[-1] or Decimal(0)) + taken.get(deal[0], 0) for deal in deals}
    found: defaultdict[tuple[Any, ...], list[tuple[Any, ...]]] = defaultdict(list)
    rank = {deal[0]: n for n, deal in enumerate(deals)}
    for deal in deals:
        for name in _names(deal):
            found[name].append(deal)
    pairs = []
    for note in notes:
        fitting = [
            deal for name in _names(note) for deal in found[name]
            if deal[6] <= note[6] and left[deal[0]] + note[-1] >= 0
            and (deal[3] is None or note[3] is None or deal[3] == note[3])
        ]  # fmt: skip
        if fitting:
            latest = max(fitting, key=lambda deal: rank[deal[0]])
            left[latest[0]] += note[-1]
            pairs.append((note[0], latest[0]))
    return pair_table(pairs)


def _names(row: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """What a deal and a note have in common: company or person, within a partner's rows of one currency."""
    _, partner, currency, _, account, persons, *_ = row
    company = normalise_company(account or "")
    names = [(partner, currency, "company", company)] if company else []
    people = [person.strip() for person in (persons or "").split(";")]
    return names + [(partner, currency, "person", person) for person in people if person]


PLACES: Mapping[str, Place] = {"opportunities": place_by_company_or_person}
