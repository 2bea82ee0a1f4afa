"""The input kind of alert thresholds: ``--alert_threshold "conversion<0.05,fraud_rate>0.03"``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from plans.schemas.inputs import MAX_TEXT, Input, InputError
from programs.analytics.thresholds import InvalidThresholds, parse_thresholds


@dataclass(frozen=True, slots=True)
class Thresholds(Input):
    """Rules on ``metrics``, kept as the line that reproduces them."""

    metrics: tuple[str, ...] = ()

    def read(self, raw: Any, facts: Mapping[str, Any]) -> str:
        text = ",".join(map(str, raw)) if isinstance(raw, list) else str(raw)
        if len(text) > MAX_TEXT:
            raise InputError(f"at most {MAX_TEXT} characters, these are {len(text)}.")
        try:
            return ",".join(map(str, parse_thresholds(text, self.metrics)))
        except InvalidThresholds as error:
            raise InputError(str(error), self.metrics) from error

    def json_schema(self) -> dict[str, Any]:
        return {"anyOf": [{"type": "string", "minLength": 1, "maxLength": MAX_TEXT},
                          {"type": "array", "items": {"type": "string"}}]}  # fmt: skip
