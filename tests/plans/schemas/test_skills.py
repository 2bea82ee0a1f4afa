"""Skills: files of the product, each text in a version of its own, with passages of the documents."""

import re

import pytest

from plans.schemas import skills
from tests.conftest import ROOT

EVERY = skills.every()
POINTS = [pytest.param(p, id=f"{s.name}: {p.key}") for s in EVERY.values() for p in s.points]


def told(**more):
    step = {"command": "test:watch", "task": "look"}
    point = {"key": "one", "checks": "It", "source": "docs/x.md", "passage": "It is so.", "steps": [step]}
    whole = {"name": "watching", "version": 1, "title": "Watching", "purpose": "Watches", "points": [point]}
    return whole | more


def test_the_skills_of_the_documents_are_there():
    named = {"attribution", "fraud-detection", "loyalty-modeling", "member-insights", "partner-ops"}
    assert EVERY.keys() == named


@pytest.mark.parametrize("name", EVERY)
def test_a_text_that_was_published_is_not_changed_under_its_version(name):
    skill = EVERY[name]
    assert skills.published()[name][str(skill.version)] == skill.digest


@pytest.mark.parametrize("point", POINTS)
def test_a_passage_stands_in_its_document(point):
    document = (ROOT / point.source).read_text(encoding="utf-8")
    assert " ".join(point.passage.split()) in re.sub(r"\s+", " ", document)


def test_another_word_is_another_digest():
    skill = skills.read(told(), "watching.toml")
    assert skills.read(told(purpose="Sees"), "watching.toml").digest != skill.digest
    assert skills.read(told(), "watching.toml").digest == skill.digest


@pytest.mark.parametrize(
    ("more", "file", "why"),
    [
        ({}, "other.toml", "a skill is in a file of its own name"),
        ({"points": []}, "watching.toml", "missing in all of it"),
        ({"colour": "red"}, "watching.toml", "is no skill"),
        ({"points": [told()["points"][0] | {"passage": ""}]}, "watching.toml", "missing in one"),
    ],
)
def test_a_file_that_is_not_well_formed_is_named(more, file, why):
    with pytest.raises(ValueError, match=why):
        skills.read(told(**more), file)


def test_a_plan_cites_a_skill_once_and_only_the_points_of_its_command():
    (cited,) = skills.cited(["partner-ops", "partner-ops"], "referral-program-orchestration:launch-program")
    assert {point.task for point in cited.points} == {
        "sessions", "partner-alignment", "partner-approval", "partner-support",
    }  # fmt: skip
    assert cited.digest == EVERY["partner-ops"].digest
