"""Rules, their readings and counters."""

DOORS = ("overview", "readings")
