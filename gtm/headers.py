"""Headers that Django 5.2 does not set itself: what a page may load and run.

No page has an inline script or a handler in an attribute, so none is allowed, not even with a nonce. What is
open beyond this site's own files is an exception, and each has its reason here.
https://www.w3.org/TR/CSP3/
"""

from collections.abc import Callable, Mapping

from django.http import HttpRequest, HttpResponse

EXCEPTIONS: Mapping[tuple[str, str], str] = {
    ("script-src", "'unsafe-eval'"): (
        "Alpine, with which Unfold's pages are made, evaluates the expressions in their attributes (x-data, "
        "x-show). An attribute that a stranger could write is no way in: texts are escaped."
    ),
    ("style-src", "'unsafe-inline'"): (
        "Unfold writes the colours of the site into a style element, and Unfold, htmx and our pages set "
        "widths in style attributes. A preview of a message stands in a frame without rights, inherits the "
        "policy of its page, and has the styles of its author. Styles load nothing from elsewhere."
    ),
    ("img-src", "data:"): "Icons in the styles of Unfold, and the picture of a second factor to scan.",
    ("img-src", "blob:"): "A chart becomes a PNG in the browser before it is saved.",
}
"""Each source beyond this site, and why it is open."""

_BASE: Mapping[str, tuple[str, ...]] = {
    "default-src": ("'self'",),
    "script-src": ("'self'",),
    "script-src-attr": ("'none'",),
    "style-src": ("'self'",),
    "img-src": ("'self'",),
    "font-src": ("'self'",),
    "connect-src": ("'self'",),
    "object-src": ("'none'",),
    "base-uri": ("'self'",),
    "form-action": ("'self'",),
    "frame-ancestors": ("'none'",),
}


def _policy() -> str:
    opened = {name: [source for at, source in EXCEPTIONS if at == name] for name in _BASE}
    return "; ".join(" ".join([name, *sources, *opened[name]]) for name, sources in _BASE.items())


CONTENT_SECURITY_POLICY = _policy()
DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"
"""Of what is no page: a browser that shows it as one loads and runs nothing."""
DATA_TYPES = ("application/json", "application/problem+json", "text/csv", "text/plain")
PERMISSIONS_POLICY = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"


class ContentSecurityPolicyMiddleware:
    """Set Content-Security-Policy and Permissions-Policy where the view has not set its own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        is_data = response.headers.get("Content-Type", "").partition(";")[0].strip() in DATA_TYPES
        policy = DATA_POLICY if is_data else CONTENT_SECURITY_POLICY
        response.headers.setdefault("Content-Security-Policy", policy)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        return response
