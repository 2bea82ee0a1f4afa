"""What changed, from what to what: in a plan and around it."""

DOORS = ("around", "content")
