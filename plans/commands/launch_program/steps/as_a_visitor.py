"""What a visitor meets: every link of a kit followed by a program, and opened in a browser where one is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from rapidfuzz import fuzz
from rapidfuzz.utils import default_process

from gtm.core.places.outside import Allowance
from plans.commands.launch_program.steps.referral_way import goes_to
from plans.engine.running.kept_files import kept_file
from plans.engine.running.steps import StepContext
from programs.analytics.found_links import field_value
from programs.analytics.link_check import code_in
from programs.analytics.page_check import BAD_REQUEST, LIKE_NOTHING, TOO_MANY
from programs.outreach import browser
from programs.outreach.visits import ARRIVED, NOT_ALLOWED, OK, is_nowhere, visit

REDIRECT = 300
BREATH = 5.0
"""Seconds before a site that limits how often it is asked is asked again."""
MOST_TEXT = 400
NOWHERE = "link-check-of-a-page-that-is-not-there"


def observe(
    context: StepContext, launch: Mapping[str, Any], links: Sequence[str], flow: str, seconds: float
) -> dict[str, Any]:
    """Visit every link, and open it in a browser where there is one. Plain values, kept for a replay."""
    allowance = Allowance(frozenset(launch["allowed_hosts"]), settings.GTM_PRIVATE_LINK_HOSTS)
    visits: dict[str, dict[str, Any]] = {}
    for number, url in enumerate(links):
        context.progress(50 * number // (len(links) + 1), f"Following link {number + 1} of {len(links)}")
        came = visit(url, allowance, seconds=seconds)
        is_page = came.outcome == ARRIVED and came.media_type == "text/html"
        visits[url] = {
            "hops": came.hops,
            "outcome": came.outcome,
            "status": came.status,
            "reason": came.reason,
            "media": came.media_type,
            "field": field_value(came.text, launch["code_parameter"]) if is_page else None,
            "page": None,
        }
    return {"visits": visits, **_look(context, visits, allowance, flow, launch)}


def _look(
    context: StepContext,
    visits: Mapping[str, dict[str, Any]],
    allowance: Allowance,
    flow: str,
    launch: Mapping[str, Any],
) -> dict[str, Any]:
    """Open each link as a visitor of its own; the flow's also shows its form and what it sends."""
    worth_it = [url for url, told in visits.items() if told["outcome"] != NOT_ALLOWED and not is_file(told)]
    if reason := browser.missing() or ("" if worth_it else "no link may be visited"):
        return {"browser": reason, "look": None}
    stops = _stops(worth_it, flow, launch)
    # What each site answers for a page that nobody has made: some call that 200.
    stops += [browser.Stop(url, pictured=False) for url in _nowhere(worth_it)]
    missing: dict[str, browser.Look] = {}
    seen: dict[str, browser.Look] = {}

    def tell(number: int) -> None:
        told = f"Opening link {number + 1} of {len(stops)} in Chromium"
        context.progress(50 + 49 * number // len(stops), told)

    look = None
    try:
        for stop, found in _patiently(stops, allowance, tell):
            if stop.url not in visits:
                if not isinstance(found, Exception):
                    missing[_host(stop.url)] = found
            elif isinstance(found, Exception):
                visits[stop.url]["page"] = {"error": str(found), "unseen": getattr(found, "is_unseen", False)}
            else:
                visits[stop.url]["page"], seen[stop.url] = _page(found), found
            if stop.url == flow:
                look = _flow_look(found, allowance)
    except browser.LookFailed as error:  # no browser came up: nothing was opened in one
        return {"browser": str(error), "look": None}
    for url, found in seen.items():
        visits[url]["page"].update(_beside_nothing(found, missing.get(_host(found.url))))
    return {"browser": "", "look": look}


def is_at(url: str, landing: str) -> bool:
    """Whether an address is that of the landing page, whatever its query."""
    asked, there = urlsplit(url), urlsplit(landing)
    return (asked.netloc, asked.path.rstrip("/")) == (there.netloc, there.path.rstrip("/"))


def _stops(links: Sequence[str], flow: str, launch: Mapping[str, Any]) -> list[browser.Stop]:
    """How each link is visited. At the first of each page, a few of them, a visitor stays to read it."""
    parameter, sends = launch["code_parameter"], launch.get("delivers_test_form", False)
    first = {(urlsplit(url).netloc, urlsplit(url).path): url for url in [*reversed(links), flow] if url}
    stay = {flow, *list(first.values())[-browser.AT_ONCE :]}
    stops = []
    for url in links:
        is_landing = is_at(url, launch["links"]["landing"])
        stop = browser.Stop(
            url,
            parameter if is_landing or code_in(url, parameter) else "",
            pictured=url == flow,
            counters=tuple(launch.get("collectors", ())) if is_landing else (),
            stays=url in stay,
        )
        stops.append(replace(stop, sends=True, delivers=sends) if url == flow else stop)
    return stops


def _patiently(
    stops: Sequence[browser.Stop], allowance: Allowance, tell: Callable[[int], None]
) -> Iterator[tuple[browser.Stop, browser.Found]]:
    """Every stop; those at which a site says that it is asked too often once more, after a while."""
    later: list[tuple[browser.Stop, browser.Found]] = []
    for stop, found in zip(stops, browser.tour(stops, allowance, tell), strict=True):
        if isinstance(found, browser.Look) and found.status == TOO_MANY:
            later.append((stop, found))
        else:
            yield stop, found
    if not later:
        return
    time.sleep(BREATH)
    again = [stop for stop, _ in later]
    yield from zip(again, browser.tour(again, allowance, lambda number: None), strict=True)


def is_file(told: Mapping[str, Any]) -> bool:
    """Whether it arrives as something to keep, such as a contract as PDF: there is no page to look at."""
    is_there = told["outcome"] == ARRIVED and OK <= told["status"] < REDIRECT
    return is_there and told["media"] not in ("text/html", "application/xhtml+xml", "")


def _nowhere(links: Sequence[str]) -> list[str]:
    """An address on each site at which there is nothing."""
    sites = dict.fromkeys((urlsplit(url).scheme, urlsplit(url).netloc) for url in links)
    return [f"{scheme}://{host}/{NOWHERE}" for scheme, host in sites]


def _beside_nothing(found: browser.Look, missing: browser.Look | None) -> dict[str, Any]:
    """What a page has of its own, beside what its site shows where nothing is: how like the two are, and
    whether it has a form. One for news that stands there as well is no page's own."""
    likeness = _likeness(_words(found), found.url, missing)
    is_own = found.field is not None or found.leads_on or not found.asks or likeness >= LIKE_NOTHING
    everywhere = missing.asks if missing else ()
    forms = found.forms and (is_own or not set(found.asks) <= set(everywhere))
    return {"like_missing": likeness, "forms": forms}


def _likeness(words: str, address: str, missing: browser.Look | None) -> float:
    """How like the page is to what its site shows where nothing is, 0 to 1; 0 where it says so by its status."""
    if missing is None or missing.status >= BAD_REQUEST or missing.url == address:
        return 0.0
    other = _words(missing)
    if not words or not other:
        return 0.0
    # A list that is drawn in another order each time says the same.
    either = max(fuzz.ratio(words, other), fuzz.token_sort_ratio(words, other, processor=default_process))
    return round(either / 100, 3)


def _words(found: browser.Look) -> str:
    return " ".join((found.title, found.heading, found.text)).strip()


def _host(url: str) -> str:
    return urlsplit(url).netloc.lower()


def _page(found: browser.Look) -> dict[str, Any]:
    """What is kept of a page: enough to judge it again."""
    names = (
        "url", "status", "hops", "title", "heading", "canonical", "seconds", "loaded", "hits", "consent", "field",
        "before_consent", "kept_out", "alternates", "blank", "covered", "forms", "password",
    )  # fmt: skip
    return {name: getattr(found, name) for name in names} | {"text": found.text[:MOST_TEXT], "error": ""}


def _flow_look(found: browser.Look | Exception, allowance: Allowance) -> dict[str, Any]:
    if isinstance(found, Exception):
        return {"error": str(found)}
    picture = found.picture and asdict(
        kept_file("flow-screenshot", "Landing page in Chromium", found.picture, "png", "image/png")
    )
    told = {"url": found.url, "status": found.status, "field": found.field, "error": "", "by": found.by}
    sent = None if found.sent is None else [asdict(one) for one in found.sent]
    more = {
        "in_cookie": found.in_cookie,
        "unfinished": found.unfinished,
        "closed": found.closed,
        "leads_on": found.leads_on,
    }
    look = {**told, **more, "picture": picture or None, "sent": sent}
    to = goes_to(look)
    return {**look, "nowhere": bool(to) and is_nowhere(to, allowance)}
