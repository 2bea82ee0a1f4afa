"""What is sought, what stands there afterwards, and what is declared."""

import pytest

from gtm.core.evidence import personal
from gtm.core.evidence.personal import MARK, SoughtText, without_said


def test_a_word_stands_by_itself_and_small_and_capital_letters_are_the_same():
    sought = SoughtText(["Jo", "Jo Doe"])
    assert sought.words == ("Jo Doe", "Jo")
    assert sought.without("Jonas, JO DOE and jo\n doe, Jo") == f"Jonas, {MARK} and {MARK}, {MARK}"
    assert SoughtText(["a.b"]).without("a.b, axb") == f"{MARK}, axb"
    assert SoughtText(["Jo", " ", ""]).words == ("Jo",)


@pytest.mark.parametrize(
    ("value", "has_it"),
    [
        ("Jo Doe", True),
        ("Jonas", False),
        ("", False),
        (None, False),
        (3, False),
        ({"a": {"b": ["x", "Jo"]}}, True),
        ({"Jo": 1}, True),
        ({"a": "b"}, False),
        ({}, False),
        (["x", ("Jo",)], True),
        (["x", 1], False),
        ([], False),
    ],
)
def test_a_word_is_found_in_any_part_of_a_value(value, has_it):
    sought = SoughtText(["jo"])
    assert sought.is_in(value) is has_it
    assert (sought.without(value) != value) is (has_it and not isinstance(value, tuple))


def test_keys_that_become_the_same_are_numbered_and_what_is_no_text_stays():
    sought = SoughtText(["jo", "ann"])
    told = {"Jo": 1, "jo": [2, "Jo"], "Ann": 3, "n": None, "t": ("x", "Jo")}
    assert sought.without(told) == {
        MARK: 1, f"{MARK} 2": [2, MARK], f"{MARK} 3": 3, "n": None, "t": ["x", MARK],
    }  # fmt: skip


def test_the_shortest_word_that_may_be_erased():
    assert personal.SHORTEST == 3


def test_without_words_nothing_is_found():
    for words in ([], [" "]):
        assert SoughtText(words).is_in("x") is False
        assert SoughtText(words).without("x") == "x"
        assert SoughtText(words).without({"x": ["y"]}) == {"x": ["y"]}


def test_what_a_person_noted_goes_from_json_and_what_others_noted_stays():
    sought = SoughtText(["Ann"])
    said = [{"person": "Ann", "comment": "c", "kind": "hold"}, {"person": "Bob", "comment": "d"}]
    assert without_said(said, sought) == [
        {"person": "Ann", "comment": MARK, "kind": "hold"},
        {"person": "Bob", "comment": "d"},
    ]
    output = {"evidence": {"link": "l", "n": 1, "more": ["m", ""]}, "members": 3, "of": [{"note": "n"}]}
    assert without_said(output, sought) == {
        "evidence": {"link": MARK, "n": 1, "more": [MARK, ""]},
        "members": 3,
        "of": [{"note": MARK}],
    }
    assert without_said("text", sought) == "text"
    said = dict.fromkeys(("evidence", "comment", "reason", "note"), "x")
    assert without_said({**said, "kind": "x"}, sought) == {**dict.fromkeys(said, MARK), "kind": "x"}


def test_a_declaration_says_whose_each_column_is(monkeypatch):
    monkeypatch.setattr(personal, "_declared", {})
    personal.declare("App.Model", personal="a", comments="b", identity="c", plain="d e", owner="user_id")
    whose = personal.declared()["app.model"]
    assert (whose.personal, whose.comments, whose.identity) == ({"a", "b", "c"}, {"b"}, {"c"})
    assert (whose.plain, whose.owner) == ({"d", "e"}, "user_id")
    personal.declared().clear()
    assert personal.declared()
    for both in ({"personal": "a"}, {"comments": "a"}, {"identity": "a"}):
        with pytest.raises(ValueError, match=r"app\.other: a, b cannot be personal and plain"):
            more = {**both, "personal": both.get("personal", "") + " b"}
            personal.declare("app.other", plain="b a", **more)
    assert "app.other" not in personal.declared()
