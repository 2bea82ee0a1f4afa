"""``manage.py change PLAN --set input=value --comment TEXT``: change a plan that is approved or running."""

from __future__ import annotations

from plans.commands import revision
from plans.management.commands.revise import Command as Revise


class Command(Revise):
    help = "Change a plan nobody asked to change; it goes through review and its gates again"
    verb = staticmethod(revision.change)
