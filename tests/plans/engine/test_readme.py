"""The engine's README names every room and every module, and none that is not there."""

from __future__ import annotations

import re
from pathlib import Path

ENGINE = Path(__file__).parents[3] / "plans" / "engine"


def test_the_readme_lists_every_room_and_every_module():
    table = (ENGINE / "README.md").read_text(encoding="utf-8")
    listed, room = set(), ""
    for cells in re.findall(r"^\| (.*?) ?\| (.*?) ?\| .+ \|$", table, flags=re.M):
        if found := re.fullmatch(r"\*\*`(\w+)/`\*\*", cells[0]):
            room = f"{found[1]}/"
        elif found := re.fullmatch(r"`(\w+\.py)`", cells[1]):
            listed.add(room + found[1])
    there = {str(path.relative_to(ENGINE)) for path in ENGINE.rglob("*.py") if path.name != "__init__.py"}
    assert listed == there
