"""Languages by their tags (BCP 47), as people call them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gtm.core.later import later

if TYPE_CHECKING:
    from babel import core as cldr
else:
    cldr = later("babel.core")


def language_name(tag: str) -> str:
    """The English name of a language: "de" → "German", "de-AT" → "German (Austria)". An unknown tag stays."""
    try:
        return cldr.Locale.parse(tag, sep="-").get_display_name("en") or tag
    except (cldr.UnknownLocaleError, ValueError):
        return tag
