"""The rip-cord, and what a stop does."""

DOORS = ("ripcord", "stopped", "stopped_tasks", "undo")
