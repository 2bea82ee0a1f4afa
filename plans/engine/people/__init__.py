"""What people may do, do, and have waiting."""

DOORS = (
    "authority",
    "directory",
    "human_tasks",
    "inbox",
    "permissions",
    "separation",
    "substitutes",
    "taken_back",
    "thread",
)
