"""The risk review on made-up worlds whose truth is known: what it finds, whom it accuses, what signs add.

``PYTHONPATH=. python benchmarks/fraud.py [seeds] [--signs] [--spikes]``. Every world of ``rival_worlds``,
and the house's with each convenience taken away, runs through the command's steps, without a database.
``--signs`` leaves out one heuristic at a time; ``--spikes`` counts alarms of a hundred clean programs.
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
    print("| world | honest accused, of 1,000 | precision | recall of holds | asked about | spikes |")
    print("|---|---|---|---|---|---|")
    for name, make in worlds().items():
        found = [run(make, seed) for seed in seeds]
        print(f"| {name} | {line(found)} | {sum(each[1] for each in found)} of {len(found)} |", flush=True)
    if "--signs" in sys.argv:
        signs(list(CATALOGUE), seeds)
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
    """What is lost in asked-about frauds, and gained in accused, without each heuristic."""
    chosen = {
        name: make
        for name, make in worlds().items()
        if name in ("consumers", "agencies", "organised", "house")
    }
    whole = {name: mean([run(make, seed) for seed in seeds]) for name, make in chosen.items()}
    print("| heuristic | " + " | ".join(chosen) + " |")
    print("|---|" + "---|" * len(chosen))
    for key in keys:
        told = []
        for name, make in chosen.items():
            without = mean([run(make, seed, referral_rules={"weights": {key: 0.0}}) for seed in seeds])
            adds, costs = whole[name][0] - without[0], whole[name][1] - without[1]
            told.append(f"{100 * adds:+.1f} / {costs:+.1f}")
        print(f"| {key} | {' | '.join(told)} |", flush=True)


def mean(found: list[tuple[Any, bool]]) -> tuple[float, float]:
    return float(np.mean([each.asked for each, _ in found])), float(
        np.mean([each.accused for each, _ in found])
    )


if __name__ == "__main__":
    main()
