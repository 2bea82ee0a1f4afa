"""Shares as people read them, in sentences, tables and workbooks alike."""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Decimal


def percent_text(share: float | Decimal, digits: int = 1, *, signed: bool = False) -> str:
    """0.1735 → "17.4 %". A tie is rounded away from zero, as spreadsheets do, and decided by the number as
    it is written: in binary, a hundred times 0.1735 is a little less than 17.35. ``signed``: a rise has a
    plus. What has no bound is "∞ %".
    """
    if math.isinf(share):
        return f"{'-' if share < 0 else '+' if signed else ''}∞ %"
    percents = (Decimal(str(share)) * 100).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP) + 0
    return f"{percents:{'+' if signed else ''},.{digits}f} %"
