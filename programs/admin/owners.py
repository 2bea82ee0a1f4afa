"""The dialog that gives work to somebody else."""

from __future__ import annotations

from django import forms
from unfold.widgets import UnfoldAdminSelectWidget

from gtm.core.admin.actions import ReasonForm
from programs.models import Person


class OwnerForm(ReasonForm):
    """Handing work to somebody else, with the reason."""

    owner = forms.ModelChoiceField(
        Person.objects.filter(is_active=True), label="To", widget=UnfoldAdminSelectWidget
    )
