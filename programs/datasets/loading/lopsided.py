"""Whether what is left after the rejects is another thing than what came: asked before it becomes current."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb

from programs.datasets.contracts import Contract
from programs.datasets.engines.session import one_row
from programs.datasets.loading.limits import Options
from programs.datasets.loading.problems import Problem

FEWEST_REJECTED, MOST_REJECTED = 20, 10
"""More than ten in a hundred, and at least twenty rows, are not left out without being asked."""
MOST_REASONS = 5


@dataclass(frozen=True, slots=True)
class RowsRead:
    """``counts``: outcome → rows; ``reasons``: reason → rows; ``seen``: reason → where it is seen first."""

    counts: Mapping[str, int]
    reasons: Mapping[str, int]
    seen: Mapping[str, str]


def lopsided(
    connection: duckdb.DuckDBPyConnection, contract: Contract, outcome: RowsRead, options: Options
) -> Problem | None:
    """The question whether to load the rest: many rows are rejected, or every refund of the file."""
    rejected = outcome.counts["rejected"]
    total = rejected + outcome.counts["accepted"]
    share = -(-100 * rejected // total)  # rounded up
    if options.most_rejected:
        why = f"most_rejected allows {options.most_rejected} %."
        is_too_many = share > int(options.most_rejected)
    elif lost := _lost_movements(connection, contract):
        why, is_too_many = f"They hold every refund of the file ({lost:,}): the rest is gross.", True
    else:
        why = "The others may be something else than the whole."
        is_too_many = rejected >= FEWEST_REJECTED and share > MOST_REJECTED
    if not is_too_many:
        return None
    told = "; ".join(
        f"{count:,} × {reason}{f', such as {where}' if (where := outcome.seen.get(reason)) else ''}"
        for reason, count in list(outcome.reasons.items())[:MOST_REASONS]
    )
    return Problem(
        "rows",
        f"{rejected:,} of {total:,} rows would be rejected: {told}. {why} Correct the file or the options; "
        f"or set most_rejected={share} to load the others all the same.",
        code="many_rejected",
        answers=(("most_rejected", str(share)),),
    )


def _lost_movements(connection: duckdb.DuckDBPyConnection, contract: Contract) -> int:
    """Rejected rows that take something back, where no accepted row does."""
    worth = next((name for name in ("amount", "revenue") if name in contract.money), "")
    if not contract.unkeyed or not worth:
        return 0
    back = f"coalesce({contract.unkeyed}, {worth} < 0, false)"
    lost, kept = one_row(
        connection,
        f"SELECT count_if(len(reasons) > 0 AND {back}), count_if(len(reasons) = 0 AND {back}) "  # noqa: S608
        "FROM converted",
    )
    return 0 if kept else int(lost)
