"""A word means one thing: class names are given once, and the glossary speaks of what is there."""

import ast
import pkgutil
import re
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ENTRY = re.compile(r"^- \*\*(?P<term>[^*]+)\*\*: (?P<meaning>.+)$")
GLOSSARY = (ROOT / "docs/glossary.md").read_text()
ENTRIES = [match for line in GLOSSARY.splitlines() if (match := ENTRY.match(line))]


def classes() -> dict[str, list[str]]:
    """Class name → modules that define it at the top. Django gives every management command the same one."""
    places = defaultdict(list)
    for folder in ("gtm", "programs", "plans"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "migrations" in path.parts or path.parts[-3:-1] == ("management", "commands"):
                continue
            for node in ast.parse(path.read_text()).body:
                if isinstance(node, ast.ClassDef):
                    places[node.name].append(str(path.relative_to(ROOT)))
    return places


def test_a_class_name_means_one_thing():
    assert {name: places for name, places in classes().items() if len(places) > 1} == {}


def test_the_classes_were_read():
    assert classes()["Plan"] == ["plans/models/plan.py"]


def test_every_line_of_the_list_is_an_entry():
    assert len(ENTRIES) == sum(line.startswith("- ") for line in GLOSSARY.splitlines()) >= 40


def test_terms_are_defined_once_and_in_order():
    terms = [entry["term"].casefold() for entry in ENTRIES]
    assert terms == sorted(set(terms))


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["term"])
def test_a_term_names_code_that_is_there(entry):
    names = re.findall(r"`([^`]+)`", entry["meaning"])
    assert names
    for name in names:
        pkgutil.resolve_name(name)


def test_an_entry_is_short():
    assert [e["term"] for e in ENTRIES if len(re.findall(r"[.?!](?:\s|$)", e["meaning"])) > 3] == []


@pytest.mark.parametrize("document", ["README.md", "docs/contributors.md"])
def test_readers_are_sent_to_the_glossary(document):
    assert "glossary.md)" in (ROOT / document).read_text()
