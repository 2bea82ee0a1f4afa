"""The doors are tested on the demo organisation."""

from tests.doors import as_, ops, plan, purchases, site

__all__ = ["as_", "ops", "plan", "purchases", "site"]
