"""Who must approve, who may, and what a round has come to."""

DOORS = (
    "break_glass",
    "duties",
    "eligibility",
    "preview",
    "rework",
    "rounds",
    "scope",
    "seats",
    "tally",
    "tolerance",
)
