"""Codes of the world: currencies (ISO 4217), countries and their parts (ISO 3166), time zones (IANA).

Names, which currency a country uses and where a zone lies come from the CLDR by Babel; parts with holidays of
their own from the library ``holidays``. A wrong value is answered with the nearest right one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any
from zoneinfo import available_timezones

import holidays
from rapidfuzz import fuzz, process, utils

from gtm.core.later import later

if TYPE_CHECKING:
    from babel import core as cldr
else:
    cldr = later("babel.core")

NEAR_ENOUGH = 75
FIRST_ZONES = {
    "US": "America/New_York", "CA": "America/Toronto", "MX": "America/Mexico_City", "BR": "America/Sao_Paulo",
    "AU": "Australia/Sydney", "RU": "Europe/Moscow", "ES": "Europe/Madrid", "PT": "Europe/Lisbon",
    "CL": "America/Santiago", "AR": "America/Argentina/Buenos_Aires", "ID": "Asia/Jakarta",
    "KZ": "Asia/Almaty", "NZ": "Pacific/Auckland", "CY": "Asia/Nicosia", "EC": "America/Guayaquil",
    "CD": "Africa/Kinshasa", "GL": "America/Nuuk", "MY": "Asia/Kuala_Lumpur", "UZ": "Asia/Tashkent",
}  # fmt: skip
"""Where most people of a country with several zones live: a proposal, which a person changes."""


@cache
def currencies() -> Mapping[str, str]:
    """Code → English name of the currencies that some country uses today."""
    used = cldr.get_global("territory_currencies").values()
    today = {code for rows in used for code, _, until, is_tender in rows if until is None and is_tender}
    names = cldr.Locale("en").currencies
    return {code: names[code] for code in sorted(today)}


@cache
def countries() -> Mapping[str, str]:
    """Code → English name of the countries whose holidays are known."""
    names = cldr.Locale("en").territories
    known = holidays.list_supported_countries(include_aliases=False)
    return {code: names[code] for code in sorted(known) if code in names}


@cache
def subdivisions(country: str) -> Mapping[str, str]:
    """Code → a name of the parts of a country that have holidays of their own."""
    made = holidays.country_holidays(country)
    names = {code: code for code in made.subdivisions}
    for name, code in getattr(made, "subdivisions_aliases", {}).items():
        names[code] = name
    return names


@cache
def zones() -> frozenset[str]:
    """Names of time zones as people write them: Europe/Berlin, UTC."""
    return frozenset(available_timezones())


def currency_of(country: str) -> str:
    """What is paid with in a country today; "" where that is not known."""
    rows = cldr.get_global("territory_currencies").get(country, ())
    return next((code for code, _, until, is_tender in reversed(rows) if until is None and is_tender), "")


def zones_of(country: str) -> list[str]:
    """The time zones of a country, the one where most people live first."""
    known = zones()
    found = [name for name in cldr.get_global("territory_zones").get(country, ()) if name in known]
    first = FIRST_ZONES.get(country)
    return sorted(found, key=lambda name: (name != first, name)) if first in found else found


def wrong_currency(value: str) -> str:
    """What is wrong with a currency, with the nearest right one; "" where nothing is."""
    if value in currencies():
        return ""
    near = _nearest(value, currencies())
    return _said(value, "no currency of ISO 4217", near, "EUR")


def wrong_country(value: str) -> str:
    """What is wrong with a country, with the nearest right one; "" where nothing is."""
    if value in countries():
        return ""
    alias = _first(cldr.get_global("territory_aliases").get(value.strip().upper(), ()))
    near = alias if alias in countries() else _nearest(value, countries())
    return _said(value, "no country of ISO 3166", near, "DE")


def wrong_subdivision(country: str, value: str) -> str:
    """What is wrong with a part of a right country; "" where nothing is, also where none is named."""
    parts = subdivisions(country)
    if not value or value in parts:
        return ""
    told = f"“{value}” is no part of {country} that has holidays of its own"
    if not parts:
        return f"{told}: no part of it has. Leave it empty."
    near = _nearest(value, parts)
    return f"{told}. Did you mean {near}?" if near else f"{told}: {', '.join(parts)}."


def wrong_zone(value: str) -> str:
    """What is wrong with a time zone, with the nearest right one; "" where nothing is."""
    if value in zones():
        return ""
    cities = {name: name.rpartition("/")[2].replace("_", " ") for name in zones()}
    near = _nearest(value, cities) or _nearest_zone_of_country(value)
    return _said(value, "no IANA time zone", near, "Europe/Berlin")


def _said(value: str, what: str, near: str, example: str) -> str:
    return f"“{value}” is {what}. " + (f"Did you mean {near}?" if near else f"Write it like {example}.")


def _nearest(value: str, named: Mapping[str, str]) -> str:
    """The code whose code or name is meant: the same but for case, or else the most similar name."""
    wanted = value.strip().casefold()
    exact = _first(code for code, name in named.items() if wanted in (code.casefold(), name.casefold()))
    if exact or len(wanted) < 3:
        return exact
    found: Any = process.extractOne(
        wanted, dict(named), scorer=fuzz.WRatio, processor=utils.default_process, score_cutoff=NEAR_ENOUGH
    )
    if found:
        return str(found[2])
    found = process.extractOne(
        wanted, list(named), scorer=fuzz.ratio, processor=utils.default_process, score_cutoff=NEAR_ENOUGH
    )
    return str(found[0]) if found else ""


def _nearest_zone_of_country(value: str) -> str:
    wanted = value.strip().casefold()
    code = _first(code for code, name in countries().items() if wanted in (code.casefold(), name.casefold()))
    return _first(zones_of(code)) if code else ""


def _first(found: Iterable[str]) -> str:
    return next(iter(found), "")
