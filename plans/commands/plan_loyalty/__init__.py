"""plan-loyalty: a loyalty program blueprint with tiers, benefits, lifecycle triggers and its economics."""
