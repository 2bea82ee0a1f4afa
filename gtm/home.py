"""Where the code is, and where this installation keeps what it writes.

In a checkout both are its folder. Installed as a package the code is read-only for most, so the rest goes
below ``GTM_HOME``, by default ``.gtm-governance`` in the user's home.
"""

from __future__ import annotations

import os
from pathlib import Path

CODE_DIR = Path(__file__).resolve().parent.parent
IS_CHECKOUT = (CODE_DIR / "manage.py").is_file()
HOME_DIR = Path(
    os.environ.get("GTM_HOME") or (CODE_DIR if IS_CHECKOUT else Path.home() / ".gtm-governance")
).resolve()
VAR_DIR = HOME_DIR / "var"
