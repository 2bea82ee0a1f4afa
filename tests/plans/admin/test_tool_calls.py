"""The page of a plan tells what was done in the place of each tool."""

import re

from django.urls import reverse

from gtm.core import clock
from gtm.core.actors import Actor, acting_as
from plans.models import Artifact, CallOutcome, Plan, TaskAttempt, ToolCall

HOOKS = [
    {"tool": "Serena", "purpose": "Catalogue", "work": "definition-diff", "step": "work"},
    {"tool": "Playwright", "purpose": "Pages", "work": "browser-flow", "step": "work"},
    {"tool": "Context7", "purpose": "Documents", "work": "procedure-library", "step": "publish"},
]


def call(task, hook, outcome, said, **more):
    attempt, _ = TaskAttempt.objects.get_or_create(task=task, number=1, fence=1)
    told = {"started_at": clock.now(), "milliseconds": 3, "arguments_sha256": "0" * 64}
    ToolCall(plan=task.plan, task=task, attempt=attempt, tool=hook["tool"], work=hook["work"],
             outcome=outcome, said=said, **told, **more).save()  # fmt: skip


def test_the_page_names_each_tool_with_what_answered(login, asked):
    with acting_as(Actor.system("Test")):
        asked.declaration = {**asked.declaration, "tool_hooks": HOOKS}
        asked.save()
        task = asked.tasks.get(key="work")
        nothing = {"kind": "table", "columns": [], "rows": [], "note": ""}
        kept = Artifact(
            plan=asked, task=task, key="tool-definition-diff", title="What differs", payload=nothing
        )
        kept.kind, kept.sha256 = "table", "0" * 64
        kept.save()
        call(task, HOOKS[0], CallOutcome.ANSWERED, "2 places differ.", performed_by="built-in:x 1", kept=kept)
        call(task, HOOKS[1], CallOutcome.NOT_RUN, "The program names no portal.")
    plan = Plan.objects.get(pk=asked.pk)
    page = login("ops").get(reverse("admin:plans_plan_change", args=[plan.pk]), {"tab": "rules"})
    told = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.content.decode()))
    assert "built-in:x 1 answered. 2 places differ." in told
    assert "not run. The program names no portal." in told
    assert 'href="?tab=outputs#output-tool-definition-diff"' in page.content.decode()
    assert re.search(
        r"Documents \(Context7\) Not run\. (Task \S+ has not been done|The plan has no task)", told
    )
