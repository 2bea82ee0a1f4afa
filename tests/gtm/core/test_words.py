"""Stored values in a form: as lines, and back as they were."""

import json

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from gtm.core.admin.words import WordsField, read, write

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=20)
TRICKY = st.sampled_from(
    ["1e5", "no", "null", "~", "-", "2026-01-01", "0x1f", "*x", "&y", "a: b", "# c", " d ", "<<", "="]
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
NESTED = st.recursive(
    LEAVES | TEXT | TRICKY,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=4)
        | st.dictionaries(TEXT | TRICKY, inner, min_size=1, max_size=4)
    ),
    max_leaves=12,
)


@given(
    st.dictionaries(TEXT | TRICKY, NESTED, min_size=1, max_size=4) | st.lists(NESTED, min_size=1, max_size=4)
)
def test_what_is_written_is_read_as_it_was(value):
    assert json.dumps(read(write(value))) == json.dumps(value)


def test_a_value_reads_as_lines_without_brackets():
    value = [{"name": "bought", "role": "primary"}, {"name": "refunds", "margin": 0.05}]
    assert write(value) == "- name: bought\n  role: primary\n- name: refunds\n  margin: 0.05"
    assert write({"utm_source": ["crm", "no"]}) == "utm_source:\n  - crm\n  - 'no'"
    assert [write(empty) for empty in (None, {}, [])] == ["", "", ""]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("starts: 2026-01-01", {"starts": "2026-01-01"}),
        ("1: one", {"1": "one"}),
        ('{"a": [1, 2.5, null, true]}', {"a": [1, 2.5, None, True]}),
        ("- Złoty\n- 007", ["Złoty", "007"]),
    ],
)
def test_only_what_json_knows_is_more_than_text(text, value):
    assert read(text) == value


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: 1\na: 2", "Line 2: this name is used twice"),
        ("a: [1\nb: 2", "Line 2: "),
        ("a: &x 1\nb: *x", "Line 2: put text that starts"),
        ("? [1]\n: 2", "Line 1: a name must be text"),
        ("a: !!python/object/apply:os.system [ls]", "Line 1: "),
        ("when: !!timestamp 2026-01-01", "Line 1: "),
        ("big: 1e999", "The text cannot be read"),
        ("[" * 5000, "The text cannot be read"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_line(text, told):
    with pytest.raises(ValidationError, match=told):
        read(text)


def test_a_field_shows_what_was_typed_and_takes_nothing_for_its_default():
    field = WordsField(initial=list, required=False)
    assert field.clean("") == []
    assert field.clean("- a\n- b") == ["a", "b"]
    assert field.prepare_value(field.bound_data("- a\n  - b: [", [])) == "- a\n  - b: ["
    assert field.prepare_value(["a"]) == "- a"
    assert not field.has_changed(["a"], "- a")
    assert field.has_changed(["a"], "- b")
