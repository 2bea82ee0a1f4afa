"""Every text column of every model is declared: as personal, or as nobody's."""

import pytest
from django.apps import apps

from gtm.core.evidence import personal
from gtm.core.governed import GovernedModel

OF_THE_LOG = {"core.changelogpayload": {"body"}}
"""What a row says goes as a whole, with its salt."""


def models():
    return [
        model
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and not model._meta.proxy and not model.__name__.startswith("Historical")
    ]


def undeclared():
    known = personal.declared()
    for model in models():
        label = model._meta.label_lower
        whose = known.get(label)
        declared = whose.personal | whose.plain if whose else frozenset()
        bookkeeping = OF_THE_LOG.get(label, set())
        for name in sorted(personal.text_columns(model) - declared - bookkeeping):
            yield f"{label}.{name}"


def test_every_text_column_is_declared():
    assert list(undeclared()) == []


@pytest.mark.parametrize("label", sorted(personal.declared()))
def test_a_declaration_names_text_columns_that_are_there(label):
    whose = personal.declared()[label]
    model = personal.model_of(label)
    assert whose.personal | whose.plain <= personal.text_columns(model)
    if whose.owner:
        assert model._meta.get_field(whose.owner.removesuffix("_id"))


def test_states_keys_and_digests_are_nobodys():
    for label, whose in personal.declared().items():
        if issubclass(personal.model_of(label), GovernedModel):
            assert not {n for n in whose.personal if n == "state" or n.endswith("sha256")}, label


def test_a_column_cannot_be_both():
    with pytest.raises(ValueError, match="plain"):
        personal.declare("plans.plan", personal="usage", plain="usage")
