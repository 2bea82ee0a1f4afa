"""What a change of a program's currency does, said before anybody makes it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gtm.core.money import is_currency
from programs.datasets import CONTRACTS
from programs.models import Approver, Dataset, Program
from programs.selectors import latest_datasets

WITH_AMOUNTS = tuple(kind for kind, contract in CONTRACTS.items() if contract.money)


@dataclass(frozen=True, slots=True)
class CurrencyChange:
    """``refused_by``: what must be settled or restated first. ``keeps``: what stays, and what follows."""

    currency: str
    refused_by: tuple[str, ...]
    keeps: tuple[str, ...]


def change_of_currency(program: Program) -> CurrencyChange:
    """For a change from the currency that is stored to any other."""
    return CurrencyChange(program.currency, tuple(program.ties_to_currency()), tuple(_kept(program)))


def _kept(program: Program) -> Iterator[str]:
    was = program.currency
    found = [codes for data in latest_datasets(program, WITH_AMOUNTS) if (codes := currencies_of(data))]
    if found:
        codes = " and ".join(sorted(set().union(*found)))
        yield (
            f"Amounts of {len(found)} current datasets stay in {codes}. Commands convert them to the new "
            "currency, each at the rate of its own day, and refuse amounts that have no rate."
        )
    if over := program.plans.filter(finished_at__isnull=False).count():
        yield f"{over} plans that are over keep their figures in {was}; later ones do not compare with them."
    if limits := Approver.objects.filter(limit_amount__isnull=False, limit_currency=was).count():
        yield (
            f"{limits} approvers have limits in {was}, which do not reach amounts in another currency: give "
            "them limits in the new one."
        )
    if budgets := program.campaigns.filter(currency=was, budget__gt=0).count():
        yield f"{budgets} campaigns keep their budgets in {was}."


def currencies_of(dataset: Dataset) -> set[str]:
    """The currencies that the rows of a dataset are in, as far as its answer and its statistics say."""
    ends = (dataset.profile.get("currency") or {}).values()
    sums = ((dataset.answer.get("change") or {}).get("after") or {}).get("sums") or {}
    units = [*ends, *(unit for found in sums.values() for unit in found)]
    return {unit for unit in units if isinstance(unit, str) and is_currency(unit)}
