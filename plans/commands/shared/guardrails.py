"""Inputs that every command has: how a run is guarded."""

from __future__ import annotations

from plans.schemas.declaration import RETRY_LIMIT
from plans.schemas.inputs import Count

MOST_RETRIES = 2
"""The limit of the runbooks: a run may ask for fewer, never for more."""
RETRIES = Count(
    RETRY_LIMIT,
    "How often a failed step is tried again. Empty: 2",
    minimum=0,
    maximum=MOST_RETRIES,
    flag="retry-limit",
)
