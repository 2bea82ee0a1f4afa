"""One clock: the same local data give the same figures in every zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from programs.datasets import OpenData, Options, SnapshotStore
from programs.datasets.loading.ingest import ingest
from programs.datasets.local_time import end_of_day, on_wall_clock, to_instant

ZONES = (
    "Pacific/Pago_Pago", "America/Los_Angeles", "America/St_Johns", "America/Sao_Paulo", "Europe/Berlin",
    "Africa/Cairo", "Asia/Kathmandu", "Asia/Tokyo", "Australia/Lord_Howe", "Pacific/Kiritimati",
)  # fmt: skip
START = datetime(2025, 1, 1)
PURCHASES = "member_id,purchased_at,amount\n" + "\n".join(
    f"m{n % 23},{START + timedelta(hours=31 * n, minutes=7 * n % 60):%Y-%m-%d %H:%M},{5 + n % 17}.50"
    for n in range(400)
    if (START + timedelta(hours=31 * n)).hour
    > 3  # hours that a change of clocks skips are the loader's affair
)


def opened(tmp_path, zone: str) -> OpenData:
    file = tmp_path / f"{zone.replace('/', '-')}.csv"
    file.write_text(PURCHASES)
    options = Options(currency="USD", time_zone=zone, now=datetime(2027, 1, 1, tzinfo=UTC))
    taken = ingest(
        [file], "purchases", store=SnapshotStore(tmp_path / zone.replace("/", "-")), options=options
    )
    assert taken.snapshot.rows == PURCHASES.count("\n")
    described = [{"kind": "purchases", "sha256": taken.snapshot.sha256, "partner": ""}]
    return OpenData(tmp_path / zone.replace("/", "-"), described, zone)


def answers(data: OpenData) -> dict[str, object]:
    """Every question about purchases, on the data up to their end."""
    end, purchases, engine = data.as_of("purchases"), data.snapshot("purchases"), data.engine
    windows = [(end - timedelta(days=30 * (n + 1)), end - timedelta(days=30 * n)) for n in range(3)]
    starts = {"7d": end - timedelta(days=7), "30d": windows[0][0], "quarter": end - timedelta(days=92)}
    tiers = {"Base": 0.0, "Silver": 100.0, "Gold": 250.0}
    found = {
        "cohorts": engine.cohort_matrix(purchases), "months": engine.revenue_by_period(purchases),
        "rfm": engine.member_rfm(purchases, as_of=end), "year": engine.first_year_spend(purchases, as_of=end),
        "trailing": engine.trailing_spend(purchases, as_of=end),
        "repeat": engine.repeat_purchase(purchases, as_of=end),
        "lapse": engine.lapse_table(purchases, as_of=end),
        "triggers": engine.trigger_counts(purchases, as_of=end, thresholds=[100]),
        "lifecycle": engine.lifecycle_days(purchases, as_of=end, threshold=100.0),
        "spells": engine.purchase_spells(purchases, as_of=end),
        "windows": engine.loyalty_windows(
            purchases, windows=windows, dimensions=["tier", "cohort"], tiers=tiers
        ),
        "moves": engine.tier_moves(purchases, end=end, starts=starts, tiers=tiers),
    }  # fmt: skip
    return {"end": end, **{name: table.to_pylist() for name, table in found.items()}}


@pytest.fixture(scope="module")
def in_utc(tmp_path_factory) -> dict[str, object]:
    return answers(opened(tmp_path_factory.mktemp("utc"), "UTC"))


@pytest.mark.parametrize("zone", ZONES)
def test_the_same_local_data_give_the_same_answers_in_every_zone(tmp_path, in_utc, zone):
    assert answers(opened(tmp_path, zone)) == in_utc


def test_the_data_end_with_their_last_local_day(tmp_path):
    file = tmp_path / "days.csv"
    file.write_text("member_id,purchased_at,amount\nm0,2026-01-01,10\nm1,2026-04-30,10\n")
    options = Options(currency="EUR", time_zone="Europe/Berlin", now=datetime(2027, 1, 1, tzinfo=UTC))
    taken = ingest([file], "purchases", store=SnapshotStore(tmp_path / "store"), options=options)
    described = [{"kind": "purchases", "sha256": taken.snapshot.sha256, "partner": ""}]
    data = OpenData(tmp_path / "store", described, "Europe/Berlin")
    assert data.as_of("purchases") == datetime(2026, 5, 1, tzinfo=UTC)
    assert data.is_month_complete("purchases")
    assert to_instant(data.as_of("purchases"), "Europe/Berlin") == datetime(2026, 4, 30, 22, tzinfo=UTC)


def test_a_zone_that_is_none_never_becomes_sql(tmp_path):
    data = OpenData(tmp_path, [], "UTC'); DROP TABLE purchases; --")
    with pytest.raises((KeyError, ValueError)):
        on_wall_clock(datetime(2026, 1, 1, tzinfo=UTC), data._zone)


def test_the_end_of_a_day_is_the_next_midnight():
    assert end_of_day(datetime(2026, 3, 29, 14, 5, 9, 7, tzinfo=UTC)) == datetime(2026, 3, 30, tzinfo=UTC)
