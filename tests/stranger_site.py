"""A second site of faults and honest oddities, other than those the checks were written against."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

MAIL = '<input name="email" type="email" required>'
FORM = f'<form action="/thanks" method="post">{{inner}}{MAIL}{{more}}<button>Join</button></form>'
FIELD = '<input type="hidden" name="ref" value="{code}">'
BY_FETCH = """<script>document.forms[0].addEventListener("submit", async (event) => {{
    event.preventDefault()
    {first}
    await fetch("/api/join", {{method: "POST", body: new URLSearchParams(new FormData(event.target))}})
}})</script>"""
SHADOW = """<my-form></my-form><script>customElements.define("my-form", class extends HTMLElement {{
    connectedCallback() {{
        this.attachShadow({{mode: "open"}}).innerHTML = `{form}`
    }}
}})</script>"""
POSTS = """<script>for (const message of {messages}) fetch("{to}", {{method: "POST", mode: "no-cors",
    body: typeof message === "string" ? message : JSON.stringify(message)}}).catch(() => 0)</script>"""
PLAUSIBLE, UMAMI = "https://plausible.io/api/event", "https://cloud.umami.is/api/send"
MIXPANEL, GOOGLE = (
    "https://api-js.mixpanel.com/track",
    "https://www.google-analytics.com/g/collect?v=2&tid=G-7",
)
GA_BATCH = POSTS.format(to=GOOGLE, messages=r'["en=page_view&_et=1\r\nen=page_view&_et=2"]')
PINGS = "<script>for (const more of ['', '&ping=1']) new Image().src = '/matomo.php?idsite=1' + more</script>"
COUNTS = "fetch('/collect?e=view').catch(() => 0)"
CONSENT = f'<div role="dialog">{{words}}: <button onclick="{COUNTS}">{{button}}</button></div>'

UMAMI_TWICE = POSTS.format(
    to=UMAMI,
    messages='[{type: "event", payload: {website: "w1", url: "/"}},'
    '{type: "event", payload: {website: "w1", url: "/", name: "cta-seen"}}]',
)
MIXPANEL_TWICE = POSTS.format(
    to=MIXPANEL,
    messages="""["data=" + encodeURIComponent(JSON.stringify([{event: "$mp_web_page_view",
    properties: {token: "t1"}}, {event: "Scrolled", properties: {token: "t1"}}]))]""",
)


def plausible(*names: str) -> str:
    messages = ",".join(f'{{n: "{name}", u: location.href, d: "shop.example"}}' for name in names)
    return POSTS.format(to=PLAUSIBLE, messages=f"[{messages}]")


# What a link to the path has to be told of: the codes of its errors; none is an honest page.
LINKS: dict[str, set[str]] = {
    "/script-then-meta": {"redirect-lost"},
    "/frame-busting-drop": {"redirect-lost"},
    "/gone-in-arabic": {"soft-404"},
    "/gone-without-a-word": {"soft-404"},
    "/offer-has-ended": {"soft-404"},
    "/google-batch-twice": {"counted-twice"},
    "/plausible-twice": {"counted-twice"},
    "/hash-takes-the-tags": {"script-changed"},
    "/slow-by-script": {"slow"},
    "/terms.pdf": set(),
    "/slash": set(),
    "/reordered": set(),
    "/plausible-and-engagement": set(),
    "/umami-view-and-event": set(),
    "/mixpanel-view-and-event": set(),
    "/matomo-and-heartbeat": set(),
    "/terms.docx": set(),
    "/picture-takes-seven-seconds": set(),
    "/stream-without-end": set(),
    "/variant-b": set(),
    "/better-does-not-exist": set(),
    "/limits-rate": set(),
    "/challenge": set(),
    "/opens-a-window": set(),
    "/title-404-club": set(),
    "/app-for-every-path": set(),
}
FORMS: dict[str, set[str]] = {
    "/form-beacon-first": set(),
    "/form-checks-mail-first": set(),
    "/form-asks-country": set(),
    "/form-in-shadow": set(),
    "/form-in-frame": set(),
    "/form-in-capitals": set(),
    "/form-beacon-then-forgets": {"referral-sent"},
    "/form-renames-and-drops": {"referral-sent"},
    "/form-select-then-drops": {"referral-sent"},
}
COUNTED: dict[str, set[str]] = {
    "/consent-in-arabic": set(),
    "/consent-and-continue": set(),
    "/consent-by-link": set(),
    "/consent-in-a-frame": set(),
    "/consent-under-a-pop-up": set(),
}


class Stranger(BaseHTTPRequestHandler):
    asked_at: dict[str, float] = {}

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = f"?{parts.query}" if parts.query else ""
        code = parse_qs(parts.query).get("ref", [""])[0]
        path = parts.path
        if path == "/late.png":
            time.sleep(7)
            return self.answer(200, "", media="image/png")
        if path == "/endless.png":
            self.send_response(200)
            self.send_header("Content-Type", "image/png")
            self.end_headers()
            for _ in range(60):
                try:
                    self.wfile.write(b"x")
                    self.wfile.flush()
                except OSError:
                    return None
                time.sleep(0.5)
            return None
        if path == "/slow.js":
            time.sleep(7)
            return self.answer(200, "document.body.innerHTML = '<h1>Join</h1>'", media="text/javascript")
        if path == "/terms.pdf":
            return self.answer(
                200, "%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF", media="application/pdf"
            )
        if path == "/terms.docx":
            return self.answer(200, "PK", media="application/vnd.openxmlformats-officedocument")
        if path == "/limits-rate":
            now, last = time.monotonic(), self.asked_at.get(path, 0.0)
            self.asked_at[path] = now
            if now - last < 1.5:
                return self.answer(429, "<h1>Too many requests</h1>")
        if path == "/challenge" and "clear=1" not in self.headers.get("Cookie", ""):
            script = (
                "<script>document.cookie = 'clear=1; path=/'; setTimeout('location.reload()', 400)</script>"
            )
            return self.answer(403, f"<h1>Checking your browser</h1>{script}")
        goes = {
            "/slash": f"/slash/{query}",
            "/reordered": "/plain?" + "&".join(reversed(parts.query.split("&"))),
        }
        if path in goes:
            return self.answer(301, location=goes[path])
        if path == "/gone-without-a-word" or path not in pages(query, code):
            return self.answer(
                200, "<title>Falcon</title><h1>Oops, we looked everywhere.</h1><a href=/>Home</a>"
            )
        return self.answer(200, pages(query, code)[path])

    do_POST = do_GET

    def answer(
        self, status: int, body: str = "", location: str = "", media: str = "text/html; charset=utf-8"
    ) -> None:
        page = f"<!doctype html><html><head><meta charset=utf-8></head><body>{body}</body></html>"
        sent = (page if media.startswith("text/html") else body).encode()
        self.send_response(status)
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Type", media)
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        try:
            self.wfile.write(sent)
        except OSError:
            return

    def log_message(self, *_: object) -> None:
        """Tests are quiet."""


def pages(query: str, code: str) -> dict[str, str]:
    field = FIELD.format(code=code)
    plain = FORM.format(inner=field, more="")
    forget = "document.forms[0].ref.remove()"
    beacon = "navigator.sendBeacon('/track', 'event=form_submit')"
    check = (
        "await fetch('/api/check', {method: 'POST', body: JSON.stringify({email: event.target.email.value})})"
    )
    country = '<select name="country" required><option value="">Choose</option><option>SA</option></select>'
    return {
        "/plain": "<h1>Join</h1>",
        "/slash/": "<h1>Join</h1>",
        "/script-then-meta": "<script>location.href = '/meta-on' + location.search</script>",
        "/meta-on": '<meta http-equiv="refresh" content="1; url=/plain">',
        "/frame-busting-drop": "<script>location.assign('/plain#x')</script>",
        "/gone-in-arabic": "<title>الصفحة غير موجودة</title><h1>عذرًا</h1>",
        "/offer-has-ended": "<title>Falcon</title><h1>This offer has ended</h1>",
        "/google-batch-twice": "<h1>Join</h1>" + GA_BATCH,
        "/plausible-twice": "<h1>Join</h1>" + plausible("pageview", "pageview"),
        "/hash-takes-the-tags": "<h1>Join</h1><script>history.replaceState(0, '', "
        "'?utm_source=direct&utm_medium=none')</script>",
        "/slow-by-script": '<script src="/slow.js"></script>',
        "/plausible-and-engagement": "<h1>Join</h1>" + plausible("pageview", "engagement"),
        "/umami-view-and-event": "<h1>Join</h1>" + UMAMI_TWICE,
        "/mixpanel-view-and-event": "<h1>Join</h1>" + MIXPANEL_TWICE,
        "/matomo-and-heartbeat": "<h1>Join</h1>" + PINGS,
        "/matomo.php": "",
        "/picture-takes-seven-seconds": '<h1>Join</h1><img src="/late.png" width=10 height=10>',
        "/stream-without-end": '<h1>Join</h1><img src="/endless.png" width=10 height=10>',
        "/variant-b": '<link rel="canonical" href="/plain"><h1>Join</h1>',
        "/better-does-not-exist": "<title>Join</title><h1>A better way to thank friends does not exist</h1>",
        "/limits-rate": "<h1>Join</h1>",
        "/challenge": "<h1>Join</h1>",
        "/opens-a-window": "<h1>Join</h1><script>window.open('/plain')</script>",
        "/title-404-club": "<title>Join the 404 Coffee Club</title><h1>Join the 404 Coffee Club</h1>",
        "/app-for-every-path": "<title>Falcon</title><h1>Join</h1>",
        "/form-beacon-first": plain + BY_FETCH.format(first=beacon),
        "/form-checks-mail-first": plain + BY_FETCH.format(first=check),
        "/form-asks-country": FORM.format(inner=field, more=country),
        "/form-in-shadow": SHADOW.format(form=plain),
        "/form-in-frame": f'<h1>Join</h1><iframe src="/form-inner{query}"></iframe>',
        "/form-inner": plain,
        "/form-in-capitals": FORM.format(inner=FIELD.format(code=code.upper()), more=""),
        "/form-beacon-then-forgets": plain + BY_FETCH.format(first=f"{beacon}; {forget}"),
        "/form-renames-and-drops": plain
        + f"<script>document.forms[0].addEventListener('submit', () => {{ {forget} }})</script>",
        "/form-select-then-drops": FORM.format(inner=field, more=country)
        + f"<script>document.forms[0].addEventListener('submit', () => {{ {forget} }})</script>",
        "/consent-in-arabic": plain + CONSENT.format(words="نستخدم ملفات تعريف الارتباط", button="قبول الكل"),
        "/consent-and-continue": plain
        + CONSENT.format(words="We use cookies", button="Accept &amp; continue"),
        "/consent-by-link": plain
        + f'<div>Cookies? <a href="#" onclick="{COUNTS}; return false">Allow all</a></div>',
        "/consent-in-a-frame": plain
        + f"<script>function agreed() {{ {COUNTS} }}</script><iframe src=/ask></iframe>",
        "/ask": "<p>We use cookies.</p><button onclick=parent.agreed()>Accept all</button>",
        "/consent-under-a-pop-up": plain
        + CONSENT.format(words="We use cookies", button="Accept all")
        + "<div style='position:fixed;inset:0;background:#fff'>Our news <button>Later</button></div>",
        "/consent-in-a-picture": plain + "<p>We use cookies.</p><img src=/yes.png onclick='send()'>",
        "/collect": "",
        "/track": "",
        "/thanks": "<h1>Thank you</h1>",
        "/api/join": "ok",
        "/api/check": "ok",
    }


@contextmanager
def stranger_site() -> Iterator[ThreadingHTTPServer]:
    """The site on a free port; ``server.host`` is "127.0.0.1:port"."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Stranger) as server:
        server.daemon_threads, server.host = True, f"127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
