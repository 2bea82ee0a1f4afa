"""Tier mix, moves between tiers over each window, and drift of the mix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from plans.commands.monitor_loyalty.facts import is_full, tiers_of, window_of
from plans.commands.shared.figures import value_of
from plans.commands.shared.windows import windows_until
from plans.engine.running.steps import StepContext
from plans.schemas.outputs import Chart, Column, Figure, Metrics, Series, Table
from programs.analytics.drift import mix_drift
from programs.analytics.estimate import Unavailable
from programs.analytics.tier_health import ABSENT, TierMigration, tier_migration, tier_mix

WINDOWS = ("7d", "30d", "quarter")


@dataclass(frozen=True, slots=True)
class Moves:
    """``by_window`` holds what could be told for each window, ``source`` how a tier was told."""

    names: tuple[str, ...]
    by_window: Mapping[str, TierMigration]
    source: str


def tier_outputs(context: StepContext) -> dict[str, Any]:
    """``outputs`` for people, ``drift`` and ``moves`` for later tasks."""
    window = context.inputs["window"]
    moves = moves_by_rule(context) if len(tiers_of(context)) > 1 else moves_as_recorded(context)
    if isinstance(moves, Unavailable):
        missing = Figure("tier_mix", "Tier mix", None, unavailable=moves.reason)
        return {"drift": None, "moves": {}, "outputs": [Metrics("tiers", "Tiers", [missing])]}
    chosen = moves.by_window[window]
    tiers = len(moves.names)
    before, after = chosen.counts.sum(axis=1), chosen.counts[:, :tiers].sum(axis=0) + chosen.joined
    outputs: list[Any] = [_mix(moves, before, after), _matrix(chosen, moves, context)]
    if is_full(context):
        outputs += [_heatmap(chosen, moves, context), _windows(moves)]
    drift = mix_drift(before, after)
    told = None if isinstance(drift, Unavailable) else {
        "index": drift.index, "band": drift.band.value, "p": drift.p_value,
    }  # fmt: skip
    shares = {name: _shares(found) for name, found in moves.by_window.items()}
    return {"drift": told, "moves": shares, "outputs": outputs}


def moves_by_rule(context: StepContext) -> Moves:
    """Both ends of every window by the program's own thresholds, so that the two can be compared."""
    data, tiers = context.data, tiers_of(context)
    end = window_of(context).current.end
    starts = {window: windows_until(end, window).current.start for window in WINDOWS}
    rows = data.engine.tier_moves(
        data.snapshot("purchases"), end=end, starts=starts, tiers=tiers, members=data.find("members")
    ).to_pylist()
    found = {
        window: _migration(tuple(tiers), [row for row in rows if row["span"] == window]) for window in WINDOWS
    }
    mine = [row for row in rows if row["span"] == context.inputs["window"] and row["after"] != ABSENT]
    recorded, agreeing = (sum(row[name] for row in mine) for name in ("recorded", "agreeing"))
    agrees = f" The member list names the same tier for {agreeing:,} of {recorded:,}." if recorded else ""
    return Moves(tuple(tiers), found, f"Tiers by spend of 365 days against the program's thresholds.{agrees}")


def moves_as_recorded(context: StepContext) -> Moves | Unavailable:
    """The member list's own tiers, where the program has no thresholds to derive them from."""
    window, span = context.inputs["window"], window_of(context).current
    nothing = Unavailable("No tiers are recorded; load members with a tier, or give the program tiers.")
    if not context.data.has("members"):
        return nothing
    rows = context.data.engine.recorded_tiers(
        context.data.snapshot("members"), start=span.start, end=span.end
    ).to_pylist()
    names = tuple(sorted({row[end] for row in rows for end in ("tier", "previous_tier")} - {""}))
    if not names:
        return nothing
    place = {name: n for n, name in enumerate(names)} | {"": ABSENT}
    pairs = [
        {"before": ABSENT if row["gone"] == "before" else place[row["previous_tier"]],
         "after": ABSENT if row["gone"] else place[row["tier"]], "members": row["members"]}
        for row in rows
    ]  # fmt: skip
    source = "Tiers as the member list records them; it does not say as of when the previous one was held."
    return Moves(names, {window: _migration(names, pairs)}, source)


def _migration(names: Sequence[str], rows: Sequence[Mapping[str, int]]) -> TierMigration:
    tiers = len(names)
    counts, joined = np.zeros((tiers, tiers + 1), dtype=np.int64), np.zeros(tiers, dtype=np.int64)
    for row in rows:
        if row["before"] == ABSENT and row["after"] != ABSENT:
            joined[row["after"]] += row["members"]
        elif row["before"] != ABSENT:
            counts[row["before"], tiers if row["after"] == ABSENT else row["after"]] += row["members"]
    return tier_migration(names, counts, joined)


def _shares(moves: TierMigration) -> dict[str, float | None]:
    return {name: value_of(getattr(moves, name)) for name in ("upgraded", "stayed", "downgraded", "left")}


def _ends(estimate: Any) -> list[float | None]:
    return [value_of(estimate), getattr(estimate, "low", None), getattr(estimate, "high", None)]


def _mix(moves: Moves, before: np.ndarray, after: np.ndarray) -> Table:
    known = bool(before.sum())
    mix = tier_mix(moves.names, after.tolist(), before.tolist() if known else None)
    return Table(
        "tier_mix", "Tier mix",
        [Column("tier", "Tier"), Column("members", "Members", "integer"), Column("share", "Share", "percent"),
         Column("low", "from", "percent"), Column("high", "to", "percent"), Column("before", "Share before", "percent")],
        [[row.name, int(count), *_ends(row.share), value_of(row.share_before)] for row, count in zip(mix, after, strict=True)],
        f"{moves.source} Before: at the start of the window.",
    )  # fmt: skip


def _matrix(found: TierMigration, moves: Moves, context: StepContext) -> Table:
    names = moves.names
    return Table(
        "tier_migration", "Moves between tiers",
        [Column("from", "From"), Column("to", "To"), Column("members", "Members", "integer"),
         Column("share", "Share", "percent"), Column("low", "from", "percent"), Column("high", "to", "percent")],
        [[names[a], state, int(found.counts[a, b]), *_ends(found.cells[a][b])]
         for a in range(len(names)) for b, state in enumerate(found.states)],
        f"From the start of the window to its end, {window_of(context).current.label}. "
        f"{int(found.joined.sum()):,} joined in the window and stand in no row. {moves.source}",
    )  # fmt: skip


def _heatmap(found: TierMigration, moves: Moves, context: StepContext) -> Chart:
    series = [
        Series(name, [None if (share := value_of(cell)) is None else 100 * share for cell in cells])
        for name, cells in zip(moves.names, found.cells, strict=True)
    ]
    return Chart("tier_migration_chart", "Moves between tiers", "heatmap", list(found.states), series, "to", "from", "%",
                 f"Share of the members who were in the tier at the start of the window, {context.inputs['window']}.")  # fmt: skip


def _windows(moves: Moves) -> Table:
    rows = [
        [window, int(found.counts.sum()), int(found.joined.sum()),
         *(end for name in ("upgraded", "stayed", "downgraded", "left") for end in _ends(getattr(found, name)))]
        for window, found in moves.by_window.items()
    ]  # fmt: skip
    columns = [Column("window", "Window"), Column("members", "Members at its start", "integer"),
               Column("joined", "Joined", "integer")]  # fmt: skip
    for name in ("upgraded", "stayed", "downgraded", "left"):
        columns += [Column(name, name.capitalize(), "percent"), Column(f"{name}_low", "from", "percent"),
                    Column(f"{name}_high", "to", "percent")]  # fmt: skip
    return Table("tier_windows", "Tier moves of every window", columns, rows, moves.source)
