"""A task from ready to done."""

DOORS = (
    "auditor",
    "dispatch",
    "fair_share",
    "flow",
    "foreground",
    "leases",
    "replay",
    "runner",
    "steps",
    "sweep",
)
