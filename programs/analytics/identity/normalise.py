"""One spelling for names, phones, e-mail addresses and street addresses, before they are compared."""

from __future__ import annotations

import re
import unicodedata

GMAIL_DOMAINS = frozenset({"gmail.com", "googlemail.com"})
LEGAL_FORMS = frozenset(
    {
        "ab", "ag", "bv", "co", "corp", "gmbh", "inc", "kg", "limited", "llc", "ltd", "nv", "oy", "plc",
        "pty", "sa", "sarl", "sas", "spa", "srl",
    }
)  # fmt: skip
STREET_WORDS = {
    "avenue": "ave", "av": "ave", "boulevard": "blvd", "blv": "blvd", "circuit": "cct", "court": "ct",
    "crescent": "cres", "cr": "cres", "drive": "dr", "east": "e", "highway": "hwy", "lane": "ln",
    "north": "n", "parkway": "pkwy", "place": "pl", "road": "rd", "south": "s", "square": "sq",
    "street": "st",
    "terrace": "ter", "tce": "ter", "west": "w",
}  # fmt: skip
_NUMBER_WORDS = {
    "first": "1st", "second": "2nd", "third": "3rd", "fourth": "4th", "fifth": "5th", "sixth": "6th",
    "seventh": "7th", "eighth": "8th", "ninth": "9th", "tenth": "10th",
}  # fmt: skip
_APOSTROPHES = re.compile(r"['’`´]")
_NOT_WORD = re.compile(r"[\W_]+")


def normalise_text(raw: str) -> str:
    """Lower case, without accents and apostrophes, other punctuation as one space."""
    decomposed = unicodedata.normalize("NFKD", raw).casefold()
    plain = "".join(char for char in decomposed if not unicodedata.combining(char))
    return _NOT_WORD.sub(" ", _APOSTROPHES.sub("", plain)).strip()


def normalise_person(raw: str) -> str:
    """A person's name; ``Surname, Given`` is turned round."""
    surname, comma, given = raw.partition(",")
    return normalise_text(f"{given} {surname}" if comma else raw)


def normalise_company(raw: str) -> str:
    """A company's name without its legal form; a name of nothing but legal forms stays."""
    words = normalise_text(raw.replace("&", " and ")).split()
    return " ".join([word for word in words if word not in LEGAL_FORMS] or words)


def normalise_address(raw: str) -> str:
    """A street address with the usual words abbreviated (street → st, avenue → ave, fifth → 5th)."""
    words = normalise_text(raw).split()
    return " ".join(_NUMBER_WORDS.get(word, STREET_WORDS.get(word, word)) for word in words)


def normalise_phone(raw: str, country_code: str) -> str:
    """Digits with country code and plus (E.164 form); "" where fewer than 7 digits remain.

    ``country_code`` ("1", "49") holds for numbers that name none; a national trunk 0 is dropped.
    """
    digits = re.sub(r"\D", "", raw)
    if raw.strip().startswith("+"):
        pass
    elif digits.startswith("00"):
        digits = digits[2:]
    elif country_code == "1" and len(digits) == 11 and digits.startswith("1"):
        pass  # the North American long-distance prefix is the country code itself
    elif digits:
        digits = country_code + digits.removeprefix("0")
    return f"+{digits}" if len(digits) - len(country_code) >= 7 else ""


def normalise_email(raw: str) -> str:
    """Lower case, without ``+tag``; dots dropped and domain unified where Google ignores them.

    "" where it is not one address. ``First.Last+x@Gmail.com`` → ``firstlast@gmail.com``.
    """
    local, at, domain = unicodedata.normalize("NFKC", raw).strip().casefold().rpartition("@")
    local = local.partition("+")[0]
    if domain in GMAIL_DOMAINS:
        local, domain = local.replace(".", ""), "gmail.com"
    if not at or not local or "." not in domain or "@" in local or any(map(str.isspace, local + domain)):
        return ""
    return f"{local}@{domain}"
