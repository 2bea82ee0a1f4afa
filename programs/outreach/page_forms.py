"""What a visitor does on a page: agrees to cookies, fills in a form and sends it.

Works on a page of Playwright. Its locators find fields and buttons in the shadow of a component, too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_YES = (
    r"accept|allow|agree|i agree|i accept|ok|okay|got it|understood|zustimmen|akzeptieren|annehmen|"
    r"alle akzeptieren|accepter|tout accepter|aceptar|accetta|accetto|aceitar|accepteren|godkend|godkänn|"
    r"kabul et|akceptuję|aksepter|hyväksy|принять|согласен|同意|接受|同意する|동의|"
    r"قبول|موافق|أوافق|أقبل|السماح"
)
_WHAT = (
    r"all|cookies|all cookies|alle|alle cookies|tout|tous|tous les cookies|todo|todas|todos|tutto|tutti|tudo|"
    r"tümünü|wszystkie|все|الكل|الجميع|الكوكيز|ملفات تعريف الارتباط"
)
_GO_ON = (
    r"\s*(?:&|\+|,|and|und|et|y|e|و)?\s*(?:continue|close|proceed|weiter|continuer|continuar|المتابعة|متابعة)"
)
_CONSENT = re.compile(rf"^\W*(?:{_YES})(?:\s+(?:{_WHAT}))?(?:{_GO_ON})?\W*$", re.IGNORECASE)
_ASKS = r"""() => new RegExp(
    "cookie|consent|gdpr|datenschutz|einwilligung|traceur|témoins|çerez|كوكي|تعريف الارتباط|同意|クッキー",
"i").test((document.body || {}).innerText || "")"""
# Fills what a form asks for, as somebody types: what is filled already, the code before all, stays.
_FILL = """(field) => {
    const form = field.form
    if (!form) return false
    const put = (one, value) => {
        const of = one.tagName === "TEXTAREA" ? HTMLTextAreaElement : HTMLInputElement
        Object.getOwnPropertyDescriptor(of.prototype, "value").set.call(one, value)
        tell(one)
    }
    const tell = (one) => ["input", "change"].forEach(
        (name) => one.dispatchEvent(new Event(name, {bubbles: true})))
    const words = {email: "link.check@example.com", tel: "+15550100"}
    const asked = {text: "QA test", search: "QA test", "": "QA test", number: "1", url: "https://example.com",
        date: "2000-01-01", password: "Qa-test-2026!"}
    for (const one of form.elements) {
        if (one.tagName === "SELECT") {
            const choice = [...one.options].find((option) => option.value && !option.disabled)
            if (one.required && !one.value && choice) { one.value = choice.value; tell(one) }
        } else if (["checkbox", "radio"].includes(one.type)) {
            if (one.required && !one.checked) one.click()
        } else if (!one.value && one.type in words) put(one, words[one.type])
        else if (!one.value && one.required && (one.tagName === "TEXTAREA" || one.type in asked))
            put(one, asked[one.type] || "QA test")
    }
    return true
}"""
_SEND = """(field) => {
    const button = [...field.form.elements].find((one) => one.type === "submit" && !one.disabled)
    if (button) button.click()
    else field.form.requestSubmit()
}"""


@dataclass(frozen=True, slots=True)
class SentForm:
    """Something that left when a form was sent: method, address and body as text.

    ``answer`` is what the page said then, where it was let through; ``kind`` is what Chromium calls the
    request: “document”, “fetch”, “xhr”, “ping” for a beacon.
    """

    method: str
    url: str
    body: str
    answer: str = ""
    kind: str = "document"


def asks_consent(page: Any) -> str:
    """“asked” where the page, or a frame of it, speaks of cookies or consent, else ""."""
    return "asked" if any(frame.evaluate(_ASKS) for frame in _shown(page)) else ""


def _shown(page: Any) -> list[Any]:
    """The page and the frames that a visitor sees in it: tools of consent ask in a frame of their own."""
    frames = [frame for frame in page.frames[1:] if not frame.is_detached()]
    return [page.main_frame, *(frame for frame in frames if frame.frame_element().is_visible())]


def gives_consent(page: Any, *, is_asked: bool) -> bool:
    """Press the button of a consent banner, as most visitors do; some pages measure nothing before.

    A link is pressed only where the page speaks of cookies: elsewhere “OK” may lead anywhere.
    """
    for frame in _shown(page):
        for role in ("button", "link") if is_asked else ("button",):
            found = frame.get_by_role(role, name=_CONSENT)
            if found.count() > 0 and found.first.is_visible():
                # What lies over the button, a pop-up say, takes a click with the pointer.
                found.first.dispatch_event("click")
                return True
    return False


def fill_and_send(page: Any, name: str) -> bool:
    """Fill in the form around the field ``name``, and press its button; False where no form is around it."""
    field = page.locator(f'input[name="{name}"]').first
    if not field.evaluate(_FILL):
        return False
    field.evaluate(_SEND)
    return True
