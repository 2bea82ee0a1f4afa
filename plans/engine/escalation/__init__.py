"""Ladders and working clocks."""

DOORS = ("clocks", "deadlines", "ladder")
