"""Import and export of governed objects: by handles that people know, through the model's own door.

A row of a file is saved as a form would save it: permission, validation, history and change log hold. States
and bookkeeping are exported and never imported; nothing is deleted by a file.
"""

from __future__ import annotations

import json
import re
from functools import partial
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models, transaction
from import_export.resources import ModelResource, modelresource_factory
from import_export.results import RowResult
from import_export.widgets import ForeignKeyWidget, JSONWidget, ManyToManyWidget

from gtm.core.actors import acting_as, current
from gtm.core.errors import GuardNotMet, WaitsForSecondPerson
from gtm.core.evidence import refusals
from gtm.core.governed import GovernedModel

REASON = "reason"
"""The column in which a row of a file says why."""
FORMULA = re.compile(r"'*[=+\-@\t\r]")
"""How a cell begins that a spreadsheet takes for a formula, also behind apostrophes of its own."""
UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""What no workbook can hold (XML 1.0)."""
HANDLES = ("slug", "key", "plan_id", "email", "username", "name")


def inert(value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula (OWASP, CSV injection): text behind an apostrophe.

    ``original`` undoes it, for every text; numbers stay numbers.
    """
    if not isinstance(value, str) or not FORMULA.match(value) or _is_number(value):
        return value
    return f"'{value}"


def original(value: Any) -> Any:
    """What ``inert`` has made a cell of."""
    if isinstance(value, str) and value.startswith("'") and FORMULA.match(value):
        return value[1:]
    return value


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


class ByHandle(ForeignKeyWidget):
    """A related object by its handle; one that is not there is named."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Any:
        try:
            return super().clean(value, row, **kwargs)
        except self.model.DoesNotExist:
            kind = self.model._meta.verbose_name
            raise ValueError(f"There is no {kind} with {self.field} “{value}”.") from None


class ManyByHandle(ManyToManyWidget):
    """Related objects by their handles, separated by commas; those that are not there are named."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Any:
        found = super().clean(value, row, **kwargs)
        wanted = {part.strip() for part in str(value or "").split(self.separator) if part.strip()}
        if missing := wanted - {str(getattr(one, self.field)) for one in found}:
            kind = self.model._meta.verbose_name_plural
            raise ValueError(f"There are no {kind} with {self.field} {', '.join(sorted(missing))}.")
        return found


class PlainJson(JSONWidget):
    """A list or an object as JSON, an empty one too: what is exported can be imported."""

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return json.dumps(value, ensure_ascii=False)


class GovernedResource(ModelResource):
    """What every governed model imports and exports."""

    WIDGETS_MAP = {**ModelResource.WIDGETS_MAP, "JSONField": PlainJson}  # noqa: RUF012 - as the base says it

    class Meta:
        clean_model_instances = True
        skip_unchanged = True
        report_skipped = True
        store_instance = True

    @classmethod
    def get_m2m_widget(cls, field: models.ManyToManyField[Any, Any]) -> Any:
        model = field.remote_field.model
        return partial(ManyByHandle, model=model, field=handle_of(model))

    @classmethod
    def field_from_django_field(
        cls, field_name: str, django_field: models.Field[Any, Any], readonly: bool
    ) -> Any:
        if not isinstance(django_field, models.ForeignKey):
            return super().field_from_django_field(field_name, django_field, not django_field.editable)
        model = django_field.remote_field.model
        return cls.DEFAULT_RESOURCE_FIELD(
            attribute=field_name,
            column_name=field_name,
            widget=ByHandle(model, field=handle_of(model)),
            readonly=not django_field.editable,
            default=django_field.default,
        )

    def export_field(self, field: Any, instance: Any, **kwargs: Any) -> Any:
        value = super().export_field(field, instance, **kwargs)
        return inert(UNSEEN.sub("\ufffd", value) if isinstance(value, str) else value)

    def before_import_row(self, row: Any, **kwargs: Any) -> None:
        """The same file comes back as it was, apostrophes taken off."""
        for name, value in row.items():
            row[name] = original(value)
        super().before_import_row(row, **kwargs)

    def get_import_fields(self) -> list[Any]:
        return [field for field in super().get_import_fields() if not field.readonly]

    def import_row(self, row: Any, instance_loader: Any, **kwargs: Any) -> Any:
        """The preview proposes nothing. A row that waits for a second person is left out; others go on."""
        if kwargs.get("dry_run"):
            with refusals.rehearsal():
                return super().import_row(row, instance_loader, **kwargs)
        self.is_waiting = False
        result = super().import_row(row, instance_loader, **kwargs)
        if self.is_waiting:
            result.import_type, result.object_id = RowResult.IMPORT_TYPE_SKIP, None
        return result

    def do_instance_save(self, instance: Any, is_create: bool) -> None:
        try:
            with transaction.atomic():
                super().do_instance_save(instance, is_create)
        except WaitsForSecondPerson:
            self.is_waiting = True

    def get_instance(self, instance_loader: Any, row: Any) -> Any:
        """A row that names what is not there is one bad row among others, not the end of the file."""
        try:
            return super().get_instance(instance_loader, row)
        except ValueError as error:
            raise ValidationError(str(error)) from error

    def save_instance(self, instance: Any, is_create: bool, row: Any, **kwargs: Any) -> None:
        """A row says in a column of its own why it moves a guardrail. A refusal is one of the row."""
        acting = current()
        said = str(row.get(REASON) or "").strip()
        try:
            with acting_as(acting.actor, said or acting.reason, acting.on_behalf_of):
                super().save_instance(instance, is_create, row, **kwargs)
        except GuardNotMet as refusal:
            raise ValidationError(f"{refusal.detail} Write it into a column “{REASON}”.") from refusal

    def before_save_instance(self, instance: Any, row: Any, **kwargs: Any) -> None:
        """A file may do what its bringer may do in a form: adding and changing are two permissions."""
        verb = "add" if instance._state.adding else "change"
        meta, user = instance._meta, current().actor.user
        if not user.has_perm(f"{meta.app_label}.{verb}_{meta.model_name}"):
            raise ValidationError(f"You may not {verb} {meta.verbose_name_plural}.")


def handle_of(model: type[models.Model]) -> str:
    """The field people know an object by: the first of HANDLES the model has, else its number."""
    names = {field.name for field in model._meta.concrete_fields}
    return next((name for name in HANDLES if name in names), model._meta.pk.name)


def identity_of(model: type[GovernedModel]) -> list[str]:
    """What finds the object a row is about: its unique handle, an unconditional constraint, or its number."""
    for field in model._meta.concrete_fields:
        if field.unique and field.name in HANDLES:
            return [field.name]
    for constraint in model._meta.constraints:
        if isinstance(constraint, models.UniqueConstraint) and constraint.condition is None:
            return list(constraint.fields)
    return [model._meta.pk.name]


def resource_of(model: type[GovernedModel]) -> type[GovernedResource]:
    """The resource of a governed model."""
    identity = identity_of(model)
    number = model._meta.pk.name
    options = {"import_id_fields": identity, "exclude": [] if identity == [number] else [number]}
    return modelresource_factory(model, GovernedResource, meta_options=options)
