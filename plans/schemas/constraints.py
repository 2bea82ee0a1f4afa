"""Constraints as rules: what a person states, read as one of a few forms, or kept as free text.

A form is written ``name:values`` ("no-expiry:US-CA"), or as one of the plain sentences of its ``english``
("points must not expire in CA"). A sentence that says anything more is no form: it stays free text, which
the system does not check. Several are separated by semicolons, new lines or the ends of sentences.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from plans.schemas.inputs import InputError, Text, nearest

FREE_TEXT = "free-text"
NO_EXPIRY, MIN_EXPIRY, EXPIRY_NOTICE = "no-expiry", "min-expiry", "expiry-notice"
EXCLUDE_REGIONS, EXCLUDE_CATEGORIES, EXCLUDE_PEOPLE = (
    "exclude-regions", "exclude-categories", "exclude-people",
)  # fmt: skip
MIN_AGE, NO_CASH, MAX_BENEFIT, NO_DATA = "min-age", "no-cash", "max-benefit", "no-data"
EXCLUDE_CHANNELS, ONLY_CHANNELS = "exclude-channels", "only-channels"

CHANNELS: Mapping[str, str] = {
    "email": "email", "e-mail": "email", "emails": "email", "sms": "sms", "text message": "sms",
    "text messages": "sms", "push": "push", "push notifications": "push", "in-app": "in-app",
    "in-app messages": "in-app", "phone": "phone", "phone calls": "phone", "mail": "mail", "post": "mail",
    "whatsapp": "whatsapp", "facebook": "facebook", "instagram": "instagram", "tiktok": "tiktok",
    "web": "web", "social": "social", "social media": "social",
}  # fmt: skip
"""How a channel or platform is written → what it is called in a plan."""
DATA: Mapping[str, str] = {
    "purchases": "purchases", "purchase": "purchases", "surveys": "survey_responses",
    "survey": "survey_responses", "survey answers": "survey_responses", "comments": "comments",
    "usage": "usage_events", "product usage": "usage_events", "ledger": "point_ledger",
    "members": "members", "region": "region", "location": "region", "persona": "persona",
    "birth-date": "birth_date", "birth date": "birth_date", "birth dates": "birth_date", "age": "birth_date",
    "health": "health", "religion": "religion", "ethnicity": "ethnicity", "political": "political",
    "biometric": "biometric",
}  # fmt: skip
"""How data are named in a limit on their use → dataset, column, or a kind of data no contract has."""
UNKNOWN_TO_CONTRACTS = frozenset({"health", "religion", "ethnicity", "political", "biometric"})
DAYS_OF = {
    "d": 1,
    "day": 1,
    "days": 1,
    "m": 30,
    "month": 30,
    "months": 30,
    "y": 365,
    "year": 365,
    "years": 365,
}
_QUALIFIERS = frozenset((
    "after", "all", "before", "but", "during", "except", "for", "from", "if", "members", "only", "over",
    "than", "the", "they", "this", "to", "under", "unless", "until", "when", "where", "while", "who",
    "whose", "with", "within", "without",
))  # fmt: skip
"""Words after which a list of names is no plain list any more."""


@dataclass(frozen=True, slots=True)
class Constraint:
    """A stated limit. ``kind`` is its form, or ``FREE_TEXT``; ``amount`` a number of days, years or money."""

    kind: str
    text: str
    names: tuple[str, ...] = ()
    amount: str = ""

    @property
    def is_checked(self) -> bool:
        return self.kind != FREE_TEXT

    @property
    def number(self) -> float:
        return float(self.amount)


@dataclass(frozen=True, slots=True)
class ConstraintForm:
    """How a kind of constraint is written. ``values`` reads what follows the colon, or part of a sentence."""

    kind: str
    example: str
    values: Callable[[str, str], tuple[tuple[str, ...], str]]
    english: tuple[str, ...] = ()
    takes_nothing: bool = False


def _nothing(text: str, currency: str) -> tuple[tuple[str, ...], str]:
    if text:
        raise InputError(f"“{text}” is too much: this form takes no values.")
    return (), ""


def _names(text: str, currency: str = "") -> tuple[tuple[str, ...], str]:
    found = [part.strip().strip("“”\"'") for part in re.split(r",| and | or ", text)]
    for name in found:
        words = name.lower().split()
        if not words or len(words) > 3 or _QUALIFIERS & set(words):
            raise InputError(f"“{name or text}” is no name.")
    return tuple(dict.fromkeys(found)), ""


def _names_or_nothing(text: str, currency: str) -> tuple[tuple[str, ...], str]:
    return _names(text) if text else ((), "")


def _of(known: Mapping[str, str], what: str) -> Callable[[str, str], tuple[tuple[str, ...], str]]:
    def read(text: str, currency: str) -> tuple[tuple[str, ...], str]:
        found = []
        for name in _names(text)[0]:
            if name.lower() not in known:
                raise InputError(f"“{name}” is no {what} the system knows.", sorted(set(known)),
                                 nearest(name, sorted(known)))  # fmt: skip
            found.append(known[name.lower()])
        return tuple(dict.fromkeys(found)), ""

    return read


def _days(text: str, currency: str) -> tuple[tuple[str, ...], str]:
    match = re.fullmatch(r"([1-9]\d{0,4}) ?(d|days?|m|months?|y|years?)", text.lower())
    if match is None:
        raise InputError(f"“{text}” is no length of time; write it like 30d, 24m or 2y.")
    number, unit = int(match[1]), match[2]
    whole_years = number // 12 * 365 + number % 12 * 30
    return (), str(whole_years if unit.startswith("m") else number * DAYS_OF[unit])


def _age(text: str, currency: str) -> tuple[tuple[str, ...], str]:
    if not re.fullmatch(r"[1-9]\d?", text):
        raise InputError(f"“{text}” is no age in years.")
    return (), text


def _money(text: str, currency: str) -> tuple[tuple[str, ...], str]:
    match = re.fullmatch(r"([$€£]?)\s?(\d[\d,]*(?:\.\d+)?)\s?([a-z]{3})?", text.lower())
    try:
        amount = Decimal(match[2].replace(",", "")) if match else Decimal(0)
    except InvalidOperation:
        amount = Decimal(0)
    if match is None or amount <= 0:
        raise InputError(f"“{text}” is no amount; write it like 50.")
    stated = (match[3] or "").upper() or {"$": "USD", "€": "EUR", "£": "GBP"}.get(match[1], currency)
    if currency and stated != currency:
        raise InputError(f"the program runs in {currency}, but “{text}” is in {stated}.", (currency,))
    return (), format(amount, "f")


_POINTS = "(?:points|member points|loyalty points)"
_NEVER = "(?:must|may|can|shall|should|do|will) ?(?:not|never)|never|cannot|don't"
_LAPSE = "(?:expire|lapse)"
_REGION = r"[a-z]{2}(?:-[a-z0-9]{1,3})?"
_TIME = r"(?P<value>\d+ (?:days|months?|years?))"
FORMS: tuple[ConstraintForm, ...] = (
    ConstraintForm(NO_EXPIRY, "no-expiry:US-CA", _names_or_nothing, (
        rf"{_POINTS} (?:{_NEVER}) {_LAPSE}(?: in (?P<value>.+))?",
        rf"no (?:point )?(?:expiry|expiration)(?: of {_POINTS})?(?: in (?P<value>.+))?",
    ), takes_nothing=True),
    ConstraintForm(MIN_EXPIRY, "min-expiry:24m", _days, (
        rf"{_POINTS} (?:must |shall )?(?:be|stay|remain) valid for at least {_TIME}",
        rf"{_POINTS} (?:{_NEVER}) {_LAPSE} (?:before|within) {_TIME}",
    )),
    ConstraintForm(EXPIRY_NOTICE, "expiry-notice:30d", _days, (
        rf"(?:at least )?{_TIME}['’]? notice before (?:{_POINTS} {_LAPSE}|expiry|expiration)",
        rf"members (?:must|shall) be (?:told|warned|notified|reminded) (?:at least )?{_TIME} before "
        rf"(?:their )?{_POINTS} {_LAPSE}",
    )),
    ConstraintForm(EXCLUDE_REGIONS, "exclude-regions:CA-QC", _names, (
        r"(?:the program is )?not (?:available|offered|valid) in (?P<value>.+)",
        r"(?:no|exclude) members (?:in|from) (?P<value>.+)",
        rf"not in (?P<value>{_REGION}(?:(?:,| or| and)+ *{_REGION})*)",
        r"exclude (?:the )?regions? (?P<value>.+)",
    )),
    ConstraintForm(EXCLUDE_CATEGORIES, "exclude-categories:alcohol,tobacco", _names, (
        rf"no (?:{_POINTS}|rewards) on (?P<value>.+)",
        r"exclude (?:the )?categor(?:y|ies) (?P<value>.+)",
    )),
    ConstraintForm(EXCLUDE_PEOPLE, "exclude-people:employees", _names, (
        r"exclude (?P<value>employees|staff)",
        r"(?P<value>employees|staff) (?:are excluded|may not join|cannot join|must not join)",
    )),
    ConstraintForm(MIN_AGE, "min-age:18", _age, (
        r"(?:members must be |only members )?(?P<value>\d+) (?:years )?(?:or|and) (?:older|over)",
        r"(?:no|exclude) (?:members|people|persons) under (?P<value>\d+)",
        r"(?P<value>\d+)\+ only",
    )),
    ConstraintForm(EXCLUDE_CHANNELS, "exclude-channels:sms", _of(CHANNELS, "channel"), (
        r"(?:no|do not use|don't use|never use) (?P<value>.+)",
    )),
    ConstraintForm(ONLY_CHANNELS, "only-channels:email,in-app", _of(CHANNELS, "channel"), (
        r"(?P<value>.+) only",
        r"only (?:by |use |via )?(?P<value>.+)",
    )),
    ConstraintForm(NO_CASH, "no-cash", _nothing, (
        r"no cash (?:redemptions?|out|payouts?|rewards?)",
        rf"{_POINTS} (?:(?:must|may|can) ?not|cannot) be (?:redeemed|exchanged|paid out) (?:for|in|as) cash",
    ), takes_nothing=True),
    ConstraintForm(MAX_BENEFIT, "max-benefit:50", _money, (
        r"benefits? (?:value |worth |of )?(?:must be |is |are )?(?:at most|no more than|up to) "
        r"(?P<value>\S+(?: [a-z]{3})?)(?: (?:per|a) member(?: (?:and|per|a) year)?)?",
        r"no benefit (?:above|over|worth more than) (?P<value>\S+(?: [a-z]{3})?)",
    )),
    ConstraintForm(NO_DATA, "no-data:surveys", _of(DATA, "kind of data"), (
        r"(?:no use of|do not use|don't use|never use|no) (?P<value>.+) data",
    )),
)  # fmt: skip
"""All forms; a sentence is the first whose pattern and values it fits."""
ALIASES = {"exclude-platforms": EXCLUDE_CHANNELS, "only-platforms": ONLY_CHANNELS}
_BY_NAME = {form.kind: form for form in FORMS}
EXAMPLES = tuple(form.example for form in FORMS)
_TYPED = re.compile(r"(?P<name>[a-z]+(?:-[a-z]+)+)(?:\s*:\s*(?P<value>.*))?", re.IGNORECASE | re.DOTALL)


def read_constraints(text: str, currency: str = "") -> list[Constraint]:
    """Each constraint of a text. Raises InputError for a form that is misspelled or wrongly filled."""
    return [_read(part, currency) for part in _parts(text)]


def _parts(text: str) -> list[str]:
    parts = re.split(r"[;\n]+|(?<=\w\w)\.\s+(?=[A-Z])", text)
    return [part.strip() for part in parts if part.strip(" .")]


def _read(part: str, currency: str) -> Constraint:
    if (typed := _TYPED.fullmatch(part)) and (form := _form_named(typed["name"].lower(), part)):
        value = (typed["value"] or "").strip()
        if not value and not form.takes_nothing:
            raise InputError(f"“{part}” names nothing; write it like {form.example}.", EXAMPLES)
        try:
            names, amount = form.values(value, currency)
        except InputError as error:
            message = f"“{part}” cannot be read: {error.message} Write it like {form.example}."
            raise InputError(message, error.allowed or EXAMPLES, error.nearest) from error
        return Constraint(form.kind, part, names, amount)
    return _from_english(part, currency) or Constraint(FREE_TEXT, part)


def _form_named(name: str, part: str) -> ConstraintForm | None:
    """The form; None where the part is text. Raises InputError where it was meant to be a form."""
    form = _BY_NAME.get(ALIASES.get(name, name))
    names = [*_BY_NAME, *ALIASES]
    close = nearest(name, names)
    if form is None and (re.match(r"[A-Za-z-]+:\S", part) or (close and ":" in part)):
        raise InputError(f"there is no constraint form “{name}”.", EXAMPLES, close)
    return form


def _from_english(part: str, currency: str) -> Constraint | None:
    sentence = " ".join(part.rstrip(" .!").split())
    for form in FORMS:
        for pattern in form.english:
            match = re.fullmatch(pattern, sentence, re.IGNORECASE)
            if match is None:
                continue
            try:
                names, amount = form.values(match.groupdict().get("value") or "", currency)
            except InputError:
                continue  # it says more than the form: another form may fit, or it is free text
            return Constraint(form.kind, part, names, amount)
    return None


@dataclass(frozen=True, slots=True)
class ConstraintText(Text):
    """Constraints as forms, plain sentences and free text; a plan keeps them as they were written."""

    def read(self, raw: Any, facts: Mapping[str, Any]) -> str:
        if isinstance(raw, list) and all(isinstance(one, str) for one in raw):
            raw = "; ".join(raw)
        text = Text.read(self, raw, facts)
        read_constraints(text, str(facts.get("currency", "")))
        return text


def stated_in(inputs: Mapping[str, Any], currency: str = "") -> list[Constraint]:
    """The constraints of a run's inputs; what an earlier run took as text and is no form now is free text."""
    text = inputs.get("constraints")
    return [_read_or_keep(part, currency) for part in _parts(text)] if isinstance(text, str) else []


def _read_or_keep(part: str, currency: str) -> Constraint:
    try:
        return _read(part, currency)
    except InputError:
        return Constraint(FREE_TEXT, part)


def of_kind(constraints: Sequence[Constraint], *kinds: str) -> list[Constraint]:
    return [one for one in constraints if one.kind in kinds]
