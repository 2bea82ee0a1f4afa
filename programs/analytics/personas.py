"""A whole split over segments of members so that the parts add up to it, to the coin."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal


def to_coins(amount: float, digits: int = 2) -> Decimal:
    """An amount in whole coins of a currency with ``digits`` decimals, half to even."""
    return round(Decimal(repr(float(amount))), digits)


def split_exactly(whole: Decimal, weights: Sequence[float], digits: int = 2) -> list[Decimal]:
    """``whole``, in coins of ``digits`` decimals, in proportion to ``weights``.

    What rounding leaves goes to the largest remainders. Equal parts where nobody weighs anything.
    """
    total = sum(weights)
    shares = [w / total for w in weights] if total > 0 else [1 / len(weights)] * len(weights)
    coin = Decimal(1).scaleb(-digits)
    coins = int(whole / coin)
    sign, count = (-1, -coins) if coins < 0 else (1, coins)
    exact = [share * count for share in shares]
    found = [int(part) for part in exact]
    order = sorted(range(len(exact)), key=lambda n: (-(exact[n] - found[n]), n))
    left = count - sum(found)
    step = 1 if left >= 0 else -1
    for n in range(abs(left)):
        found[order[n % len(order)]] += step
    return [sign * part * coin for part in found]
