"""What an optimize-referrals run writes: the fraud cases that people decide."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from plans.cases.fraud import verbs
from plans.models import Plan


def open_cases(plan: Plan, values: Mapping[str, Any]) -> None:
    """Cases for people, in the transaction that records the review. Nobody is banned, nothing is withheld by it.

    An aborted plan leaves them open: what was seen is as suspicious as before, and people close it.
    """
    verbs.open_all(plan, values["cases"])
