"""Rules, their readings and counters."""

DOORS = ("blockers", "overview", "readings")
