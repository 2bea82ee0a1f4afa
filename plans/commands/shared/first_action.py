"""The answer of a run that ends in a backlog: the first action, what it is worth, and what speaks against it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from plans.commands.shared.figures import money
from plans.schemas.answer import (
    CANNOT_TELL,
    DO_NOT,
    GO,
    WITH_CARE,
    Alternative,
    Answer,
    AnswerFigure,
    Certainty,
    Worth,
)
from programs.analytics.chances import chance_in_words


def action_answer(
    backlog: Sequence[Mapping[str, Any]],
    currency: str,
    *,
    trouble: Sequence[str],
    nothing: str,
    unknown: str,
    figures: Sequence[AnswerFigure],
    caveats: Sequence[str],
    decides: str,
    labour: float | None,
    chart: str,
    table: str,
    columns: Sequence[str],
) -> Answer:
    """The answer from a ``backlog`` in its order, whose rows say ``chance_to_win``, if any, and ``chance_from``.

    ``trouble``: sentences about limits that are breached; ``nothing``: the headline of an empty backlog;
    ``unknown``: why nothing could be valued, if so; ``decides``: who has the gate behind it; ``labour``: cost of a person-day, if known; ``columns`` of the ``table``.
    """
    first = backlog[0] if backlog else None
    alarm = f"{trouble[0]} " if trouble else ""
    if first is None:
        return Answer(
            headline=f"{alarm}{f'Nothing could be valued: {unknown}' if unknown else nothing}",
            verdict=CANNOT_TELL if unknown else DO_NOT,
            certainty=Certainty("There is nothing whose certainty could be stated."),
            figures=figures, caveats=[*trouble[1:], *caveats], next=f"{decides} decides.", chart=chart, table=table,
            columns=columns,
        )  # fmt: skip
    value = first["expected_value"]
    pays = value is None or value > 0
    known = " whose worth is known" if any(row["expected_value"] is None for row in backlog) else ""
    if value is None:
        headline = f"{alarm}First: {first['title']}, {_worth(first, currency, labour)}."
    elif pays:
        headline = f"{alarm}First: {first['title']}, worth {_worth(first, currency, labour)}."
    elif labour is None:
        headline = f"{alarm}No proposal{known} is worth its work. The best one is {first['title']}: {money(value, currency)}."
    else:
        headline = f"{alarm}No proposal{known} pays for its labour. The best one is {first['title']}: {money(value, currency)}."
    is_tested = first["sample_size_per_arm"] is not None
    proof = [first["proof"]] if first["proof"] else []
    told = [first["why"], *([] if first["proof"] and first["proof"] in first["why"] else proof)]
    return Answer(
        headline=headline,
        verdict=DO_NOT if not pays else GO if is_tested and not trouble and value is not None else WITH_CARE,
        money=None if value is None else Worth(
            "Expected value of the first action", value, currency, first["expected_low"], first["expected_high"]
        ),
        certainty=_certainty(first),
        figures=figures,
        caveats=[*trouble[1:], *told, *caveats],
        alternative=_second(backlog, currency, labour),
        next=_next(decides, first),
        chart=chart,
        table=table,
        columns=columns,
    )  # fmt: skip


def _next(decides: str, first: Mapping[str, Any]) -> str:
    """Who does what now; one person is named once."""
    if decides == first["owner"]:
        return f"{decides} decides, and then carries it out by {first['eta']}."
    return f"{decides} decides; {first['owner']} then carries it out by {first['eta']}."


def _certainty(action: Mapping[str, Any]) -> Certainty:
    """How surely an action brings what it is meant to, and where that chance comes from (``chance_from``).

    Work that only finds out what is so, such as deciding cases, has no such chance: what it brings is weighed already.
    """
    chance, source = action["chance_to_win"], action["chance_from"]
    if chance is None:
        return Certainty(source)
    words = f"Chance that the first action brings what it is meant to: {chance_in_words(chance)}, {source}. The interval is that of the effect alone."
    return Certainty(words, chance, "bringing what it is meant to")


def _worth(action: Mapping[str, Any], currency: str, labour: float | None) -> str:
    """An amount, and whether what the work costs is in it; or that nobody knows it."""
    if action["expected_value"] is None:
        return "its worth in money is not known"
    value = money(action["expected_value"], currency)
    if labour is not None:
        return f"{value} after labour"
    return (
        f"{value} before the cost of {action['effort_days']:g} person-days of work, which nobody has entered"
    )


def _second(backlog: Sequence[Mapping[str, Any]], currency: str, labour: float | None) -> Alternative | None:
    """The next in the order: nothing that was found is better for the work it takes."""
    if len(backlog) < 2:
        return None
    second = backlog[1]
    worth = "" if second["expected_value"] is None else "worth "
    return Alternative(f"Next in order: {second['title']}, {worth}{_worth(second, currency, labour)}.")
