"""Work for a request: within limits, in a process of its own, and only what is data comes back."""

import os
import pickle
import threading
import time
from pathlib import Path

import pytest

from gtm.core import request_ids
from gtm.core.bounded import work as door
from gtm.core.bounded.answers import NotData, read_answer
from gtm.core.bounded.work import MEBIBYTE, Bounds, place, work
from gtm.core.errors import InvalidInput, NotNow, Problem
from programs.datasets import DatasetProblems

HERE = "tests.gtm.core.bounded_functions"
BOUNDS = Bounds("Counting", "Count less.", seconds=1, memory=512 * MEBIBYTE, output=1 * MEBIBYTE)


@pytest.fixture
def asked():
    """As if a request was answered."""
    token = request_ids._current.set("test")
    yield
    request_ids._current.reset(token)


def ask(name: str, *arguments):
    return work(f"{HERE}:{name}", *arguments, bounds=BOUNDS)


def test_a_request_is_served_by_another_process(asked):
    first = ask("process_id")
    assert first != os.getpid()
    assert ask("process_id") == first, "it is kept for the next request"


def test_a_command_line_works_in_its_own():
    assert ask("process_id") == os.getpid()


@pytest.mark.parametrize(
    "name", ["works_for_ever", "takes_memory", "takes_memory_at_once", "says_too_much", "ends_itself"]
)
def test_what_is_too_much_is_cut_off_in_time(asked, name):
    began = time.monotonic()
    with pytest.raises(InvalidInput, match="was cut off") as refused:
        ask(name)
    assert refused.value.hint == "Count less."
    assert time.monotonic() - began < 20  # a start, and twice a second of work beside others
    assert ask("process_id") != os.getpid(), "the next one is served"


def test_a_refusal_arrives_as_it_was_made(asked):
    with pytest.raises(DatasetProblems) as refused:
        ask("refuses")
    assert refused.value.problems == (Problem("a.csv", "It is empty.", code="empty"),)
    assert refused.value.hint == "Fill it."
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        ask("is_wrong")


def test_the_process_has_no_secret_and_no_output_of_others(asked):
    assert "SECRET_KEY" not in ask("environment")
    assert ask("prints") == 3


def test_what_comes_back_calls_nothing(tmp_path):
    class Order:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "made"),)

    for hostile in (Order(), Path.home, pickle.loads, DatasetProblems.__init__):
        with pytest.raises(NotData):
            read_answer(pickle.dumps(("found", hostile)))
    assert not (tmp_path / "made").exists()


def test_half_of_the_threads_stay_free(asked):
    """The fifth request is told so at once; when one ends, there is a place again."""
    begun, go_on = threading.Barrier(door.PLACES + 1), threading.Event()

    def hold():
        with place():
            begun.wait()
            go_on.wait()

    threads = [threading.Thread(target=hold) for _ in range(door.PLACES)]
    for thread in threads:
        thread.start()
    begun.wait()
    with pytest.raises(NotNow):
        ask("process_id")
    go_on.set()
    for thread in threads:
        thread.join()
    assert ask("process_id")
