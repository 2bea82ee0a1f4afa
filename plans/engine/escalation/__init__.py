"""Ladders, rotas and working clocks."""

DOORS = ("clocks", "deadlines", "ladder", "rotas")
