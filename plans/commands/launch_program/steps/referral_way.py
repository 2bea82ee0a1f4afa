"""Where the code of a referral comes on its way: link, landing page, form, and what the form sends."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from programs.analytics.gone import says_gone
from programs.analytics.link_check import ERROR, UNPROVEN, WARNING, LinkFault, check_round_trip, code_in
from programs.analytics.page_check import sent_code
from programs.analytics.page_counts import is_known
from programs.analytics.page_unseen import WHERE_TO_ALLOW, kept_out

_ASKS_FIRST = re.compile(r"check|valid|verif|exist|lookup|captcha|token|csrf|precheck", re.IGNORECASE)
FORM_NOWHERE = "form-nowhere"
_INSTEAD = frozenset({"turned-away", "signs-in", "too-many", "blank"})
"""Findings of which the page itself was not seen: of its form, nothing can be said."""


def where_the_code_came(
    told: Mapping[str, Any],
    look: Mapping[str, Any] | None,
    flow: str,
    launch: Mapping[str, Any],
    met: Sequence[LinkFault],
) -> list[LinkFault]:
    """The way of a referral code: link, landing page, form, what the form sends, and the answer to it.

    ``told`` is the visit of the link ``flow``, ``look`` what the browser saw, ``met`` what is known of its page.
    """
    if any(finding.rule in _INSTEAD for finding in met):
        return []
    parameter, code = launch["code_parameter"], launch["test_code"]
    arrived = look["url"] if look and not look["error"] else told["hops"][-1]
    carried = code_in(arrived, parameter)
    places = {"link": code_in(flow, parameter)}
    found: list[LinkFault] = []
    if look and not look["error"] and look["field"]:
        places["form in the browser"] = look["field"]  # a form that holds it needs no address that does
    elif look and not look["error"]:
        places["page in the browser"] = carried
        if look["field"] is not None:
            places["form in the browser"] = None
    else:
        places["landing page"] = carried
        if told["field"]:  # an empty one may be filled by a script, which only a browser runs
            places["form"] = told["field"]
    found += check_round_trip(code, places)
    if not any(finding.severity == ERROR for finding in found):
        found += _sent_on(look or {}, parameter, code, _missed(told))
    if not any("form" in place for place in places) and not (look or {}).get("leads_on"):
        text = f"No filled form field {parameter} was seen: confirm by hand that the code is stored."
        # Without a browser a field that a script makes or fills is not seen, and no page is judged by that.
        is_unseen = look is not None and not look.get("in_cookie")  # a cookie keeps it for the form to come
        found.append(LinkFault("referral-form", UNPROVEN if is_unseen else WARNING, parameter, text))
    return found


def _missed(told: Mapping[str, Any]) -> str:
    """What may keep the form from working: scripts of other hosts, which the browser did not load."""
    hosts = (told.get("page") or {}).get("kept_out", ())
    return f" {kept_out(hosts, told['page']['url'])}. {WHERE_TO_ALLOW}." if hosts else ""


def _sent_on(look: Mapping[str, Any], parameter: str, code: str, missed: str) -> Iterator[LinkFault]:
    """Whether the code leaves with the form; ``missed`` names what it may lack."""
    if not look.get("field") or "sent" not in look:
        return
    if look.get("closed"):
        text = f"The button of the form stays closed to this check, as to programs or to all: confirm by hand.{missed}"
        yield LinkFault("referral-form", UNPROVEN, parameter, text)
    if not (requests := list(_of_the_form(look))):
        text = (
            f"The form sent nothing when it was submitted: confirm by hand that the code is stored.{missed}"
        )
        yield LinkFault("referral-form", UNPROVEN, parameter, text)
    elif not any(sent_code(code, one["url"], one["body"]) for one in requests):
        yield _sends_no_code(look, requests, parameter, code)
    elif (answer := requests[-1]["answer"]) and says_gone(answer):
        yield LinkFault("referral-sent", ERROR, parameter, "The site answers the form with an error.")
    elif look.get("nowhere"):
        to = urlsplit(requests[-1]["url"])
        text = f"The form goes to {to.netloc}{to.path}, and nothing seems to be there: send one by hand."
        yield LinkFault(FORM_NOWHERE, UNPROVEN, "", text)


def goes_to(look: Mapping[str, Any]) -> str:
    """Where the form of a page was to be sent and was not, without its query; "" where it was, or was asked
    for by GET, or sent nothing."""
    last = next(reversed(list(_of_the_form(look))), None)
    if last is None or last["answer"] or last["method"] == "GET":
        return ""
    return urlsplit(last["url"])._replace(query="", fragment="").geturl()


def _of_the_form(look: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What the form sends, without what measures that it does."""
    told = look.get("sent") or []
    sent = [told] if isinstance(told, Mapping) else told  # of plans of before there was one alone
    for one in sent:
        to = urlsplit(one["url"])
        if one.get("kind") != "ping" and not is_known(to.netloc.lower(), to.path):
            yield one


def _sends_no_code(
    look: Mapping[str, Any], requests: Sequence[Mapping[str, Any]], parameter: str, code: str
) -> LinkFault:
    """An error, unless the code may have left unseen: in a cookie, or in what the page sends only after an
    answer of its site, which it never got where checks keep the form back."""
    text = f"The form holds the referral code {code} and sends none of it."
    if look.get("in_cookie"):
        said = f"{text[:-1]}; a cookie has it: confirm by hand that the code is stored."
        return LinkFault("referral-form", UNPROVEN, parameter, said)
    is_asking = all(one.get("kind") != "document" for one in requests)
    asks = all(_ASKS_FIRST.search(urlsplit(one["url"]).path) for one in requests)
    if is_asking and (asks or look.get("unfinished")) and not requests[-1]["answer"]:
        said = "The page asks its site something before it sends the form, which checks keep back"
        text = f"{said}: let them send the form (launch profile), or confirm by hand that the code is stored."
        return LinkFault("referral-form", UNPROVEN, parameter, text)
    return LinkFault("referral-sent", ERROR, parameter, text)


def form_note(look: Mapping[str, Any] | None) -> str:
    """That a form which is kept back proves nothing of the address that it is sent to."""
    sent = list(_of_the_form(look or {}))
    if not sent or sent[-1]["answer"]:
        return ""
    to = urlsplit(sent[-1]["url"])
    return f" The form was filled in and kept back, so it is not proven that {to.netloc}{to.path} takes it."
