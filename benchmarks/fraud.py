"""The risk review on made-up worlds whose truth is known: what it finds, whom it accuses, what signs add.

``PYTHONPATH=. python benchmarks/fraud.py [seeds] [--signs [heuristic …]] [--spikes]``. Every world of
``rival_worlds``, and the house's with each convenience taken away, runs through the command's steps, without
a database.
``--signs`` leaves out one heuristic at a time, on every world, and prints that table alone; ``--spikes``
counts alarms of a hundred clean programs.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

SEEDS = 3
os.environ |= {"DJANGO_SETTINGS_MODULE": "tests.settings", "SECRET_KEY": "nothing is signed here"}


def main() -> None:
    import django  # noqa: PLC0415

    django.setup()
    from programs.analytics.fraud.catalogue import CATALOGUE  # noqa: PLC0415

    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    seeds = range(1, (numbers[0] if numbers else SEEDS) + 1)
    if "--signs" in sys.argv:
        signs([word for word in sys.argv[1:] if word in CATALOGUE] or list(CATALOGUE), seeds)
        return
    print("| world | honest accused, of 1,000 | precision | recall of holds | asked about | spikes |")
    print("|---|---|---|---|---|---|")
    for name, make in worlds().items():
        found = [run(make, seed) for seed in seeds]
        print(f"| {name} | {line(found)} | {sum(each[1] for each in found)} of {len(found)} |", flush=True)
    if "--spikes" in sys.argv:
        clean = worlds()["clean"]
        spikes = sum(run(lambda rng: clean(rng, advocates=250), seed)[1] for seed in range(100))
        print(f"Clean programs with an alarm: {spikes} of 100")


def worlds() -> dict[str, Callable[..., Any]]:
    from programs.datasets.worlds.inconvenient import TAKEN, inconvenient_world  # noqa: PLC0415
    from programs.datasets.worlds.rival_worlds import WORLDS  # noqa: PLC0415

    house = {f"house without {name}": (name,) for name in TAKEN}
    taken = {"house": (), **house, "house without any of these": tuple(TAKEN)}
    return {
        **WORLDS,
        **{name: lambda rng, left=left: inconvenient_world(rng, left) for name, left in taken.items()},
    }


def run(make: Callable[..., Any], seed: int, **program: Any) -> tuple[Any, bool]:
    """(what came of it, whether it alarmed)."""
    from tests.plans.commands.optimize_referrals.made_up import judge, loaded, review  # noqa: PLC0415

    world = make(np.random.default_rng(seed))
    with tempfile.TemporaryDirectory(prefix="gtm-bench-") as home:
        risk = review(loaded(world, Path(home)), **program)
    return judge(world, risk), bool(risk["spikes"])


def line(found: list[tuple[Any, bool]]) -> str:
    means = [
        float(np.mean([getattr(each, name) for each, _ in found]))
        for name in ("accused", "precision", "recall", "asked")
    ]
    return f"{means[0]:.1f} | {means[1]:.2f} | {means[2]:.2f} | {means[3]:.2f}"


def signs(keys: list[str], seeds: range) -> None:
    """What each heuristic adds and costs: points of frauds asked about, and honest accused of 1,000.

    That is the review less the review without it; a dash where nothing changes.
    """
    told: dict[str, list[str]] = {key: [] for key in keys}
    names = list(worlds())
    for name, make in worlds().items():
        found = [effects(make, seed, keys) for seed in seeds]
        for key in keys:
            adds, costs = (float(np.mean([each[key][place] for each in found])) for place in (0, 1))
            told[key].append("–" if abs(adds) < 0.05 > abs(costs) else f"{adds:+.1f} / {costs:+.1f}")
        print(f"{name}: done", file=sys.stderr, flush=True)
    print("| heuristic | " + " | ".join(names) + " |")
    print("|---|" + "---|" * len(names))
    for key in keys:
        print(f"| `{key}` | {' | '.join(told[key])} |")


def effects(make: Callable[..., Any], seed: int, keys: list[str]) -> dict[str, tuple[float, float]]:
    """Heuristic → (points of frauds asked about, honest accused of 1,000) that it adds in one world."""
    from tests.plans.commands.optimize_referrals.made_up import judge, loaded, review  # noqa: PLC0415

    world = make(np.random.default_rng(seed))
    with tempfile.TemporaryDirectory(prefix="gtm-bench-") as home:
        data = loaded(world, Path(home))
        whole = judge(world, review(data))
        without = {key: judge(world, review(data, referral_rules={"weights": {key: 0.0}})) for key in keys}
    return {
        key: (100 * (whole.asked - each.asked), whole.accused - each.accused) for key, each in without.items()
    }


if __name__ == "__main__":
    main()
