"""The doors are tested on the demo organisation."""

from tests.doors import as_, built, ops, plan, purchases, site

__all__ = ["as_", "built", "ops", "plan", "purchases", "site"]
