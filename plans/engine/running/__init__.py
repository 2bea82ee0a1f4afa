"""A task from ready to done."""

DOORS = (
    "auditor",
    "dispatch",
    "fair_share",
    "flow",
    "forecasts",
    "foreground",
    "kept_files",
    "kept_outputs",
    "leases",
    "replay",
    "runner",
    "steps",
    "sweep",
)
