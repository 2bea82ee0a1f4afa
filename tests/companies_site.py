"""A third site: landing pages as companies have them, by what they do rather than by what they say."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

HIT = """<script>const hit = (at, to = "www", en = "page_view") => new Image().src = "https://" + to +
    ".google-analytics.com/g/collect?v=2&tid=G-7&en=" + en + "&_=" + Math.random() + "&dl=" +
    encodeURIComponent(at || location.href)
</script>"""
COUNTED = "<script>hit()</script>"
MAIL = '<input name="email" type="email" required>'
TEXT = "<h1>Bring a colleague</h1><p>You and your colleague have a month of payroll for nothing, in eleven countries.</p>"
OVER = "position:fixed;inset:0;background:#fff"
SIGN_UP = f'<form action="/thanks" method="post"><input name="ref" value="{{code}}">{MAIL}<button>Join</button></form>'
LATE = """<div id=root></div><script>setTimeout(() => {{
    history.replaceState(0, "", "/late-application/start" + location.search)
    root.innerHTML = `{inner}`
    hit()
}}, 2500)</script>"""
CLOSED = f"""<div id=tool></div><script>
const root = tool.attachShadow({{mode: "closed"}})
root.innerHTML = '<div role=dialog style="{OVER}"><p>We use cookies</p><button>Yes, that is fine</button><button>Manage</button></div>'
root.querySelector("button").onclick = () => {{ root.innerHTML = ""; hit() }}
</script>"""
BAR = """<div id=bar style="position:fixed;bottom:0">{words} <button>{no}</button>
    <button onclick="bar.remove(); hit()">{yes}</button></div>"""
PLAIN_BAR = BAR.format(words="We use cookies.", no="Reject", yes="OK")
BAR_LATE = f"""<script>
setTimeout(() => document.body.insertAdjacentHTML("beforeend", `{PLAIN_BAR}`), 2500)
</script>"""
STEPS = f"""<form id=f><div id=one>{MAIL}</div><div id=two hidden><input name=company></div>
<input type=hidden name=ref value="CODE"><button>Go on</button></form><script>
let lead
f.onsubmit = async (event) => {{
    event.preventDefault()
    if (!lead) {{
        const answer = await fetch("/api/leads", {{method: "POST", body: JSON.stringify({{email: f.email.value}})}})
        lead = (await answer.json()).id
        one.hidden = true; two.hidden = false
    }} else await fetch("/api/leads/" + lead, {{method: "PUT", body: JSON.stringify({{ref: f.ref.value}})}})
}}</script>"""
ASKS_MORE = STEPS.replace("(await answer.json()).id", "(await answer.json()).lead.number")
SCROLLS = (
    "<div style=height:3000px></div><script>addEventListener('scroll', () => hit(), {once: true})</script>"
)
LEAVES = """<script>document.addEventListener("visibilitychange", () => navigator.sendBeacon("/collect", "e=view"))</script>"""
NEWS = '<form action="/news"><input type=hidden name=ref value=news><input name=news type=email><button>Send</button></form>'
NEWS_ALONE = '<form action="/news">News <input name=mail type=email><button>Send</button></form>'
WHICH_SITE = f"""<div id=site style="{OVER}"><p>You seem to be in Suomi.</p>
    <button onclick="location.href = '/home'">Suomeksi</button> <button onclick="site.remove()">Here</button></div>"""
LATE_POP_UP = f"""<script>setTimeout(() => document.body.insertAdjacentHTML("beforeend",
    `<div id=pop style="{OVER}"><span class=x-close onclick=pop.remove()></span><i class=close onclick=pop.remove()>
    x</i>{NEWS_ALONE}</div>`), 2500)</script>"""
MOVES_ON = "<script>setTimeout(() => location.href = '/home', 4000)</script>"
ENDLESS = "<script>setTimeout(() => { for (;;); }, 900)</script>"

# What a link to the path has to be told of: the codes of errors, and whether it is proven (None: it is not asked).
PAGES: dict[str, tuple[set[str], bool | None]] = {
    "/late-application": (set(), True),
    "/closed-shadow": (set(), True),
    "/bar-in-finnish": (set(), True),
    "/bar-in-czech": (set(), True),
    "/bar-in-greek": (set(), True),
    "/bar-in-no-language-of-ours": (set(), True),
    "/bar-that-comes-late": (set(), True),
    "/counts-with-and-without-consent": (set(), True),
    "/pop-up-over-all": (set(), True),
    "/pop-up-with-words": (set(), True),
    "/counts-when-scrolled": (set(), True),
    "/counts-when-left": (set(), True),
    "/counts-two-steps": (set(), True),
    "/code-in-a-cookie": (set(), True),
    "/news-form-first": (set(), True),
    "/says-not-found-with-a-form": (set(), True),
    "/canonical-of-the-parent": (set(), True),
    "/canonical-of-another-language": (set(), True),
    "/asks-which-site": (set(), True),
    "/pop-up-after-a-while": (set(), True),
    "/news-form-alone": (set(), False),
    "/counts-no-tags": (set(), False),
    "/form-goes-nowhere": (set(), False),
    "/turned-away": (set(), False),
    "/signs-in": (set(), False),
    "/script-kept-out": (set(), False),
    "/blank": (set(), False),
    "/covered": (set(), False),
    "/gone-in-finnish": (set(), False),
    "/for-sale": (set(), False),
    "/events-alone": (set(), False),
    "/opens-soon": (set(), False),
    "/loads-anew": ({"browser"}, None),
    "/never-ends": ({"browser"}, None),
    "/moves-on": ({"redirect-lost", "referral-code"}, None),
    "/counts-nothing": ({"not-counted"}, None),
    "/counts-in-two-regions": ({"counted-twice"}, None),
    "/canonical-of-another": ({"canonical"}, None),
}
FORMS: dict[str, set[str]] = {
    "/form-in-steps": set(),
    "/form-asks-for-more": set(),
    "/form-without-form": set(),
    "/form-in-a-cookie": set(),
    "/form-behind-a-button": set(),
    "/form-on-the-next-page": set(),
    "/form-in-a-new-tab": set(),
    "/form-that-is-closed": set(),
    "/form-forgets": {"referral-sent"},
}


class Company(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        code = parse_qs(parts.query).get("ref", [""])[0]
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        held = self.headers.get("Cookie", "").partition("ref=")[2]
        if parts.path == "/turned-away":
            return self.answer(403, "<h1>Access denied</h1>")
        if parts.path == "/signs-in":
            return self.answer(302, location=f"/login?next=%2Fsigns-in%3F{parts.query.replace('&', '%26')}")
        if parts.path in ("/code-in-a-cookie", "/form-in-a-cookie") and code:
            tags = "&".join(part for part in parts.query.split("&") if not part.startswith("ref="))
            return self.answer(302, location=f"{parts.path}?{tags}", cookie=f"ref={code}; Path=/")
        if parts.path.startswith("/api/"):
            return self.answer(200, '{"id": 7}', media="application/json")
        if parts.path in ("/collect", "/thanks", "/news"):
            return self.answer(204)
        body = pages(code or held).get(parts.path)
        return self.answer(200 if body else 404, body or f"<h1>Not found</h1>{NEWS_ALONE}")

    do_POST = do_PUT = do_OPTIONS = do_GET

    def answer(
        self,
        status: int,
        body: str = "",
        location: str = "",
        cookie: str = "",
        media: str = "text/html; charset=utf-8",
    ) -> None:
        sent = (
            f"<!doctype html><title>Kuusi</title>{body}" if media.startswith("text/html") else body
        ).encode()
        self.send_response(status)
        for name, value in (("Location", location), ("Set-Cookie", cookie)):
            if value:
                self.send_header(name, value)
        self.send_header("Content-Type", media)
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, *_: object) -> None:
        """Tests are quiet."""


def pages(code: str) -> dict[str, str]:
    form = SIGN_UP.format(code=code)
    page = HIT + TEXT + form
    bar = {
        name: HIT + TEXT + form + BAR.format(words=words, no=no, yes=yes)
        for name, words, no, yes in (
            ("finnish", "Käytämme evästeitä.", "Vain välttämättömät", "Hyväksy kaikki"),
            ("czech", "Tato stránka používá cookies.", "Nastavení", "Přijmout vše"),
            ("greek", "Χρησιμοποιούμε cookies.", "Απόρριψη", "Αποδοχή όλων"),
            ("no-language-of-ours", "Cookies saytga kerak.", "<u hidden></u>", "Mayli"),
        )
    }
    forget = "f.onsubmit = (event) => { event.preventDefault(); fetch('/api/join', {method: 'POST', body: f.email.value}) }"
    no_code = form.replace("<form", "<form id=f") + f"<script>{forget}</script>"
    loose = f'<div id=f>{MAIL}<input name=ref value="{code}"><button>Join</button></div>'
    return {
        "/home": "<h1>Payroll</h1>",
        "/late-application": HIT + LATE.format(inner=TEXT + form),
        "/closed-shadow": page + CLOSED,
        **{f"/bar-in-{name}": body for name, body in bar.items()},
        "/counts-with-and-without-consent": page + COUNTED + PLAIN_BAR,
        "/bar-that-comes-late": page + BAR_LATE,
        "/pop-up-over-all": page
        + COUNTED
        + f'<div id=pop style="{OVER}"><h2>News</h2><button onclick=pop.remove()>×</button></div>',
        "/asks-which-site": page + COUNTED + WHICH_SITE,
        "/pop-up-after-a-while": page + COUNTED + LATE_POP_UP,
        "/news-form-alone": HIT + COUNTED + TEXT + NEWS_ALONE,
        "/counts-no-tags": page + "<script>hit(location.origin + location.pathname)</script>",
        "/form-goes-nowhere": page.replace("/thanks", "/old-sign-up") + COUNTED,
        "/counts-when-scrolled": page + SCROLLS,
        "/counts-when-left": page + LEAVES,
        "/counts-two-steps": page
        + COUNTED
        + "<script>setTimeout(() => { history.pushState(0, '', '/step-2' + location.search); hit() }, 900)</script>",
        "/code-in-a-cookie": page + COUNTED,
        "/news-form-first": HIT + NEWS + TEXT + form + COUNTED,
        "/says-not-found-with-a-form": page.replace("Bring a colleague", "Page not found? Payroll not found?")
        + COUNTED,
        "/canonical-of-the-parent": "<link rel=canonical href=/>" + page + COUNTED,
        "/canonical-of-another-language": "<link rel=canonical href=/fi/tuo><link rel=alternate hreflang=fi href=/fi/tuo>"
        + page
        + COUNTED,
        "/login": "<h1>Sign in</h1><form><input name=user><input name=word type=password><button>Go</button></form>",
        "/script-kept-out": page + "<script src=https://tags.example/gtm.js></script>",
        "/blank": HIT + "<div id=root></div><script>hit(); nothing.mount(root)</script>",
        "/covered": page + COUNTED + f'<div style="{OVER}"><i>Loading</i></div>',
        "/gone-in-finnish": HIT
        + COUNTED
        + "<h1>Hupsista!</h1><p>Sivu on poistettu. <a href=/home>Etusivulle</a></p>",
        "/for-sale": HIT + COUNTED + "<h1>This domain may be for sale</h1>",
        "/events-alone": page + "<script>hit('', 'www', 'user_engagement')</script>",
        "/never-ends": page + COUNTED + ENDLESS,
        "/moves-on": page + COUNTED + MOVES_ON,
        "/counts-nothing": page,
        "/counts-in-two-regions": page + COUNTED + "<script>hit('', 'region1')</script>",
        "/canonical-of-another": "<link rel=canonical href=/campaigns/winter>" + page + COUNTED,
        "/pop-up-with-words": page + COUNTED + f'<div id=pop role=dialog style="{OVER}"><h2>10 % off</h2>'
        "<input type=email><button>Get it</button><a href=# onclick=pop.remove()>No thanks, I pay more</a></div>",
        "/opens-soon": HIT
        + COUNTED
        + "<h1>Soon</h1><form><input type=password name=word><button>Go</button></form>",
        "/loads-anew": page + "<script>setTimeout(() => location.reload(), 500)</script>",
        "/form-behind-a-button": TEXT + f"<p><button onclick='this.outerHTML = `{form}`'>Join</button></p>",
        "/form-on-the-next-page": TEXT + f'<a class="button" href="/sign-up?ref={code}">Join</a>',
        "/sign-up": TEXT + form,
        "/form-in-a-new-tab": TEXT + form.replace("<form", "<form target=_blank"),
        "/form-that-is-closed": TEXT + form.replace("<button", "<button disabled"),
        "/form-in-steps": STEPS.replace("CODE", code),
        "/form-asks-for-more": ASKS_MORE.replace("CODE", code),
        "/form-without-form": loose
        + f"<script>f.querySelector('button').onclick = () => fetch('/api/join?code={code}', {{method: 'POST'}})</script>",
        "/form-in-a-cookie": no_code,
        "/form-forgets": no_code,
    }


@contextmanager
def companies_site() -> Iterator[ThreadingHTTPServer]:
    """The site on a free port; ``server.host`` is "127.0.0.1:port"."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Company) as server:
        server.daemon_threads, server.host = True, f"127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
