"""The single-file verifier as text: what auditors take to a machine of their own."""

from importlib import resources

FILE = "verify_plan.py"


def verifier_text() -> str:
    return resources.files("plans.export").joinpath(FILE).read_text(encoding="utf-8")
