"""A page of the program in a real browser: does it open, and what does it look like?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from gtm.core.places.outside import Allowance, NotAllowed, Unreachable, address_of
from plans.engine.running.kept_files import kept_file
from plans.engine.tools.request import ToolAnswer, ToolRequest
from plans.models import CallOutcome
from programs.outreach import browser

BAD_REQUEST = 400


def walk(asked: ToolRequest) -> ToolAnswer:
    """Open the page that the program's tooling names; a step that opened one itself says what it saw."""
    if not asked.hook.subject:
        return _seen_by_the_step(asked.values.get("observed") or {})
    name, address = page_of(asked)
    if not address:
        said = f"The program names no {name}. Enter its address under “Tooling” of the program."
        return ToolAnswer("", CallOutcome.NOT_RUN, said, {"page": name})
    arguments = {"page": name, "address": address}
    if reason := browser.missing():
        return ToolAnswer("", CallOutcome.NOT_RUN, f"No browser: {reason}.", arguments)
    asked.progress(99, f"Opening the {name} in Chromium")
    allowance = Allowance(frozenset({urlsplit(address).netloc.lower()}), settings.GTM_PRIVATE_LINK_HOSTS)
    try:
        address_of(address, allowance)
    except (NotAllowed, Unreachable) as error:
        return ToolAnswer("", CallOutcome.NOT_RUN, str(error), arguments)
    try:
        found = browser.look(address, allowance)
    except (browser.LookFailed, NotAllowed, Unreachable) as error:
        return ToolAnswer(browser.version(), CallOutcome.FAILED, str(error), arguments)
    shown = (f"tool-{asked.hook.work}", f"The {name} in Chromium", found.picture, "png", "image/png")
    picture = kept_file(*shown) if found.picture else None
    outcome = CallOutcome.FAILED if found.status >= BAD_REQUEST else CallOutcome.ANSWERED
    leads = "" if found.url == address else f" leads to {found.url} and"
    said = f"The {name}{leads} answers {found.status}."
    return ToolAnswer(found.by, outcome, said, arguments, picture)


def page_of(asked: ToolRequest) -> tuple[str, str]:
    """What the page is called, and its address: as the program names it, or as the step opened it."""
    name = asked.hook.subject
    if not name:
        look = (asked.values.get("observed") or {}).get("look") or {}
        return "landing page", look.get("url", "")
    return name, (asked.plan.context.get("tooling") or {}).get(name, "")


def _seen_by_the_step(observed: Mapping[str, Any]) -> ToolAnswer:
    look = observed.get("look")
    if not look:
        reason = observed.get("browser") or "the step opened no page"
        return ToolAnswer("", CallOutcome.NOT_RUN, f"No browser: {reason}.")
    by = look.get("by") or browser.version()
    if look["error"]:
        return ToolAnswer(by, CallOutcome.FAILED, look["error"])
    said = f"The landing page answers {look['status']}; its form holds “{look['field'] or ''}”."
    return ToolAnswer(by, CallOutcome.ANSWERED, said, {"address": look["url"]}, result=look)
