"""``manage.py change PLAN --set input=value --comment TEXT``: change a plan that is approved or running."""

from __future__ import annotations

from plans.management.commands.revise import Command as Revise
from plans.runs import revise


class Command(Revise):
    help = "Change the inputs of a plan without a request; it goes through review and its gates again"
    verb = staticmethod(revise.change)
