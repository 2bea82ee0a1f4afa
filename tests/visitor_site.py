"""A site of faults and honest oddities, each on a path of its own, for checks that come as a visitor."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

GOES = "<script>setTimeout(() => {{ location.replace({to}) }}, {after})</script>"
COUNTS = """<script>{{
const told = "&rand=" + Math.random() + "&url=" + encodeURIComponent(location.href)
new Image().src = "/matomo.php?idsite={site}" + told
}}</script>"""
GA = (
    "<script>fetch('https://www.google-analytics.com/g/collect?tid=G-1&en={event}', "
    "{{mode: 'no-cors'}}).catch(() => 0)</script>"
)
TEXT = "<p>Bring a friend, and both of you have coffee for nothing for a whole month.</p>"
FORM = '<form action="/thanks">{inner}<input name="email" type="email" required><button>Join</button></form>'
FIELD = '<input name="ref" value="{code}">'
FILLS = """<script>setTimeout(() => {{
    document.querySelector("[name=ref]").value = new URLSearchParams(location.search).get("ref")
}}, {after})</script>"""
SENDS = """<script>document.forms[0].addEventListener("submit", (event) => {{
    event.preventDefault()
    fetch("/api", {{method: "POST", body: JSON.stringify({what})}})
}})</script>"""
OVERWRITES = """<script>
const here = new URL(location); here.searchParams.set("utm_source", "site"); history.replaceState(0, "", here)
</script>"""
CLEANS = "<script>setTimeout(() => history.replaceState(0, '', location.pathname), 200)</script>"
CONSENT = (
    "<button onclick=\"new Image().src = '/collect?e=view&url=' + encodeURIComponent(location.href)\">"
    "Accept all cookies</button>"
)
STRIPS = """<script>
document.forms[0].addEventListener("formdata", (event) => event.formData.delete("ref"))
</script>"""
LATE = "<script>setTimeout(() => document.querySelector('h1').innerText = 'Oops! 404', 600)</script>"
WALL = """<script>if (!document.cookie) { document.cookie = "seen=1"; location.reload() }</script>"""
AGAIN = """<script>
const times = Number(sessionStorage.times || 0)
if (times < 4) setTimeout(() => { sessionStorage.times = times + 1; location.reload() }, 1300)
</script>"""
FRAMES = """<script>setInterval(() => {
    document.querySelectorAll("iframe").forEach((one) => one.remove())
    document.body.append(Object.assign(document.createElement("iframe"), {src: "/thanks?" + Math.random()}))
}, 60)</script>"""

# What a link to the path has to be told of: the codes of its errors; none is an honest page.
LINKS: dict[str, set[str]] = {
    "/plain": set(),
    "/js-drops": {"redirect-lost"},
    "/js-drops-late": {"redirect-lost"},
    "/js-keeps": set(),
    "/meta-drops": {"redirect-lost"},
    "/meta-keeps": set(),
    "/meta-reloads": set(),
    "/gone-by-title": {"soft-404"},
    "/gone-by-heading": {"soft-404"},
    "/gone-in-german": {"soft-404"},
    "/gone-by-script": {"soft-404"},
    "/to-the-home-page": {"soft-404"},
    "/says-404-people": set(),
    "/canonical-other": {"canonical"},
    "/canonical-elsewhere": {"canonical"},
    "/canonical-itself": set(),
    "/canonical-index": set(),
    "/overwrites": {"script-changed"},
    "/counts-then-cleans": set(),
    "/cleans": set(),
    "/adds": set(),
    "/takes-eight-seconds": {"slow"},
    "/takes-two-seconds": set(),
    "/counts-twice": {"counted-twice"},
    "/google-twice": {"counted-twice"},
    "/counts-once": set(),
    "/counts-at-two": set(),
    "/google-view-and-scroll": set(),
    "/wall-of-cookies": set(),
    "/wall-by-script": set(),
    "/firewall": set(),
    "/firewall-for-all": set(),
    "/asks-for-a-password": set(),
    "/broken": {"status"},
    "/nowhere": {"status"},
    "/keeps": set(),
    "/language": set(),
    "/drops": {"redirect-lost"},
    "/doubles": {"redirect-doubled"},
    "/changes": {"redirect-changed"},
    "/loop": {"redirect-circle", "browser"},
    "/away": {"not-followed"},
    "/with-a-frame": set(),
    "/with-a-dialog": set(),
    "/fails-at-a-script": set(),
    "/moves-on-while-it-is-read": set(),
    "/moves-on-time-and-again": set(),
    "/frames-come-and-go": set(),
}
FORMS: dict[str, set[str]] = {
    "/form": set(),
    "/form-hidden": set(),
    "/form-filled-late": set(),
    "/form-by-fetch": set(),
    "/form-empty": {"referral-code"},
    "/form-of-another": {"referral-code"},
    "/form-strips-the-code": {"referral-sent"},
    "/form-forgets-the-code": {"referral-sent"},
    "/form-of-another-name": set(),
    "/form-filled-in-a-closed-pop-up": {"referral-code"},
}


class Visited(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = f"?{parts.query}" if parts.query else ""
        code = parse_qs(parts.query).get("ref", [""])[0]
        path, is_browser = parts.path, "Chrome" in self.headers.get("User-Agent", "")
        time.sleep({"/takes-eight-seconds": 8, "/takes-two-seconds": 2}.get(path, 0))
        if path in ("/matomo.php", "/collect"):
            return self.answer(204)
        if path == "/wall-of-cookies" and "passed=1" not in self.headers.get("Cookie", ""):
            return self.answer(302, location=f"/wall?back={path.strip('/')}&{parts.query}")
        if path == "/wall":
            back = parts.query.partition("&")[2]
            return self.answer(302, location=f"/wall-of-cookies?{back}", cookie="passed=1; Path=/")
        if path == "/clicks":
            return self.answer(302, location=parse_qs(parts.query)["u"][0])
        if path == "/clicks-and-forgets":
            return self.answer(302, location=parse_qs(parts.query)["u"][0].partition("?")[0])
        goes = {
            "/keeps": f"/plain{query}",
            "/language": f"/en/language{query}",
            "/drops": "/plain",
            "/doubles": f"/plain{query}&{parts.query}",
            "/changes": f"/plain{query}".replace("utm_medium=email", "utm_medium=web"),
            "/loop": f"/loop-back{query}",
            "/loop-back": f"/loop{query}",
            "/away": f"http://not-allowed.example/{query}",
            "/to-the-home-page": f"/{query}",
        }
        if path in goes:
            return self.answer(302, location=goes[path])
        if path == "/firewall":
            return self.answer(200 if is_browser else 403, "<h1>Join</h1>")
        told = {"/firewall-for-all": 403, "/asks-for-a-password": 401, "/broken": 503}
        body = PAGES(query, code).get(path)
        if body and "<h1>" not in body:
            body += TEXT
        known = body is not None or path in ("/", "/en/language", "/thanks", "/api")
        return self.answer(told.get(path, 200 if known else 404), body or "<h1>Here</h1>")

    do_POST = do_GET

    def answer(self, status: int, body: str = "", location: str = "", cookie: str = "") -> None:
        page = f"<!doctype html><html><head><meta charset=utf-8></head><body>{body}</body></html>"
        self.send_response(status)
        for name, value in (("Location", location), ("Set-Cookie", cookie)):
            if value:
                self.send_header(name, value)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(page.encode())))
        self.end_headers()
        self.wfile.write(page.encode())

    def log_message(self, *_: object) -> None:
        """Tests are quiet."""


def PAGES(query: str, code: str) -> dict[str, str]:  # noqa: N802 - a table that reads the request
    plain = FORM.format(inner=FIELD.format(code=code))
    empty = FORM.format(inner=FIELD.format(code=""))
    return {
        "/plain": "<h1>Join</h1>" + FORM.format(inner=""),
        "/js-drops": GOES.format(to="'/plain'", after=0),
        "/js-drops-late": GOES.format(to="'/plain'", after=900),
        "/js-keeps": GOES.format(to="'/plain' + location.search", after=0),
        "/meta-drops": '<meta http-equiv="refresh" content="0; url=/plain">',
        "/meta-keeps": f'<meta http-equiv="refresh" content="0; url=/plain{query}">',
        "/meta-reloads": '<meta http-equiv="refresh" content="300"><h1>Join</h1>',
        "/gone-by-title": "<title>Page not found | Shop</title><h1>Hello</h1>",
        "/gone-by-heading": "<h1>This page does not exist</h1>",
        "/gone-in-german": "<h1>Seite nicht gefunden</h1>",
        "/gone-by-script": "<h1></h1>" + LATE,
        "/says-404-people": "<title>Join 4,040 people</title><h1>Join 4040 people</h1>",
        "/canonical-other": '<link rel="canonical" href="/somewhere-else">',
        "/canonical-elsewhere": '<link rel="canonical" href="https://staging.example/canonical-elsewhere">',
        "/canonical-itself": '<link rel="canonical" href="/canonical-itself/">',
        "/canonical-index": '<link rel="canonical" href="/canonical-index/index.html">',
        "/overwrites": OVERWRITES,
        "/counts-then-cleans": COUNTS.format(site=1) + CLEANS,
        "/cleans": CLEANS,
        "/adds": "<script>history.replaceState(0, '', location.href + '&session=1')</script>",
        "/takes-eight-seconds": "<h1>Join</h1>",
        "/takes-two-seconds": "<h1>Join</h1>",
        "/counts-twice": COUNTS.format(site=1) * 2,
        "/google-twice": GA.format(event="page_view") * 2,
        "/counts-once": COUNTS.format(site=1),
        "/counts-at-two": COUNTS.format(site=1) + COUNTS.format(site=2),
        "/google-view-and-scroll": GA.format(event="page_view") + GA.format(event="scroll"),
        "/wall-of-cookies": "<h1>Join</h1>",
        "/wall-by-script": WALL + "<h1>Join</h1>",
        "/firewall-for-all": "<h1>Denied</h1>",
        "/asks-for-a-password": "<h1>Who are you?</h1>",
        "/broken": "<h1>Sorry</h1>",
        "/with-a-frame": '<iframe src="/plain"></iframe><h1>Join</h1>',
        "/with-a-dialog": "<script>alert('Welcome')</script><h1>Join</h1>",
        "/fails-at-a-script": "<script>nothing.here()</script><h1>Join</h1>",
        "/moves-on-while-it-is-read": (
            f'<meta http-equiv="refresh" content="2; url=/plain{query}"><h1>Wait</h1>'
        ),
        "/moves-on-time-and-again": "<h1>Wait</h1>" + AGAIN,
        "/frames-come-and-go": "<h1>Join</h1>" + FRAMES,
        "/form": plain,
        "/form-of-another-name": plain.replace('name="ref"', 'name="referral_code"'),
        "/form-filled-in-a-closed-pop-up": f"{empty}<div hidden>{plain}</div>",
        "/form-hidden": FORM.format(inner=FIELD.format(code=code).replace("<input", '<input type="hidden"')),
        "/form-filled-late": empty + FILLS.format(after=1500),
        "/form-by-fetch": plain + SENDS.format(what="{referrer: document.forms[0].ref.value}"),
        "/form-empty": empty,
        "/form-of-another": FORM.format(inner=FIELD.format(code="of-another")),
        "/form-strips-the-code": plain + STRIPS,
        "/form-forgets-the-code": plain + SENDS.format(what="{email: document.forms[0].email.value}"),
        "/counted": plain + "<script>navigator.sendBeacon('/collect', 'event=page_view')</script>",
        "/counted-with-consent": plain + CONSENT,
        "/not-counted": plain,
    }


@contextmanager
def visitor_site() -> Iterator[ThreadingHTTPServer]:
    """The site on a free port; ``server.host`` is "127.0.0.1:port"."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Visited) as server:
        server.daemon_threads, server.host = True, f"127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
