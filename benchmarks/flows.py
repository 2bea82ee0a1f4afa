"""How many of our files does one act pass?

    PYTHONPATH=. python benchmarks/flows.py [--list]

Three acts on the demo organisation, in a database of its own: a usage line up to the first output, an
approver's click up to the next task that is ready, and an uploaded file up to a figure. A file is passed when
one of its functions is called. What runs only because a module is imported does not count: every act is
done once before it is counted. Fewer files are fewer places to look at for whoever follows an act in the
code. ``--list`` names the files, and in each the functions that were called.
"""

from __future__ import annotations

import inspect
import io
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import django

ROOT = Path(__file__).parent.parent
OURS = ("gtm", "programs", "plans")
LOYALTY = "/loyalty-lifecycle-orchestration"
DESIGN = f"{LOYALTY}:plan-loyalty --goal retention --tiers 3 --budget 50000"
FINANCE, LEGAL = "finance-approval", "legal-approval"
Act = Callable[[], None]


class Trace:
    """Keeps which functions of which of our files were called."""

    def __init__(self) -> None:
        self.called: dict[str, set[str]] = {}
        self._prefixes = tuple(f"{ROOT / name}{os.sep}" for name in OURS)

    def _see(self, frame: FrameType, event: str, argument: Any) -> None:
        code = frame.f_code
        if (
            event == "call"
            and code.co_flags & inspect.CO_OPTIMIZED
            and code.co_filename.startswith(self._prefixes)
        ):
            self.called.setdefault(code.co_filename, set()).add(code.co_qualname)

    @contextmanager
    def on(self) -> Iterator[None]:
        threading.setprofile(self._see)
        sys.setprofile(self._see)
        try:
            yield
        finally:
            sys.setprofile(None)
            threading.setprofile(None)

    @property
    def files(self) -> list[str]:
        return sorted(self.called)

    def lines(self) -> Iterator[str]:
        for name in self.files:
            yield f"  {Path(name).relative_to(ROOT)}: {', '.join(sorted(self.called[name]))}"


def main(arguments: list[str]) -> int:
    home = Path(tempfile.mkdtemp(prefix="gtm-"))
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "gtm.settings",
        "GTM_ENV_FILE": os.devnull,
        "SECRET_KEY": "for this count only",
        "GTM_HTTPS": "0",
        "GTM_ALLOW_IMPERSONATION": "1",
        "ALLOWED_HOSTS": "testserver",
        "DATABASE_URL": f"sqlite:///{home / 'flows.sqlite3'}",
        "CELERY_BROKER_URL": "memory://",
        "GTM_DATA_DIR": str(home / "data"),
        "GTM_PLANS_DIR": str(home / "plans"),
        "LOG_LEVEL": "ERROR",
    }
    try:
        django.setup()
        say("migrate", verbosity=0)
        say("demo")
        counts = {}
        for title, prepare in (
            ("usage line to output", usage_line),
            ("click to next task", click),
            ("upload to figure", upload),
        ):
            prepare()()
            act, trace = prepare(), Trace()
            with trace.on():
                act()
            counts[title] = len(trace.files)
            if "--list" in arguments:
                print(f"{title}:", *trace.lines(), sep="\n")
        print("flows:", ", ".join(f"{title} {count} files" for title, count in counts.items()))
    finally:
        shutil.rmtree(home)
    return 0


def say(*words: str, **options: Any) -> None:
    """A command line, its output unread."""
    from django.core.management import call_command  # noqa: PLC0415 - the settings are known only now

    call_command(*words, stdout=io.StringIO(), stderr=io.StringIO(), **options)


def usage_line() -> Act:
    """Started at the command line; the worker computes the first task that is ready and keeps its outputs."""

    def act() -> None:
        say("gtm", DESIGN, "--as", "ops")
        work(newest_plan(), most=1)

    return act


def click() -> Act:
    """The last approval that is missing: the page is posted, and what comes after the gates is ready."""
    from django.urls import reverse  # noqa: PLC0415 - Django is set up only now

    from plans.demo.organisation import PASSWORD  # noqa: PLC0415

    say("gtm", DESIGN, "--as", "ops")
    plan = newest_plan()
    work(plan)
    say("complete", f"{plan.plan_id}/2.3", "--as", "analyst", "--evidence", "Sizes compared with the ledger.")
    work(plan)
    approvals = {approval.gate: approval for approval in plan.approvals.filter(state="pending")}
    say("decide", str(approvals[LEGAL].pk), "approve", "--as", "legal", "--comment", "Terms as reviewed.")
    page = reverse("admin:plans_approval_change", args=[approvals[FINANCE].pk])
    client, seen = enter("finance"), approvals[FINANCE].scope_sha256
    answer = {
        "decision": "approve",
        "comment": "Within the pool.",
        "password": PASSWORD,
        "scope_sha256": seen,
    }

    def act() -> None:
        client.post(page, answer)
        if not plan.tasks.filter(key="publish-blueprint", state="ready").exists():
            raise SystemExit("The click made no task ready.")

    return act


def upload() -> Act:
    """A file of purchases is posted on its page, a run started on its form, the first figures computed."""
    from django.core.files.uploadedfile import SimpleUploadedFile  # noqa: PLC0415
    from django.urls import reverse  # noqa: PLC0415

    from programs.models import Dataset, Program  # noqa: PLC0415

    program, already = Program.objects.get(slug="cdnow"), Dataset.objects.count()
    days = [
        (member, month, day)
        for member in range(200)
        for month, day in ((1, 1 + member % 28), (3, 1 + member % 20 + already))
    ]
    rows = "".join(f"m{member},2026-{month:02}-{day:02},{10 + member}.00\n" for member, month, day in days)
    csv = SimpleUploadedFile("orders.csv", f"member_id,purchased_at,amount\n{rows}".encode())
    client = enter("ops")
    given = {"program": program.pk, "kind": "purchases", "currency": "USD", "mapping": "", "file": csv}
    run = reverse("admin:plans_run_command", args=["monitor-loyalty"])

    def act() -> None:
        client.post(reverse("admin:programs_dataset_upload"), given)
        client.post(run, {"program": program.slug, "window": "30d", "detail": "summary", "step": "start"})
        plan = newest_plan()
        if Dataset.objects.count() == already or plan.command != "monitor-loyalty":
            raise SystemExit("The file was not loaded, or no run was started on it.")
        work(plan, most=1)

    return act


def enter(username: str) -> Any:
    from django.contrib.auth import get_user_model  # noqa: PLC0415
    from django.test import Client  # noqa: PLC0415

    client = Client()
    client.force_login(get_user_model().objects.get(username=username))
    return client


def newest_plan() -> Any:
    from plans.models import Plan  # noqa: PLC0415

    return Plan.objects.latest("pk")


def work(plan: Any, most: int = 100) -> None:
    """What a worker does on the doorbell's message, task for task."""
    from plans.models import Artifact  # noqa: PLC0415
    from plans.tasks import run_task  # noqa: PLC0415

    for _ in range(most):
        ready = plan.tasks.filter(kind="automated", state="ready").order_by("position").first()
        if ready is None:
            return
        run_task.apply(kwargs={"task_pk": ready.pk}, throw=True)
        if not Artifact.objects.filter(task=ready).exists():
            raise SystemExit(f"{ready} came to no output.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
