"""A whole split over segments of members so that the parts add up to it, to the cent."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Decimal

CENT = Decimal("0.01")


def to_cents(amount: float) -> Decimal:
    return Decimal(repr(float(amount))).quantize(CENT, ROUND_HALF_EVEN)


def split_exactly(whole: Decimal, weights: Sequence[float]) -> list[Decimal]:
    """``whole``, in cents, in proportion to ``weights``; what rounding leaves goes to the largest remainders.

    Equal parts where nobody weighs anything.
    """
    total = sum(weights)
    shares = [w / total for w in weights] if total > 0 else [1 / len(weights)] * len(weights)
    cents = int(whole / CENT)
    sign, count = (-1, -cents) if cents < 0 else (1, cents)
    exact = [share * count for share in shares]
    found = [int(part) for part in exact]
    order = sorted(range(len(exact)), key=lambda n: (-(exact[n] - found[n]), n))
    left = count - sum(found)
    step = 1 if left >= 0 else -1
    for n in range(abs(left)):
        found[order[n % len(order)]] += step
    return [sign * part * CENT for part in found]
