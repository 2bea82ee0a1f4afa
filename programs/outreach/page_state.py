"""What a page shows to somebody who looks at it: text, headings, fields, and what lies over them.

Works on a page or frame of Playwright. The scripts look into shadow roots too; ``OPENS_SHADOWS``, run before
a page's own scripts, opens those that would be closed, since what is shown in one is shown to a visitor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from gtm.core.later import later

if TYPE_CHECKING:
    from playwright import sync_api
else:
    sync_api = later("playwright.sync_api")  # no part of a plain installation

_T = TypeVar("_T")

OPENS_SHADOWS = """(() => {
    const attach = Element.prototype.attachShadow
    Element.prototype.attachShadow = function (how) { return attach.call(this, {...how, mode: "open"}) }
})()"""
DEEP = """const deep = (root) => [...root.querySelectorAll("*")].flatMap(
    (one) => one.shadowRoot ? [one, ...deep(one.shadowRoot)] : [one])
const up = (one) => one.parentElement ||
    (one.getRootNode() instanceof ShadowRoot ? one.getRootNode().host : null)
const isShown = (one) => {
    const box = one.getBoundingClientRect(), style = getComputedStyle(one)
    return box.width > 1 && box.height > 1 && box.right > 0 && style.visibility !== "hidden"
}
const isTypedInto = (one) => one.matches(
    "textarea, input:not([type]), input[type=text], input[type=email], input[type=tel], input[type=url]," +
    "input[type=number], input[type=password]")
"""
"""Elements of a page with those in shadows, and which of them a visitor sees or types into."""

_STATE = f"""() => {{
    {DEEP}
    const body = document.body
    if (!body) return {{
        title: document.title, heading: "", text: "", words: 0, fields: [], password: false, links: [],
        pictures: 0, canonical: "", alternates: [],
    }}
    const all = deep(body), count = (text) => text.split(/\\s+/).filter(Boolean).length
    const shown = (selector) => all.filter((one) => one.matches(selector) && isShown(one))
    const heading = document.querySelector("h1") || shown("h1, [role=heading][aria-level='1']")[0] ||
        shown("h2")[0]
    const shadows = all.filter((one) => one.shadowRoot).flatMap((one) => [...one.shadowRoot.children]).map(
        (one) => one.matches("style, script, link, template") ? "" : one.innerText || "").join(" ")
    const text = ((document.querySelector("main") || body).innerText || body.innerText || "")
    const beside = "header, footer, nav, search, [role=search]"
    const typed = shown("input, textarea").filter((one) => isTypedInto(one) && !one.closest(beside))
    return {{
        title: document.title,
        heading: heading ? heading.innerText || "" : "",
        text: (text + " " + shadows).trim().slice(0, 2000),
        words: count((body.innerText || "") + " " + shadows) - shown("header, footer, nav").filter(
            (one) => !up(one).closest("header, footer, nav")).reduce(
                (sum, one) => sum + count(one.innerText || ""), 0),
        fields: typed.filter((one) => one.type !== "password").map((one) => [
            one.form ? one.form.getAttribute("action") : "", one.name, one.type, one.placeholder,
            one.form ? one.form.innerText.trim().slice(0, 200) : ""].join("|")),
        password: typed.some((one) => one.type === "password"),
        pictures: shown("img, video, canvas, svg, picture").filter(
            (one) => one.getBoundingClientRect().width > 200).length,
        links: shown("a[href]").slice(0, 300).map((one) => one.href),
        canonical: (document.querySelector('link[rel="canonical"]') || {{}}).href || "",
        alternates: [...document.querySelectorAll('link[rel="alternate"][hreflang]')].slice(0, 60).map(
            (one) => one.href),
    }}
}}"""
# What lies over the page: at seven of nine places one thing that stands still, and holds neither the heading
# nor the main part of the page nor, alone in its body, most of the text.
COVER = f"""{DEEP}
const cover = () => {{
    const wide = innerWidth, high = innerHeight, whole = (document.body.innerText || "").length || 1
    const at = (root, x, y) => {{
        const one = root.elementFromPoint(x, y)
        const inner = one && one.shadowRoot && one.shadowRoot.elementFromPoint(x, y)
        return inner && inner !== one ? at(one.shadowRoot, x, y) || one : one
    }}
    const over = new Map()
    const isPage = (one) => one === document.body || one === document.documentElement
    for (const x of [0.2, 0.5, 0.8]) for (const y of [0.2, 0.5, 0.8])
        for (let one = at(document, x * wide, y * high); one && !isPage(one); one = up(one))
            if (["fixed", "absolute"].includes(getComputedStyle(one).position))
                over.set(one, (over.get(one) || 0) + 1)
    const heading = document.querySelector("h1")
    for (const [one, times] of over) {{
        const inside = deep(one)
        const holds = inside.includes(heading) || inside.some((it) => it.matches("main")) ||
            (one.innerText || "").length > whole / 2 && document.body.children.length < 3
        if (times >= 7 && !holds) return one
    }}
    return null
}}
"""
_IS_COVERED = f"() => {{ {COVER} return document.body !== null && cover() !== null }}"
_PAINTED = (
    """() => (performance.getEntriesByName("first-contentful-paint")[0] || {startTime: 0}).startTime / 1000"""
)
_HIDES = """() => {
    Object.defineProperty(document, "visibilityState", {value: "hidden", configurable: true})
    Object.defineProperty(document, "hidden", {value: true, configurable: true})
    document.dispatchEvent(new Event("visibilitychange"))
    window.dispatchEvent(new Event("pagehide"))
}"""
FEW_WORDS = 12
"""Fewer of them, with no heading, field or picture, are no page yet."""


def of_frame(frame: Any, ask: Callable[[Any], _T], gone: _T) -> _T:
    """What a frame of a page tells; ``gone`` where it went, or went on, just then: those of advertisers come
    and go. The main frame's errors are raised: the page itself went on."""
    try:
        return ask(frame)
    except sync_api.Error:
        if frame.parent_frame is None and not frame.is_detached():
            raise
        return gone


def state_of(page: Any) -> dict[str, Any]:
    """Title, heading, canonical address, text (its first 2,000 characters), where links lead, and the
    ``fields`` that are typed into, without passwords, each with what its form says; counted are ``words`` and
    ``pictures``; all outside of search, head and foot."""
    return dict(page.evaluate(_STATE))


def states_of_frames(page: Any) -> list[dict[str, Any]]:
    """The same of each frame that has a document of its own."""
    frames = [one for one in page.frames[1:] if one.url.startswith(("http", "about:srcdoc", "blob"))]
    states = [of_frame(frame, state_of, {}) for frame in frames if not frame.is_detached()]
    return [state for state in states if state]


def leads_on_with(link: str, parameter: str, links: Sequence[str]) -> bool:
    """Whether one of the ``links`` of a page takes tags and code of the link to it further: its form is on
    another page."""
    ours = ("utm_", f"{parameter}=") if parameter else ("utm_",)
    tags = [part for part in urlsplit(link).query.split("&") if part.startswith(ours)]
    return bool(tags) and any(all(tag in one for tag in tags) for one in links)


def is_there(state: Mapping[str, Any]) -> bool:
    """Whether there is anything that a visitor came for, and not only the frame of an application."""
    return bool(state["heading"] or state["fields"] or state["pictures"] or state["words"] >= FEW_WORDS)


def is_covered(page: Any) -> bool:
    """Whether one thing lies over most of what is shown, so that nobody can read it."""
    return bool(page.evaluate(_IS_COVERED))


def painted(page: Any) -> float:
    """Seconds until anything was painted; 0 where Chromium has not told."""
    return float(page.evaluate(_PAINTED))


def moves_about(page: Any) -> None:
    """Move the pointer, scroll down and back, as readers do: some pages load what counts them only then."""
    page.mouse.move(400, 300)
    page.mouse.wheel(0, 600)
    page.wait_for_timeout(200)
    page.mouse.wheel(0, 20_000)
    page.wait_for_timeout(200)
    page.mouse.wheel(0, -20_000)


def goes_away(page: Any) -> None:
    """Tell the page that its visitor looks elsewhere: some counters send only then."""
    page.evaluate(_HIDES)
