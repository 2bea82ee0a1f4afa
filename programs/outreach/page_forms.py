"""What a visitor does with a form: finds the field of a code, fills in what is asked, and presses the button.

Works on a page of Playwright, on its own forms and on those in the frames that it shows. Its locators find
fields in the shadow of a component, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from programs.outreach.page_consent import SOON, shown_frames
from programs.outreach.page_state import DEEP, of_frame

# The form around a field; without one, the nearest thing around it that has a button and something to type.
_AROUND = f"""{DEEP}
const around = (field) => {{
    if (field.form) return field.form
    for (let it = up(field); it && it !== document.documentElement; it = up(it))
        if (deep(it).some((one) => one.matches("button, [role=button], input[type=submit]")) &&
            deep(it).some((one) => isTypedInto(one) && one !== field)) return it
    return null
}}
const members = (form) => form.elements ? [...form.elements]
    : deep(form).filter((one) => one.matches("input, select, textarea, button"))
"""
# Fills what a form asks for, as somebody types: what is filled already, the code before all, stays.
_FILL = f"""(field) => {{
    {_AROUND}
    const form = around(field)
    if (!form) return false
    const put = (one, value) => {{
        const of = one.tagName === "TEXTAREA" ? HTMLTextAreaElement : HTMLInputElement
        Object.getOwnPropertyDescriptor(of.prototype, "value").set.call(one, value)
        tell(one)
    }}
    const tell = (one) => ["input", "change"].forEach(
        (name) => one.dispatchEvent(new Event(name, {{bubbles: true}})))
    const words = {{email: "link.check@example.com", tel: "+15550100"}}
    const asked = {{text: "QA test", search: "QA test", "": "QA test", number: "1", url: "https://example.com",
        date: "2000-01-01", password: "Qa-test-2026!"}}
    for (const one of members(form)) {{
        if (one.tagName === "SELECT") {{
            const choice = [...one.options].find((option) => option.value && !option.disabled)
            if (one.required && !one.value && choice) {{ one.value = choice.value; tell(one) }}
        }} else if (["checkbox", "radio"].includes(one.type)) {{
            if (one.required && !one.checked) one.click()
        }} else if (!one.value && one.type in words) put(one, words[one.type])
        else if (!one.value && one.type === "text" && /e-?mail/i.test(one.name + one.id + one.placeholder))
            put(one, words.email)
        else if (!one.value && one.required && (one.tagName === "TEXTAREA" || one.type in asked))
            put(one, asked[one.type] || "QA test")
    }}
    return true
}}"""
# The button that a visitor sees: it sends, or it leads to the next step. Where none is seen, the form is sent
# as the key for it does.
_SEND = f"""(field) => {{
    {_AROUND}
    const form = around(field), all = members(form).filter((one) => !one.disabled)
    const sends = all.filter((one) => one.type === "submit" || one.type === "image")
    const steps = deep(form).filter((one) => one.matches("button, [role=button], input[type=button]") &&
        !one.disabled && one.type !== "reset" && isShown(one) && (one.innerText || one.value || "").trim())
    const seen = sends.find(isShown) || steps[steps.length - 1] || sends[0]
    const isClosed = !seen && members(form).some(
        (one) => one.disabled && one.type === "submit" && isShown(one))
    if (seen) seen.click()
    else if (form.requestSubmit) form.requestSubmit()
    return !isClosed
}}"""
# The button in the main part of a page that looks like one, by its own colour, role or make; of the page, or
# a link within its site.
_OPENS = f"""() => {{
    {DEEP}
    const all = document.body ? deep(document.body) : []
    const isOurs = (one) => !one.matches("a") || one.host === location.host || !one.host
    const looks = (one) => one.matches("button, [role=button], input[type=button]") ||
        /(^|[-_ ])(btn|button|cta)/i.test(one.className) ||
        getComputedStyle(one).backgroundColor !== "rgba(0, 0, 0, 0)"
    const button = all.find((one) => one.matches("a[href], button, [role=button], input[type=button]") &&
        isShown(one) && !one.closest("header, footer, nav, form") && isOurs(one) && looks(one) &&
        !["fixed", "sticky"].includes(getComputedStyle(up(one) || one).position))
    if (button) button.click()
    return Boolean(button)
}}"""
_HELD = f"""(fields) => {{
    {DEEP}
    return fields.map((one) => {{
        const form = one.form || up(one)
        return [one.value || "", isShown(one) || form !== null && isShown(form)]
    }})
}}"""
_STEP = f"""(field) => {{
    {_AROUND}
    const form = field.isConnected && around(field)
    if (!form) return null
    const parts = "input, select, textarea, button, [role=button], h1, h2, h3, legend"
    return deep(form).filter((one) => isShown(one) && one.matches(parts))
        .map((one) => [one.tagName, one.name || "", one.innerText || "", one.disabled].join(":")).join("|")
}}"""


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


def field_of(page: Any, name: str, code: str = "") -> Any | None:
    """The field ``name`` in which ``code`` stands, else the first that holds anything, else the first; None
    where no form or frame has one. Where none is called so, one that holds ``code``.

    A form that a visitor sees goes before one in a pop-up that is not open. Some pages have a form for news
    beside the one that a visitor came for.
    """
    selector = f'input[name="{name}"], textarea[name="{name}"], select[name="{name}"]'
    found = _fields(page, selector)
    if not found:
        holding = _fields(page, "input, textarea") if code else []
        return next((field for field, value, _ in holding if _is(value, code)), None)
    shown = [one for one in found if one[2]] or found
    with_code = (field for field, value, _ in shown if code and _is(value, code))
    filled = (field for field, value, _ in shown if value)
    return next(with_code, None) or next(filled, None) or shown[0][0]


def _fields(page: Any, selector: str) -> list[tuple[Any, str, bool]]:
    """Fields of the page and its frames, what each holds, and whether its form is shown."""
    return [
        (frame.locator(selector).nth(n), value, is_shown)
        for frame in shown_frames(page)
        for n, (value, is_shown) in enumerate(
            of_frame(frame, lambda it: it.locator(selector).evaluate_all(_HELD), [])
        )
    ]


def _is(value: str, code: str) -> bool:
    return value.casefold() == code.casefold()


def value_of(page: Any, name: str, code: str = "") -> str | None:
    """What the field of the code holds; None where there is none, or no name to look for."""
    field = field_of(page, name, code) if name else None
    return None if field is None else str(field.input_value(timeout=SOON))


def opens_form(page: Any) -> bool:
    """Press the button of a page that shows no form, which may open one; False where it has none."""
    return bool(page.evaluate(_OPENS))


def fill(field: Any) -> bool:
    """Fill in the form around a field; False where no form is around it."""
    return bool(field.evaluate(_FILL))


def press(field: Any) -> bool:
    """Press the button of the form around a field; False where that is closed, and it was sent without."""
    return bool(field.evaluate(_SEND))


def step_of(field: Any | None) -> str | None:
    """What the form around the field shows, to tell one step of it from the next; None where it is gone."""
    if field is None or field.count() == 0:
        return None
    step = field.evaluate(_STEP)
    return None if step is None else str(step)
