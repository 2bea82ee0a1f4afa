"""Constraints are read as forms where they say no more than one; everything else stays text."""

import pytest

from plans.schemas.constraints import EXAMPLES, FORMS, read_constraints
from plans.schemas.inputs import InputError

READ = {
    "no-expiry:US-CA": ("no-expiry", ("US-CA",), ""),
    "points must not expire in CA": ("no-expiry", ("CA",), ""),
    "Points never expire.": ("no-expiry", (), ""),
    "No expiry of points in Quebec and Ontario": ("no-expiry", ("Quebec", "Ontario"), ""),
    "points must not expire before 24 months": ("min-expiry", (), "730"),
    "points must stay valid for at least 2 years": ("min-expiry", (), "730"),
    "members must be told 45 days before their points expire": ("expiry-notice", (), "45"),
    "not available in Quebec": ("exclude-regions", ("Quebec",), ""),
    "not in DE": ("exclude-regions", ("DE",), ""),
    "not in DE, CA-QC": ("exclude-regions", ("DE", "CA-QC"), ""),
    "no points on alcohol and tobacco": ("exclude-categories", ("alcohol", "tobacco"), ""),
    "employees may not join": ("exclude-people", ("employees",), ""),
    "18+ only": ("min-age", (), "18"),
    "No SMS or push": ("exclude-channels", ("sms", "push"), ""),
    "exclude-platforms:facebook": ("exclude-channels", ("facebook",), ""),
    "email only": ("only-channels", ("email",), ""),
    "points cannot be redeemed for cash": ("no-cash", (), ""),
    "no benefit above $50": ("max-benefit", (), "50"),
    "benefits at most 50 USD a member and year": ("max-benefit", (), "50"),
    "do not use survey data": ("no-data", ("survey_responses",), ""),
}
TEXTS = (
    "points must not expire in CA unless the account is closed",
    "Shopify only",
    "no cookies",
    "no benefit above 50 EUR",
    "opt-in: required in the EU",
    "Legal must see the terms",
)


@pytest.mark.parametrize("text", READ)
def test_a_form_or_a_plain_sentence_is_a_rule(text):
    (found,) = read_constraints(text, "USD")
    assert (found.kind, found.names, found.amount) == READ[text]


@pytest.mark.parametrize("text", TEXTS)
def test_whatever_says_more_or_something_else_stays_text(text):
    (found,) = read_constraints(text, "USD")
    assert (found.kind, found.text, found.is_checked) == ("free-text", text, False)


def test_several_are_separated_by_semicolons_lines_and_ends_of_sentences():
    found = read_constraints("Points must not expire in CA. No SMS.\nno-cash; be fair in the U.S. Always.")
    assert [one.kind for one in found] == ["no-expiry", "exclude-channels", "no-cash", "free-text"]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.kind)
def test_the_example_of_a_form_reads_as_it(form):
    (found,) = read_constraints(form.example, "USD")
    assert found.kind == form.kind


@pytest.mark.parametrize(
    "text", ["no-expiri:CA", "opt-in:EU", "min-expiry:soon", "no-cash:much", "no-data:moods"]
)
def test_a_misspelled_form_is_refused_with_examples(text):
    with pytest.raises(InputError) as refused:
        read_constraints(text, "USD")
    assert refused.value.allowed
    assert set(refused.value.allowed) <= set(EXAMPLES) or text == "no-data:moods"
