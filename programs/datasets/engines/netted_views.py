"""SQL of referrals, payouts and deals as questions see them: net, with what was gross beside it.

``gross_<column>`` is the amount before anything was taken off it; ``undone`` says that nothing is left, and
``undone_at`` since when. ``stated`` and ``stated_in`` are a promise or a payout as the row has it, in its own
currency, and ``stated_left`` is what nothing took off it: converted at the rates of two days, one promise would be two amounts. Rows that are no referral,
payout or deal themselves are not in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from programs.datasets.contracts import CONTRACTS
from programs.datasets.engines.netting_rows import RULES, kind_of

GROSS: Mapping[str, tuple[str, ...]] = {
    "referrals": ("revenue", "margin", "reward"),
    "referral_payouts": ("amount",),
    "opportunities": ("amount",),
}
STATED: Mapping[str, str] = {"referrals": "reward", "referral_payouts": "amount"}
CHANGES: Mapping[str, str] = {
    "purchases": "order_changes",
    "referrals": "referral_changes",
    "referral_payouts": "payout_changes",
}
"""Kind → the view of what changed its rows, in questions that read them."""
CHANGED_AMOUNTS = {"lowered": ("sold_at",), "refunded": ("moved_at",)}
LEFT = """
    CASE WHEN e.id IS NULL OR e.lowered = 0 THEN r.{0}
        ELSE CAST(coalesce(r.{0}, 0) - e.lowered AS DECIMAL(18, 4)) END
"""
MARGIN = """
    CASE WHEN e.id IS NULL OR r.margin IS NULL THEN r.margin
        WHEN e.undone THEN CAST(0 AS DECIMAL(18, 4))
        WHEN e.margin IS NOT NULL THEN CAST(r.margin + e.margin AS DECIMAL(18, 4))
        WHEN r.revenue > 0 THEN CAST(r.margin * (r.revenue - e.lowered) / r.revenue AS DECIMAL(18, 4))
        ELSE r.margin END
"""
REWARD = """
    CASE WHEN r.reward IS NULL OR e.reward IS NULL THEN r.reward
        ELSE CAST(greatest(r.reward + e.reward, 0) AS DECIMAL(18, 4)) END
"""
EARNED = """
    CREATE TEMP VIEW payouts_of AS
    SELECT referral_id,
        CASE WHEN min(coalesce(stated_in, '')) = max(coalesce(stated_in, '')) THEN min(coalesce(stated_in, '')) END AS paid_in,
        sum(CASE WHEN live THEN stated_left ELSE 0 END) AS paid,
        sum(CASE WHEN back THEN stated_left ELSE stated - stated_left END) AS taken,
        sum(CASE WHEN live THEN amount ELSE 0 END) AS paid_here,
        sum(CASE WHEN back THEN amount ELSE gross_amount - amount END) AS taken_here,
        coalesce(nullif(sum(CASE WHEN live THEN gross_amount ELSE 0 END), 0), sum(gross_amount)) AS sent_here
    FROM (
        SELECT *, coalesce(status, 'paid') IN ('paid', 'released') AS live, coalesce(status = 'reversed', false) AS back
        FROM referral_payouts
    ) GROUP BY referral_id;
    -- What is left of a promise, given what was paid of it and taken back, all in one currency. Taken back in both
    -- files is taken back once.
    CREATE TEMP MACRO left_of(promise, promised, undone, sent, paid, taken, own_paid_at) AS CASE
        WHEN promise IS NULL THEN NULL
        WHEN NOT undone AND sent IS NULL THEN promise
        WHEN NOT undone THEN least(promise, greatest(promised - taken, least(paid, promised), 0))
        WHEN sent IS NOT NULL THEN least(greatest(paid, 0), promise)
        WHEN own_paid_at IS NOT NULL THEN promise
        ELSE 0 END;
    CREATE TEMP VIEW earned AS
    SELECT * EXCLUDE (kept_stated, kept_here, in_one, scale) REPLACE (CAST(CASE
            WHEN NOT in_one THEN kept_here
            WHEN kept_stated = stated_left OR kept_stated IS NULL THEN reward
            WHEN gross_reward = stated THEN kept_stated
            ELSE round(CAST(kept_stated * gross_reward AS DOUBLE) / CAST(stated AS DOUBLE), {digits}) END AS DECIMAL(18, 4)
        ) AS reward)
    FROM (
        SELECT r.*, coalesce(p.paid_in = coalesce(r.stated_in, ''), p.referral_id IS NULL) AS in_one,
            left_of(r.stated_left, r.stated, r.undone, p.referral_id, p.paid, p.taken, r.paid_at) AS kept_stated,
            -- A payout in another currency near to the promise is all of it: nobody knows the rate of the payer.
            CASE WHEN abs(p.sent_here - r.gross_reward) <= {near} * r.gross_reward THEN CAST(r.gross_reward AS DOUBLE) / p.sent_here ELSE 1 END AS scale,
            round(left_of(r.reward, r.gross_reward, r.undone, p.referral_id, p.paid_here * scale, p.taken_here * scale, r.paid_at), {digits})
                AS kept_here
        FROM referrals r LEFT JOIN payouts_of p ON p.referral_id = r.referral_id
    )
"""
"""``earned``: referrals whose reward is what is owed for them, or was paid and not taken back.

What was paid is held against the promise in the currency of both, and what is left is converted as the promise
is. Where the currencies differ, the amounts of two days' rates are compared, and what was sent ``near`` the promise
(a share of it) counts as all of it. ``digits``: of the currency in which amounts are counted.
"""
NEAR = 0.05


def plain_view(kind: str, source: str) -> str:
    """The view of a kind none of whose rows changes another."""
    gross = "".join(f", {name} AS gross_{name}" for name in GROSS[kind]) + _stated(kind)
    return f"SELECT *{gross}, false AS undone, NULL::TIMESTAMPTZ AS undone_at FROM {source}"  # noqa: S608


def netted_view(kind: str, source: str, effects: str, columns: Sequence[str]) -> str:
    """The view of a kind less its movements. ``source`` has the column file_row_number."""
    changed = {name: LEFT.format(name) for name in GROSS[kind]}
    if kind == "referrals":
        changed |= {
            "margin": MARGIN,
            "reward": REWARD,
            "refunded_at": "coalesce(r.refunded_at, e.refunded_at)",
        }
    listed = ", ".join(f"{how} AS {name}" for name, how in changed.items())
    gross = ", ".join(f"r.{name} AS gross_{name}" for name in GROSS[kind]) + _stated(kind, "r.", changed)
    return f"""
        SELECT r.* EXCLUDE (file_row_number) REPLACE ({listed}), {gross}, coalesce(e.undone, false) AS undone,
            CASE WHEN e.undone THEN e.moved_at END AS undone_at
        FROM (FROM {source} WHERE {kind_of(kind, columns)} = '{RULES[kind].plain}') r
        LEFT JOIN {effects} e ON e.id = r.file_row_number
    """  # noqa: S608


def _stated(kind: str, row: str = "", changed: Mapping[str, str] = MappingProxyType({})) -> str:
    """``changed``: column → what is left of it, where rows were changed."""
    if kind not in STATED:
        return ""
    name = STATED[kind]
    left = changed.get(name, f"{row}{name}")
    return f", {row}{name} AS stated, {left} AS stated_left, {row}currency AS stated_in"


def empty_view(kind: str) -> str:
    """The view of a kind of which there is nothing."""
    columns = ", ".join(f"NULL::{column.type.sql} AS {column.name}" for column in CONTRACTS[kind].columns)
    rows = f"(SELECT {columns} WHERE false)"  # noqa: S608
    return plain_view(kind, rows) if kind in GROSS else f"FROM {rows}"


def no_changes(kind: str) -> str:
    """The view of the changes of a kind of which there are none."""
    return f"""
        SELECT NULL::VARCHAR AS {RULES[kind].reference}, NULL::TIMESTAMPTZ AS moved_at,
            NULL::TIMESTAMPTZ AS sold_at, NULL::VARCHAR AS currency, NULL::DECIMAL(18, 4) AS lowered,
            NULL::DECIMAL(18, 4) AS refunded
        WHERE false
    """  # noqa: S608
