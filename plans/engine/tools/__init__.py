"""What a command's document wants a tool for: done with what is here, and on record call by call."""

DOORS = ("calls",)
