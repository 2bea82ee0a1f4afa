"""Structured text in forms: what people read and write, a line each, is what is stored."""

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from gtm.core.admin.lines import LinesField

TEXTS = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"], include_characters="\n"))
VALUES = st.recursive(TEXTS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=8)


@given(st.lists(VALUES, min_size=1) | st.dictionaries(TEXTS, VALUES, min_size=1))
def test_what_is_shown_is_read_back_as_it_was(value):
    field = LinesField()
    assert field.to_python(field.prepare_value(value)) == value


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("terms: https://join.example/#terms", {"terms": "https://join.example/#terms"}),
        ("reward: 50\nfrom: 2026-03-20\nlive: yes", {"reward": "50", "from": "2026-03-20", "live": "yes"}),
        ("- design-charter\r\n- tracking\r\n", ["design-charter", "tracking"]),
        ("utm_source:\n- crm\n- product", {"utm_source": ["crm", "product"]}),
        ("", []),
    ],
)
def test_every_value_is_text_and_nothing_is_an_empty_list(typed, read):
    assert LinesField(initial=list).to_python(typed) == read


def test_what_cannot_be_read_says_where_and_stays_in_the_form():
    field = LinesField()
    with pytest.raises(ValidationError, match="line 2"):
        field.to_python("terms: a\n  reward: b: c")
    assert field.prepare_value(field.bound_data("terms: a: b", {})) == "terms: a: b"


def test_the_same_words_are_no_change():
    assert LinesField().has_changed({"reward": "$50"}, "reward: $50\r\n") is False
    assert LinesField().has_changed({"reward": "$50"}, "reward: $60") is True
