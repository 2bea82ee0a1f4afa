"""Libraries and modules that are large, and loaded when they are first used instead of when the site starts.

Web, scheduler and control worker hold in memory only what they use. A module that needs such a library in a
few of its functions writes::

    if TYPE_CHECKING:
        import openpyxl
    else:
        openpyxl = later("openpyxl")

so that type checker and import contracts see the import, and a process that never draws a workbook does not
pay for it.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any


class Later(ModuleType):
    """Stands in for a module; the first attribute asked of it imports the module."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)  # who only looks what kind of module this is must not load it
        return getattr(import_module(self.__name__), name)


def later(name: str) -> Any:
    """The module ``name``, imported when it is first used."""
    return Later(name)
