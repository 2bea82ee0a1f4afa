"""One share reads alike wherever it stands."""

import pytest

from gtm.core.percents import percent_text
from plans.commands.shared.figures import chance, percent
from plans.export.render import _told
from plans.export.sheets import FORMATS, typed
from plans.templatetags.gtm import cell, ends, figure, interval, roughly
from programs.analytics.chances import CHANCE, chance_in_words, chances_between


@pytest.mark.parametrize(
    ("share", "digits", "said"),
    [
        (0.1735, 1, "17.4 %"), (0.1745, 1, "17.5 %"), (-0.1735, 1, "-17.4 %"), (0.00049, 1, "0.0 %"),
        (-0.0001, 1, "0.0 %"), (12.345, 0, "1,235 %"), (1e-12, 1, "0.0 %"), (0.285, 0, "29 %"),
    ],
)  # fmt: skip
def test_a_tie_is_decided_by_the_number_as_it_is_written(share, digits, said):
    assert percent_text(share, digits) == said


def test_sentence_card_table_and_download_say_the_same():
    for share in (n / 10_000 for n in range(5, 10_000, 5)):
        shown = percent_text(share)
        told = {percent(share), cell(share, "percent"), _told(share, "percent", "")}
        assert told | {roughly(round(100 * share, 10), "%")} == {shown}
        if shown not in ("0.0 %", "100.0 %"):
            assert chance(share) == shown


def test_what_rounds_to_never_or_always_is_below_or_above_the_last_digit():
    assert [chance_in_words(share, 1) for share in (0, 0.0004, 0.0005, 0.9994, 0.9996, 1)] == [
        "below 0.1 %", "below 0.1 %", "0.1 %", "99.9 %", "above 99.9 %", "above 99.9 %",
    ]  # fmt: skip


def test_the_interval_of_a_chance_names_the_end_that_it_has():
    assert chances_between(0.99962, 1) == "above 99.96 %"
    assert chances_between(0, 0.00038) == "below 0.04 %"
    assert chances_between(0.7203, 0.7377) == "72.0 % to 73.8 %"
    assert chances_between(0.9989, 0.99999) == "99.9 % to 99.999 %"


ALL_OF_10_000 = {"value": 100.0, "unit": CHANCE, "low": 99.962, "high": 100.0, "level": 0.95}


def test_a_chance_is_nowhere_told_as_certain():
    """Pages, paper, Markdown and workbook: what every draw did, and what none did."""
    surely, told = ALL_OF_10_000, {"above 99.9 %"}
    assert {
        figure(surely),
        roughly(100.0, CHANCE),
        cell(1.0, "chance"),
        _told(100.0, "figure", CHANCE),
    } == told
    assert (_told(1.0, "chance", ""), _told(0, "chance", "")) == ("above 99.9 %", "below 0.1 %")
    assert interval(surely) == "above 99.96 %, 95 % interval" and ends(surely) == "above 99.96 %"
    assert {roughly(0, CHANCE), cell(0, "chance"), cell(0, "figure", CHANCE)} == {"below 0.1 %"}
    assert roughly(73.44, CHANCE) == cell(0.7344, "chance") == "73.4 %"
    assert typed(100.0, "figure", CHANCE) == typed(1.0, "chance") == (1.0, FORMATS["chance"])
    assert figure(surely | {"unit": "%"}) == "100 %"  # a share that was counted
