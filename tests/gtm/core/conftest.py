"""The demo organisation, for what is tested on it."""

from tests.doors import built

__all__ = ["built"]
