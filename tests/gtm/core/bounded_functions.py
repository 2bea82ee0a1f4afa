"""What the tests of bounded work ask a process to do."""

import os

from gtm.core.errors import Problem
from programs.datasets import DatasetProblems


def process_id():
    return os.getpid()


def works_for_ever():
    while True:
        pass


def takes_memory():
    held = []
    while True:
        held.append(b"x" * (16 << 20))


def takes_memory_at_once():
    return len(bytearray(8 << 30))


def says_too_much():
    return "x" * (2 << 20)


def ends_itself():
    os.abort()


def refuses():
    raise DatasetProblems([Problem("a.csv", "It is empty.", code="empty")], hint="Fill it.")


def is_wrong():
    return 1 / 0


def environment():
    return set(os.environ)


def prints():
    print("no answer")  # noqa: T201 - what a library does
    return 3
