"""The form of what two people change: with a reason, for the second one to read."""

from __future__ import annotations

from django import forms
from unfold.widgets import UnfoldAdminTextareaWidget

from gtm.core.admin.base import ReasonedForm


class SecondPersonForm(ReasonedForm):
    reason = forms.CharField(
        label="Reason of the change",
        required=False,
        initial="",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        help_text="The second person reads it where one has to agree; it stands in the change log",
    )
