"""Sums of windows and moves between tiers: what must hold whatever the members do."""

import random
from datetime import UTC, datetime, timedelta
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from programs.datasets.engines.duck import DuckDBEngine
from programs.datasets.loading.ingest import ingest
from programs.datasets.loading.limits import Options
from programs.datasets.snapshots.store import SnapshotStore

FLOWS = (
    "enrolled",
    "departed",
    "orders",
    "revenue",
    "earned",
    "redeemed",
    "expired",
    "responses",
    "satisfied",
)
START = datetime(2025, 1, 1, tzinfo=UTC)
END = START + timedelta(days=400)
KINDS = ("issue", "redeem", "expire")
DIMENSIONS = ("tier", "cohort", "region", "channel")
TIERS = {"Base": 0.0, "Silver": 120.0, "Gold": 320.0}


def day(number):
    return (START + timedelta(days=int(number))).date()


def draw(seed=3, members=60):
    """CSV lines by kind: purchases, a member list that misses some, a ledger, answers."""
    rng = np.random.default_rng(seed)
    joined = rng.integers(0, 300, members)
    bought = [
        (f"m{n}", day(joined[n] + rng.integers(0, 100)), rng.integers(5, 150))
        for n in rng.integers(0, members, 300)
    ]
    listed = [
        (f"m{n}", day(joined[n]), rng.choice(["n", "s", ""]), day(joined[n] + 90) if n % 5 == 0 else "")
        for n in range(members - 10)
    ]  # fmt: skip
    moved = [
        (f"e{k}", f"m{n}", day(joined[n] + 50), rng.choice(KINDS), rng.integers(1, 90))
        for k, n in enumerate(rng.integers(0, members + 5, 200) % members)
    ]  # fmt: skip
    said = [(f"s{k}", f"m{n}" if n else "", day(rng.integers(0, 400)), "csat", rng.integers(1, 6)) for k, n in
            enumerate(rng.integers(0, members, 90))]  # fmt: skip
    return {
        "purchases": ("member_id,purchased_at,amount", bought),
        "members": ("member_id,enrolled_at,region,left_at", listed),
        "point_ledger": ("entry_id,member_id,posted_at,entry,points", moved),
        "survey_responses": ("response_id,member_id,answered_at,survey,score", said),
    }


@pytest.fixture(scope="module")
def ask(tmp_path_factory):
    """Load drawn rows (shuffled, or each file given again) and ask for windows."""
    home = tmp_path_factory.mktemp("windows")
    store = SnapshotStore(home / "store")
    engine = DuckDBEngine(store)

    @cache
    def snapshots(seed=None, copies=1):
        found = {}
        for kind, (header, lines) in draw().items():
            ordered = lines if seed is None else random.Random(seed).sample(lines, len(lines))
            files = [home / f"{kind}-{n}.csv" for n in range(copies)]
            for path in files:
                path.write_text("\n".join([header, *(",".join(map(str, line)) for line in ordered)]) + "\n")
            found[kind] = ingest(files, kind, store=store, options=Options(currency="USD")).snapshot
        return found

    def windows(spans, dimensions=()):
        found = snapshots()
        return engine.loyalty_windows(
            found["purchases"], windows=spans, dimensions=dimensions, tiers=TIERS, members=found["members"],
            ledger=found["point_ledger"], responses=found["survey_responses"],
        ).to_pylist()  # fmt: skip

    windows.engine, windows.snapshots = engine, snapshots
    return windows


def total(rows, n=0):
    return {name: sum(row[name] for row in rows if row["n"] == n) for name in (*FLOWS, "members", "active")}


SPAN = (START + timedelta(days=60), END)


@given(dimensions=st.sets(st.sampled_from(DIMENSIONS), min_size=1), length=st.integers(1, 399))
@settings(max_examples=6)
def test_the_sum_over_any_groups_is_the_total(ask, dimensions, length):
    span = END - timedelta(days=length), END
    assert total(ask([span], sorted(dimensions))) == pytest.approx(total(ask([span])))


@given(hours=st.integers(1, 24 * 340 - 1))
@settings(max_examples=6)
def test_the_flows_of_a_window_split_in_two_add_up(ask, hours):
    cut = SPAN[0] + timedelta(hours=hours)
    whole, parts = total(ask([SPAN])), ask([(cut, SPAN[1]), (SPAN[0], cut)])
    late, early = total(parts, 0), total(parts, 1)
    assert [late[name] + early[name] for name in FLOWS] == pytest.approx([whole[name] for name in FLOWS])


@given(hours=st.integers(1, 24 * 340 - 1), dimensions=st.sets(st.sampled_from(DIMENSIONS)))
@settings(max_examples=6)
def test_members_at_the_end_are_those_before_with_the_enrolled_less_the_departed(ask, hours, dimensions):
    cut = SPAN[0] + timedelta(hours=hours)
    groups = {}
    for row in ask([(cut, SPAN[1]), (SPAN[0], cut)], sorted(dimensions)):
        groups.setdefault(tuple(row[name] for name in DIMENSIONS), {})[row["n"]] = row
    nothing = dict.fromkeys((*FLOWS, "members"), 0)
    for group in groups.values():
        late, early = group.get(0, nothing), group.get(1, nothing)
        assert late["members"] == early["members"] - early["departed"] + late["enrolled"]


@given(seed=st.integers(0, 2**32), copies=st.integers(1, 3))
@settings(max_examples=3)
def test_neither_the_order_of_rows_nor_a_file_given_again_changes_the_data(ask, seed, copies):
    found, same = ask.snapshots(seed=seed, copies=copies), ask.snapshots()
    assert {kind: taken.sha256 for kind, taken in found.items()} == {
        kind: taken.sha256 for kind, taken in same.items()
    }


def test_every_row_is_counted_also_of_ids_nobody_lists(ask):
    drawn, found = draw(), total(ask([(START - timedelta(days=1), END + timedelta(days=1))]))
    assert found["orders"] == len(drawn["purchases"][1])
    assert found["revenue"] == sum(row[2] for row in drawn["purchases"][1])
    sign = {"issue": 1, "adjust": 1, "reverse": -1}
    assert found["earned"] == sum(sign.get(row[3], 0) * row[4] for row in drawn["point_ledger"][1])
    assert found["responses"] == len(drawn["survey_responses"][1])


def test_a_member_stands_in_the_window_between_joining_and_leaving(ask):
    cut = START + timedelta(days=200)
    drawn = draw()["members"][1]
    names = {row[0] for row in drawn}
    first = {}
    for name, bought, _ in draw()["purchases"][1]:
        first[name] = min(bought, first.get(name, bought))
    listed = sum(row[1] < END.date() and (not row[3] or row[3] >= cut.date()) for row in drawn)
    assert total(ask([(cut, END)]))["members"] == listed + len(first.keys() - names)


def test_active_members_are_members(ask):
    rows = ask([(END - timedelta(days=30 * (n + 1)), END - timedelta(days=30 * n)) for n in range(8)])
    assert all(0 <= row["active"] <= row["members"] for row in rows)
    assert sum(row["active"] for row in rows) > 0


def test_without_other_datasets_members_are_those_who_bought(ask):
    bought = ask.snapshots()["purchases"]
    rows = ask.engine.loyalty_windows(bought, windows=[(START, END)]).to_pylist()
    assert (len(rows), rows[0]["members"], rows[0]["earned"]) == (
        1,
        len({r[0] for r in draw()["purchases"][1]}),
        0,
    )


def tier_of(spend):
    return max(n for n, threshold in enumerate(TIERS.values()) if threshold <= spend)


@pytest.mark.parametrize(("span", "days"), [("7d", 7), ("30d", 30), ("quarter", 91)])
def test_tiers_then_and_now_are_those_of_the_spend_of_365_days(ask, span, days):
    found = ask.snapshots()
    starts = {
        "7d": END - timedelta(days=7),
        "30d": END - timedelta(days=30),
        "quarter": END - timedelta(days=91),
    }
    rows = ask.engine.tier_moves(found["purchases"], end=END, starts=starts, tiers=TIERS).to_pylist()
    bought = draw()["purchases"][1]

    def tiers_at(moment):
        spend = {}
        for name, when, amount in bought:
            if when < moment.date():
                inside = when >= (moment - timedelta(days=365)).date()
                spend[name] = spend.get(name, 0) + (amount if inside else 0)
        return {name: tier_of(value) for name, value in spend.items()}

    now, then = tiers_at(END), tiers_at(END - timedelta(days=days))
    wanted = {}
    for name, tier in now.items():
        pair = (then.get(name, -1), tier)
        wanted[pair] = wanted.get(pair, 0) + 1
    assert {(r["before"], r["after"]): r["members"] for r in rows if r["span"] == span} == wanted
