"""What the page says of the years after the first."""

from plans.commands.plan_loyalty.steps.base import later_years_said

FALL = {"months": 36, "fading": 100.0, "stops": 120.0, "goes_on": 80.0}


def test_a_figure_over_three_years_says_what_error_later_years_have_and_how_they_lean_in_a_fall():
    said = later_years_said({"later_error": 0.23, "newcomers_over_horizon": FALL}, 36)
    assert "an error of 23 % of their own" in said
    assert "existing customers of simulated shops spent about a tenth less in years two and three" in said
    assert "tenth" not in later_years_said({"later_error": 0.07, "newcomers_over_horizon": None}, 36)


def test_a_year_has_no_later_years_and_a_design_of_before_says_whose_error_it_counts():
    assert later_years_said({"later_error": 0.23, "newcomers_over_horizon": FALL}, 12) == ""
    assert later_years_said({}, 36) == "; months after the first twelve count with the error of those"
