"""Stored values as a person reads them, never as JSON."""

import pytest

from plans.templatetags.gtm import tree


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ({"a_b": 1}, "<ul class='g-tree'><li><b>a b</b> 1</li></ul>"),
        (
            {"x": {"y": ["p", "q"]}},
            "<ul class='g-tree'><li><b>x</b> <ul class='g-tree'><li><b>y</b> p, q</li></ul></li></ul>",
        ),
        ([{"n": None}], "<ol class='g-tree'><li><ul class='g-tree'><li><b>n</b> –</li></ul></li></ol>"),
        ("<script>", "&lt;script&gt;"),
        ({"<b>": "<i>"}, "<ul class='g-tree'><li><b>&lt;b&gt;</b> &lt;i&gt;</li></ul>"),
        ({}, "–"),
        (True, "yes"),
    ],
)  # fmt: skip
def test_a_value_of_any_depth_reads_as_lists(value, read):
    assert tree(value) == read
