"""What people may do, do, and have waiting."""

DOORS = ("directory", "human_tasks", "inbox", "permissions", "substitutes")
