"""Which MCP server answers for a tool: the configuration of this installation (``GTM_TOOLS``) alone.

A runbook names a tool, never a command, an address or an argument. Where the operator has set nothing for it,
what is built in answers, under its own name.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

MOST_CALLS, MOST_SECONDS, MOST_BYTES = 10, 300, 5_000_000
SECONDS, BYTES = 60, 1_000_000
MOST_SENT = 64 * 1024
PLACES = ("address", "subject", "beside", "purpose", "work", "command", "program")
"""What an argument may hold in braces. ``address`` is the page that a flow opens; ``subject`` and ``beside``
are JSON texts of what the hook is about, and so they leave the house only where the operator wrote them."""
KEYS = {"command", "url", "token_env", "env", "calls", "seconds", "most_bytes"}
_PLACE = re.compile(r"\{([a-z]+)\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class BadToolServer(Exception):
    """What ``GTM_TOOLS`` says of a tool cannot be used; says why."""


@dataclass(frozen=True, slots=True)
class ToolUse:
    """One call: the tool of the server, and its arguments with places in braces."""

    tool: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ToolServer:
    """A server: a ``command`` of this machine, or a ``url``. Only the tools in ``calls`` are ever called.

    ``env`` and ``token_env`` name variables of the environment; the configuration holds no secret.
    """

    command: tuple[str, ...]
    url: str
    token_env: str
    env: tuple[str, ...]
    calls: tuple[ToolUse, ...]
    seconds: float
    most_bytes: int

    def environment(self) -> dict[str, str]:
        """What the command is given beside the usual few. Raises BadToolServer where one is not set."""
        return {name: _set(name) for name in self.env}

    def token(self) -> str:
        """Raises BadToolServer where its variable is not set."""
        return _set(self.token_env) if self.token_env else ""


def find(tool: str) -> ToolServer | None:
    """The server for a tool of a runbook, whatever its letters' case. Raises BadToolServer."""
    known = settings.GTM_TOOLS
    if not isinstance(known, Mapping):
        raise BadToolServer("GTM_TOOLS is to be a JSON object: the name of a tool, and its server.")
    told = {str(name).casefold(): told for name, told in known.items()}.get(tool.casefold())
    return None if told is None else read(tool, told)


def read(tool: str, told: Any) -> ToolServer:
    """Raises BadToolServer with the first thing that is wrong."""
    if not isinstance(told, Mapping) or (unknown := sorted(set(told) - KEYS)):
        what = f"unknown keys {', '.join(unknown)}" if isinstance(told, Mapping) else "no object"
        raise BadToolServer(f"GTM_TOOLS, {tool}: {what}; there are {', '.join(sorted(KEYS))}.")
    command, url = told.get("command", []), told.get("url", "")
    if not isinstance(command, list) or not all(isinstance(part, str) for part in command):
        raise BadToolServer(f"GTM_TOOLS, {tool}: command is to be a list of texts.")
    if bool(command) == bool(url) or (url and urlsplit(str(url)).scheme not in ("http", "https")):
        raise BadToolServer(f"GTM_TOOLS, {tool}: name a command or an http(s) url, and not both.")
    seconds, most = told.get("seconds", SECONDS), told.get("most_bytes", BYTES)
    if not _is_within(seconds, MOST_SECONDS) or not _is_within(most, MOST_BYTES):
        limits = f"seconds up to {MOST_SECONDS}, most_bytes up to {MOST_BYTES:,}"
        raise BadToolServer(f"GTM_TOOLS, {tool}: {limits}.")
    names = [*told.get("env", []), *([told["token_env"]] if told.get("token_env") else [])]
    if not all(isinstance(name, str) and _NAME.fullmatch(name) for name in names):
        raise BadToolServer(f"GTM_TOOLS, {tool}: env and token_env are names of variables, not values.")
    return ToolServer(
        tuple(command),
        str(url),
        str(told.get("token_env", "")),
        tuple(told.get("env", [])),
        _calls(tool, told.get("calls")),
        float(seconds),
        int(most),
    )


def _calls(tool: str, told: Any) -> tuple[ToolUse, ...]:
    if not isinstance(told, list) or not 1 <= len(told) <= MOST_CALLS:
        raise BadToolServer(f"GTM_TOOLS, {tool}: calls is a list of 1 to {MOST_CALLS}.")
    found = []
    for call in told:
        arguments = call.get("arguments", {}) if isinstance(call, Mapping) else None
        if not isinstance(arguments, Mapping) or not isinstance(call.get("tool"), str):
            raise BadToolServer(f'GTM_TOOLS, {tool}: a call is {{"tool": …, "arguments": {{…}}}}.')
        places = set(_PLACE.findall(json.dumps(arguments)))
        if unknown := sorted(places - set(PLACES)):
            known = ", ".join(PLACES)
            raise BadToolServer(f"GTM_TOOLS, {tool}: no place {{{unknown[0]}}}; there are {known}.")
        found.append(ToolUse(call["tool"], arguments))
    return tuple(found)


def filled(value: Any, places: Mapping[str, str]) -> Any:
    """Arguments with what stands at their places; texts inside lists and objects too."""
    if isinstance(value, str):
        return _PLACE.sub(lambda found: places.get(found[1], found[0]), value)
    if isinstance(value, Mapping):
        return {key: filled(inner, places) for key, inner in value.items()}
    return [filled(inner, places) for inner in value] if isinstance(value, list) else value


def _is_within(value: Any, most: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= most


def _set(name: str) -> str:
    found = os.environ.get(name, "")
    if not found:
        raise BadToolServer(f"The variable {name} of the environment is not set.")
    return found
