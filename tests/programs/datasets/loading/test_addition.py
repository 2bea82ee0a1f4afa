"""Parts added one by one are one load of all of them, in their rows and in every figure asked of them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from programs.datasets.engines.duck import DuckDBEngine
from programs.datasets.loading.addition import add_rows, shared_keys
from programs.datasets.loading.ingest import ingest
from programs.datasets.loading.limits import Limits, Options
from programs.datasets.snapshots.store import SnapshotStore

NOW = datetime(2026, 7, 1, tzinfo=UTC)
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
OPTIONS = Options(currency="EUR", now=NOW)
LINE = st.tuples(
    st.integers(0, 4), st.integers(0, 59), st.integers(1, 5), st.booleans()
)  # member, day, amount, whether the row has an order id


def csv_of(lines):
    body = "".join(
        f"m{member},{FIRST + timedelta(days=day):%Y-%m-%d},{amount},"
        + (f"o{member}-{day}-{amount}" if keyed else "")
        + "\n"
        for member, day, amount, keyed in lines
    )
    return f"member_id,purchased_at,amount,order_id\n{body}"


def figures(store, snapshot):
    engine = DuckDBEngine(store)
    return [
        engine.member_rfm(snapshot, as_of=NOW),
        engine.cohort_matrix(snapshot),
        engine.revenue_by_period(snapshot),
        engine.repeat_purchase(snapshot, as_of=NOW),
    ]


def test_a_load_split_over_months_is_one_load(tmp_path_factory):
    """The parts overlap by some days, as monthly exports do: rows with an order id are there once."""
    seen = {"both": 0, "overlap": 0}

    @settings(max_examples=15, deadline=None)
    @given(lines=st.lists(LINE, min_size=6, max_size=40), cut=st.integers(20, 40), overlap=st.integers(0, 20))
    def law(lines, cut, overlap):
        home = tmp_path_factory.mktemp("split")
        store = SnapshotStore(home / "store")
        lines = sorted(
            set(lines), key=lambda line: line[1]
        )  # without an id, a row twice is twice in one file
        parts = [
            [line for line in lines if line[1] < cut + (overlap if line[3] else 0)],
            [line for line in lines if line[1] >= cut],
        ]
        seen["both"] += all(parts)
        seen["overlap"] += len(parts[0]) + len(parts[1]) > len(lines)
        snapshots = []
        for number, part in enumerate(part for part in [*parts, lines] if part):
            file = home / f"{number}.csv"
            file.write_text(csv_of(part))
            snapshots.append(ingest([file], "purchases", store=store, options=OPTIONS).snapshot)
        *loaded, whole = snapshots
        together = loaded[0]
        for one in loaded[1:]:
            paths = store.rows_path(together), store.rows_path(one)
            together = add_rows(store, *paths, "purchases").snapshot
        assert replace(together, profile=None) == replace(whole, profile=None)
        assert figures(store, together) == figures(store, whole)

    law()
    assert seen["both"] >= 3
    assert seen["overlap"] >= 3


DEAL = st.tuples(
    st.integers(0, 4),  # member
    st.integers(0, 39),  # day
    st.integers(2, 9),  # amount
    st.sampled_from(("none", "part", "all")),  # what was refunded, and with or without the order's number
    st.booleans(),
    st.integers(1, 50),  # days until the refund
    st.sampled_from((0, 0, 1)),  # by how much a later export corrects the amount
)
REFUNDS = "member_id,purchased_at,amount,order_id,movement\n"


def orders_of(deals):
    """(day of the row, number, line) of every sale, refund and correction of a sale."""
    found = []
    for number, (member, day, amount, refunded, named, later, corrected) in enumerate(deals):
        at = FIRST + timedelta(days=day)
        found.append((day, f"o{number}", f"m{member},{at:%Y-%m-%d},{amount},o{number},sale"))
        if corrected:
            line = f"m{member},{at:%Y-%m-%d},{amount + corrected},o{number},sale"
            found.append((day + 60, f"o{number}", line))
        if refunded != "none":
            given = amount if refunded == "all" else 1
            back = FIRST + timedelta(days=day + later)
            order = f"o{number}" if named else ""
            found.append((day + later, "", f"m{member},{back:%Y-%m-%d},{given},{order},refund"))
    return sorted(found, key=lambda row: row[0])


def test_months_with_refunds_and_corrections_of_earlier_ones_are_one_load(tmp_path_factory):
    """A correction contradicts the row that is there, and the later part knows more."""
    seen = {"refund later": 0, "contradiction": 0}

    @settings(max_examples=8, deadline=None)
    @given(deals=st.lists(DEAL, min_size=4, max_size=12), cuts=st.sets(st.integers(10, 80), max_size=3))
    def law(deals, cuts):
        home = tmp_path_factory.mktemp("refunds")
        store = SnapshotStore(home / "store")
        rows = orders_of(deals)
        ends = [0, *sorted(cuts | {59}), 200]  # corrections are never in the part of what they correct
        parts = [
            [row for row in rows if low <= row[0] < high] for low, high in zip(ends, ends[1:], strict=False)
        ]
        parts = [part for part in parts if part]
        stands = {key: line for _, key, line in rows if key}
        whole = [*stands.values(), *(line for _, key, line in rows if not key)]
        seen["refund later"] += len(parts) > 1 and any(",refund" in line for _, _, line in parts[-1])
        seen["contradiction"] += len(stands) < sum(bool(key) for _, key, _ in rows)
        snapshots = []
        for number, lines in enumerate([*([row[2] for row in part] for part in parts), whole]):
            file = home / f"{number}.csv"
            file.write_text(REFUNDS + "".join(f"{line}\n" for line in lines))
            taken = ingest([file], "purchases", store=store, options=OPTIONS)
            assert taken.rejected_rows == 0
            snapshots.append(taken.snapshot)
        together, *others, one = snapshots
        for new in others:
            together = add_rows(store, store.rows_path(together), store.rows_path(new), "purchases").snapshot
        assert replace(together, profile=None) == replace(one, profile=None)
        assert figures(store, together) == figures(store, one)

    law()
    assert seen["refund later"] >= 3
    assert seen["contradiction"] >= 3


def test_of_contradicting_rows_with_a_date_the_latest_stands_however_they_were_split(tmp_path_factory):
    """Rows of members say when they were made; so neither the split nor its order changes what stands."""
    tiers = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 27)), min_size=4, max_size=14, unique=True)

    @settings(max_examples=5, deadline=None)
    @given(rows=tiers, cut=st.integers(1, 3))
    def law(rows, cut):
        home = tmp_path_factory.mktemp("members")
        store = SnapshotStore(home / "store")
        lines = [f"m{who},2024-01-01,2026-01-{day + 1:02},tier {day}\n" for who, day in rows]
        snapshots = []
        for number, part in enumerate((lines[cut:], lines[:cut], lines)):
            file = home / f"{number}.csv"
            file.write_text("member_id,enrolled_at,updated_at,tier\n" + "".join(part))
            snapshots.append(ingest([file], "members", store=store, options=OPTIONS).snapshot)
        there, new, whole = (store.rows_path(snapshot) for snapshot in snapshots)
        assert add_rows(store, there, new, "members").snapshot.sha256 == snapshots[2].sha256
        assert add_rows(store, new, there, "members").snapshot.sha256 == snapshots[2].sha256
        assert whole.exists()

    law()


@pytest.fixture
def parts(store, write, options):
    def load(kind, *texts):
        snapshots = [
            ingest([write(f"{n}.csv", text)], kind, store=store, options=options).snapshot
            for n, text in enumerate(texts)
        ]
        return [store.rows_path(snapshot) for snapshot in snapshots]

    return load


ORDERS = "member_id,purchased_at,amount,order_id\n"


def test_of_two_rows_of_one_key_the_later_load_knows_more(store, parts):
    there, new = parts(
        "purchases", f"{ORDERS}1,2024-01-01,5,A\n1,2024-01-02,6,B\n", f"{ORDERS}1,2024-01-01,4,A\n"
    )
    assert shared_keys(there, new, "purchases") == 1
    added = add_rows(store, there, new, "purchases")
    assert (added.added, added.same, added.replaced, added.outdated) == (0, 0, 1, 0)
    total = DuckDBEngine(store).revenue_by_period(added.snapshot).to_pylist()
    assert [row["revenue"] for row in total] == [10]


def test_a_refund_that_comes_later_lowers_its_order_and_does_not_replace_it(store, parts):
    head = "member_id,purchased_at,amount,order_id,movement\n"
    there, new = parts(
        "purchases",
        f"{head}1,2024-01-01,5,A,sale\n1,2024-01-02,6,B,sale\n",
        f"{head}1,2024-01-09,2,A,refund\n",
    )
    assert shared_keys(there, new, "purchases") == 0
    added = add_rows(store, there, new, "purchases")
    assert (added.added, added.replaced, added.snapshot.rows) == (1, 0, 3)


def test_the_later_date_of_a_row_counts_more_than_the_later_load(store, parts):
    head = "member_id,enrolled_at,updated_at,tier\n"
    there, new = parts(
        "members",
        f"{head}1,2024-01-01,2024-03-01,gold\n2,2024-01-01,2024-03-01,gold\n",
        f"{head}1,2024-01-01,2024-02-01,silver\n2,2024-01-01,2024-04-01,silver\n",
    )
    added = add_rows(store, there, new, "members")
    assert (added.added, added.replaced, added.outdated, added.snapshot.rows) == (0, 1, 1, 2)


def test_events_without_a_key_count_as_often_as_the_part_that_shows_them_most(store, parts):
    event = "1,2024-01-01,5\n"
    head = "member_id,purchased_at,amount\n"
    there, new = parts("purchases", f"{head}{event}{event}", f"{head}{event}{event}{event}2,2024-01-01,5\n")
    added = add_rows(store, there, new, "purchases")
    assert (added.added, added.same, added.snapshot.rows) == (2, 2, 4)


def test_more_rows_than_fit_in_memory_are_added(store, parts):
    rows = "".join(f"m{n % 5000},2024-0{1 + n % 5}-{1 + n % 28:02},{n % 90},o{n}\n" for n in range(150_000))
    half = rows.index("m0,", len(rows) // 2)
    there, new = parts(
        "purchases", ORDERS + rows[: half + len(rows) // 4].rsplit("\n", 1)[0] + "\n", ORDERS + rows[half:]
    )
    added = add_rows(store, there, new, "purchases", limits=Limits(memory="80MB", threads=1))
    assert added.snapshot.rows == 150_000
    assert added.same > 10_000
