"""Two hosts with disks of their own, PostgreSQL, Redis and an S3 server, while processes of all are killed.

Here a plan of each command; ``make test-slow`` runs a hundred.
"""

from pathlib import Path

from benchmarks import two_hosts


def test_plans_end_right_on_two_hosts_whose_processes_are_killed(short_directory: Path):
    home = short_directory / "hosts"
    home.mkdir()
    found = two_hosts.measure(plans=5, kills=6, minutes=10, seed=1, home=home)
    assert (found["wrong"], found["still"], found["over"]) == ([], [], 5)
    assert found["killed"] >= 3 and found["reads"] > 0 and "OLD DOCUMENTS READ" not in found
    assert all(found["snapshots copied"].values())
