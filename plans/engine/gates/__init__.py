"""Who must approve, who may, and what a round has come to."""

DOORS = (
    "break_glass",
    "conflicts",
    "duties",
    "eligibility",
    "future_rounds",
    "preview",
    "rework",
    "rounds",
    "scope",
    "seats",
    "tally",
    "tolerance",
)
