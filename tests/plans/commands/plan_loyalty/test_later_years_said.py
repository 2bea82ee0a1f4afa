"""What the page says of the years after the first."""

from plans.commands.plan_loyalty.steps.base import later_years_said

FALL = {"months": 36, "fading": 100.0, "stops": 120.0, "goes_on": 80.0}
RISE = {"months": 36, "fading": 100.0, "stops": 80.0, "goes_on": 130.0}


def said(trend, months=36):
    return later_years_said({"later_error": 0.23, "newcomers_over_horizon": trend}, months)


def test_a_figure_over_three_years_says_what_error_later_years_have():
    for trend in (None, FALL, RISE):
        assert "an error of 23 % of their own" in said(trend)
    for word, trend in (("fall", FALL), ("rise", RISE)):
        assert f"holds a {word} of newcomers that stops today and one that goes on as before" in said(trend)
    assert "newcomers" not in said(None)


def test_a_year_has_no_later_years_and_a_design_of_before_says_whose_error_it_counts():
    assert said(FALL, months=12) == ""
    assert later_years_said({}, 36) == "; months after the first twelve count with the error of those"
