"""How many breaches of each rule count for a plan, as the engine counts them."""

from __future__ import annotations

from plans.models import SERIES, Plan, Reading, tally


def rule_counts(plan: Plan) -> dict[str, int]:
    """By rule, where its counter stood after what this plan read last; of several windows the highest.

    What other plans read later is told in their files. A rule that the plan did not read has no entry.
    """
    last: dict[tuple[str, ...], Reading] = {}
    for reading in plan.readings.order_by("created_at", "pk"):
        last[reading.rule, *(getattr(reading, name) for name in SERIES)] = reading
    found: dict[str, int] = {}
    for reading in last.values():
        rule = plan.rules.trigger(reading.rule)
        if rule is None:
            continue
        until = [
            each for each in reading.of_series()
            if (each.created_at, each.pk) <= (reading.created_at, reading.pk)
        ]  # fmt: skip
        counted = tally(rule, until, reading.limit).for_plan(plan.pk)
        found[rule.signal] = max(found.get(rule.signal, 0), len(counted))
    return found
