"""Do plans end right on two hosts with disks of their own, while their processes are killed?

    python -m benchmarks.two_hosts [--plans 100] [--kills 100] [--minutes 30] [--seed 1]

Starts PostgreSQL, Redis and an S3 server (moto); loads the demo on host one, and starts plans of the five
commands in turn. People on host two answer what waits for them. Meanwhile a process drawn at random is killed
with SIGKILL and started again: workers, control and scheduler of both hosts, what they forked, the broker,
and the way to the object store. At the end every plan has ended, each output is there once, every chain and
document is proved, and both hosts give the same, newest documents. Ends with 1 where one of this is not so.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.hosts.world import HOSTS, World, start_hosts, world

PEOPLE = ("-m", "benchmarks.hosts.people")


def measure(plans: int, kills: int, minutes: float, seed: int, home: Path) -> dict[str, Any]:
    chance, began = random.Random(seed), time.monotonic()
    with world(home) as made:
        made.run(HOSTS[0], "manage.py", "migrate", "--verbosity", "0")
        made.run(HOSTS[0], "manage.py", "demo")
        made.run(HOSTS[0], *PEOPLE, "start", str(plans))
        ready = time.monotonic()
        with start_hosts(made):
            killed, told = kill_while_people_work(made, kills, minutes * 60, chance)
            found: dict[str, Any] = {
                "plans": plans,
                "killed": sum(killed.values()),
                "by process": dict(killed),
                **told,
                "seconds to prepare": round(ready - began),
                "seconds": round(time.monotonic() - ready),
            }
        documents = [json.loads(made.run(host, *PEOPLE, "documents").stdout) for host in HOSTS]
        wrong = json.loads(made.run(HOSTS[1], *PEOPLE, "check").stdout)
        if documents[0] != documents[1]:
            wrong.append("the hosts give different documents")
        copies = {host: len(list((home / host).rglob("rows.parquet"))) for host in HOSTS}
    return found | {"snapshots copied": copies, "wrong": wrong}


def kill_while_people_work(
    made: World, kills: int, seconds: float, chance: random.Random
) -> tuple[Counter[str], dict[str, Any]]:
    """At most one kill in eight seconds, and all in the first two thirds of the time: then there is peace."""
    killed: Counter[str] = Counter()
    people = made.begin(HOSTS[1], *PEOPLE, "drive", str(round(seconds)))
    pause = min(8.0, seconds * 2 / 3 / max(kills, 1))
    due = time.monotonic() + pause
    while people.poll() is None:
        for one in made.processes:
            one.revive()
        if sum(killed.values()) < kills and time.monotonic() >= due:
            one = chance.choice(made.killable())
            if one.running is not None and one.running.poll() is None:
                killed[one.kill(chance)] += 1
            due = time.monotonic() + chance.uniform(0.2, 1.8) * pause
        time.sleep(0.5)
    assert people.stdout is not None
    return killed, json.loads(people.stdout.read())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plans", type=int, default=100)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--home", type=Path, help="keep logs and disks here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gtm-", ignore_cleanup_errors=True) as made:
        home = options.home or Path(made)
        found = measure(options.plans, options.kills, options.minutes, options.seed, home)
    print(json.dumps(found, indent=2))
    sys.exit(bool(found["wrong"] or found["still"]))


if __name__ == "__main__":
    main()
