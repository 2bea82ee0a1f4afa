"""Break-glass: two people let a plan past a gate. Marked for ever, and it owes a review."""

from __future__ import annotations

from django.db import models

from gtm.core.governed import StateField, StatefulModel


class BreakGlassState(models.TextChoices):
    ASKED = "asked", "Asked: needs a second person"
    GRANTED = "granted", "Granted: review due"
    REVIEWED = "reviewed", "Reviewed"
    EXPIRED = "expired", "Expired unused"


OPEN_BREAK_GLASS_STATES = frozenset({"asked", "granted"})


class BreakGlass(StatefulModel):
    """One use, for one round at one gate and the content it asks about."""

    approval = models.ForeignKey("plans.Approval", on_delete=models.PROTECT, related_name="break_glass")
    state = StateField(default=BreakGlassState.ASKED.value, choices=BreakGlassState.choices)
    reason = models.TextField()
    scope_sha256 = models.CharField(max_length=64, help_text="Digest of the content that may pass")
    asked_by = models.ForeignKey("programs.Person", on_delete=models.PROTECT, related_name="+")
    agreed_by = models.ForeignKey("programs.Person", null=True, on_delete=models.PROTECT, related_name="+")
    expires_at = models.DateTimeField(help_text="Within 24 hours of asking")
    granted_at = models.DateTimeField(null=True)
    review_due_at = models.DateTimeField(null=True, help_text="Two business days after it was granted")
    reviewed_by = models.ForeignKey("programs.Person", null=True, on_delete=models.PROTECT, related_name="+")
    reviewed_at = models.DateTimeField(null=True)
    review = models.TextField(blank=True)

    class Meta:
        ordering = ["-created_at"]
        verbose_name = "break-glass use"
        verbose_name_plural = "break-glass uses"
        constraints = [
            models.UniqueConstraint(
                fields=["approval"],
                condition=models.Q(state__in=sorted(OPEN_BREAK_GLASS_STATES)),
                name="break_glass_one_open_per_round",
            )
        ]
        permissions = [
            ("use_break_glass", "Can ask for and agree to break-glass"),
            ("review_break_glass", "Can review a break-glass use"),
        ]

    def __str__(self) -> str:
        return f"break-glass at {self.approval}"

    def change_chain(self) -> str:
        return self.approval.change_chain()
