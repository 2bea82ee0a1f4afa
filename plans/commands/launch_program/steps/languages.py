"""What a launch in several languages or variants adds: proof-reading by language, and a table of what there is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gtm.core.places.languages import language_name
from plans.schemas.outputs import Column, Table
from programs.models import RunbookPhase
from programs.outreach.communications import Piece, languages_of


def proof_readings(launch: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """A row of the runbook for each language that has a reviewer by the launch profile; it blocks what is
    approved after it."""
    reviewers = launch.get("reviewers") or {}
    for locale in languages_of(launch) if reviewers else ():
        if role := reviewers.get(locale):
            yield {
                "key": f"kit-review-{locale.lower()}",
                "name": f"Proof-read the kit in {language_name(locale)}",
                "purpose": f"Every message of the kit in {language_name(locale)}, in all its variants",
                "phase": RunbookPhase.COMMUNICATIONS.value,
                "group": "communications",
                "responsible": role,
                "accountable": role,
                "substitute": "",
                "consulted": [],
                "informed": [],
                "needs": [],
                "days": [0.5, 1.0, 2.0],
                "days_after_launch": None,
                "wait_days": 0.0,
                "not_before_days": None,
                "outside": "",
                "weight": 1.0,
                "is_blocker": True,
            }


def in_words(piece: Piece, launch: Mapping[str, Any]) -> str:
    """What a title of a piece adds: its variant, and a language beside the main one."""
    variant = f", variant {piece.variant}" if piece.variant else ""
    return variant if piece.locale == launch["locale"] else f"{variant}, {language_name(piece.locale)}"


def in_a_key(piece: Piece, launch: Mapping[str, Any]) -> str:
    """What tells a variant, and a language beside the main one, apart in a key."""
    language = "" if piece.locale == launch["locale"] else piece.locale.lower()
    return "".join(f"-{part}" for part in (piece.variant, language) if part)


def languages(pieces: Sequence[Piece], launch: Mapping[str, Any]) -> Iterator[Table]:
    """What there is in each language, and what is not translated; nothing where there is one way to say it."""
    spoken = languages_of(launch)
    if len(spoken) == 1 and not any(piece.variant for piece in pieces):
        return
    keys = {locale: {piece.key for piece in pieces if piece.locale == locale} for locale in spoken}
    rows = []
    for locale in spoken:
        own = [piece for piece in pieces if piece.locale == locale]
        words = launch.get("translations", {}).get(locale, {})
        rows.append(
            [
                language_name(locale),
                len(own),
                ", ".join(sorted({f"{piece.key}: {piece.variant}" for piece in own if piece.variant})),
                launch.get("reviewers", {}).get(locale, ""),
                "" if locale == spoken[0] else ", ".join(sorted(launch["copy"].keys() - words.keys())),
                ", ".join(sorted(keys[spoken[0]] - keys[locale])),
            ]
        )
    columns = (
        Column("language", "Language"),
        Column("files", "Files", "integer"),
        Column("variants", "Variants"),
        Column("reviewer", "Role that proof-reads"),
        Column("untranslated", "Copy that is not translated"),
        Column("missing", "Documents in the main language only"),
    )
    yield Table("languages", "Languages and variants", columns, rows)
