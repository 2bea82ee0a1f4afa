"""Which code computes here: one digest of our own modules, of Python, and of the libraries that compute.

A result that is computed again with the same digest must be the same. With another one it may differ.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
from functools import cache

from gtm.home import CODE_DIR

FOLDERS = ("gtm", "programs", "plans")
NO_PART = frozenset({"migrations", "static", "templates"})
LIBRARIES = ("numpy", "scipy", "duckdb", "pyarrow", "django", "celery")


@cache
def versions() -> dict[str, str]:
    """Library → version, and that of Python."""
    found = {name: importlib.metadata.version(name) for name in LIBRARIES}
    return {"python": platform.python_version(), **found}


@cache
def digest() -> str:
    """SHA-256, hexadecimal, of every module of ours and of the versions; read once in a process."""
    made = hashlib.sha256(repr(sorted(versions().items())).encode())
    for folder in FOLDERS:
        for path in sorted((CODE_DIR / folder).rglob("*.py")):
            name = path.relative_to(CODE_DIR)
            if not NO_PART & {*name.parts}:
                content = path.read_bytes()
                made.update(f"\0{name.as_posix()}\0{len(content)}\0".encode() + content)
    return made.hexdigest()
