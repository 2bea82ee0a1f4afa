"""Refusals and defects as pages in the site's look: what was wrong, what to do next, and never a traceback.

Django calls the handlers (``gtm.urls``); the middleware adds what Django leaves blank. A call of REST gets
its problem document, also where it fails before REST sees it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.contrib import admin
from django.contrib.auth.models import AnonymousUser
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.loader import render_to_string
from django.urls import Resolver404

from gtm.core import clock
from gtm.core.api import problem
from gtm.core.errors import GtmError

INTERNAL = 500  # a fault of ours, with a traceback for whoever mends it
BACK = "Go back, reload the page, and send it again; nothing was stored."


@dataclass(frozen=True, slots=True)
class Told:
    """An error in words: ``title`` names it, ``detail`` says what was wrong, ``hints`` what to do next."""

    status: int
    code: str
    title: str
    detail: str
    hints: tuple[str, ...] = ()


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    detail = "The site cannot read what your browser sent. It was too large, or it was damaged on the way."
    return _answer(request, Told(400, "bad_request", "This could not be read", detail, (BACK,)))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form without the token of its page; see CSRF_FAILURE_VIEW."""
    detail = "The form came from a page that is too old, or your browser does not keep this site's cookies."
    hints = (BACK, "If it happens again, allow cookies for this site and log in again.")
    return _answer(request, Told(403, "csrf_failed", "The form is no longer valid", detail, hints))


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    detail = _said(exception) or "Your roles do not allow this."
    hints = ["Nothing was stored."]
    user = getattr(request, "user", None)
    if user is not None and user.is_authenticated:
        names = ", ".join(user.groups.order_by("name").values_list("name", flat=True))
        hints.append(f"You are logged in as {user}{f', in the roles {names}' if names else ''}.")
    hints.append(
        "Ask a person who manages accounts to give you a role that allows it. Or ask "
        "somebody who has the role to do it."
    )
    return _answer(request, Told(403, "permission_denied", "You may not do this", detail, tuple(hints)))


def page_not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    detail = _said(exception) or f"There is nothing at {request.path}."
    hints = (
        "The address may be wrong, or the object was deleted. The change log still has its entries.",
        "Search finds plans, programs, approvals and people by name or number.",
    )
    return _answer(request, Told(404, "not_found", "There is no such page", detail, hints))


def server_error(request: HttpRequest) -> HttpResponse:
    """A defect. It asks nothing of the database, which may be what failed."""
    at = clock.now()
    hints = (
        "What you sent was stored completely or not at all. Check which, before you send it again.",
        f"If it happens again, tell the operators of this site: {at:%Y-%m-%d %H:%M:%S} UTC, {request.path}. "
        "The server's log shows the cause.",
    )
    told = Told(500, "defect", "Something went wrong on our side", "The page could not be made.", hints)
    return _answer(request, told, framed=False)


class ErrorPagesMiddleware:
    """A refusal that a view did not tell itself, and the blank page for an address that takes only forms."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not isinstance(response, HttpResponseNotAllowed) or response.content or problem.is_rest(request):
            return response
        detail = "This address needs a form, and no form was sent. Nothing was done."
        hint = "Perhaps you had to log in again. Open the page with the form and send it once more."
        page = _answer(request, Told(405, "method_not_allowed", "Nothing was sent", detail, (hint,)))
        page["Allow"] = response["Allow"]
        return page

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, GtmError) or exception.status == INTERNAL:
            return None
        hints = [f"{p.field.replace('_', ' ')}: {p.sentence()}" for p in exception.problems]
        hints += [exception.hint] if exception.hint else []
        told = Told(exception.status, exception.code, exception.title, exception.detail, tuple(hints))
        return _answer(request, told)


def _said(exception: Exception | None) -> str:
    """What our code said when it refused; Django's own words name classes and are for developers."""
    if exception is None or isinstance(exception, Resolver404) or not exception.args:
        return ""
    said = str(exception.args[0])
    return "" if isinstance(exception, Http404) and "matches the given query" in said else said


def _answer(request: HttpRequest, told: Told, *, framed: bool = True) -> HttpResponse:
    """The page; ``framed`` puts the navigation beside it for people who are logged in."""
    if problem.is_rest(request):
        return problem.response(told.status, told.code, told.title, told.detail)
    shown = request if framed and hasattr(request, "user") else _nobodys(request)
    is_inside = admin.site.has_permission(shown)
    frame = "admin/base_site.html" if is_inside else "unfold/layouts/unauthenticated.html"
    told_of = {"frame": frame, "told": told, "title": told.title, "is_inside": is_inside}
    context = {**admin.site.each_context(shown), **told_of}
    return HttpResponse(render_to_string("gtm/error.html", context, shown), status=told.status)


def _nobodys(request: HttpRequest) -> HttpRequest:
    """The request without its person and session, whom the database would have to name."""
    bare = HttpRequest()
    bare.META, bare.path, bare.user = request.META, request.path, AnonymousUser()
    return bare
