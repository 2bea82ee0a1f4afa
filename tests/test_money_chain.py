"""Faults that the loyalty money chain had, and the links of that chain: each with tests that fail with it.

Whoever moves or renames one of these tests changes its line here; whoever deletes one says what stands in its
place.
"""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent
PLAN, MONITOR, TRACK, REFER = (
    f"plans/commands/{name}"
    for name in ("plan_loyalty", "monitor_loyalty", "track_source", "optimize_referrals")
)
SHARED, PURE = "plans/commands/shared", "programs/analytics"

FAULTS = {
    "the base is the first-year spend of everyone ever, flat": [
        f"{PLAN}/test_money.py::test_the_revenue_base_is_what_is_spent_in_the_year_after",
        f"{PLAN}/test_runs.py::test_a_bigger_budget_is_used_only_as_far_as_it_earns_and_never_risked",
        f"{PURE}/test_revenue_base.py::test_without_newcomers_the_base_falls_month_by_month",
    ],
    "years two and three lean high; newcomers who go on falling lean high": [
        f"{PURE}/test_later_years.py::test_years_two_and_three_do_not_lean_high",
        f"{PURE}/test_later_years.py::test_newcomers_who_go_on_falling_are_not_forecast_at_their_recent_rate",
    ],
    "a season is taken for a fall or a rise; a rise of newcomers is not carried on": [
        f"{PURE}/test_later_years.py::test_a_strong_season_is_neither_a_fall_nor_a_rise",
        f"{PURE}/test_later_years.py::test_a_rise_is_carried_on_and_its_interval_holds_that_it_stops",
        f"{PURE}/test_later_years.py::test_without_a_trend_three_years_are_forecast_without_a_lean",
        f"{PURE}/test_later_years.py::test_a_season_that_cannot_be_known_yet_is_a_caveat",
        f"{PURE}/test_later_years.py::test_what_is_taken_for_a_season_was_seen_once_and_may_have_been_a_campaign",
    ],
    "a quiet January after a strong December looks like customers who left": [
        f"{PURE}/test_seasonal_time.py::test_the_share_of_who_left_is_right_with_a_strong_december",
        f"{PURE}/test_seasonal_time.py::test_a_month_that_was_strong_once_is_no_season",
    ],
    "the lift at another reward is taken as known": [
        f"{PURE}/test_loyalty_finance.py::"
        "test_the_shape_of_the_lift_is_drawn_and_expected_figures_are_the_mean_of_the_draws",
        f"{PURE}/test_loyalty_finance.py::test_the_range_of_the_lift_holds_that_of_its_shape",
    ],
    "who spends 370 a year is projected at 405 or 486": [
        f"{PLAN}/test_money.py::test_where_everybody_spends_370_a_year_the_design_says_370",
        f"{PURE}/test_tiers.py::test_constant_spenders_of_any_age_spend_370_a_year",
    ],
    "the pool is the budget and not the optimum": [
        f"{PLAN}/test_money.py::test_no_alternative_within_the_limits_earns_more_than_the_proposal",
        f"{PLAN}/test_runs.py::test_a_budget_that_earns_nothing_more_is_not_used_and_the_approvers_are_told",
        f"{PURE}/test_loyalty_finance.py::test_a_bigger_budget_is_no_reason_to_spend_more",
    ],
    "“nothing out of the ordinary” beside a chance of an overrun": [
        f"{PLAN}/test_money.py::test_a_chance_of_an_overrun_never_stands_beside_nothing_out_of_the_ordinary",
    ],
    "constants of any currency: a program in yen begins with made-up yen": [
        f"{PLAN}/test_money.py::test_a_program_in_yen_starts_without_made_up_yen",
        f"{PURE}/test_assumptions.py::test_every_default_is_labelled_as_stated_and_no_amount_of_money_is_made_up",
    ],
    "nobody can enter the assumption that decides": [
        f"{PLAN}/test_money.py::test_what_is_entered_for_the_run_goes_before_the_program_and_names_its_source",
        f"{PLAN}/test_money.py::test_assumptions_that_do_not_fit_together_are_refused_at_the_door",
    ],
    "a holdout that no command reads": [
        f"{PLAN}/test_money.py::test_a_holdout_moves_the_lift_and_the_plan_says_so",
        f"{PLAN}/test_answers.py::test_an_entered_lift_is_the_first_caveat_and_no_plain_go",
        f"{PLAN}/test_answers.py::test_a_holdout_that_shows_no_lift_says_so",
    ],
    "no redemption in the month of issue, so no liability": [
        f"{PLAN}/test_points.py::test_points_that_are_pending_at_first_are_forecast_all_the_same",
        "plans/commands/test_cases.py::test_liability_stands_on_the_first_age_with_redemptions",
    ],
    "few redemptions name their vintage, so half a per cent is redeemed": [
        f"{PLAN}/test_points.py::test_however_many_redemptions_name_their_vintage_the_rate_is_the_true_one",
        f"{PLAN}/test_points.py::test_the_liability_of_monitor_loyalty_holds_with_few_named_vintages",
    ],
    "reversed issues count as breakage": [
        f"{PLAN}/test_points.py::test_reversed_issues_are_neither_issued_nor_breakage",
    ],
    "adjusted points have no vintage": [
        f"{PLAN}/test_points.py::test_points_given_by_adjustment_are_points",
        f"{PLAN}/test_points.py::test_points_given_by_hand_are_earned_and_points_taken_back_are_not",
    ],
    "recognition, catch-up and roll-forward are called by no command": [
        f"{PLAN}/test_points.py::test_the_roll_forward_adds_up_and_ends_where_the_deferral_says",
        f"{PURE}/test_finance_page.py::test_the_roll_forward_is_that_of_the_page",
    ],
    # The value of a member by moves between tiers is gone: such a chain leads nowhere out, so it valued CDNOW
    # far above what the run-off brings, which every command uses.
    "what is written and tested is called by no command": [
        "test_money_chain.py::test_every_module_of_analytics_is_called",
    ],
    "one redemption rate for tiers that redeem unlike": [
        f"{MONITOR}/test_points_by_tier.py::test_each_tier_owes_what_its_own_points_come_to",
        f"{PLAN}/test_points.py::test_where_tiers_redeem_differently_the_rate_is_that_of_the_tiers_points_go_to_now",
    ],
    "Cape Cod is called by no command": [
        f"{PLAN}/test_ledger.py::test_chain_ladder_and_cape_cod_stand_beside_the_rate",
    ],
    "downgrade policies are compared by no command": [
        f"{PLAN}/test_money.py::test_downgrade_policies_stand_beside_the_proposal_and_keeping_tiers_costs_more",
    ],
    "the cost of a point is not that of what is redeemed": [
        f"{PLAN}/test_points.py::test_the_cost_of_a_point_is_that_of_what_was_redeemed",
        f"{PLAN}/test_points.py::test_both_commands_owe_at_the_cost_that_the_ledger_states",
    ],
    "the IFRS table counts other points than the cost": [
        f"{PLAN}/test_money.py::test_all_tables_of_a_plan_agree_to_the_cent",
    ],
    "“95 %” of credited money covers 73 to 78 %": [
        f"{PURE}/attribution/test_bootstrap.py::test_the_interval_of_credited_money_covers_what_it_says",
        f"{PURE}/attribution/test_bootstrap.py::test_merged_journeys_keep_the_spread_of_their_values",
    ],
    "the lift of skewed revenue covers 86.5 % at 300 an arm": [
        f"{PURE}/experiments/test_coverage.py::"
        "test_the_lift_of_skewed_revenue_covers_at_300_an_arm_where_the_delta_method_does_not",
        f"{PURE}/experiments/test_pivots.py::test_arms_of_unlike_size_and_skewed_revenue_hold_95_percent",
    ],
    "the chance of a loss has the interval of the draws": [
        f"{PLAN}/test_answers.py::test_a_chance_has_no_interval_of_the_draws",
    ],
    "29 of 50 becomes 28": [
        f"{PURE}/experiments/test_coverage.py::test_29_of_50_are_29",
        f"{PURE}/test_wilson.py::test_a_count_a_hair_below_a_whole_one_is_that_count",
    ],
    "a point that costs nothing divides by zero, a negative margin raises": [
        f"{PLAN}/test_money.py::test_a_negative_margin_and_a_free_point_are_cases",
    ],
    "the next test is sized on the losing arm": [
        f"{SHARED}/test_experiments.py::test_what_won_is_the_level_the_next_variant_is_sized_on",
    ],
    "the next test takes more members than exist": [
        f"{SHARED}/test_experiments.py::test_a_test_asks_for_no_more_members_than_exist_and_says_what_those_can_show",
        f"{SHARED}/test_experiments.py::test_where_the_members_can_show_nothing_no_test_is_proposed",
    ],
    "the next test takes two weeks whatever it measures": [
        f"{SHARED}/test_experiments.py::test_the_weeks_are_those_to_assign_and_those_to_watch",
    ],
    "the next test does not say what its guardrails take": [
        f"{SHARED}/test_experiments.py::test_the_next_test_says_what_its_guardrails_take",
    ],
    "a guardrail that is looked at often alarms by chance, in arms of unlike size too": [
        f"{PURE}/experiments/test_pivots.py::test_a_guardrail_looked_at_ten_times_is_not_called_harmed_by_chance",
        f"{PURE}/experiments/test_pivots.py::test_guardrails_keep_their_promise_in_arms_of_ten_and_ninety",
    ],
    "tests of a backlog cannot show what they are valued at": [
        f"{MONITOR}/test_runs.py::test_every_action_has_an_interval_an_owner_a_date_a_sample_and_weeks",
    ],
    "values ignore labour": [
        f"{MONITOR}/test_runs.py::test_what_work_costs_is_taken_off_the_value_of_an_action_or_said_to_be_unknown",
        f"{REFER}/test_incentives.py::test_what_changes_a_reward_is_valued_net_of_labour",
    ],
    "the expected value of track-source is the pipeline credited already, without interval and cost": [
        f"{TRACK}/test_mismatches.py::"
        "test_an_action_is_valued_at_what_changes_with_its_interval_its_cost_and_why_it_might_be_wrong",
    ],
    "a negative return twice opens the ladder only": [
        f"{PLAN}/test_runs.py::test_a_negative_return_twice_holds_the_plan_until_two_people_say_what_they_did",
        f"{PLAN}/test_runs.py::test_a_negative_return_twice_goes_up_the_ladder_with_both_values",
    ],
    "a compliance blocker opens the ladder only": [
        f"{PLAN}/test_runs.py::test_changes_that_no_revision_answers_in_time_count_and_hold_the_plan",
        f"{PLAN}/test_constraints.py::test_a_constraint_the_design_cannot_follow_holds_the_plan_before_anybody_is_asked",
    ],
    "“no enrolment, no first redemption” with both loaded": [
        f"{PLAN}/test_signals.py::test_onboarding_is_counted_from_the_member_list_and_unused_points_from_the_ledger",
    ],
    "retention pools everyone ever and cannot react": [
        f"{MONITOR}/test_runs.py::test_retention_reacts_within_one_window_to_members_who_stop",
        f"{MONITOR}/test_registry.py::test_the_repeat_rate_is_that_of_the_newest_cohort_that_is_closed",
    ],
    "converting journeys look back 90 days, lost ones begin at the window": [
        f"{TRACK}/test_paths_and_spend.py::test_a_lost_journey_looks_back_as_far_as_one_that_converts",
    ],
    "before and after is called lift": [
        "test_money_chain.py::test_lift_is_said_of_tests_alone",
    ],
    "benefits are a fixed 15 %": [
        f"{PURE}/test_rewards.py::test_benefits_cost_what_they_cost_and_not_a_slice_of_the_pool",
        f"{PLAN}/test_goals.py::test_benefits_cost_what_the_catalogue_says_however_big_the_pool_is",
    ],
    "order values are not shrunk": [
        f"{MONITOR}/test_runs.py::test_what_an_order_is_worth_is_drawn_towards_everybodys",
        f"{PURE}/test_order_value.py::test_one_dear_order_is_drawn_to_the_mean_and_many_are_believed",
    ],
    "a promoter score by two estimators": [
        f"{PURE}/test_retention.py::test_a_partner_is_scored_by_the_same_estimator_as_members",
    ],
    "new members of the euro have no rate": [
        f"{PURE}/test_fx.py::test_a_currency_that_became_the_euro_has_its_fixed_rate_on_every_day_since",
    ],
    "yen with decimals, dinars without their third": [
        "programs/test_program_settings.py::test_an_amount_of_yen_has_no_decimals_at_every_door",
        "gtm/core/test_money_field.py::test_rows_that_people_enter_are_in_coins_at_every_door",
        "gtm/core/test_money_field.py::test_rest_shows_an_amount_as_before_and_takes_thousandths_of_dinars",
        f"{TRACK}/test_dinars.py::test_thousandths_of_dinars_are_kept_from_the_files_to_the_records",
        f"{PURE}/test_personas.py::test_parts_are_whole_yen_and_whole_fils",
    ],
}  # fmt: skip

LINKS = {
    "1 revenue base": [
        f"{PURE}/test_revenue_base.py::test_the_year_to_come_lies_in_the_interval_as_often_as_said",
        f"{PURE}/test_revenue_base.py::test_deciles_of_the_hold_out_add_up_to_the_customers_there_were",
        f"{PURE}/test_revenue_base.py::test_a_base_far_from_both_last_year_and_last_quarter_is_a_warning",
        f"{PLAN}/test_money.py::test_a_shop_that_takes_back_a_third_of_its_orders_has_two_thirds_of_the_base",
    ],
    "2 twelve-month spend": [
        f"{PURE}/test_tiers.py::test_projections_of_young_members_spread_as_whole_years_do_and_keep_their_mean",
    ],
    "3 points ledger": [
        f"{PURE}/test_redemption_tail.py::test_of_small_triangles_the_bootstrap_widens_what_mack_makes_too_narrow",
        f"{PURE}/test_redemption_tail.py::"
        "test_late_redemptions_are_forecast_without_bias_and_with_an_interval_that_holds",
        f"{PLAN}/test_points.py::test_where_tiers_redeem_differently_the_rate_is_that_of_the_tiers_points_go_to_now",
        f"{PLAN}/test_points.py::test_both_commands_say_how_many_redeemed_points_name_no_month_and_cover_both_orders",
    ],
    "4 cost of a point": [
        f"{PLAN}/test_goals.py::test_ideas_of_ours_cost_nothing_and_the_plan_says_so",
    ],
    "5 lift and other inputs": [
        f"{PLAN}/test_answers.py::test_a_measured_lift_is_named_and_one_beyond_the_tested_reward_is_an_assumption",
    ],
    "6 design": [
        f"{PLAN}/test_money.py::test_where_no_pool_earns_the_plan_says_do_not_and_that_a_year_loses",
        f"{PLAN}/test_money.py::test_an_unsure_lift_is_to_be_tested_with_members_who_exist",
        f"{PLAN}/test_money.py::test_the_risks_that_are_tolerated_are_the_programs_or_the_runs",
    ],
    "7 accounting": [
        f"{PURE}/test_revenue.py::test_ifrs_15_example_52_catches_up_what_the_new_estimate_moves",
        f"{PURE}/test_finance_page.py::test_the_sale_is_split_as_the_entries_say",
    ],
    "8 uncertainty": [
        f"{PURE}/test_outlook.py::test_on_ledgers_drawn_by_chance_it_is_right_on_average_and_says_how_sure_it_is",
        f"{PURE}/experiments/test_pivots.py::test_few_conversions_cover_where_the_delta_method_does_not",
    ],
    "9 conclusions": [
        f"{PURE}/test_backlog.py::test_labour_is_taken_off_and_what_does_not_pay_for_it_ranks_last_but_stays",
        f"{TRACK}/test_mismatches.py::test_actions_have_a_day_and_those_about_money_their_value",
    ],
    "retention, churn, journeys": [
        f"{MONITOR}/test_registry.py::test_retention_is_over_the_days_of_the_registry",
        f"{TRACK}/test_paths_and_spend.py::test_the_agreement_decides_which_touches_get_credit",
        f"{TRACK}/test_paths_and_spend.py::test_what_touches_cost_gives_cost_per_deal_and_return",
        f"{PURE}/attribution/test_order_two.py::test_the_test_of_the_order_is_seldom_wrong_and_sees_a_memory",
    ],
    "any zone, refunds of later, another currency": [
        "plans/commands/test_zones.py::test_a_command_says_the_same_in_every_zone",
        "plans/commands/test_refunds.py::test_a_shop_with_refunds_is_planned_like_the_net_one",
        "plans/commands/test_currencies.py::test_euros_in_a_dollar_program_are_converted_and_said_so",
        "plans/commands/test_several_partners.py::test_two_partners_data_of_every_kind_are_read_together",
    ],
}  # fmt: skip


def functions_in(path: Path) -> dict[str, ast.FunctionDef]:
    tree = ast.parse(path.read_text())
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("name", [*FAULTS, *LINKS])
def test_each_fault_and_each_link_has_tests_that_run(name):
    for place in (FAULTS | LINKS)[name]:
        path, _, test = place.partition("::")
        found = functions_in(ROOT / path).get(test)
        assert found is not None, f"{place} is not there"
        marks = " ".join(ast.unparse(each) for each in found.decorator_list)
        assert "skip" not in marks and "xfail" not in marks, place


ABOUT_TESTS = {"experiments.py", "action.py", "command.py"}
"""What they tell of is a test, or what a test that is proposed would have to show."""


def test_lift_is_said_of_tests_alone():
    """What changed from one window to the next is a change; nobody randomised it."""
    for room in (MONITOR, TRACK, REFER, "plans/commands/launch_program"):
        for path in sorted((ROOT.parent / room).rglob("*.py")):
            if path.name in ABOUT_TESTS:
                continue
            tree = ast.parse(path.read_text())
            docs = {ast.get_docstring(node, clean=False) for node in ast.walk(tree)
                    if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef)}  # fmt: skip
            said = [node.value for node in ast.walk(tree)
                    if isinstance(node, ast.Constant) and isinstance(node.value, str)]  # fmt: skip
            for text in said:
                words = text.lower().split()
                assert text in docs or text == "lift" or not {"lift", "lifts", "uplift"} & set(words), (
                    path,
                    text,
                )


def imported_by(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{each.name}" for each in node.names)}
        elif isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)  # what is imported later names its module
    return found


def test_every_module_of_analytics_is_called():
    """From a command, a service or a loader, or from a module that is; what only tests call helps nobody."""
    code = ROOT.parent
    modules = {
        ".".join(path.relative_to(code).with_suffix("").parts).removesuffix(".__init__"): path
        for path in (code / "programs/analytics").rglob("*.py")
    }
    outside = [
        path for room in ("gtm", "plans", "programs") for path in (code / room).rglob("*.py")
        if path not in modules.values()
    ]  # fmt: skip
    reached: set[str] = set()
    following = set().union(*map(imported_by, outside)) & modules.keys()
    while following:
        reached |= following
        following = (
            set().union(*(imported_by(modules[name]) for name in following)) & modules.keys() - reached
        )
    assert modules.keys() - reached - {"programs.analytics"} == set()
