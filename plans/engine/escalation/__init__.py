"""Ladders, rotas and working clocks."""

DOORS = ("clocks", "deadlines", "ladder", "rota_texts", "rotas", "rotations", "shifts")
