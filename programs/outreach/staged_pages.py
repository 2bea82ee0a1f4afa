"""A launch's landing page before the real one is up, so that links and the way of a code can be checked.

Its words are edited by people who may not rule this site, so the page is cut off from it: the sandbox of its
policy gives it an origin of its own, without our cookies, and it may load, send and ask for nothing.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode

from django.conf import settings
from django.core.cache import cache
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from gtm.core import clock
from gtm.core.errors import NotNow
from programs.analytics.templating import TemplatingError
from programs.models import Asset, LaunchProfile, MessageTemplate
from programs.outreach.communications import preview

POLICY = (
    "sandbox allow-scripts; default-src 'none'; script-src {scripts}; style-src {styles}; "
    "img-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
ELEMENT = re.compile(r"<(script|style)\b[^>]*>(.*?)</\1\s*>", re.IGNORECASE | re.DOTALL)

KEPT_SECONDS = 60
"""Anybody may ask for the page as often as they like: it is filled once a minute at most, failed or not."""
FILLING_SECONDS = 10
"""For as long one visitor waits until it is filled, and the others are told to come again."""


@require_safe
def landing_page(request: HttpRequest, program: str) -> HttpResponse:
    """The active landing-page template of the program, filled as if it launched today."""
    if not settings.GTM_STAGE_LANDING_PAGES:
        raise Http404("No landing pages are staged here.")
    profile = LaunchProfile.objects.select_related("program__owner").filter(program__slug=program).first()
    if profile is None:
        raise Http404("There is no such landing page.")
    template = MessageTemplate.objects.filter(
        asset=Asset.LANDING_PAGE, program_kind=profile.program.kind, locale=profile.locale, segment="",
        is_active=True,
    ).exclude(html="").order_by("variant").first()  # fmt: skip
    read = (profile, profile.program, template) if template else (profile, profile.program)
    key = "-".join(f"{row.pk}.{row.version}" for row in read)
    page = cache.get(f"staged-page-{key}")
    if page is None:
        if not cache.add(f"staged-page-{key}-filling", 1, FILLING_SECONDS):
            return _again()
        try:
            page = _page(template, profile)
        except NotNow:
            return _again()
        finally:
            cache.delete(f"staged-page-{key}-filling")
        cache.set(f"staged-page-{key}", page, KEPT_SECONDS)
    if not page or template is None:
        raise Http404("There is no landing page that can be filled; its preview in the admin says why.")
    headers = {
        "Content-Security-Policy": policy_of(template.html, page),
        "X-Robots-Tag": "noindex",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
    }
    return HttpResponse(page, headers=headers)


def _again() -> HttpResponse:
    headers = {"Retry-After": "5", "Cache-Control": "no-store"}
    return HttpResponse("The page is being made. Try again.\n", status=503, headers=headers)


def policy_of(source: str, page: str) -> str:
    """What a filled page may run: the scripts and styles that its template has, by their digests.

    Where it has more of them than the template (a value brought one along), none runs. Handlers and styles in
    attributes never do.
    """
    allowed = {}
    for kind, name in (("script", "scripts"), ("style", "styles")):
        there, found = _elements(kind, source), _elements(kind, page)
        digests = [b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in found]
        is_own = len(found) == len(there) > 0
        allowed[name] = " ".join(f"'sha256-{digest}'" for digest in digests) if is_own else "'none'"
    return POLICY.format(**allowed)


def _elements(kind: str, html: str) -> list[str]:
    found = ELEMENT.finditer(html.replace("\r\n", "\n"))  # as a browser reads it
    return [match[2] for match in found if match[1].lower() == kind]


def _page(template: MessageTemplate | None, profile: LaunchProfile) -> str:
    """Its HTML, "" where there is none that can be filled."""
    try:
        pieces = preview(template, profile, clock.now().date()) if template else []
    except TemplatingError:
        pieces = []
    return next((piece.body for piece in pieces if piece.media_type == "text/html"), "")
