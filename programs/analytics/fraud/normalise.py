"""One spelling for e-mails, names and addresses, so that two spellings of one person meet.

The rules for providers are their own published address semantics: Gmail ignores dots and what
follows a plus sign, and googlemail.com is gmail.com; Yahoo separates with a hyphen; others use plus.
An unknown domain keeps dots, and loses only its +tag (RFC 5233 subaddressing).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from difflib import SequenceMatcher
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from rapidfuzz import fuzz

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
PLAIN_IN_ARROW = r"^[a-z0-9._]+@[a-z0-9.-]*[a-z0-9]$"
RULED_IN_ARROW = rf"@({'|'.join(re.escape(domain) for domain in sorted(RULED))})$"
LETTERS = {
    "ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ø": "oe", "å": "aa", "æ": "ae", "œ": "oe", "ł": "l",
    "đ": "d", "ð": "d", "þ": "th", "ı": "i",
    "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ё": "e", "ж": "zh", "з": "z", "и": "i",
    "й": "y", "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t",
    "у": "u", "ф": "f", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ъ": "", "ы": "y", "ь": "",
    "э": "e", "ю": "yu", "я": "ya", "і": "i", "ї": "i", "є": "e",
    "α": "a", "β": "v", "γ": "g", "δ": "d", "ε": "e", "ζ": "z", "η": "i", "θ": "th", "ι": "i", "κ": "k",
    "λ": "l", "μ": "m", "ν": "n", "ξ": "x", "ο": "o", "π": "p", "ρ": "r", "σ": "s", "ς": "s", "τ": "t",
    "υ": "y", "φ": "f", "χ": "ch", "ψ": "ps", "ω": "o",
}  # fmt: skip
"""Letters as passports and mailboxes write them in ASCII (ICAO 9303, part 3)."""
NICKNAMES = {
    "alex": "alexander", "sasha": "alexander", "ben": "benjamin", "bill": "william", "bob": "robert",
    "chris": "christopher", "dan": "daniel", "dave": "david", "ed": "edward", "hans": "johannes",
    "jan": "johannes", "jim": "james", "joe": "joseph", "kate": "katherine", "liz": "elizabeth",
    "matt": "matthew", "max": "maximilian", "mike": "michael", "nick": "nicholas", "pepe": "jose",
    "sam": "samuel", "steve": "stephen", "tom": "thomas", "tony": "anthony", "will": "william",
}  # fmt: skip
MAIL_PROVIDERS = frozenset({
    "163.com", "aol.com", "bk.ru", "btinternet.com", "comcast.net", "free.fr", "gmail.com", "gmx.at",
    "gmx.de", "gmx.net", "hotmail.co.uk", "hotmail.com", "hotmail.de", "hotmail.fr", "icloud.com",
    "inbox.ru", "libero.it", "live.com", "mail.com", "mail.ru", "msn.com", "naver.com", "orange.fr",
    "outlook.com", "outlook.de", "proton.me", "qq.com", "rediffmail.com", "rocketmail.com",
    "t-online.de", "web.de", "yahoo.co.jp", "yahoo.co.uk", "yahoo.com", "yahoo.de", "yahoo.fr",
    "yandex.ru", "ymail.com", "zoho.com",
})  # fmt: skip
"""Where anybody gets a mailbox: whoever has many there made them. At a firm's own domain its mail man did."""
ALIKE_RATIO = 86.0
YEAR = re.compile(r"(19|20)[0-9]{2}")
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


def latin(text: str) -> str:
    """Folded, in ASCII letters as a passport writes them: ``Юлия Müller`` → ``yuliya mueller``."""
    spelled = text.casefold()
    if not spelled.isascii():
        spelled = "".join(LETTERS.get(letter, letter) for letter in spelled)
    return fold(spelled)


@lru_cache(maxsize=1 << 16)
def _words(name: str) -> tuple[str, ...]:
    """Words of a name in ASCII letters; many people have one name."""
    return tuple(latin(name).split())


def initials_of(name: str) -> str:
    """First letters of the words of a name, sorted: a cheap look before a dear one."""
    return "".join(sorted(word[0] for word in _words(name))) or ("?" if name.strip() else "")


def number_of(address: str) -> str:
    """The first number in a postal address."""
    found = re.search("[0-9]+", address)
    return found[0] if found else ""


def are_one_name(left: str, right: str) -> bool:
    """Whether two names may be one person's: words in any order, an initial, a short form, a slip of a key.

    Every word of the shorter name must have its like in the longer, and at least two must.
    """
    ours, theirs = list(_words(left)), list(_words(right))
    if len(ours) > len(theirs):
        ours, theirs = theirs, ours
    if len(ours) < 2:
        return bool(ours) and ours == theirs and len(ours[0]) > 3
    whole = 0
    for word in ours:
        like = next((other for other in theirs if _are_one_word(word, other)), None)
        if like is None:
            return False
        theirs.remove(like)
        whole += len(word) > 1 and len(like) > 1
    return whole >= 1


def _are_one_word(left: str, right: str) -> bool:
    if min(len(left), len(right)) == 1:
        return left[:1] == right[:1]
    if NICKNAMES.get(left, left) == NICKNAMES.get(right, right):
        return True
    return min(len(left), len(right)) >= 5 and fuzz.ratio(left, right) >= ALIKE_RATIO


def are_one_address(left: str, right: str) -> bool:
    """Whether two postal addresses may be one: equal numbers, and words that differ by spelling only."""
    ours, theirs = (
        normalise_address(latin(text).replace("strasse", "str")).split() for text in (left, right)
    )
    numbers = [sorted(word for word in words if word[0].isdigit()) for words in (ours, theirs)]
    if not ours or not theirs or numbers[0] != numbers[1]:
        return False
    return ours == theirs or (
        bool(numbers[0]) and fuzz.token_sort_ratio(" ".join(ours), " ".join(theirs)) >= ALIKE_RATIO
    )


def _letters(mailbox: str) -> str:
    """Letters and digits of a local part, for a cheap look before a dear one."""
    local = mailbox.rpartition("@")[0].lower()
    return local if local.isalnum() else NOT_WORD.sub("", local)


def _share_five(left: str, right: str) -> bool:
    """Whether two texts have five letters on end in common."""
    return any(left[place : place + 5] in right for place in range(len(left) - 4))


def mail_in_common(left: str, right: str, *names: str) -> str:
    """What two mailboxes share beyond the ``names`` of their owners and a year, "" for less than 5 letters.

    Father and son of one name have mailboxes of that name; the number one of them made up is his own.
    """
    if not _share_five(_letters(left), _letters(right)):
        return ""
    said = {word for name in names for word in _words(name) if len(word) > 1}
    bare = []
    for mailbox in (left, right):
        local = latin(mailbox.rpartition("@")[0]).replace(" ", "")
        for word in sorted(said, key=len, reverse=True):
            local = local.replace(word, "|")
        bare.append(YEAR.sub("|", local))
    first, second = bare
    if not _share_five(first, second):
        return ""
    found = SequenceMatcher(None, first, second, autojunk=False).find_longest_match()
    common = first[found.a : found.a + found.size].strip("|")
    return common if len(common) >= 5 and "|" not in common else ""


def normalise_all(texts: Texts, rule: Callable[[str], str]) -> Texts:
    """``rule`` on every distinct text once."""
    encoded = pa.array(texts, pa.string()).dictionary_encode()
    ruled = np.array([rule(text) for text in encoded.dictionary.to_pylist()] or [""], dtype=object)
    found: Texts = ruled[encoded.indices.to_numpy()]
    return found


def normalise_emails(addresses: Texts) -> Texts:
    """``normalise_email`` of each; those that are plain are told at once, many at a time."""
    encoded = pa.array(addresses, pa.string()).dictionary_encode()
    known = encoded.dictionary
    plain = pc.and_not(
        pc.match_substring_regex(known, PLAIN_IN_ARROW), pc.match_substring_regex(known, RULED_IN_ARROW)
    )
    mailboxes = np.append(known.to_numpy(zero_copy_only=False).astype(object), "")
    for place in np.flatnonzero(~plain.to_numpy(zero_copy_only=False)).tolist():
        mailboxes[place] = normalise_email(mailboxes[place])
    found: Texts = mailboxes[encoded.indices.to_numpy()]
    return found
