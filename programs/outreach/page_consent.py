"""How a visitor gives consent to cookies, and closes what lies over a page.

The form of the thing goes before its words: a dialog or a bar that stands still and speaks of cookies, in it
the button that stands out and refuses nothing. Words, in the languages of the European Union and a few more,
decide between two.
"""

from __future__ import annotations

import re
from typing import Any

from programs.outreach.page_state import COVER, DEEP, is_covered, of_frame

SOON, CLOSES_IN = 2_000, 300
"""Milliseconds that something which was there a moment ago is waited for, and until a thing has closed."""

_YES = (
    r"accept|allow|agree|i agree|i accept|ok|okay|got it|understood|zustimmen|akzeptieren|annehmen|"
    r"alle akzeptieren|accepter|tout accepter|aceptar|accetta|accetto|aceitar|accepteren|godkend|godkänn|"
    r"kabul et|akceptuję|aksepter|hyväksy|принять|согласен|同意|接受|同意する|동의|"
    r"قبول|موافق|أوافق|أقبل|السماح"
)
_WHAT = (
    r"all|cookies|all cookies|alle|alle cookies|tout|tous|tous les cookies|todo|todas|todos|tutto|tutti|tudo|"
    r"tümünü|wszystkie|все|kaikki|alla|alt|vše|الكل|الجميع|الكوكيز|ملفات تعريف الارتباط"
)
_GO_ON = (
    r"\s*(?:&|\+|,|and|und|et|y|e|و)?\s*(?:continue|close|proceed|weiter|continuer|continuar|المتابعة|متابعة)"
)
_CONSENT = re.compile(rf"^\W*(?:{_YES})(?:\s+(?:{_WHAT}))?(?:{_GO_ON})?\W*$", re.IGNORECASE)
_COOKIES = (
    "cookie|consent|gdpr|rgpd|dsgvo|datenschutz|einwilligung|traceur|témoins|your privacy|evästee|küpsis|"
    "sīkdat|sīkfail|slapuk|sütik|piškot|kolačić|бисквитк|ciasteczk|fianán|informasjonskaps|vafrakök|çerez|"
    "файлы куки|كوكي|تعريف الارتباط|עוגיות|同意|クッキー|쿠키"
)
_ASKS = rf"""() => {{
    {DEEP}
    if (!document.body) return false
    const shadows = deep(document.body).filter((one) => one.shadowRoot)
        .flatMap((one) => [...one.shadowRoot.children])
    const text = [document.body, ...shadows].map((one) => one.innerText || "").join(" ")
    return new RegExp("{_COOKIES}", "i").test(text)
}}"""
# Beginnings of words; what refuses or asks further goes before what accepts.
_NO = (
    "reject|declin|deny|den(y|ie)|refus|without|necessary|essential|required only|only|manag|setting|"
    "option|prefer|"
    "custom|choose|select|more|learn|read|polic|purpose|vendor|partner|save|later|"
    "ablehn|nur |notwend|erforderlich|einstell|auswahl|mehr|anpass|sans |paramètr|paramétr|personnalis|"
    "savoir|"
    "rechaz|solo |configur|rifiut|personalizz|rejeit|recus|apenas|weiger|alleen|instell|voorkeur|afvis|kun |"
    "avvis|endast|neka|inställ|anpass|indstil|vain|hylkä|kiell|asetuk|lisätie|odrzu|odmow|tylko|ustaw|odmít|"
    "pouze|nastav|odmiet|iba |elutas|csak|beállít|resping|doar|setăr|отказ|отхвър|само|настройк|απόρρ|μόνο|"
    "ρυθμίσ|odbij|samo|postavk|zavrn|nastavit|atmest|atsisak|tik |nustatym|noraid|tikai|iestat|keeldu|ainult|"
    "seaded|diúlt|socruithe|irrifjut|biss |отклон|только|настроить|reddet|yalnız|ayarlar"
)
_ACCEPTS = (
    "accept|allow|agree|consent|enable|ok($|\\\\W)|okay|got it|understood|yes|fine|continue|"
    "zustimm|akzept|annehm|einverst|erlaub|verstanden|j.accepte|autoris|d.accord|acept|permit|de acuerdo|"
    "accett|"
    "acconsent|aceit|concord|accepteer|akkoord|toestaan|godkend|tillad|godkänn|acceptera|tillåt|förstår|"
    "hyväks|salli|selvä|akcept|zgadzam|zezw|rozumi|přij|povol|souhlas|prij|súhlas|elfogad|engedély|rendben|"
    "permite|sunt de acord|приемам|съглас|разреш|αποδ|συμφων|επιτρ|prihva|slaž|dopust|sprej|strinja|"
    "dovoli|sutink|priim|leid|piekr|pieņem|atļau|nõus|luba|glac|ceadaigh|aċċett|aksept|godta|samþykk|"
    "принять|соглас|kabul|onayl|同意|接受|동의|قبول|موافق|אישור"
)
_CLOSES = (
    "^([x×✕✖✗⨯╳]$|close|no,? thank|not now|maybe later|nein,? danke|non,? merci|no,? gra[cz]|nej,? tack|"
    "nee,? (bedankt|dank)|nej,? tak|ei,? kiitos|nie,? dzięk|não,? obrigad|"
    "schlie.+|fermer|cerrar|chiudi|fechar|sluiten|luk|stäng|sulje|"
    "zamknij|zavřít)"
)
# Presses the button of a banner: one that stands still, or a dialog, or a frame, and speaks of cookies.
_PRESSES = f"""(isFrame) => {{
    {DEEP}
    if (!document.body) return false
    const words = (one) => one.getAttribute("aria-label") || one.innerText || one.value || ""
    const says = (one) => words(one).trim().toLowerCase()
    const asks = new RegExp("{_COOKIES}", "i"), no = new RegExp("(^|\\\\s)({_NO})", "i")
    const yes = new RegExp("(^|[^\\\\p{{L}}])({_ACCEPTS})", "iu"), closes = new RegExp("{_CLOSES}", "i")
    const text = (one) => one.shadowRoot
        ? [...one.shadowRoot.children].map((it) => it.innerText || "").join(" ") : one.innerText || ""
    const banner = (one) => {{
        for (let it = up(one); it && it !== document.body && it !== document.documentElement; it = up(it))
            if ((["fixed", "sticky"].includes(getComputedStyle(it).position) ||
                it.matches("dialog, [role=dialog], [role=alertdialog], [aria-modal]")) && asks.test(text(it)))
                return it
        return isFrame && asks.test(document.body.innerText || "") ? document.body : null
    }}
    const buttons = deep(document.body).filter((one) => isShown(one) && says(one) && says(one).length < 60 &&
        one.matches("button, [role=button], input[type=button], input[type=submit], a"))
    let best = null, most = 0
    const groups = new Map()
    for (const one of buttons) {{
        const it = banner(one), leaves = one.matches("a") && one.host && one.host !== location.host
        if (it && !leaves) groups.set(it, [...(groups.get(it) || []), one])
    }}
    for (const [, group] of groups) {{
        const looks = group.map((one) => getComputedStyle(one).backgroundColor)
        group.forEach((one, n) => {{
            const own = looks.filter((it) => it === looks[n]).length === 1 && looks[n] !== "rgba(0, 0, 0, 0)"
            const real = one.matches("a[href]:not([href^='#']):not([role=button])") ? -2 : 0.5
            const said = (no.test(says(one)) ? -6 : 0) + (yes.test(says(one)) ? 4 : 0) +
                (closes.test(says(one)) ? -2 : 0)
            const worth = said + (own ? 1 : 0) + (group.length === 1 ? 1 : 0) + real
            if (worth > most) {{ best = one; most = worth }}
        }})
    }}
    if (best) best.click()
    return best !== null
}}"""
# Presses one button of what lies over the page, each only once: one that closes by its words or its make;
# else, where `isAny`, the next that neither is a link to another page nor sends a form with something typed.
_UNCOVERS = f"""(isAny) => {{
    {COVER}
    const over = document.body && cover()
    if (!over) return false
    const pressed = window[Symbol.for("pressed")] ||= new WeakSet()
    const closes = new RegExp("{_CLOSES}", "i")
    const buttons = "button, [role=button], input[type=button], input[type=submit]"
    const here = (one) => one.pathname === location.pathname && one.host === location.host
    const sends = (one) => one.form && one.type === "submit" && [...one.form.elements].some(isTypedInto)
    const all = deep(over).filter((one) => one.matches(buttons + ", a, span, div") && isShown(one) &&
        !pressed.has(one))
    const button = all.find(
        (one) => closes.test((one.getAttribute("aria-label") || one.innerText || one.value || "").trim()) ||
            /(^|[-_ ])(close|dismiss)([-_ ]|$)/i.test(one.className + " " + one.id)) ||
        isAny && all.find((one) => one.matches("a[href]") ? here(one) : one.matches(buttons) && !sends(one))
    if (!button) return false
    pressed.add(button)
    button.click()
    return true
}}"""
MOST_PRESSED = 5
"""Buttons of something that lies over a page that are tried."""


def asks_consent(page: Any) -> str:
    """“asked” where the page, or a frame of it, speaks of cookies or consent, else ""."""
    return (
        "asked"
        if any(of_frame(it, lambda frame: frame.evaluate(_ASKS), False) for it in shown_frames(page))
        else ""
    )


def shown_frames(page: Any) -> list[Any]:
    """The page and the frames that a visitor sees in it: tools of consent, and forms, have some."""
    frames = [frame for frame in page.frames if frame is not page.main_frame]
    seen = [it for it in frames if of_frame(it, lambda frame: frame.frame_element().is_visible(), False)]
    return [page.main_frame, *seen]


def gives_consent(page: Any, *, is_asked: bool) -> bool:
    """Press the button of a consent banner, as most visitors do; some pages measure nothing before.

    A link is pressed only where the page speaks of cookies: elsewhere “OK” may lead anywhere.
    """
    frames = shown_frames(page)
    presses = lambda frame: bool(frame.evaluate(_PRESSES, frame is not page.main_frame))  # noqa: E731
    if is_asked and any(of_frame(frame, presses, False) for frame in frames):
        return True
    agrees = lambda frame: _agrees(frame, is_asked=is_asked)  # noqa: E731
    return any(of_frame(frame, agrees, False) for frame in frames)


def _agrees(frame: Any, *, is_asked: bool) -> bool:
    for role in ("button", "link") if is_asked else ("button",):
        found = frame.get_by_role(role, name=_CONSENT)
        if found.count() > 0 and found.first.is_visible():
            # What lies over the button, a pop-up say, takes a click with the pointer.
            found.first.dispatch_event("click", timeout=SOON)
            return True
    return False


def uncovers(page: Any) -> None:
    """Close what lies over the page, a pop-up say: by its own button for that, by the key for it, else by
    whichever of its buttons does. The caller keeps back what leads away or sends something meanwhile."""
    for nth in range(MOST_PRESSED):
        if not page.evaluate(_UNCOVERS, nth > 0):
            if nth > 0:
                return
            page.keyboard.press("Escape")
        page.wait_for_timeout(CLOSES_IN)
        if not is_covered(page):
            return
