"""A deal that names several people is of all of them: found again by one, and the touches of each count."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq

from plans.commands.track_source.steps.deals import Record, reconcile, told_apart
from programs.datasets.engines.duck import DuckDBEngine
from programs.datasets.loading.ingest import ingest
from programs.datasets.loading.limits import Options
from programs.datasets.snapshots.store import SnapshotStore

TAXONOMY = ("owner", "channel", "campaign", "tags")
OPENED = datetime(2026, 1, 20, tzinfo=UTC)


def record(owner: str, key: str, persons: tuple[str, ...], **told) -> Record:
    plain = dict.fromkeys(("company", "claim", "region", "segment"), "")
    facts = {
        "opened": OPENED,
        "closed": None,
        "stage": "qualified",
        "won": False,
        "opening": None,
        "closing": None,
    }
    return Record(owner=owner, key=key, persons=persons, **(plain | facts | told))


def test_a_deal_is_found_again_by_any_of_its_people():
    (deal,) = reconcile([record("north", "n1", ("51", "77")), record("south", "s1", ("77", "90"))])
    assert deal.key == "n1 + s1"
    assert deal.persons == ("51", "77", "90")


def test_deals_without_a_person_in_common_stay_apart():
    assert len(reconcile([record("north", "n1", ("51", "77")), record("south", "s1", ("90",))])) == 2


def test_two_books_with_the_same_numbers_are_told_apart():
    deals = reconcile(
        [record("north", "7", ("51",)), record("south", "7", ("90",)), record("south", "8", ("91",))]
    )
    assert set(told_apart(deals).values()) == {"7 of north", "7 of south", "8"}


def test_the_touches_of_everybody_in_a_deal_are_one_journey(tmp_path):
    store = SnapshotStore(tmp_path / "store")
    touches = pa.table(
        {
            "person_id": ["51", "77", "51", "90"],
            "occurred_at": [OPENED - timedelta(days=days) for days in (3, 2, 1, 1)],
            "segment": ["first", "second", "third", "stranger"],
        }
    )
    pq.write_table(touches, tmp_path / "touches.parquet")
    options = Options(currency="USD", now=OPENED + timedelta(days=5))
    snapshot = ingest([tmp_path / "touches.parquet"], "touchpoints", store=store, options=options).snapshot
    engine = DuckDBEngine(store)
    tags = engine.touch_tags({"": snapshot}, start=OPENED - timedelta(days=30), as_of=OPENED).to_pylist()
    taxonomy = pa.Table.from_pylist(
        [{k: v for k, v in tag.items() if k in TAXONOMY} | {"source": "x"} for tag in tags]
    )
    found = engine.journeys(
        {"": snapshot},
        taxonomy=taxonomy,
        people=pa.table({name: pa.array([], pa.string()) for name in ("owner", "person_id", "person")}),
        deals=pa.table(
            {
                "deal": pa.array([0, 0], pa.int32()),
                "person": [":51", ":77"],
                "since_at": [OPENED - timedelta(days=30)] * 2,
                "until_at": [OPENED] * 2,
            }
        ),
        dealers=pa.table({"person": [":51", ":77"]}),
        start=OPENED - timedelta(days=30),
        as_of=OPENED,
        dimension="segment",
    ).to_pylist()
    assert [(row["deal"], row["journey"], row["label"]) for row in found] == [
        (0, 1, "first"),
        (0, 1, "second"),
        (0, 1, "third"),
        (None, 2, "stranger"),
    ]
