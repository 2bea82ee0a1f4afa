"""Groups too small to show on their own are merged, and the merger says how many it took."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MergedGroups:
    """``label_of`` every original group; ``members`` per label, biggest first and the merged one last."""

    label_of: Mapping[str, str]
    members: Mapping[str, int]
    merged: tuple[str, ...]


def merge_small_groups(members: Mapping[str, int], *, minimum: int = 30) -> MergedGroups:
    """Merge groups below ``minimum`` members into "other (n groups merged)".

    When those together still stay below the minimum, the next smallest joins them, so that nothing is
    shown, nor follows by subtraction from the total, for fewer than ``minimum`` members.
    """
    if any(count < 0 for count in members.values()):
        raise ValueError("Groups hold counts of members.")
    by_size = sorted(members, key=lambda name: (members[name], name))
    merged: list[str] = []
    total = 0
    for name in by_size:
        if members[name] >= minimum and (not merged or total >= minimum):
            break
        merged.append(name)
        total += members[name]
    kept = sorted(by_size[len(merged) :], key=lambda name: (-members[name], name))
    labels, sizes = {name: name for name in kept}, {name: members[name] for name in kept}
    if merged:
        other = f"other ({len(merged)} group{'s' if len(merged) > 1 else ''} merged)"
        labels |= dict.fromkeys(merged, other)
        sizes[other] = total
    return MergedGroups(labels, sizes, tuple(sorted(merged)))
