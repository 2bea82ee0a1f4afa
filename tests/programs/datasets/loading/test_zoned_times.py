"""A time with its zone reads as no time without one: a row that has the first is not tried for the second."""

import re
from datetime import datetime

import duckdb

from programs.datasets.loading.conventions import (
    DAYS,
    ISO,
    ISO_ZONED,
    SHORT_YEARS,
    ZONED,
    ZONES,
    formats,
)

ENDINGS = (*ZONES, "+01", "+0100", "+01:00", "-0530", "-05:30", "-11")
ORDERS = (*DAYS, *SHORT_YEARS)


def test_no_form_without_a_zone_reads_a_time_with_one():
    moments = (datetime(2026, 3, 4, 5, 6, 7), datetime(2026, 12, 11, 22, 59, 58))
    written = {moment.strftime(form) for moment in moments for order in ORDERS for form in formats(order)}
    written |= {moment.isoformat(sep) for moment in moments for sep in "T "}
    texts = [f"{text}{space}{zone}" for text in sorted(written) for space in ("", " ") for zone in ENDINGS]
    zoned = [text for text in texts if re.search(ISO_ZONED, text) or re.search(ZONED, text)]
    assert len(zoned) > 5_000
    assert [text for text in zoned if re.search(ISO, text)] == []
    with duckdb.connect() as connection:
        for order in ORDERS:
            query = "SELECT x FROM unnest($texts) t(x) WHERE try_strptime(x, $forms) IS NOT NULL"
            found = connection.execute(query, {"texts": zoned, "forms": formats(order)}).fetchall()
            assert found == [], order
