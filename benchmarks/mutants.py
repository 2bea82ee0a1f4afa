"""Mutation testing of the modules that decide: which changed line would the suite not notice?

    python benchmarks/mutants.py [MODULE …]

Each mutant changes one operator, comparison, constant or branch (operators of Offutt et al., "An experimental
determination of sufficient mutant operators", 1996) and runs the tests of its module. Prints survivors.
"""

import ast
import copy
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
TESTS = {
    "plans/engine/policy.py": ["tests/plans/engine/test_policy.py"],
    "plans/engine/separation.py": ["tests/plans/engine/test_separation.py"],
    "plans/engine/baseline.py": ["tests/plans/engine/test_baseline.py"],
    "plans/engine/counters.py": ["tests/plans/engine/test_counters.py"],
    "gtm/core/canonical.py": ["tests/gtm/core/test_canonical.py"],
    "gtm/core/fsm.py": ["tests/plans/engine/test_machines.py", "tests/plans/engine/test_ways_in.py"],
}
NEEDS_DJANGO = {"tests/plans/engine/test_machines.py"}
SETTINGS = "kept_database"
KEEP_DATABASE = """
from tests.settings import *
DATABASES["default"]["TEST"] = {"NAME": "kept.sqlite3"}
"""
"""Settings with a database that is migrated once and not once a mutant."""
SECONDS = 180
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
    elif isinstance(node, ast.Return) and node.value is not None:
        yield ast.Return(ast.Constant(None))


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


def is_killed(copy_of: Path, tests: list[str]) -> bool:
    """Pure modules are tested without Django, which saves most of the time."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-x",
        "-q",
        "-p",
        "no:randomly",
        "-p",
        "no:cacheprovider",
        *tests,
    ]
    if tests[0] in NEEDS_DJANGO:
        command += ["--reuse-db", "--ds", SETTINGS]
    else:
        command += ["--noconftest", "-p", "no:django", "-c", os.devnull, "--rootdir", "."]
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(copy_of)}
    try:
        run = subprocess.run(command, cwd=copy_of, env=environment, capture_output=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return True
    return run.returncode != 0


def main(modules: list[str]) -> int:
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        place = Path(folder) / "project"
        shutil.copytree(ROOT, place, ignore=shutil.ignore_patterns(".git", ".venv", "var", "__pycache__"))
        (place / f"{SETTINGS}.py").write_text(KEEP_DATABASE)
        for module in modules:
            source = (ROOT / module).read_text()
            (place / module).write_text(source)
            if is_killed(place, TESTS[module]):
                print(f"{module}: its own tests fail without a mutant")
                return 1
            killed, survived = 0, []
            for line, told, text in mutants(source):
                (place / module).write_text(text)
                if is_killed(place, TESTS[module]):
                    killed += 1
                else:
                    survived.append(f"  line {line}: {told}")
            (place / module).write_text(source)
            total = killed + len(survived)
            print(f"{module}: {killed} of {total} mutants killed ({killed / total:.0%})", flush=True)
            print("\n".join(survived), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or list(TESTS)))
