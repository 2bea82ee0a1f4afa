"""The tables of the change log. Governed objects build on ``gtm.core.governed``."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models

from gtm.core import clock
from gtm.core.errors import Forbidden
from gtm.core.kept_answer import KeptAnswer as KeptAnswer


class PasswordOfAnother(models.Model):
    """The password of an account is known to somebody else, who has set it.

    Until its owner has set one of their own, what is done with the account is nobody's decision.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="password_of_another"
    )
    set_by = models.CharField(max_length=200)
    set_at = models.DateTimeField(default=clock.now)

    def __str__(self) -> str:
        return f"{self.user}, by {self.set_by}"


class PasswordFromLink(models.Model):
    """The password of an account was set through its mailbox alone: by the link of a forgotten password."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="password_from_link"
    )
    set_at = models.DateTimeField(default=clock.now)

    def __str__(self) -> str:
        return f"{self.user}, by a link"


class ConfirmedFactor(models.Model):
    """A second factor that counts for decisions: its owner has it, as another way than the password says."""

    factor = models.OneToOneField(
        "mfa.Authenticator", on_delete=models.CASCADE, primary_key=True, related_name="confirmation"
    )
    how = models.CharField(max_length=200)
    at = models.DateTimeField(default=clock.now)

    def __str__(self) -> str:
        return f"{self.factor}, {self.how}"


class AccountZone(models.Model):
    """The time zone in which an account reads and types times, where its owner has chosen one."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="own_zone")
    time_zone = models.CharField(max_length=60)

    def __str__(self) -> str:
        return self.time_zone


class SavedView(models.Model):
    """A list as somebody likes to see it: its filters, order and search, under a name of their own."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_views")
    page = models.CharField(max_length=120)
    """The name of the address, of those that ``gtm.core.saved_views`` knows."""
    name = models.CharField(max_length=40)
    query = models.CharField(max_length=1000, blank=True)
    is_default = models.BooleanField(default=False)
    """How the page opens where nothing else is asked for."""
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering = ("page", "name")
        constraints = (
            models.UniqueConstraint(
                fields=("user", "page"),
                condition=models.Q(is_default=True),
                name="one_default_view_of_a_page",
            ),
        )

    def __str__(self) -> str:
        return self.name


class ChangeLogChain(models.Model):
    """The head of one hash chain: a plan's, or the installation's."""

    name = models.CharField(max_length=120, primary_key=True)
    sequence = models.PositiveBigIntegerField(default=0)
    head = models.CharField(max_length=64)
    grown_at = models.DateTimeField(default=clock.now, db_index=True)

    def __str__(self) -> str:
        return f"{self.name} #{self.sequence}"

    def change_chain(self) -> str:
        """What happens to a chain is told in it."""
        return self.name

    def change_label(self) -> str:
        return f"change log of {self.name}"


class ChangeLogEntry(models.Model):
    """One row of evidence. Update and delete are refused here and by the database's own triggers."""

    chain = models.CharField(max_length=120)
    sequence = models.PositiveBigIntegerField()
    at = models.CharField(max_length=27, help_text="RFC 3339, UTC; text because it is hashed as text")
    via = models.CharField(max_length=20)
    request_id = models.CharField(max_length=100, blank=True)
    entity = models.CharField(max_length=100)
    entity_id = models.CharField(max_length=64)
    event = models.CharField(max_length=100)
    payload_hash = models.CharField(max_length=64)
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta:
        verbose_name_plural = "change log"
        ordering = ["chain", "sequence"]
        constraints = [
            models.UniqueConstraint(fields=["chain", "sequence"], name="changelog_one_row_per_number")
        ]
        indexes = [
            models.Index(fields=["entity", "entity_id", "id"], name="changelog_by_object"),
            models.Index(fields=["at"], name="changelog_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.chain} #{self.sequence} {self.event}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise Forbidden("A row of the change log is never changed.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        raise Forbidden("A row of the change log is never deleted.")


class ChangeLogPayload(models.Model):
    """What a row says, apart from its header. It may name people, so it can be erased (set to null)."""

    entry = models.OneToOneField(
        ChangeLogEntry, on_delete=models.PROTECT, primary_key=True, related_name="payload"
    )
    salt = models.CharField(max_length=32, null=True)  # noqa: DJ001 - null says erased, empty would not
    body = models.JSONField(null=True)

    class Meta:
        permissions = [("erase_payload", "Can erase personal text from the change log")]

    def __str__(self) -> str:
        return f"payload of {self.entry_id}"


class Anchor(models.Model):
    """The heads of all chains at an instant, under one root. Links to the anchor before it."""

    number = models.PositiveBigIntegerField(unique=True)
    at = models.CharField(max_length=27, help_text="RFC 3339, UTC; text because it is hashed as text")
    previous = models.CharField(max_length=64, help_text="Root of the anchor before")
    heads = models.JSONField(help_text="Chains that grew since the anchor before: name → sequence, hash")
    root = models.CharField(max_length=64, help_text="SHA-256 of all of the above (RFC 8785)")

    class Meta:
        ordering = ["number"]

    def __str__(self) -> str:
        return f"anchor {self.number}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise Forbidden("An anchor is never changed.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        raise Forbidden("An anchor is never deleted.")


class AnchorCopy(models.Model):
    """An anchor on its way to a place outside the database, or arrived there."""

    anchor = models.ForeignKey(Anchor, on_delete=models.PROTECT, related_name="copies")
    place = models.CharField(max_length=200, help_text="file, mail:address or channel:name")
    attempts = models.PositiveIntegerField(default=0)
    delivered_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=240, blank=True)

    class Meta:
        ordering = ["anchor", "place"]
        verbose_name_plural = "anchor copies"
        constraints = [models.UniqueConstraint(fields=["anchor", "place"], name="anchor_once_per_place")]

    def __str__(self) -> str:
        return f"{self.anchor} to {self.place}"


class SigningKey(models.Model):
    """A public key that this installation signs checkpoints with, or did. The private one is not here."""

    text = models.CharField(max_length=300, unique=True, help_text="name+fingerprint+base64, for --key")
    made_at = models.DateTimeField(default=clock.now)
    retired_at = models.DateTimeField(null=True, blank=True, help_text="Since when it signs nothing more")

    class Meta:
        ordering = ["-made_at", "-pk"]

    def __str__(self) -> str:
        return self.text

    def change_chain(self) -> str:
        return "installation"

    def change_label(self) -> str:
        return f"signing key {self.text.rpartition('+')[0]}"


class RecordedHead(models.Model):
    """A leaf of the tree under the checkpoints: the head of a chain as an anchor held it."""

    number = models.PositiveBigIntegerField(primary_key=True)
    anchor = models.ForeignKey(Anchor, on_delete=models.PROTECT, related_name="leaves")
    chain = models.CharField(max_length=120)
    sequence = models.PositiveBigIntegerField()
    hash = models.CharField(max_length=64)

    class Meta:
        ordering = ["number"]
        indexes = [models.Index(fields=["chain", "-number"], name="head_of_chain")]

    def __str__(self) -> str:
        return f"{self.chain} #{self.sequence}"


class TreeNode(models.Model):
    """The hash of a complete subtree; level 0 are the leaves. It is computed from them and never changes."""

    level = models.PositiveSmallIntegerField()
    number = models.PositiveBigIntegerField()
    hash = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["level", "number"], name="tree_node_once")]

    def __str__(self) -> str:
        return f"{self.level}/{self.number}"


class Checkpoint(models.Model):
    """A signed root over the leaves there were. Witnesses add lines to its note; its text never changes."""

    anchor = models.OneToOneField(Anchor, on_delete=models.PROTECT, related_name="checkpoint")
    size = models.PositiveBigIntegerField()
    root = models.CharField(max_length=64)
    note = models.TextField(help_text="The signed note (C2SP): name, size, root, signatures")

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["size"], name="checkpoint_by_size")]

    def __str__(self) -> str:
        return f"checkpoint over {self.size} heads"


class ServiceAccount(models.Model):
    """An account of a program. A person answers for it; nobody logs in with it, and it decides nothing."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="service_account"
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="owned_services",
        help_text="Who answers for it. Where this account is closed, the tokens of the service end",
    )
    purpose = models.CharField(max_length=300)
    made_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        ordering = ["user__username"]

    def __str__(self) -> str:
        return str(self.user)

    def change_chain(self) -> str:
        return "installation"

    def change_label(self) -> str:
        return f"service account {self.user}"


class AccessToken(models.Model):
    """A secret with which a program calls REST for an account. Only its digest is kept: it is shown once."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="access_tokens")
    name = models.CharField(max_length=100, help_text="What it is for")
    prefix = models.CharField(max_length=12, help_text="How it begins, to recognise it")
    digest = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the token")
    scopes = models.JSONField(help_text="What it may be used for")
    made_at = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    ended_why = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-made_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.prefix}… of {self.user}"

    def change_chain(self) -> str:
        return "installation"

    def change_label(self) -> str:
        return f"token {self.prefix}… ({self.name}) of {self.user}"


class AccountMail(models.Model):
    """A message to the owner of an account, from when it is due until it is sent; then its text goes."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="account_mails")
    address = models.EmailField()
    subject = models.CharField(max_length=200)
    body = models.TextField(blank=True)
    message_id = models.CharField(max_length=120, unique=True)
    made_at = models.DateTimeField(default=clock.now)
    next_at = models.DateTimeField(default=clock.now)
    attempts = models.PositiveIntegerField(default=0)
    error = models.CharField(max_length=240, blank=True)
    sent_at = models.DateTimeField(null=True)
    given_up = models.BooleanField(default=False)

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["sent_at", "next_at"], name="account_mail_due")]

    def __str__(self) -> str:
        return f"{self.subject}, to {self.address}"


class SignIn(models.Model):
    """A password or a code that was tried at some door: who, from where, and what came of it."""

    class Outcome(models.TextChoices):
        IN = "in", "Right"
        WRONG = "wrong", "Wrong"
        REFUSED = "refused", "Refused: too many wrong ones before"
        ASKED = "asked", "Asked for a link by mail"

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="sign_ins"
    )
    username = models.CharField(max_length=150, help_text="As it was typed")
    address = models.CharField(max_length=45)
    door = models.CharField(max_length=20, help_text="Where it was tried")
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    at = models.DateTimeField(default=clock.now, db_index=True)

    class Meta:
        ordering = ["-at", "-pk"]
        verbose_name = "sign-in"
        indexes = [
            models.Index(fields=["username", "at"], name="sign_in_by_name"),
            models.Index(fields=["address", "at"], name="sign_in_by_address"),
        ]

    def __str__(self) -> str:
        return f"{self.username} from {self.address}: {self.get_outcome_display()}"

    def change_chain(self) -> str:
        return "installation"

    def change_label(self) -> str:
        return f"sign-in of {self.username} from {self.address}"
