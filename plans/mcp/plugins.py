"""The plugins that bring the commands to coding agents, made from the registry: ``integrations/claude/``.

One plugin for each namespace of commands, so that a usage line is typed there word for word. Each has the
commands, the agents and skills that their runbooks name, and where the server is. The layout is the published
one of plugin marketplaces (https://code.claude.com/docs/en/plugins-reference, read 2026-11).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml
from django.conf import settings

from plans.mcp.server import instructions_for
from plans.mcp.work import NEEDS_A_PERSON
from plans.runs import registry
from plans.schemas import skills
from plans.schemas.declaration import AUTOMATED, GATE, Command, Step
from plans.schemas.inputs import Input
from plans.schemas.roles import STANDARD, RoleDefinition, from_slug
from plans.schemas.skills import Skill

OWNER = {"name": "GTM Governance"}
SERVER = {
    "mcpServers": {
        "gtm-governance": {
            "type": "http",
            "url": "${GTM_BASE_URL}/mcp/",
            "headers": {"Authorization": "Bearer ${GTM_TOKEN}"},
        }
    }
}
"""The agent's own environment says which site, and for whom it acts."""
DOES = {AUTOMATED: "computed by the server", GATE: "decided by people"}


def files() -> dict[str, str]:
    """Path inside the marketplace's folder → text, of every file."""
    found = {".claude-plugin/marketplace.json": _json(_marketplace())}
    for name, commands in _namespaces().items():
        found |= {f"{name}/{path}": text for path, text in _plugin(name, commands).items()}
    return found


def _namespaces() -> dict[str, list[Command]]:
    found: dict[str, list[Command]] = {}
    for command in registry.all_commands():
        found.setdefault(command.plugin, []).append(command)
    return found


def _marketplace() -> dict[str, Any]:
    plugins = [
        {
            "name": name,
            "source": f"./{name}",
            "description": _about(commands),
            "version": settings.GTM_VERSION,
        }
        for name, commands in _namespaces().items()
    ]
    about = {"description": "Go-to-market runbooks as governed plans", "version": settings.GTM_VERSION}
    return {"name": "gtm-governance", "owner": OWNER, "metadata": about, "plugins": plugins}


def _about(commands: Iterable[Command]) -> str:
    return " ".join(command.summary for command in commands)


def _plugin(name: str, commands: Sequence[Command]) -> dict[str, str]:
    manifest = {
        "name": name,
        "version": settings.GTM_VERSION,
        "description": _about(commands),
        "author": OWNER,
        "license": "Apache-2.0",
    }
    of_commands = {skill for command in commands for step in command.steps for skill in step.skills}
    return {
        ".claude-plugin/plugin.json": _json(manifest),
        ".mcp.json": _json(SERVER),
        **{f"commands/{command.name}.md": _command(command) for command in commands},
        **{f"agents/{role.slug}.md": _agent(role, commands) for role in _roles(commands)},
        **{f"skills/{skill}/SKILL.md": _skill(skills.find(skill), commands) for skill in sorted(of_commands)},
    }


def _command(command: Command) -> str:
    options = command.example.removeprefix(command.path).strip()
    text = [
        f"The usage line: `{command.path} $ARGUMENTS`",
        instructions_for(command),
        "## Inputs",
        "\n".join(_input(one) for one in command.inputs),
        "## Tasks",
        "\n".join(_task(step) for step in command.steps),
    ]
    return _page({"description": command.summary, "argument-hint": options}, command.title, text)


def _input(one: Input) -> str:
    allowed = f" One of: {', '.join(one.choices)}." if one.choices else ""
    needed = "required" if one.required else "may be left out"
    return f"- `--{one.flag or one.name}` ({needed}): {one.help}.{allowed}"


def _task(step: Step) -> str:
    return f"- {step.task_id} {step.name} ({DOES.get(step.kind, f'done by {step.agent}')}): {step.purpose}."


def _roles(commands: Iterable[Command]) -> list[RoleDefinition]:
    """The roles that have a task, or take one over, in the order of their names."""
    declared = {**STANDARD, **{role.slug: role for command in commands for role in command.roles}}
    steps = [step for command in commands for step in command.steps]
    slugs = {step.agent for step in steps} | {step.fallback_agent for step in steps if step.fallback_agent}
    return [declared.get(slug) or from_slug(slug) for slug in sorted(slugs)]


def _agent(role: RoleDefinition, commands: Iterable[Command]) -> str:
    parts = [
        f"You help the {role.name}, who is a person: {_lower(role.description)}. You read plans with the "
        "tools plan_status, read_task and read_output of the server gtm-governance, prepare what "
        "the tasks of this "
        "role ask for, and complete a task with complete_task only when the evidence is there and the person "
        f"wants it. {NEEDS_A_PERSON}",
    ]
    for command in commands:
        if steps := [step for step in command.steps if role.slug in (step.agent, step.fallback_agent)]:
            parts += [f"## {command.title}", f"`{command.example}`", "\n".join(map(_task, steps))]
    about = f"{role.description}. Use it for the tasks of the {role.name} in a plan of GTM Governance."
    return _page({"name": role.slug, "description": about}, role.name, parts)


def _skill(skill: Skill, commands: Iterable[Command]) -> str:
    keys = [command.key for command in commands]
    parts = [f"{skill.purpose}. Version {skill.version}, SHA-256 {skill.digest}."]
    for point in skill.points:
        if steps := [step for step in point.steps if step.command in keys]:
            who = ", ".join(
                dict.fromkeys(f"{step.task} of {step.command.partition(':')[2]}" for step in steps)
            )
            parts.append(f"- **{point.checks}** ({who}). {point.source} says: “{point.passage}”")
    about = f"{skill.purpose}. Use it to read or to question what a plan of GTM Governance computed."
    return _page({"name": skill.name, "description": about}, skill.title, parts)


def _page(head: Mapping[str, str], title: str, parts: Iterable[str]) -> str:
    """Markdown under a YAML head, one paragraph a part."""
    told = yaml.safe_dump(dict(head), sort_keys=False, allow_unicode=True, width=10_000)
    return "\n\n".join([f"---\n{told}---", f"# {title}", *parts]) + "\n"


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
