"""Somebody in front of a browser, who looks at every page closely."""

from __future__ import annotations

import io
import os
import re
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from axe_playwright_python.base import AXE_SCRIPT
from PIL import Image
from playwright.sync_api import ConsoleMessage, Page, Response

from plans.demo.organisation import PASSWORD
from plans.models import Plan

SCREENSHOTS = os.environ.get("GTM_SCREENSHOTS")  # a folder to leave pictures for the documents in
WIDTHS = (1280, 390)

# WCAG 2.1 A and AA, and axe's best practices, all of them: https://dequeuniversity.com/rules/axe/
EVERYTHING = {"resultTypes": ["violations"]}
# What a dark page may have lost is colour; its structure was looked at in the light.
COLOURS = {"resultTypes": ["violations"], "runOnly": ["color-contrast", "link-in-text-block"]}
# What another width may lose: colours of what lies over what, room to tap, a way to scroll by keyboard.
LAYOUT = COLOURS | {"runOnly": [*COLOURS["runOnly"], "target-size", "scrollable-region-focusable"]}

# A traceback, JSON, an object as Python prints it.
RAW = re.compile(
    r"Traceback \(most recent call last\)|[{\[]\s*['\"]\w+['\"]\s*:|<\w+ object at 0x|datetime\.datetime\("
    r"|^(?:\[\]|\{\})$",
    re.MULTILINE,
)
TYPED = "() => [...document.querySelectorAll('textarea, input[type=text]')].map(field => field.value)"
FOCUS = """() => {
    const element = document.activeElement, style = getComputedStyle(element);
    if (element === document.body) return "";
    const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
    return outlined || style.boxShadow !== "none" ? "shown" : element.outerHTML.slice(0, 160);
}"""
# A message is shown in a frame without rights; that its script is refused there is what we want.
SANDBOXED = "Blocked script execution in 'about:srcdoc'"
# When what waits for the page to be ready has been done, and drawn.
RESTS = """new Promise(done => {
    const drawn = () => requestAnimationFrame(() => requestAnimationFrame(done))
    window.django?.jQuery ? window.django.jQuery(drawn) : drawn()
})"""
seen: set[tuple[str, str]] = set()  # pages looked at in this run, each with the state it was in


class Person:
    """A page, who sits in front of it, and what went wrong with it."""

    def __init__(self, page: Page, username: str):
        self.page, self.username = page, username
        self.complaints: list[str] = []
        self.unseen: set[str] = set()
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("response", self._opened)
        page.goto("/")
        self.look()
        page.get_by_label("Username").fill(username)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url("**/")
        self.look(username)

    def open(self, url: str, state: str = "") -> None:
        self.page.goto(url)
        self.look(state)

    def look(self, state: str = "") -> None:
        """Check the page as it stands: accessibility, width, words. Once for each page and ``state``.

        Every rule at the width it was opened in, at a desk or on a phone; at the other one, and in the dark,
        what these may change.
        """
        found = self._faults(state)
        assert not found, "\n".join([f"{self.username} at {_place(self.page.url)} ({state})", *found])

    def faults_at(self, url: str) -> list[str]:
        """What is wrong with the page at ``url``, as it opens; nothing where somebody looked already."""
        self.page.goto(url)
        return self._faults(url.partition("?")[2])

    def _faults(self, state: str) -> list[str]:
        # A click returns as soon as the next page has begun: whoever asserts after a look wants all of it,
        # looked at before or not.
        self.page.wait_for_load_state("load")
        place = _place(self.page.url)
        self.unseen.discard(place)
        if (place, state) in seen:
            return []
        seen.add((place, state))
        page, size, found = self.page, self.page.viewport_size, []
        page.evaluate(RESTS)
        page.evaluate("script => { window.axe || window.eval(script) }", AXE_SCRIPT)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            found += self._violations(f"{width}", EVERYTHING if width == size["width"] else LAYOUT)
            wide = page.evaluate("document.documentElement.scrollWidth")
            found += [f"{width}: {wide} pixels wide"] if wide > width else []
        page.evaluate("document.documentElement.classList.toggle('dark')")
        found += self._violations("dark", COLOURS)
        page.evaluate("document.documentElement.classList.toggle('dark')")
        page.set_viewport_size(size)
        texts = [page.inner_text("body"), *page.evaluate(TYPED)]
        return found + [f"raw: {match.group()}" for text in texts for match in RAW.finditer(text)]

    def approve(self, plan: Plan, gate: str, comment: str) -> None:
        """Approve the open round of a gate, from the inbox; with the password where it is asked for."""
        page, round_ = self.page, plan.approvals.filter(gate=gate).latest("round")
        self.open("/plans/approval/inbox/")
        page.locator(f"a[href*='/{round_.pk}/']", has_text="Decide").click()
        self.look("to decide")
        page.get_by_label("Comment").fill(comment)
        if round_.policy["reauthenticate"]:
            page.get_by_label("Password").fill(PASSWORD)
        self.picture(f"{plan.command}-{gate}")
        page.get_by_role("button", name="Approve").click()
        page.get_by_text("your decision is recorded").wait_for()
        self.look("decided")

    def take_up(self, words: str, under: str = "") -> bool:
        """Open the first thing in the inbox that has these words and is of a kind; whether there is one."""
        address = "/plans/approval/inbox/" + (f"?{urlencode({'kind': under})}" if under else "")
        self.open(address, "between two steps")
        ours = self.page.locator("[data-inbox] .g-list li", has_text=words)
        if not ours.count():
            return False
        ours.first.get_by_role("link").first.click()
        self.look("from the inbox")
        return True

    def finish(self, evidence: str) -> None:
        """Complete the task whose page is open, and say what others can check."""
        self.page.get_by_label("Evidence").fill(evidence)
        self.page.get_by_role("button", name="Complete").click()
        self.page.get_by_text("Recorded.").wait_for()
        self.look("done")

    def decide(self, button: str, comment: str) -> None:
        """Decide on the round whose page is open; with the password where it is asked for."""
        self.page.get_by_label("Comment").fill(comment)
        password = self.page.get_by_label("Password")
        if password.count():
            password.fill(PASSWORD)
        self.page.get_by_role("button", name=button).click()
        self.page.get_by_text("your decision is recorded").wait_for()
        self.look("decided")

    def say_of_a_dispute(self, words: str, button: str) -> None:
        """Answer, sign off or withdraw the dispute whose page is open."""
        self.page.get_by_label("Your comment").fill(words)
        self.page.get_by_role("button", name=button).click()
        self.page.get_by_text("Recorded.").wait_for()
        self.look(button)

    def complete(self, plan: Plan, key: str, evidence: str) -> None:
        """Complete a task of one's own on its page, and say what others can check."""
        self.open(f"/plans/task/{plan.tasks.get(key=key).pk}/change/", "to do")
        self.finish(evidence)

    def say(self, plan: Plan, words: str, button: str, then: str) -> None:
        """Steer a plan on its page and give the reason; the state that is shown then."""
        self.open(f"/plans/plan/{plan.pk}/change/", "to steer")
        self.more()
        self.page.get_by_role("textbox", name="Why").fill(words)
        self.page.get_by_role("button", name=button).click()
        self.page.locator("#live [role=status]", has_text=then).wait_for()
        self.look(button)

    def more(self) -> None:
        """Open what a plan's page keeps for the rarer deeds: downloads, other inputs, stopping it."""
        menu = self.page.locator("#more")
        if menu.get_attribute("open") is None:
            menu.locator("summary").first.click()

    def leave(self) -> None:
        """Close what is open: the page of a plan asks for news as long as somebody looks at it."""
        self.page.goto("about:blank")

    def tab_to(self, name: str, most: int = 120) -> None:
        """Press Tab until the focus is on what is called ``name``; each stop on the way must show itself."""
        for _ in range(most):
            self.page.keyboard.press("Tab")
            assert self.page.evaluate(FOCUS) in ("shown", "")
            if name in self.page.evaluate(NAME):
                return
        raise AssertionError(f"{most} times Tab did not lead to {name}")

    def picture(self, name: str) -> None:
        """Keep what is in the window for the documents, in few colours: they are read over the network."""
        if SCREENSHOTS:
            shot = Image.open(io.BytesIO(self.page.screenshot())).convert("RGB")
            shot.quantize(96).save(Path(SCREENSHOTS) / f"{name}.png", optimize=True)

    def _violations(self, where: str, options: dict) -> list[str]:
        # A transition that is still running has the colours of neither end.
        self.page.wait_for_function("document.getAnimations().every(a => a.playState !== 'running')")
        report = self.page.evaluate("options => axe.run(document, options)", options)
        return [
            f"{where}: {violation['id']} {node['target']} {node['html'][:120]}"
            for violation in report["violations"]
            for node in violation["nodes"]
        ]

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(SANDBOXED):
            self.complaints.append(message.text)

    def _opened(self, response: Response) -> None:
        """Remember every document of this site that was opened in the window."""
        request = response.request
        is_page = request.resource_type == "document" and "text/html" in response.headers.get(
            "content-type", ""
        )
        if is_page and response.status == 200:
            self.unseen.add(_place(response.url))


NAME = """() => {
    const e = document.activeElement, label = e.id && document.querySelector(`label[for="${e.id}"]`);
    return [e.ariaLabel, label?.innerText, e.innerText, e.placeholder].filter(Boolean).join(" ");
}"""


def _place(url: str) -> str:
    """The page of a URL, whichever object it shows."""
    parts = urlsplit(url)
    return re.sub(r"\d+", "N", parts.path)
