"""Files that other files name are there: a test that moved is still run where it was asked for."""

import re
import subprocess
from pathlib import Path

import pytest

from benchmarks import mutants

ROOT = Path(__file__).parent.parent
NAMED = re.compile(r"`((?:tests|plans|programs|gtm|benchmarks)/[\w/]+\.py)`")


@pytest.mark.parametrize("target", ["test-postgres", "test-slow", "bench"])
def test_every_file_of_the_makefile_is_there(target):
    command = ["make", "--dry-run", "--always-make", target]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    files = re.findall(r"(?<![\w/])(?:tests|benchmarks)/[\w/]+(?:\.py)?", told)
    assert files
    assert [file for file in files if not (ROOT / file).exists()] == []


def test_mutants_change_modules_that_are_there_and_run_their_tests():
    files = [*mutants.TESTS, *(file for files in mutants.TESTS.values() for file in files)]
    assert [file for file in files if not (ROOT / file).is_file()] == []
    assert {Path(module).stem for module in mutants.TESTS} >= mutants.PURE


@pytest.mark.parametrize("document", ["docs/assurance.md", "docs/contributors.md"])
def test_every_file_that_a_document_names_is_there(document):
    files = NAMED.findall((ROOT / document).read_text())
    assert files
    assert [file for file in files if not (ROOT / file).is_file()] == []
