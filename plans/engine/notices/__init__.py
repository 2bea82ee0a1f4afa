"""Who is told what."""

DOORS = ("delivery", "table")
