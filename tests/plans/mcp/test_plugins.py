"""The plugins for coding agents are what the registry says, in the published layout."""

import json
import re

import pytest
import yaml
from django.core.management import call_command

from plans.management.commands.agent_plugins import FOLDER
from plans.mcp import plugins
from plans.runs import registry
from tests.conftest import ROOT
from tests.documents import usage

NAMED = {
    "loyalty-lifecycle-orchestration": {"loyalty-strategist", "member-insights-analyst", "loyalty-modeling"},
    "referral-program-orchestration": {
        "referral-architect",
        "lifecycle-ops",
        "partner-ops",
        "partner-manager",
    }
    | {"fraud-detection"},
    "partner-co-marketing-orchestration": {"co-marketing-analytics-lead", "attribution", "partner-marketer"},
}
"""Agents and skills that the documents of the commands name, by plugin."""


def on_disk(folder):
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def head_of(text):
    return yaml.safe_load(re.match(r"---\n(.*?)---\n", text, re.S)[1])


def test_writing_them_again_changes_nothing(tmp_path):
    gone = tmp_path / "referral-program-orchestration" / "commands" / "of-before.md"
    gone.parent.mkdir(parents=True)
    gone.write_text("A command that is no longer declared.")
    call_command("agent_plugins", "--to", str(tmp_path))
    assert on_disk(tmp_path) == on_disk(ROOT / FOLDER) == dict(sorted(plugins.files().items()))


def test_a_usage_line_of_the_documents_is_a_slash_command_word_for_word():
    made = plugins.files()
    for line in (usage.PLAN, usage.MONITOR, usage.OPTIMIZE, usage.LAUNCH, usage.TRACK):
        plugin, name = re.match(r"/([a-z0-9-]+):([a-z0-9-]+) ", line).groups()
        text = made[f"{plugin}/commands/{name}.md"]
        assert f"/{plugin}:{name} $ARGUMENTS" in text
        assert head_of(text)["description"] == registry.find(f"{plugin}:{name}").summary


def test_the_layout_is_the_published_one():
    made = plugins.files()
    market = json.loads(made[".claude-plugin/marketplace.json"])
    assert market["owner"]["name"] and re.fullmatch(r"[a-z0-9-]+", market["name"])
    for told in market["plugins"]:
        folder = told["source"].removeprefix("./")
        manifest = json.loads(made[f"{folder}/.claude-plugin/plugin.json"])
        assert (manifest["name"], manifest["version"]) == (told["name"], told["version"])
        assert isinstance(manifest["author"], dict)
        assert json.loads(made[f"{folder}/.mcp.json"])["mcpServers"]["gtm-governance"]["type"] == "http"
    for path, text in made.items():
        if path.endswith(".md"):
            head = head_of(text)
            assert head["description"].strip()
            name = path.split("/")[-2 if path.endswith("SKILL.md") else -1].removesuffix(".md")
            assert head.get("name", name) == name


@pytest.mark.parametrize("plugin", NAMED)
def test_the_agents_and_skills_that_the_documents_name_are_there(plugin):
    made = plugins.files()
    for name in NAMED[plugin]:
        assert {f"{plugin}/agents/{name}.md", f"{plugin}/skills/{name}/SKILL.md"} & set(made), name
