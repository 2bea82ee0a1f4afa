"""SQL that turns the text of a cell into a typed value and, where it cannot, into a reason.

Their text never becomes SQL: cells are ``c0 … cN``, names are ours, and everything said by the person
loading is a bound parameter.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from programs.datasets.contracts import ContractColumn, Type
from programs.datasets.loading.conventions import (
    COUNTED_DAYS,
    ISO,
    ISO_ZONED,
    ZONED,
    ZONES,
    Convention,
    formats,
)
from programs.datasets.loading.currencies import CODES, SIGNS
from programs.datasets.loading.limits import Limits, Options

NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?$"
GROUPED = {  # by thousands, and in India by hundreds above the first thousand
    ".": r"^[+-]?(\d{1,3}(,\d{3})+|\d{1,2}(,\d{2})+,\d{3})(\.\d*)?$",
    ",": r"^[+-]?\d{1,3}(\.\d{3})+(,\d*)?$",
}
EARLY = "before 1900; a year needs four digits"
NO_DATE = "what programs write where they know no date"
NO_DAYS = "(DATE '1899-12-30', DATE '1899-12-31', DATE '1900-01-01', DATE '1970-01-01')"
"""The first days that spreadsheets and computers count from. A period may begin on the last of them."""
SHORTENED = "shortened by a spreadsheet, so that it may be of several; export identifiers as text"
LONGEST_FIRST = sorted(SIGNS, key=len, reverse=True)
TRUE = ("true", "t", "yes", "y", "1")
FALSE = ("false", "f", "no", "n", "0")
MISSING = ("NULL", "null", "Null", "nan", "NaN", "N/A", "n/a", "None", "-", "\\N", "#N/A")
"""What exports write where there is nothing. "NA" is not among them: it is Namibia, and North America."""
NOBODY = ("0", "-1", "guest", "anonymous", "unknown", "undefined", "walk-in", "walk in", "(not set)")
"""What shops write for a buyer without an account: many people, not one customer."""
PEOPLE = ("member_id", "referee_customer_id", "person_id")
TOTAL = (
    r"^((grand |sub-? ?|net |overall |report )?totals?|(gesamt|end|zwischen)?summe|totaal|totale|sum)"
    r"( \(.*\)| (for|of|in|für|per) .*| (jan|feb|m[aä]r|apr|ma[yi]|jun|jul|aug|sep|o[ck]t|nov|de[cz])"
    r"[a-zä]*( \d{4})?| q[1-4].*| \d{4})?:?$|^(sub-? ?totals?|zwischensummen?|grand totals?)\b"
)


COUNTED = {
    "excel": (86_400_000_000, "1899-12-30"),
    "unix": (1_000_000, "1970-01-01"),
    "unix_ms": (1_000, "1970-01-01"),
}  # fmt: skip
"""Dates that are numbers: microseconds of one, and the moment they count from."""


@dataclass(slots=True)
class Parameters:
    """Bound values of a statement, named as they come."""

    values: dict[str, Any] = field(default_factory=dict)

    def bind(self, value: Any) -> str:
        name = f"p{len(self.values)}"
        self.values[name] = value
        return f"${name}"


@dataclass(frozen=True, slots=True)
class ConversionTerms:
    """What conversion is told: ``words`` of theirs by column of ours, and ids that are ``nobody``."""

    options: Options
    limits: Limits
    words: dict[str, dict[str, str]] = field(default_factory=dict)
    nobody: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Converted:
    """``steps``: columns to compute first; ``value``: the typed value; ``reasons``: condition → words."""

    value: str
    reasons: tuple[tuple[str, str], ...] = ()
    steps: tuple[tuple[str, str], ...] = ()


def convert(
    column: ContractColumn,
    cell: str,
    how: Convention,
    told: ConversionTerms,
    bind: Parameters,
) -> Converted:
    """The conversion of one column of one file."""
    options = told.options
    text = f"{column.name}__text"
    visible = (
        f"regexp_replace(nfc_normalize({cell}), '[\\x{{200B}}-\\x{{200D}}\\x{{2060}}\\x{{FEFF}}]', '', 'g')"
    )
    written = f"nullif(trim({visible}), '')"
    known = f"CASE WHEN list_contains({bind.bind(list(MISSING))}, {written}) THEN NULL ELSE {written} END"
    first = (text, _translated(known, told.words.get(column.name, {}), bind))
    if column.type is Type.TEXT:
        found = _text(column, text, told, bind)
    elif column.type in (Type.INTEGER, Type.DECIMAL, Type.MONEY):
        found = _number(column, text, how, bind)
    elif column.type in (Type.TIMESTAMP, Type.DATE):
        found = _time(column, text, how, options, bind)
    elif column.type is Type.BOOLEAN:
        found = Converted(
            f"CASE WHEN lower({text}) IN {TRUE} THEN true WHEN lower({text}) IN {FALSE} THEN false END",
            ((f"lower({text}) NOT IN {TRUE + FALSE}", "not yes or no"),),
        )
    elif column.type is Type.CURRENCY:
        found = Converted(
            f"upper({text})",
            ((f"upper({text}) NOT IN {tuple(sorted(CODES))}", "not an ISO 4217 currency code"),),
        )
    else:
        allowed = bind.bind(list(column.allowed))
        value = f"regexp_replace(lower({text}), '[ -]+', '_', 'g')"
        if column.words:
            words, meanings = (bind.bind(list(side)) for side in zip(*column.words, strict=True))
            value = f"coalesce({meanings}[list_position({words}, {value})], {value})"
        reason = f"not one of {', '.join(column.allowed)}"
        found = Converted(value, ((f"NOT list_contains({allowed}, {value})", reason),))
    reasons = found.reasons
    if column.required:
        reasons = ((f"{text} IS NULL", "missing"), *reasons)
    return Converted(found.value, reasons, (first, *found.steps))


def _translated(text: str, words: dict[str, str], bind: Parameters) -> str:
    """Words of theirs as ours; a word that means nothing ("") is missing."""
    if not words:
        return text
    place = f"list_position({bind.bind(list(words))}, lower({text}))"
    return f"nullif(coalesce({bind.bind(list(words.values()))}[nullif({place}, 0)], {text}), '')"


def _text(column: ContractColumn, text: str, told: ConversionTerms, bind: Parameters) -> Converted:
    """Names of people and things are one however a spreadsheet wrote them: 17850.0 is 17850."""
    reasons = [(f"length({text}) > {told.limits.text_length}", "too long")]
    if not column.name.endswith("_id"):
        return Converted(text, tuple(reasons))
    total = f"regexp_matches(lower({text}), {bind.bind(TOTAL)})"
    reasons.append((total, "looks like a line of totals, not like somebody"))
    reasons.append((f"regexp_matches({text}, '^[0-9][.,][0-9]+[eE][+][0-9]+$')", SHORTENED))
    value = f"regexp_replace({text}, '^([0-9]+)\\.0+$', '\\1')"
    if column.personal:
        value = _one_id(value, told.options.id_rule)
    if column.several:
        each = _one_id("regexp_replace(trim(x), '^([0-9]+)\\.0+$', '\\1')", told.options.id_rule)
        people = f"list_transform(string_split_regex({text}, '[;|]'), lambda x: {each})"
        people = f"list_sort(list_distinct(list_filter({people}, lambda x: x <> '')))"
        value = (
            f"CASE WHEN regexp_matches({text}, '[;|]') THEN array_to_string({people}, ';') ELSE {value} END"
        )
    if column.name in PEOPLE:
        nobody = bind.bind([*NOBODY, *told.nobody])
        value = f"CASE WHEN list_contains({nobody}, lower({value})) THEN NULL ELSE {value} END"
    if column.required:
        reasons.append((f"{text} IS NOT NULL AND ({value}) IS NULL", "stands for nobody in particular"))
    return Converted(value, tuple(reasons))


def _one_id(value: str, rule: str) -> str:
    """An identifier of a person as it is compared: e-mails without case, the rest by the rule of the load."""
    if rule == "lower":
        return f"lower({value})"
    if rule == "digits":
        return f"nullif(regexp_replace({value}, '[^0-9]', '', 'g'), '')"
    if rule == "no_leading_zeros":
        short = f"coalesce(nullif(ltrim({value}, '0'), ''), '0')"
        value = f"CASE WHEN regexp_full_match({value}, '[0-9]+') THEN {short} ELSE {value} END"
    address = f"regexp_extract(lower({value}), '([^<>:\\s]+@[^<>\\s]+)', 1)"
    mail = f"coalesce(nullif({address}, ''), lower({value}))"
    return f"CASE WHEN contains({value}, '@') THEN {mail} ELSE {value} END"


def _number(column: ContractColumn, text: str, how: Convention, bind: Parameters) -> Converted:
    name = column.name
    plain, number = f"{name}__plain", f"{name}__number"
    thousands = "." if how.decimal == "," else ","
    bare = f"replace(regexp_replace({text}, '[\\s\\x{{00a0}}\\x{{202f}}'']', '', 'g'), '−', '-')"
    if column.type is Type.MONEY:
        signs = bind.bind("|".join(["(?i:" + "|".join(sorted(CODES)) + ")", *map(_escaped, LONGEST_FIRST)]))
        around = f"'^([+-]?)\\(?(' || {signs} || ')?(.*?)(' || {signs} || ')?\\)?$'"
        bare = f"regexp_replace({bare}, {around}, '\\1\\3')"
        negative = f"starts_with({text}, '(') AND ends_with({text}, ')')"
        bare = f"CASE WHEN {negative} THEN '-' || {bare} ELSE {bare} END"
    bare = f"CASE WHEN {_digits_only(text)} THEN {text} ELSE {bare} END"
    # An accountant's minus stands behind, or is a credit.
    bare = f"regexp_replace({bare}, '^([0-9.,]+)(-|(?i:CR))$', '-\\1')"
    bare = f"regexp_replace({bare}, '^([0-9.,]+)(?i:DR)$', '\\1')"
    grouped = f"regexp_matches({plain}, {bind.bind(GROUPED[how.decimal])})"
    ungrouped = f"CASE WHEN {grouped} THEN replace({plain}, '{thousands}', '') ELSE {plain} END"
    dotted = f"replace({ungrouped}, ',', '.')" if how.decimal == "," else ungrouped
    if how.decimal == ",":  # a point that groups nothing is no decimal separator here
        dotted = f"CASE WHEN contains({ungrouped}, '.') THEN 'x' ELSE {dotted} END"
    steps = [(plain, bare), (number, dotted)]
    shaped = f"regexp_matches({number}, {bind.bind(NUMBER)})"
    if column.type is Type.INTEGER:
        whole = f"regexp_matches({number}, '^[+-]?\\d+(\\.0*)?$')"
        value = f"CASE WHEN {whole} THEN try_cast(split_part({number}, '.', 1) AS BIGINT) END"
        reasons = [
            (f"NOT {shaped}", "not a number"),
            (f"{shaped} AND NOT {whole}", "not a whole number"),
            (f"{whole} AND {value} IS NULL", "too large"),
        ]
    else:
        exact = f"try_cast({number} AS DECIMAL(38,18))"
        value = f"try_cast({exact} AS DECIMAL(18,4))"
        reasons = [
            (f"NOT {shaped}", "not a number"),
            (f"{shaped} AND {value} IS NULL", "too large"),
            (f"{exact} <> {value}", "more than 4 decimals"),
        ]
    if column.minimum is not None:
        reasons.append((f"{value} < {column.minimum}", f"below {column.minimum}"))
    if column.maximum is not None:
        reasons.append((f"{value} > {column.maximum}", f"above {column.maximum}"))
    return Converted(value, tuple(reasons), tuple(steps))


def money_currency(cell: str) -> tuple[str, str]:
    """(SQL of the ISO code written in an amount or null, SQL of the sign written in it or null)."""
    codes = "|".join(sorted(CODES))
    letters = f"upper(nullif(regexp_extract({cell}, '(?i)(^|[^a-z])({codes})($|[^a-z])', 2), ''))"
    cases = " ".join(f"WHEN contains({cell}, '{sign}') THEN '{sign}'" for sign in LONGEST_FIRST)
    return (
        f"CASE WHEN NOT {_digits_only(cell)} THEN {letters} END",
        f"CASE WHEN NOT {_digits_only(cell)} THEN CASE {cases} END END",
    )


def _digits_only(cell: str) -> str:
    """Most amounts are bare numbers; asking first spares them the costlier patterns."""
    return f"regexp_full_match({cell}, '[-0-9.,]*')"


def _escaped(sign: str) -> str:
    return sign.replace("$", r"\$")


def _time(
    column: ContractColumn, text: str, how: Convention, options: Options, bind: Parameters
) -> Converted:
    if how.date_order in COUNTED:
        return _counted(column, text, how.date_order, options, bind)
    name = column.name
    naive, zoned = f"{name}__naive", f"{name}__zoned"
    iso, iso_zoned = bind.bind(ISO), bind.bind(ISO_ZONED)
    other = bind.bind(formats(how.date_order))
    # DuckDB reads an offset only after seconds, without a space, and with a colon.
    offset = f"regexp_replace({text}, ' ?([+-]\\d\\d):?(\\d\\d)$', '\\1:\\2')"
    seconds = f"regexp_replace({offset}, '^(.{{10}}[T ]\\d\\d:\\d\\d) ?(Z|UTC|[+-])', '\\1:00\\2')"
    # A time of another form, or with the short name of a zone: its zone is taken off, and then from it.
    shape, names, hours = bind.bind(ZONED), bind.bind(list(ZONES)), bind.bind(list(ZONES.values()))
    body, ending = (f"regexp_extract({text}, {shape}, {group})" for group in (1, 2))
    minutes = (
        f"coalesce(60 * {hours}[list_position({names}, {ending})], "
        f"try_cast({ending}[1:1] || '1' AS INTEGER) * "
        f"(60 * try_cast({ending}[2:3] AS INTEGER) + try_cast(right({ending}, 2) AS INTEGER)))"
    )
    stripped = f"coalesce(try_strptime({body}, {other}), try_cast({body} AS TIMESTAMP))"
    away = f"timezone('UTC', {stripped} - to_minutes({minutes}))"
    # What was read with its zone is not tried in all the forms without one: 28 of them cost 24 µs a row.
    steps = [
        (
            zoned,
            f"CASE WHEN regexp_matches({text}, {iso_zoned}) THEN try_cast({seconds} AS TIMESTAMPTZ) "
            f"WHEN regexp_matches({text}, {shape}) THEN {away} END",
        ),
        (
            naive,
            f"CASE WHEN {zoned} IS NOT NULL THEN NULL "
            f"WHEN regexp_matches({text}, {iso}) THEN try_cast(replace({text}, ',', '.') AS TIMESTAMP) "
            f"ELSE try_strptime({text}, {other}) END",
        ),
    ]
    if column.type is Type.DATE:
        midnight = f"{naive} = date_trunc('day', {naive})"
        reasons = [
            (f"{text} IS NOT NULL AND {naive} IS NULL", "not a date"),
            (f"NOT ({midnight})", "a time where a date is expected"),
            (f"{naive} < DATE '1900-01-01'", EARLY),
        ]
        return Converted(f"CAST({naive} AS DATE)", tuple(reasons), tuple(steps))
    where = how.zone or options.time_zone
    home = options.home_zone or options.time_zone
    zone, day_only = bind.bind(where), f"NOT contains({text}, ':')"
    local = f"timezone({zone}, {naive})"
    at = local
    if home != where:  # a date without a time is a day of the program's
        at = f"CASE WHEN {day_only} THEN timezone({bind.bind(home)}, {naive}) ELSE {local} END"
    value = f"coalesce({zoned}, {at})"
    reasons = [
        (f"{text} IS NOT NULL AND {zoned} IS NULL AND {naive} IS NULL", "not a date or time"),
        (  # a day whose midnight does not exist begins with its first moment
            f"{zoned} IS NULL AND {naive} <> date_trunc('day', {naive}) "
            f"AND timezone({zone}, {local}) <> {naive}",
            f"does not exist in {where}: the clocks went forward over it",
        ),
        *_possible(column, value, f"coalesce({naive}, timezone('UTC', {zoned}))", options, bind),
    ]
    return Converted(value, tuple(reasons), tuple(steps))


def _possible(
    column: ContractColumn, value: str, day: str, options: Options, bind: Parameters
) -> list[tuple[str, str]]:
    """Reasons against a time: ``value`` in the world, ``day`` as it is written."""
    none = f"CAST({day} AS DATE) IN {NO_DAYS}"
    reasons = [(none, NO_DATE), (f"{value} < TIMESTAMPTZ '1900-01-01' AND NOT {none}", EARLY)]
    if column.past:
        # A day's grace: files come from clocks and zones ahead of ours.
        now = bind.bind(options.now.isoformat())
        reasons.append((f"{value} > CAST({now} AS TIMESTAMPTZ) + INTERVAL 1 DAY", "in the future"))
    return reasons


def _counted(
    column: ContractColumn, text: str, counted: str, options: Options, bind: Parameters
) -> Converted:
    """A date that is a number: days of a spreadsheet are local, seconds since 1970 are not."""
    number = f"try_cast({text} AS DECIMAL(24, 9))"
    naive = f"{column.name}__naive"
    micros, since = COUNTED[counted]
    shaped = f"regexp_matches({text}, {bind.bind(COUNTED_DAYS[counted][1])})"
    moved = f"TIMESTAMP '{since}' + to_microseconds(CAST(round({number} * {micros}) AS BIGINT))"
    steps = ((naive, f"CASE WHEN {shaped} THEN {moved} END"),)
    unread = (f"{text} IS NOT NULL AND {naive} IS NULL", f"not {COUNTED_DAYS[counted][0]}")
    if column.type is Type.DATE:
        return Converted(f"CAST({naive} AS DATE)", (unread,), steps)
    zone = options.time_zone if counted == "excel" else "UTC"
    if counted == "excel" and options.home_zone:
        home = f"timezone({bind.bind(options.home_zone)}, {naive})"
        value = f"CASE WHEN contains({text}, '.') THEN timezone({bind.bind(zone)}, {naive}) ELSE {home} END"
    else:
        value = f"timezone({bind.bind(zone)}, {naive})"
    return Converted(value, (unread, *_possible(column, value, naive, options, bind)), steps)
