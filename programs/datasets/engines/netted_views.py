"""SQL of referrals, payouts and deals as questions see them: net, with what was gross beside it.

``gross_<column>`` is the amount before anything was taken off it; ``undone`` says that nothing is left, and
``undone_at`` since when. ``stated`` and ``stated_in`` are a promise or a payout as the row has it, in its own
currency, and ``stated_left`` is what is left of it: converted at the rates of two days, one promise would be
two amounts. Rows that are no referral, payout or deal themselves are not in it.
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
