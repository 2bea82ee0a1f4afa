"""From the amounts of a file to ours: quantity × price, columns added or taken off, minor units, signs."""

from __future__ import annotations

from collections.abc import Collection

from gtm.core.money import MINOR_DIGITS
from programs.datasets.contracts import Contract, ContractColumn, Type
from programs.datasets.loading.limits import Options
from programs.datasets.loading.said import Said
from programs.datasets.loading.words import fold

MONEY = Type.MONEY.sql
FRACTION = "a fraction of a minor unit"
UNITS = "written with its currency, as units are, and said to be in minor units"
Values = dict[str, str]
Reasons = list[tuple[str, str]]


def further(said: Said) -> dict[str, tuple[str, ContractColumn]]:
    """Columns of theirs beside the amount: a name for each → its header and how it is read."""
    headers = dict.fromkeys((*said.added, *said.subtracted))
    names = {f"amount__{number}": header for number, header in enumerate(headers)}
    return {name: (header, ContractColumn(name, Type.MONEY, header)) for name, header in names.items()}


def settle_amounts(values: Values, contract: Contract, options: Options, said: Said) -> Reasons:
    """Change ``values`` (ours → SQL) as the options say; returns further reasons to reject a row."""
    reasons: Reasons = []
    read = frozenset(values)
    if "amount" in values and "amount" in contract.money:
        if options.line_items == "price_each":
            reasons.append(
                (f"({values.get('quantity', 'NULL')}) IS NULL", "quantity: missing, and the amount is of one")
            )
            values["amount"] = (
                f"try_cast(({values['amount']}) * ({values.get('quantity', 'NULL')}) AS {MONEY})"
            )
        values["amount"] = _with_further(values, said)
        if "refunded_amount" in contract.by_name and (given_back := _given_back(values, said)):
            values["refunded_amount"] = given_back
    if options.unit == "minor_units":
        reasons += _from_minor_units(values, contract, read)
    if options.unit == "thousands":
        for name in contract.money:
            if name in values:
                values[name] = f"try_cast(({values[name]}) * 1000 AS {MONEY})"
    if options.sign_rule == "flipped":
        for name in (*contract.money, "points"):
            if name in values:
                values[name] = f"-({values[name]})"
    if options.sign_rule == "negative_redeems":
        _signed_points(values)
    return reasons


def _with_further(values: Values, said: Said) -> str:
    amount = values["amount"]
    for name, (header, _) in further(said).items():
        for listed, sign in ((said.added, "+"), (said.subtracted, "-")):
            if header in listed and not (sign == "-" and _is_refund(header)):
                amount = f"({amount}) {sign} coalesce({values[name]}, 0)"
    return f"try_cast({amount} AS {MONEY})"


def _is_refund(header: str) -> bool:
    """What was given back stays known beside the amount: an order of which nothing is left is no purchase."""
    return "refund" in fold(header)


def _given_back(values: Values, said: Said) -> str:
    columns = [
        f"abs(coalesce({values[name]}, 0))"
        for name, (header, _) in further(said).items()
        if header in said.subtracted and _is_refund(header)
    ]
    return f"try_cast({' + '.join(columns)} AS {MONEY})" if columns else ""


def _from_minor_units(values: Values, contract: Contract, read: Collection[str]) -> Reasons:
    """``read``: columns that are columns of the file, and not computed from others."""
    cases = " ".join(
        f"WHEN {values['currency']} IN {codes} THEN {1 / 10**digits:.4f}"
        for digits, codes in MINOR_DIGITS.items()
    )
    factor = f"CASE {cases} ELSE 0.0100 END::DECIMAL(5,4)"
    reasons = []
    for name in contract.money:
        if name in values:
            reasons.append((f"({values[name]}) <> trunc({values[name]})", f"{name}: {FRACTION}"))
            if name in read:
                signed = rf"regexp_matches({name}__text, '[^-+0-9.,()\s]')"
                reasons.append((f"{signed} AND {factor} <> 1", f"{name}: {UNITS}"))
            values[name] = f"try_cast(({values[name]}) * {factor} AS {MONEY})"
    return reasons


def _signed_points(values: Values) -> None:
    """Points below zero leave, whatever they are called; without a name they are redeemed."""
    points = values["points"]
    if "entry" not in values:
        values["entry"] = f"CASE WHEN {points} < 0 THEN 'redeem' ELSE 'issue' END"
        values["points"] = f"abs({points})"
        return
    entry = values["entry"]
    values["points"] = (
        f"CASE {entry} WHEN 'issue' THEN abs({points}) WHEN 'adjust' THEN {points} ELSE -({points}) END"
    )
    values["entry"] = f"CASE WHEN {entry} = 'issue' AND {points} < 0 THEN 'reverse' ELSE {entry} END"
