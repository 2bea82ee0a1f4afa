"""This site as a witness of other logs: C2SP tlog-witness at ``/witness/add-checkpoint``.

It is there where the operator names the logs (``GTM_WITNESSED_LOGS``) and made the witness a key. Anybody may
ask; what is signed says only that a log continues what was signed before.
"""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from gtm.core.evidence import notes
from gtm.core.evidence.witness import MOST_BYTES, TEXT, Witness

TOO_LARGE, NOT_ALLOWED = 413, 405


@csrf_exempt  # it takes no session: another site can have a browser send nothing that anybody could not send
def add_checkpoint(request: HttpRequest) -> HttpResponse:
    """One checkpoint of another log. 404 where this site is no witness, else as the protocol says."""
    witness = Witness(Path(settings.GTM_KEYS_DIR) / "witness")
    if not settings.GTM_WITNESSED_LOGS or not witness.has_key:
        raise Http404("This site is no witness.")
    if request.method != "POST":
        return HttpResponse("Only POST is answered here.\n", TEXT, NOT_ALLOWED, headers={"Allow": "POST"})
    if int(request.META.get("CONTENT_LENGTH") or 0) > MOST_BYTES:
        return HttpResponse(f"A request has at most {MOST_BYTES} bytes.\n", TEXT, TOO_LARGE)
    logs = [notes.read_key(text) for text in settings.GTM_WITNESSED_LOGS]
    answer = witness.answer(request.body, logs)
    return HttpResponse(answer.text, answer.media_type, answer.status)
