"""Mutation testing of the modules that decide: which changed line would the suite not notice?

    PYTHONPATH=. python benchmarks/mutants.py [--every N [--first K]] [--warm] [MODULE …]

Each mutant changes one operator, comparison, constant or branch, or leaves out one call, and the tests of its
module run. (Operators: Offutt et al., "An experimental determination of sufficient mutant operators", 1996;
statement deletion: Deng, Offutt and Li, "Empirical evaluation of the statement deletion mutation operator",
2013.) Prints survivors. What is killed is a lower bound: the suite has more tests and looks at more examples.

A process that has loaded every library forks a child for each mutant, and the database is migrated once: what
is left of a run is the project's own modules and the tests. ``--every N`` takes every N-th mutant of a
module alone, from number ``--first`` on: a sample, where time is short. ``--warm`` forks after the tests have
run once, and puts each mutant in the place of the module there: several times as fast. A name that was bound
elsewhere in another way than by import keeps the function without the fault, so more may survive than do.
"""

import argparse
import ast
import copy
import importlib
import importlib.util
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import chdir, suppress
from itertools import islice
from pathlib import Path
from typing import Any

import hypothesis
import pytest

ROOT = Path(__file__).parent.parent
# fmt: off
TESTS = {
    "plans/engine/gates/seats.py": ["tests/plans/engine/gates/test_seats.py"],
    "plans/engine/gates/duties.py": ["tests/plans/engine/gates/test_duties.py"],
    "plans/engine/gates/tolerance.py": ["tests/plans/engine/gates/test_tolerance.py"],
    "plans/schemas/counting.py": ["tests/plans/schemas/test_counting.py"],
    "gtm/core/canonical.py": ["tests/gtm/core/test_canonical.py"],
    "gtm/core/evidence/changelog.py": ["tests/gtm/core/evidence/test_chain.py"],
    "gtm/core/evidence/anchors.py": ["tests/gtm/core/evidence/test_anchors.py"],
    "gtm/core/evidence/audit.py": [
        "tests/gtm/core/evidence/test_audit.py", "tests/gtm/core/evidence/test_changelog.py",
    ],
    "gtm/core/evidence/merkle.py": ["tests/gtm/core/evidence/test_merkle.py"],
    "gtm/core/evidence/notes.py": ["tests/gtm/core/evidence/test_notes.py"],
    "gtm/core/evidence/personal.py": ["tests/gtm/core/evidence/test_personal.py"],
    "gtm/core/evidence/witness.py": ["tests/gtm/core/evidence/test_witness.py"],
    "gtm/core/evidence/erased_text.py": [
        "tests/gtm/core/evidence/test_erased_text.py", "tests/plans/export/test_erased_document.py",
    ],
    "plans/export/envelope.py": ["tests/plans/export/test_envelope.py"],
    "gtm/core/evidence/account_audit.py": ["tests/gtm/core/evidence/test_account_audit.py"],
    "gtm/core/evidence/departures.py": [
        "tests/gtm/core/evidence/test_departures.py", "tests/gtm/core/evidence/test_erased_text.py",
    ],
    "gtm/core/evidence/keys.py": [
        "tests/gtm/core/evidence/test_checkpoints.py", "tests/gtm/core/evidence/test_account_audit.py",
    ],
    "gtm/core/evidence/presence.py": ["tests/gtm/core/evidence/test_presence.py"],
    "gtm/core/evidence/timestamps.py": ["tests/plans/export/test_envelope.py"],
    "gtm/core/evidence/signatures.py": ["tests/gtm/core/evidence/test_signatures.py"],
    "plans/export/verify.py": [
        "tests/plans/export/test_findings.py", "tests/plans/export/test_claims.py",
        "tests/plans/export/test_verify_plan.py", "tests/plans/export/test_envelope.py",
    ],
    "plans/export/verify_plan.py": [
        "tests/plans/export/test_claims.py", "tests/plans/export/test_explained.py",
        "tests/plans/export/test_verify_plan.py", "tests/plans/export/test_envelope.py",
    ],
    "plans/export/explained.py": ["tests/plans/export/test_explained.py"],
    "plans/export/sealing.py": ["tests/plans/export/test_sealing.py"],
    "plans/engine/gates/scope.py": ["tests/plans/engine/gates/test_scope.py"],
    "plans/engine/machines.py": ["tests/plans/management/test_matrices.py"],
    "gtm/core/fsm.py": ["tests/gtm/core/test_fsm.py"],
}
# fmt: on
PURE = {
    "seats",
    "duties",
    "tolerance",
    "counting",
    "canonical",
    "merkle",
    "notes",
    "personal",
    "signatures",
    "witness",
}
"""Tested without Django, which saves most of the time."""
READERS = {"envelope", "explained", "timestamps", "verify", "verify_plan"}
"""Their tests read a plan JSON that the run without a mutant has made."""
SETTINGS = "kept_database"
KEEP_DATABASE = """
from tests.settings import *
DATABASES["default"]["TEST"] = {"NAME": "kept.sqlite3"}
"""
"""The run without a mutant has made the database (tests/migrated.py), the others take it as it is."""
OPTIONS = ["-x", "-q", "-p", "no:randomly", "-p", "no:cacheprovider", "--hypothesis-profile", "mutants"]
WITH_DJANGO = ["--ds", SETTINGS]
WITHOUT_DJANGO = ["--noconftest", "-p", "no:django", "-c", os.devnull, "--rootdir", "."]
EXAMPLES = 25
PATIENCE = 5
"""A mutant that takes so many times as long as the module itself, and a minute, is killed: it never ends."""
COMPARE = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
BINARY = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr}


def changes(node: ast.AST) -> Iterator[ast.AST]:
    """Every mutant of one node alone."""
    if isinstance(node, ast.Compare) and type(node.ops[0]) in COMPARE:
        yield ast.Compare(node.left, [COMPARE[type(node.ops[0])](), *node.ops[1:]], node.comparators)
    elif isinstance(node, ast.BoolOp):
        yield ast.BoolOp(ast.And() if isinstance(node.op, ast.Or) else ast.Or(), node.values)
        yield from node.values
    elif isinstance(node, ast.BinOp) and type(node.op) in BINARY:
        yield ast.BinOp(node.left, BINARY[type(node.op)](), node.right)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node.operand
    elif isinstance(node, ast.IfExp | ast.If | ast.While):
        for truth in (True, False):
            changed = copy.copy(node)
            changed.test = ast.Constant(truth)
            yield changed
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int):
        yield ast.Constant(node.value + 1)
    elif isinstance(node, ast.Return) and not is_nothing(node.value):
        yield ast.Return(ast.Constant(None))
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield ast.Pass()


def is_nothing(node: ast.expr | None) -> bool:
    return node is None or isinstance(node, ast.Constant) and node.value is None


def is_annotation(tree: ast.AST) -> set[int]:
    """Annotations decide nothing at run time."""
    found: set[int] = set()
    for node in ast.walk(tree):
        for name in ("annotation", "returns"):
            if (part := getattr(node, name, None)) is not None:
                found |= {id(each) for each in ast.walk(part)}
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "dataclass":
            found |= {id(each) for each in ast.walk(node)}
    return found


def mutants(source: str) -> Iterator[tuple[int, str, str]]:
    """Line, what was changed into what, and the source of each mutant."""
    tree = ast.parse(source)
    skipped = is_annotation(tree)
    for parent in ast.walk(tree):
        for field, value in ast.iter_fields(parent):
            places = enumerate(value) if isinstance(value, list) else [(None, value)]
            for index, node in places:
                if not isinstance(node, ast.AST) or id(node) in skipped:
                    continue
                for changed in changes(node):
                    put(parent, field, index, ast.copy_location(changed, node))
                    told = f"{first_line(node)}  →  {first_line(changed)}"
                    yield getattr(node, "lineno", 0), told, ast.unparse(ast.fix_missing_locations(tree))
                    put(parent, field, index, node)


def put(parent: ast.AST, field: str, index: int | None, node: ast.AST) -> None:
    if index is None:
        setattr(parent, field, node)
    else:
        getattr(parent, field)[index] = node


def first_line(node: ast.AST) -> str:
    return ast.unparse(ast.fix_missing_locations(node)).splitlines()[0]


def run(tests: list[str], pure: bool, libraries: Path | None = None) -> None:
    """Be a child: run the tests in silence and end with pytest's exit code."""
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    sys.dont_write_bytecode = libraries is None  # of a mutant nothing is kept
    code = pytest.main([*OPTIONS, *(WITHOUT_DJANGO if pure else WITH_DJANGO), *tests])
    if libraries is not None:
        here = os.getcwd()
        found = [(name, getattr(module, "__file__", None) or "") for name, module in sys.modules.items()]
        libraries.write_text("\n".join(name for name, file in found if not file.startswith(here)))
    os._exit(code)


def exit_code(*arguments: object, seconds: float | None = None) -> int | None:
    """What a child ends with: pytest's exit code, or the signal where it did not end by itself."""
    child = multiprocessing.get_context("fork").Process(target=run, args=arguments)
    child.start()
    child.join(seconds)
    child.kill()
    child.join()
    return child.exitcode


def load(libraries: list[str]) -> None:
    """Load what needs no settings, once for all children."""
    for name in libraries:
        with suppress(Exception):
            importlib.import_module(name)


def survivors(module: str, place: Path, which: slice) -> tuple[int, list[str]]:
    """How many mutants of a module were tried, and which of them its tests do not notice."""
    path, tests, pure = place / module, TESTS[module], Path(module).stem in PURE
    if Path(module).stem in READERS:
        os.environ["GTM_KEPT_EXPORT"] = str(place / "kept-export.json")
    else:
        os.environ.pop("GTM_KEPT_EXPORT", None)
    source = path.read_text()
    libraries = place / "libraries"
    if exit_code(tests, pure, libraries) != 0:
        raise SystemExit(f"{module}: its own tests fail without a mutant")
    load(libraries.read_text().split())
    started = time.monotonic()
    if exit_code(tests, pure) != 0:
        raise SystemExit(f"{module}: its own tests fail on the database that was kept")
    limit = PATIENCE * max(time.monotonic() - started, 12)
    Path(importlib.util.cache_from_source(path)).unlink()
    total, left = 0, []
    for line, told, text in islice(mutants(source), which.start, None, which.step):
        total += 1
        path.write_text(text)
        if exit_code(tests, pure, seconds=limit) == 0:
            left.append(f"  line {line}: {told}")
            print(f"{module} {left[-1]}", file=sys.stderr, flush=True)
    path.write_text(source)
    return total, left


def warm_survivors(module: str, place: Path, which: slice) -> tuple[int, list[str]]:
    """As ``survivors``, in children of a process that has run the tests once."""
    tests, pure = TESTS[module], Path(module).stem in PURE
    if Path(module).stem in READERS:
        os.environ["GTM_KEPT_EXPORT"] = str(place / "kept-export.json")
    source = (place / module).read_text()
    texts = [*islice(mutants(source), which.start, None, which.step)]
    mine, theirs = multiprocessing.Pipe()
    host = multiprocessing.get_context("fork").Process(
        target=be_host, args=(theirs, module, tests, pure, texts)
    )
    host.start()
    theirs.close()
    left = []
    try:
        for number, survived in iter(mine.recv, None):
            if survived:
                line, told, _ = texts[number]
                left.append(f"  line {line}: {told}")
                print(f"{module} {left[-1]}", file=sys.stderr, flush=True)
    except EOFError:
        raise SystemExit(f"{module}: its own tests fail without a mutant") from None
    host.join()
    (place / module).write_text(source)
    os.environ.pop("GTM_KEPT_EXPORT", None)
    return len(texts), left


def be_host(pipe: Any, module: str, tests: list[str], pure: bool, texts: list[tuple[int, str, str]]) -> None:
    """Be the process that has everything loaded: a child for each mutant, and one without, to pass."""
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    sys.dont_write_bytecode = True
    arguments = [*OPTIONS, *(WITHOUT_DJANGO if pure else WITH_DJANGO), *tests]
    if pytest.main(arguments) != 0:
        os._exit(1)
    started = time.monotonic()
    if in_child(arguments, module, Path(module).read_text(), None) != 0:
        os._exit(1)
    limit = PATIENCE * max(time.monotonic() - started, 12)
    for number, (_, _, text) in enumerate(texts):
        pipe.send((number, in_child(arguments, module, text, limit) == 0))
    pipe.send(None)
    os._exit(0)


def in_child(arguments: list[str], module: str, text: str, seconds: float | None) -> int | None:
    name = module.removesuffix(".py").replace("/", ".")

    def tried() -> None:
        Path(module).write_text(text)  # where a test reads it, or runs it as a program
        put_in_place(name, text)  # one that does not load ends the child, as it would end the tests
        os._exit(pytest.main(arguments))

    child = multiprocessing.get_context("fork").Process(target=tried)
    child.start()
    child.join(seconds)
    child.kill()
    child.join()
    return child.exitcode


def put_in_place(name: str, text: str) -> None:
    """Run a module anew in its own place; whoever imported its functions and classes gets the new ones."""
    module = sys.modules[name]
    old = {id(v): key for key, v in vars(module).items() if getattr(v, "__module__", None) == name}
    kept = [value for value in vars(module).values() if id(value) in old]  # alive: or an id may be used again
    exec(compile(text, module.__file__ or name, "exec"), vars(module))  # noqa: S102 - our own source, changed
    here = os.getcwd()
    for other in [m for m in sys.modules.values() if (getattr(m, "__file__", None) or "").startswith(here)]:
        for key, value in list(vars(other).items()):
            if id(value) in old and other is not module:
                setattr(other, key, vars(module)[old[id(value)]])
    del kept


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("modules", nargs="*", metavar="MODULE")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="every N-th mutant alone")
    parser.add_argument("--first", type=int, default=0, metavar="K", help="begin with number K, not 0")
    parser.add_argument("--warm", action="store_true", help="fork after the tests have run once")
    given = parser.parse_args(words)
    find = warm_survivors if given.warm else survivors
    hypothesis.settings.register_profile(
        "mutants", max_examples=EXAMPLES, deadline=None, derandomize=True, database=None
    )
    totals = [0, 0]
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        place = Path(folder).resolve() / "project"
        shutil.copytree(ROOT, place, ignore=shutil.ignore_patterns(".git", ".venv", "var", "__pycache__"))
        (place / f"{SETTINGS}.py").write_text(KEEP_DATABASE)
        sys.path[0] = str(place)
        with chdir(place):
            for module in given.modules or TESTS:
                total, left = find(module, place, slice(given.first, None, given.every))
                totals = [totals[0] + total, totals[1] + len(left)]
                print(f"{module}: {killed(total, len(left))}", *left, sep="\n", flush=True)
    print(f"all: {killed(*totals)}")
    return 0


def killed(total: int, left: int) -> str:
    return f"{total - left} of {total} mutants killed ({1 - left / total:.0%})"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
