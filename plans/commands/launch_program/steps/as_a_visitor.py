"""What a visitor meets: every link of a kit followed by a program, and opened in a browser where one is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from django.conf import settings

from gtm.core.places.outside import Allowance
from plans.engine.running.kept_files import kept_file
from plans.engine.running.steps import StepContext
from programs.analytics.found_links import field_value
from programs.outreach import browser
from programs.outreach.visits import ARRIVED, NOT_ALLOWED, visit


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
    worth_it = [url for url, told in visits.items() if told["outcome"] != NOT_ALLOWED]
    if reason := browser.missing() or ("" if worth_it else "no link may be visited"):
        return {"browser": reason, "look": None}
    sends = launch.get("delivers_test_form", False)
    stops = [
        browser.Stop(url, launch["code_parameter"], sends=True, delivers=sends)
        if url == flow
        else browser.Stop(url, pictured=False)
        for url in worth_it
    ]

    def tell(number: int) -> None:
        told = f"Opening link {number + 1} of {len(stops)} in Chromium"
        context.progress(50 + 49 * number // len(stops), told)

    look = None
    try:
        for stop, found in zip(stops, browser.tour(stops, allowance, tell), strict=True):
            if isinstance(found, Exception):
                visits[stop.url]["page"] = {"error": str(found)}
            else:
                visits[stop.url]["page"] = _page(found)
            if stop.url == flow:
                look = _flow_look(found)
    except browser.LookFailed as error:  # no browser came up: nothing was opened in one
        return {"browser": str(error), "look": None}
    return {"browser": "", "look": look}


def _page(found: browser.Look) -> dict[str, Any]:
    """What is kept of a page: enough to judge it again."""
    names = ("url", "status", "hops", "title", "heading", "canonical", "seconds", "hits")
    return {name: getattr(found, name) for name in names} | {"error": ""}


def _flow_look(found: browser.Look | Exception) -> dict[str, Any]:
    if isinstance(found, Exception):
        return {"error": str(found)}
    picture = kept_file("flow-screenshot", "Landing page in Chromium", found.picture, "png", "image/png")
    told = {"url": found.url, "status": found.status, "field": found.field, "error": "", "by": found.by}
    sent = asdict(found.sent) if found.sent else None
    return {**told, "picture": asdict(picture), "sent": sent}
