"""The attacks that this site is held against: each is tried, with its defence and without it.

An attack answers whether it succeeded. ``write()`` writes docs/attacks.md.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse
from jinja2 import Environment
from rest_framework.test import APIClient

from gtm.core import access_tokens, clock, sign_in
from gtm.core.actors import REST, Actor, acting_as
from gtm.core.admin.resources import resource_of
from gtm.core.models import AccessToken
from gtm.core.places import outside
from plans.demo.organisation import PASSWORD
from plans.engine.webhooks import signing
from plans.export import render
from plans.models import IncomingSource, ReceivedMessage
from plans.schemas.outputs import Column, Table, payload_of
from programs.analytics import templating
from programs.datasets import DatasetProblems, Source
from programs.datasets.loading.limits import Limits, Options
from programs.datasets.readers import zip as zips
from programs.models import LoadProfile, Partner, Person, Program
from tests.doors import token_of, url, user
from tests.factories import round_of

FORMULA = '=HYPERLINK("https://evil.example")'


@dataclass(frozen=True, slots=True)
class Attack:
    """What somebody tries, the function that stops it, and what takes its place where it is taken away."""

    area: str
    tries: str
    tried: Callable[[Any], bool]
    defence: str
    without: Any


class Place:
    """What an attack finds: a plan that waits for finance, and a folder of its own."""

    def __init__(self, plan: Any, folder: Path) -> None:
        self.plan, self.folder, self.approval = plan, folder, round_of(plan)


# ---------------------------------------------------------------------- uploads, templates, exports


def zip_bomb(place: Place) -> bool:
    packed = place.folder / "bomb.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr("rows.csv", b"0" * 60_000_000)
    try:
        sizes = [
            part.path.stat().st_size
            for part in zips.unzipped(Source(packed), place.folder, Options(), Limits())
        ]
    except DatasetProblems:
        return False
    return sizes == [60_000_000]


def _unpack_all(source: Any, archive: Any, part: Any, target: Path, allowed: int) -> int:
    target.write_bytes(archive.read(part))
    return 0


def out_of_the_sandbox(place: Place) -> bool:
    return "mro" in _rendered("post.txt", "{{ words.__class__.__mro__ and 'mro' }}", "x")


def script_in_a_mail(place: Place) -> bool:
    return "<script>" in _rendered("mail.html", "<p>{{ words }}</p>", "<script>steal()</script>")


def _rendered(name: str, source: str, words: str) -> str:
    try:
        return templating.render([templating.Template(name, source, {})], {"words": words}, {})[name]
    except templating.TemplatingError:
        return ""


def formula_in_an_output(place: Place) -> bool:
    table = Table("t", "T", (Column("who", "Who"),), ((FORMULA,),))
    return _is_formula(render.render(payload_of(table), "csv").content.decode())


def formula_in_a_list(place: Place) -> bool:
    with acting_as(Actor.system("Test")):
        Program(slug="evil", name=FORMULA, kind="loyalty").save()
    return _is_formula(resource_of(Program)().export(Program.objects.filter(slug="evil")).csv)


def _is_formula(text: str) -> bool:
    return any(cell.startswith("=") for row in csv.reader(io.StringIO(text)) for cell in row)


# ---------------------------------------------------------------------- tokens


def _with(secret: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {secret}")
    return client


def beyond_its_scope(place: Place) -> bool:
    body = {"slug": "gold", "name": "Gold", "kind": "loyalty"}
    return _with(token_of("ops", ["read"])).post(url("programs/"), body, format="json").status_code == 201


def after_its_end(place: Place) -> bool:
    secret = token_of("ops")
    AccessToken.objects.update(expires_at=clock.now() - timedelta(days=1))
    return _with(secret).get(url("plans/")).status_code == 200


def token_decides(place: Place) -> bool:
    body = {"decision": "approve", "password": PASSWORD, "scope_sha256": place.approval.scope_sha256}
    path = url(f"approvals/{place.approval.pk}/decide/")
    return _with(token_of("finance")).post(path, body, format="json").status_code == 200


def _always_in_session(request: Any) -> Actor:
    return Actor.of_user(request.user, REST, interactive=True)


def token_makes_a_token(place: Place) -> bool:
    body = {"name": "mine", "scopes": ["admin"]}
    return _with(token_of("ops", ["admin"])).post(url("tokens/"), body, format="json").status_code == 201


def unsigned_message(place: Place) -> bool:
    with acting_as(Actor.system("Test")):
        told = {"program": Program.objects.get(slug="cdnow"), "name": "shop", "kind": "purchases"}
        profile = LoadProfile(**told, mapping={}, options={})
        profile.save()
        sender = access_tokens.make_service("sender", owner=user("ops"), purpose="Sends rows.").user
        source = IncomingSource(name="shop", profile=profile, account=sender)
        source.save()
        signing.make(source, overlap_hours=0)
    headers = {"webhook-id": "m", "webhook-timestamp": "1", "webhook-signature": "v1,AAAA"}
    APIClient().post(url("hooks/shop/"), [], format="json", headers=headers)
    return ReceivedMessage.objects.exists()


def own_network(place: Place) -> bool:
    try:
        outside.address_of("http://127.0.0.1/", outside.Allowance({"127.0.0.1"}))
    except outside.NotAllowed:
        return False
    return True


# ---------------------------------------------------------------------- partners


def _contact() -> APIClient:
    """Somebody who speaks for a partner, whom somebody has put into Operations."""
    with acting_as(Actor.system("Test")):
        account = type(user("ops")).objects.create_user("contact")
        account.groups.set([Group.objects.get(name="Operations")])
        person = Person(name="Contact", email="contact@example.com")
        person.save()
        person.accounts.add(account)
        Partner(slug="theirs", name="Theirs", contact=person).save()
    client = APIClient()
    client.force_login(account)
    return client


def reads_other_partners(place: Place) -> bool:
    return bool(_contact().get(url("partners/")).json()["count"])


def reads_approvals(place: Place) -> bool:
    return bool(_contact().get(url("approvals/")).json()["count"])


def stops_a_plan(place: Place) -> bool:
    body = {"scope": "plan", "plan": place.plan.plan_id, "reason": "r"}
    return _contact().post(url("ripcords/"), body, format="json").status_code == 201


# ---------------------------------------------------------------------- sign-in


def guesses(place: Place) -> bool:
    for number in range(sign_in.ALLOWED + 2):
        _signs_in(f"wrong {number}", f"10.0.0.{number}")
    return _signs_in(PASSWORD, "10.0.1.1")


def _signs_in(password: str, address: str) -> bool:
    client = Client(REMOTE_ADDR=address)
    client.post(reverse("admin:login"), {"username": "finance", "password": password})
    return "_auth_user_id" in client.session


def page_of_another_site(place: Place) -> bool:
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(user("ops"))
    body = {"slug": "gold", "name": "Gold", "kind": "loyalty"}
    return client.post(url("programs/"), body, format="json").status_code == 201


def without_second_factor(place: Place) -> bool:
    settings.GTM_SECOND_FACTOR = True  # the test puts it back
    client = APIClient()
    client.force_login(user("finance"))
    body = {"decision": "approve", "password": PASSWORD, "scope_sha256": place.approval.scope_sha256}
    path = url(f"approvals/{place.approval.pk}/decide/")
    return client.post(path, body, format="json").status_code == 200


def _nothing(*args: Any, **kwargs: Any) -> None:
    return None


def _false(*args: Any, **kwargs: Any) -> bool:
    return False


ATTACKS = (
    Attack("uploads", "a zip of 60 KB that unpacks to 60 MB", zip_bomb,
           "programs.datasets.readers.zip._unpack", _unpack_all),
    Attack("templates", "an expression of a template reaches the classes of Python", out_of_the_sandbox,
           "programs.analytics.templating.ImmutableSandboxedEnvironment", Environment),
    Attack("templates", "a value becomes a script in an HTML mail", script_in_a_mail,
           "programs.analytics.templating.Template.is_html", False),
    Attack("exports", "a cell of an output is a formula", formula_in_an_output,
           "plans.export.render.inert", lambda value: value),
    Attack("exports", "a name in the export of a list is a formula", formula_in_a_list,
           "gtm.core.admin.resources.inert", lambda value: value),
    Attack("tokens", "a token that reads makes a program", beyond_its_scope,
           "gtm.core.api.views.check_scope", _nothing),
    Attack("tokens", "a token is used after its end", after_its_end,
           "gtm.core.access_tokens.why_not", _nothing),
    Attack("tokens", "a token approves", token_decides, "gtm.core.api.views.actor_of", _always_in_session),
    Attack("tokens", "a token makes another", token_makes_a_token,
           "gtm.core.api.tokens._in_session", _nothing),
    Attack("tokens", "a message of a stranger counts as that of a system of ours", unsigned_message,
           "plans.engine.webhooks.incoming._check_signature", _nothing),
    Attack("tokens", "an address of a webhook or a link leads into our own network", own_network,
           "gtm.core.places.outside.is_public", lambda address: True),
    Attack("partners", "a contact lists the other partners", reads_other_partners,
           "programs.api.insiders.is_partners_contact", _false),
    Attack("partners", "a contact lists approvals", reads_approvals,
           "plans.api.insiders.for_our_people", lambda rows, account: rows),
    Attack("partners", "a contact pulls the rip-cord of a plan that they do not see", stops_a_plan,
           "programs.api.insiders.is_partners_contact", _false),
    Attack("sign-in", "passwords are guessed from many addresses", guesses,
           "gtm.core.sign_in.refuse_after_many", _nothing),
    Attack("sign-in", "a page of another site sends a form in one's session", page_of_another_site,
           "rest_framework.authentication.SessionAuthentication.enforce_csrf", _nothing),
    Attack("sign-in", "a stolen password approves money without the second factor", without_second_factor,
           "plans.engine.gates.rounds.why_no_second_factor", _nothing),
)  # fmt: skip
TARGET = Path(__file__).resolve().parents[1] / "docs/attacks.md"
HEAD = """# Attacks that are tried

For readers who look after security. Written from the list in `tests/attacks.py` by its `write()`; a test
fails when it is out of date.

`tests/gtm/test_attacks.py` tries each attack twice. With its defence it must fail. Then the function that
stops it is taken away, and the same attack must succeed: the test would notice if the defence were gone. The
list is not all that the site is held against: the limits of uploads, the policy for contents and hostile
requests have tests of their own.

| Area | Somebody tries | What stops it |
| --- | --- | --- |
"""


def document() -> str:
    return HEAD + "".join(f"| {a.area} | {a.tries} | `{a.defence}` |\n" for a in ATTACKS)


def write() -> None:
    TARGET.write_text(document(), encoding="utf-8")
