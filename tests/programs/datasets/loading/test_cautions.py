"""What is odd about accepted rows is said with the load."""

from __future__ import annotations

from programs.datasets.loading.ingest import ingest
from programs.datasets.loading.limits import Options
from tests.programs.datasets.conftest import NOW

HEAD = "customer,date,amount\n"


def notes(write, store, text, **said):
    options = Options(**{"home_currency": "USD", "now": NOW, **said})
    return " ".join(ingest([write("a.csv", text)], "purchases", store=store, options=options).notes)


def test_rows_without_a_number_that_say_the_same_are_counted_and_said(write, store):
    said = notes(write, store, f"{HEAD}a,2023-03-01,10\na,2023-03-01,10\nb,2023-03-02,20\n")
    assert "have no order_id: 1. Each counts." in said
    assert "Each counts" not in notes(write, store, f"{HEAD}a,2023-03-01,10\nb,2023-03-02,20\n")


def test_a_customer_who_has_a_third_of_all_rows_is_questioned(write, store):
    def sales(desk):
        rows = (
            f"{'desk' if n % desk == 0 else f'c{n % 60}'},2023-03-{1 + n % 28:02d},{n}" for n in range(300)
        )
        return HEAD + "\n".join(rows)

    said = notes(write, store, sales(3))
    assert "One member_id has 100 of the 300 rows" in said
    assert "desk" not in said  # notes are kept, people are not named in them
    assert "One member_id" not in notes(write, store, sales(60))


def test_a_currency_without_decimals_has_none(write, store):
    said = notes(write, store, f"{HEAD}a,2023-03-01,1234.50\nb,2023-03-02,20\n", home_currency="JPY")
    assert "“amount” in JPY that it cannot have, such as 1234.5: 1" in said
    assert "cannot have" not in notes(write, store, f"{HEAD}a,2023-03-01,1.5\n", home_currency="KWD")
