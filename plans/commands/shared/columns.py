"""What a query answered, as arrays to compute with."""

from __future__ import annotations

from typing import Any

import numpy as np


def columns(table: Any) -> dict[str, np.ndarray]:
    """Numeric columns of an Arrow table as float arrays; others are left out."""
    found = {}
    for name in table.column_names:
        values = table.column(name)
        if str(values.type).startswith(("int", "uint", "float", "double", "decimal")):
            found[name] = np.asarray(values.cast("double").to_numpy(zero_copy_only=False), dtype=float)
    return found
