"""One spelling for e-mails, names and addresses, so that two spellings of one person meet.

The rules for providers are their own published address semantics: Gmail ignores dots and what
follows a plus sign, and googlemail.com is gmail.com; Yahoo separates with a hyphen; others use plus.
An unknown domain keeps dots, and loses only its +tag (RFC 5233 subaddressing).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Texts = npt.NDArray[np.object_]

DOMAIN_ALIASES = {
    "googlemail.com": "gmail.com",
    "pm.me": "proton.me",
    "protonmail.com": "proton.me",
    "me.com": "icloud.com",
    "mac.com": "icloud.com",
    "ya.ru": "yandex.ru",
    "yandex.com": "yandex.ru",
}
DOTS_IGNORED = frozenset({"gmail.com", "proton.me"})
HYPHEN_TAGS = frozenset({"yahoo.com", "ymail.com", "rocketmail.com"})
STREET_WORDS = {
    "street": "st",
    "road": "rd",
    "avenue": "ave",
    "boulevard": "blvd",
    "drive": "dr",
    "lane": "ln",
    "apartment": "apt",
    "suite": "ste",
    "floor": "fl",
    "strasse": "str",
    "straße": "str",
    "north": "n",
    "south": "s",
    "east": "e",
    "west": "w",
}
RULED = DOTS_IGNORED | DOMAIN_ALIASES.keys()
PLAIN = re.compile(r"[a-z0-9._]+@([a-z0-9.-]*[a-z0-9])", re.ASCII)
"""Most addresses: of these only a rule of the domain changes anything."""
NOT_WORD = re.compile(r"[\W_]+")
DIGITS, LONGEST_NUMBER = "0123456789", 9


def normalise_email(address: str) -> str:
    """The mailbox behind an address: ``First.Last+x@Gmail.com`` → ``firstlast@gmail.com``.

    Returns "" for text that is no address (no single @ with something on both sides).
    """
    plain = PLAIN.fullmatch(address)
    if plain and plain[1] not in RULED:
        return address
    text = (address if address.isascii() else unicodedata.normalize("NFKC", address)).strip().lower()
    local, at, domain = text.rpartition("@")
    domain = domain.rstrip(".")
    if not at or not local or not domain or "@" in local:
        return ""
    domain = DOMAIN_ALIASES.get(domain, domain)
    separator = "-" if domain in HYPHEN_TAGS else "+"
    mailbox = local.split(separator, 1)[0] or local
    if domain in DOTS_IGNORED:
        mailbox = mailbox.replace(".", "")
    return f"{mailbox}@{domain}" if mailbox else ""


def domain_of(mailbox: str) -> str:
    """Domain of a normalised address, "" where there is none."""
    return mailbox.rpartition("@")[2]


def split_local_number(mailbox: str) -> tuple[str, int] | None:
    """(stem@domain, number) of a mailbox that ends in digits: ``anna07@x.org`` → (anna@x.org, 7)."""
    local, _, domain = mailbox.rpartition("@")
    stem = local.rstrip(DIGITS)
    if not stem or not 0 < len(local) - len(stem) <= LONGEST_NUMBER:
        return None
    return f"{stem}@{domain}", int(local[len(stem) :])


def fold(text: str) -> str:
    """Case folded, without accents and punctuation, single spaces."""
    bare = text.casefold()
    if not bare.isascii():
        bare = "".join(c for c in unicodedata.normalize("NFKD", bare) if not unicodedata.combining(c))
    return NOT_WORD.sub(" ", bare).strip()


def normalise_name(name: str) -> str:
    """Words of a name, folded and sorted: ``Müller, Ana`` and ``ana muller`` are the same."""
    return " ".join(sorted(fold(name).split()))


def normalise_address(address: str) -> str:
    """A postal address, folded, with street words abbreviated: ``12 Main Street`` = ``12 main st.``"""
    return " ".join(STREET_WORDS.get(word, word) for word in fold(address).split())


def normalise_all(texts: Texts, rule: Callable[[str], str]) -> Texts:
    """``rule`` on every distinct text once."""
    encoded = pa.array(texts, pa.string()).dictionary_encode()
    ruled = np.array([rule(text) for text in encoded.dictionary.to_pylist()] or [""], dtype=object)
    found: Texts = ruled[encoded.indices.to_numpy()]
    return found
