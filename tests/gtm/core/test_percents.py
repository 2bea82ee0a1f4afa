"""One share reads alike wherever it stands."""

import pytest

from gtm.core.percents import percent_text
from plans.commands.shared.figures import chance, percent
from plans.export.render import _told
from plans.templatetags.gtm import cell, roughly
from programs.analytics.chances import chance_in_words


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
