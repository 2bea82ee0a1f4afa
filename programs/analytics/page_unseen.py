"""What of a page could not be seen: a link to it is not proven, though nobody saw anything wrong. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

from programs.analytics.link_check import UNPROVEN, WARNING, LinkFault

if TYPE_CHECKING:
    from programs.analytics.page_check import PageSeen

WALLS = frozenset({401, 403, 407, 451})
"""Answers that turn visitors away: a person with another browser, or from elsewhere, may be let in."""
_TRIAL = re.compile(
    r"(?:^|[.-])(?:staging|stage|stg|test|testing|dev|uat|preview|preprod|sandbox|qa)(?=[.-])"
)
_IN_BRACKETS = re.compile(r"^\W*[\[(]\s*(?:staging|stage|test|dev|uat|preview|draft)\s*[\])]", re.IGNORECASE)
_FOR_SALE = re.compile(
    r"domain(?: name)? (?:\S+ )?(?:is |may be )?for sale|buy this domain|"
    r"domain (?:\S+ )?(?:steht )?zum verkauf|domaine (?:\S+ )?(?:est )?à vendre|"
    r"dominio (?:\S+ )?(?:está )?en venta|dominio (?:\S+ )?(?:è )?in vendita|"
    r"domein (?:\S+ )?(?:is )?te koop|verkkotunnus (?:\S+ )?(?:on )?myytävänä|domena (?:\S+ )?na sprzedaż|"
    r"domän\w* (?:\S+ )?(?:är )?till salu",
    re.IGNORECASE,
)


WHERE_TO_ALLOW = "Add them to the allowed hosts of the launch profile"
MOST_HOSTS = 3


def kept_out(hosts: Sequence[str], address: str) -> str:
    """Whose scripts and frames were not let into the page at ``address``, said."""
    more = len(hosts) - MOST_HOSTS
    told = ", ".join(hosts[:MOST_HOSTS]) + (f" and {more} more" if more > 0 else "")
    page = urlsplit(address)
    return f"Scripts of {told} were kept out of {page.netloc}{page.path}"


def turned_away(seen: PageSeen) -> LinkFault:
    """Instead of the page, a wall against programs, strangers or places."""
    text = f"The site turns this check away with {seen.status}, and the page was not seen: open it by hand."
    return LinkFault("turned-away", UNPROVEN, "", text)


def asks_to_sign_in(link: str, seen: PageSeen) -> bool:
    """Whether the site wants to know who comes, and keeps the way back: where it leads then was not seen."""
    asked, came = urlsplit(link), urlsplit(seen.url)
    if (asked.netloc, asked.path) == (came.netloc, came.path) or not seen.password:
        return False
    told = [unquote(value) for _, value in parse_qsl(came.query)]
    return any(asked.path.rstrip("/") and asked.path.rstrip("/") in value for value in told)


def what_is_unseen(link: str, seen: PageSeen, *, is_landing: bool, held: bool) -> Iterator[LinkFault]:
    """A page with nothing on it, under a cover or for sale; a landing page without a form."""
    out = f" {kept_out(seen.kept_out, seen.url)}. {WHERE_TO_ALLOW}." if seen.kept_out else ""
    here = urlsplit(seen.url).netloc.lower().removeprefix("www.")
    names = {here, here.partition(":")[0]}
    if seen.blank:
        yield _unproven("blank", f"The page shows no heading, no form and hardly a word.{out}")
    elif seen.covered:
        yield _unproven("covered", f"Something that does not close lies over the page: confirm by hand.{out}")
    elif not held and (_FOR_SALE.search(seen.text) or seen.heading.lower().strip() in names):
        yield _unproven(
            "parked", "The page looks as a domain does that is for sale: confirm that it is yours."
        )
    elif is_landing and not held and not seen.forms:
        text = (
            f"The landing page shows no form and no button that leads on with the tags: confirm by hand.{out}"
        )
        yield _unproven("no-form", text)
    if _TRIAL.search(here) or _IN_BRACKETS.search(seen.title):
        text = "The page stands on a site for trials, by its name: confirm that it is the right one."
        is_meant = (
            urlsplit(link).netloc.lower().removeprefix("www.") == here
        )  # the kit names that site itself
        yield LinkFault("trial-site", WARNING if is_meant else UNPROVEN, "", text)


def _unproven(rule: str, text: str) -> LinkFault:
    return LinkFault(rule, UNPROVEN, "", text)
