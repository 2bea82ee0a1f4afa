"""Who is told what."""

DOORS = ("delivery", "invitations", "table")
