"""A template of anybody ends in time, with little memory and little output; the site answers meanwhile."""

import os
import subprocess
import sys
import threading
import time
from datetime import date
from decimal import Decimal

import pytest

from programs.analytics.templating import Template, TemplatingError
from programs.outreach.bounded_rendering import render_within_limits
from tests.conftest import ROOT

HOSTILE = {
    "power": "{{ 9 ** (9 ** 9) }}",
    "power of what is given": "{{ n ** (n ** n) }}",
    "loops": "{% for a in range(99999) %}{% for b in range(99999) %}{{ a * b }}{% endfor %}{% endfor %}",
    "silent loops": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "repetition": "{{ 'x' * 9999999999 }}",
    "width": "{{ '%9999999999d' % 1 }}",
    "padding": "{{ 'x'.ljust(9999999999) }}",
    "filter": "{{ 'x'|center(9999999999) }}",
    "doubling": "{% set n = namespace(x='x') %}{% for a in range(60) %}{% set n.x = n.x ~ n.x %}{% endfor %}"
    "{{ n.x }}",
    "recursion": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "output": "{% for a in range(99999) %}{{ 'x' * 1000 }}{% endfor %}",
}


@pytest.mark.parametrize("source", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_template_is_cut_off_in_time(source):
    began = time.monotonic()
    with pytest.raises(TemplatingError):
        render_within_limits([Template("a.txt", source, {})], {"n": 9}, {})
    assert time.monotonic() - began < 7
    assert render_within_limits([Template("a.txt", "{{ n }}", {})], {"n": 9}, {}) == {"a.txt": "9"}


def test_the_process_answers_others_while_a_template_is_cut_off():
    """What the web process does beside it is late by no more than 200 ms."""
    late, stop = [], threading.Event()

    def beat():
        while not stop.is_set():
            began = time.monotonic()
            time.sleep(0.01)
            late.append(time.monotonic() - began)

    beats = threading.Thread(target=beat)
    beats.start()
    with pytest.raises(TemplatingError, match="cut off"):
        render_within_limits([Template("a.txt", HOSTILE["power"], {})], {"n": 9}, {})
    stop.set()
    beats.join()
    assert max(late) < 0.2


def test_values_of_all_kinds_come_through():
    given = {"day": date(2026, 12, 1), "sum": Decimal("1.50"), "steps": ["a", "b"]}
    text = "{{ day }} {{ sum }} {% for s in steps %}{{ s }}{% endfor %}"
    assert render_within_limits([Template("a.txt", text, {})], given, {}) == {"a.txt": "2026-12-01 1.50 ab"}


def test_problems_are_those_of_the_template():
    with pytest.raises(TemplatingError, match=r"a\.txt: name is not filled"):
        render_within_limits([Template("a.txt", "{{ name }}", {})], {}, {})


FORKED = """
import os
import django
django.setup()
from programs.analytics.templating import Template
from programs.outreach import bounded_rendering
from programs.outreach.bounded_rendering import render_within_limits

def render(source):
    return render_within_limits([Template("a.txt", source, {})], {}, {})

assert render("x") == {"a.txt": "x"}
first = bounded_rendering._process._process.pid
child = os.fork()
if child == 0:
    render("x")
    os._exit(0 if bounded_rendering._process._process.pid != first else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert render("y") == {"a.txt": "y"}
"""


def test_a_fork_has_a_process_of_its_own():
    """In a fresh process: this one may have reserved more addresses than the machine lets it fork with."""
    env = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"}
    ended = subprocess.run([sys.executable, "-c", FORKED], cwd=ROOT, env=env, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr


def test_a_source_that_is_too_long_or_too_deep_is_refused():
    for source in ("x" * 400_000, "{{ " + "(" * 50_000 + "1" + ")" * 50_000 + " }}"):
        with pytest.raises(TemplatingError):
            render_within_limits([Template("a.txt", source, {})], {}, {})
