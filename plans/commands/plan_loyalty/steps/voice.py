"""Voice of the customer in words: what the comments of surveys are about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from plans.schemas.constraints import NO_DATA, Constraint, of_kind
from plans.schemas.outputs import Column, Table
from programs.analytics.comments import WrittenAnswer, count_themes, other_words
from programs.datasets import OpenData


def read_comments(
    data: OpenData, as_of: Any, asked: Sequence[Constraint]
) -> tuple[list[Table], dict[str, Any]]:
    """A table of themes and what later steps read; nothing where no answer has words, or they may not be used."""
    forbidden = any("comments" in rule.names for rule in of_kind(asked, NO_DATA))
    if forbidden or not data.has("survey_responses"):
        return [], {}
    rows = data.engine.survey_comments(data.snapshot("survey_responses"), as_of=as_of).to_pylist()
    answers = [WrittenAnswer(row["survey"], row["score"], row["comment"]) for row in rows]
    if not answers:
        return [], {}
    themes, words = count_themes(answers), other_words(answers)
    table = Table(
        "voice_themes",
        "What members write about",
        [Column("theme", "Theme"), Column("answers", "Answers", "integer"),
         Column("share", "Share of written answers", "percent"),
         Column("low", "Of them not content", "integer", "", "NPS 0 to 6, CSAT 1 and 2"),
         Column("example", "An example, in their words")],
        [[t.theme, t.answers, t.answers / len(answers), t.low, t.example] for t in themes],
        f"{len(answers):,} answers have words. A theme counts answers that use a plain English word of it. "
        + (f"Words of no theme: {', '.join(f'{word} ({count})' for word, count in words)}." if words else ""),
    )  # fmt: skip
    counted = {
        theme.theme: {"answers": theme.answers, "low": theme.low, "words": dict(theme.words)}
        for theme in themes
    }
    return [table], {"answers": len(answers), "themes": counted, "words": dict(words)}
