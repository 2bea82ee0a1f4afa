"""Whether the title or the heading of a page says that what was asked for is not there.

The words alone prove nothing: a coffee club may be called 404. They do where they are all that is said, or
are said of a page.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_NOT_THERE = (
    r"\b404\b|\b410\b|not[ -]?found|no longer (?:available|exists|here|active|valid)|"
    r"(?:doesn.?t|does not) exist|"
    r"page (?:is )?gone|"
    r"nicht gefunden|existiert nicht|introuvable|n.existe pas|no encontrad[oa]|no existe|non trovat[oa]|"
    r"não encontrad[oa]|niet gevonden|bestaat niet|ikke fundet|hittades inte|ei löytynyt|nie znaleziono|"
    r"nie istnieje|bulunamadı|не найден[ао]?|не существует|見つかりません|找不到|不存在|찾을 수 없|"
    r"غير موجود[ةه]?|لم يتم العثور|לא נמצא"
)
_IN_EUROPE = (
    r"ei löydy|ei ole (?:enää )?olemassa|finns inte|hittas inte|findes ikke|finnes ikke|nenalezen\w*|"
    r"neexistuj\w*|nenájden\w*|nem található|nem létezik|nu a fost găsit\w*|nu există|не е намерен\w*|"
    r"не съществува|δεν βρέθηκε|δεν υπάρχει|nije pronađen\w*|ne postoji|ni (?:bila? )?(?:mogoče )?najde\w*|"
    r"ne obstaja|nerast\w*|neegzistuoja|nav atrast\w*|neeksistē|ei leitud|ei eksisteeri|níor aimsíodh|"
    r"gan aimsiú|ma nstab\w*|"
    r"gibt es (?:hier )?(?:leider )?nicht|(?:kunde|kan) (?:inte|ikke) (?:hittas|finnes|findes)"
)
"""Of titles and headings alone: an answer may well say so of a mail in the folder for spam."""
_OVER = (
    r"(?:is|has|was|been) (?:gone|expired|ended|over|closed|removed|deleted|deactivated|disabled)(?!\w)|"
    r"\blink (?:is )?(?:in|not )active\b|"
    r"nicht mehr verfügbar|ist (?:beendet|abgelaufen)|n.est plus|ya no está|non è più|não existe|"
    r"(?:ha|han) (?:finalizado|terminado|caducado)|انتهى|انتهت"
)
_GONE = re.compile(f"{_NOT_THERE}|{_IN_EUROPE}|{_OVER}", re.IGNORECASE)
_IN_AN_ANSWER = re.compile(_NOT_THERE, re.IGNORECASE)
_PAGE = re.compile(
    r"\b(?:page|site|link|address|url|resource|content|offer|promotion|campaign|file|document|error|sorry|oops|"
    r"seite|angebot|aktion|fehler|página|pagina|oferta|erreur|offre|errore|offerta|erro|aanbod|fout|siden|"
    r"sidan|sivu\w*|strona|promoción|campaña|stránk\w*|oldal\w*|pagină|pagina|σελίδα|stranic\w*|stran|puslap\w*|lapa|leht\w*|"
    r"leathanach|paġna|sayfa|страница|ошибка)\b|ページ|页面|頁面|페이지|الصفحة|صفحة|العرض|الرابط|עמוד",
    re.IGNORECASE,
)
_BESIDE = re.compile(r"\s[|–—·:-]\s")  # between the name of a page and that of its site
MOST_BESIDE = 2
"""So many other words may stand beside those that say it, for these to be all that is said."""


@dataclass(frozen=True, slots=True)
class GoneWords:
    """``words`` say that it is not there; ``is_all``: nothing else is said, or they are said of a page;
    ``is_number``: all that says so is a number among other words, which may be what a text is about."""

    words: str
    is_all: bool
    is_number: bool = False


def said_in(text: str) -> GoneWords | None:
    """What a title or a heading says of that; None where it says nothing of it."""
    found = _GONE.search(text)
    if found is None:
        return None
    part = next(part for part in _BESIDE.split(text) if _GONE.search(part))
    rest = re.findall(r"\w+", _GONE.sub(" ", part))
    is_number = all(words.isdigit() for words in _GONE.findall(part)) and len(rest) > MOST_BESIDE + 1
    return GoneWords(found[0], len(rest) <= MOST_BESIDE or _PAGE.search(part) is not None, is_number)


def says_gone(text: str) -> bool:
    """Whether a text of any length, such as the answer to a form, has words that say so."""
    return _IN_AN_ANSWER.search(text) is not None
