"""*Set up a program*: five pages with a rail. The program itself keeps how far it is."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.text import slugify
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from gtm.core.admin import acting_in_admin, tell
from gtm.core.errors import GtmError
from gtm.core.fsm import perform
from gtm.core.places import world
from plans.admin import first_records
from plans.engine.people import authority
from plans.engine.people.permissions import persons_of
from plans.runs import data_needs
from plans.standard import establishing, program_setup
from plans.standard.program_setup import STEPS, EnteredHolder
from programs.admin import pending
from programs.datasets import CONTRACTS
from programs.models import CLOSED_PROGRAM_STATES, Program, ProgramKind
from programs.models.place import known_currency, known_zone
from programs.previews import FIND, preview_dataset
from programs.selectors import latest_datasets
from programs.services import load_dataset

NEEDS = ("programs.add_program", "programs.change_program")
MONEY = (
    "gross_margin", "points_per_currency_unit", "point_face_value", "point_unit_cost",
    "platform_cost_monthly", "launch_cost", "lift_low", "lift_likely", "lift_high", "assumptions_source",
)  # fmt: skip
MONEY_OF_ALL = ("gross_margin", "assumptions_source")
REASON = "Set up a program"
MOST_PROPOSALS = 60
MOST_FILES = pending.MOST_A_PERSON - 1


STANDS = (("active", "It runs already"), ("planning", "It is not launched yet"))


class PlaceForm(forms.Form):
    """The country sets currency and time zone where they are left empty."""

    name = forms.CharField(max_length=120, widget=UnfoldAdminTextInputWidget)
    kind = forms.ChoiceField(choices=ProgramKind.choices, widget=UnfoldAdminSelectWidget)
    country = forms.ChoiceField(
        widget=UnfoldAdminSelectWidget, help_text="Sets the holidays, and what is empty below"
    )
    currency = forms.CharField(
        required=False,
        max_length=80,
        validators=[known_currency],
        widget=UnfoldAdminTextInputWidget,
        help_text="ISO 4217, like EUR. Empty: that of the country",
    )
    time_zone = forms.CharField(
        required=False,
        max_length=80,
        validators=[known_zone],
        widget=UnfoldAdminTextInputWidget,
        help_text="IANA, like Europe/Berlin. Empty: where most people of the country live",
    )
    stands = forms.ChoiceField(
        choices=STANDS, required=False, initial="active", label="How it stands",
        widget=UnfoldAdminSelectWidget,
        help_text="A launch makes a program active that is not launched yet",
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        named = sorted(world.countries().items(), key=lambda pair: pair[1])
        self.fields["country"].choices = [
            ("", "Choose a country"),
            *((code, f"{name} ({code})") for code, name in named),
        ]

    def clean(self) -> dict[str, Any]:
        told = super().clean() or {}
        if country := told.get("country"):
            if not told.get("currency") and "currency" not in self.errors:
                told["currency"] = world.currency_of(country)
            if not told.get("time_zone") and "time_zone" not in self.errors:
                told["time_zone"] = next(iter(world.zones_of(country)), "UTC")
            if not told.get("currency") and "currency" not in self.errors:
                self.add_error("currency", f"The currency of {country} is not known. Enter it.")
        return told


class MoneyForm(forms.ModelForm):
    """What the financial model reads, all of it an assumption until somebody has measured it."""

    class Meta:
        model = Program
        fields = MONEY

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["assumptions_source"].required = True
        if self.instance.kind != ProgramKind.LOYALTY:  # points, members and platform are those of loyalty
            for name in set(MONEY) - set(MONEY_OF_ALL):
                del self.fields[name]
        for field in self.fields.values():
            field.widget = UnfoldAdminTextInputWidget()
        if earned := self.fields.get("points_per_currency_unit"):
            earned.required = False

    def clean_points_per_currency_unit(self) -> Decimal:
        """Left empty, it stays as it is: one point per unit of money where nobody has said otherwise."""
        entered: Decimal | None = self.cleaned_data["points_per_currency_unit"]
        return self.instance.points_per_currency_unit if entered is None else entered


class ProgramSetupPages:
    """Part of the admin of plans."""

    def set_up(self, request: HttpRequest, slug: str = "", step: str = "name") -> HttpResponse:
        if not request.user.has_perms(NEEDS):
            raise PermissionDenied("To set up a program, you need the permission to add programs.")
        program = Program.objects.filter(slug=slug).first() if slug else None
        if step not in STEPS or (slug and program is None) or (program is None and step != "name"):
            raise Http404("There is no such step.")
        answered = getattr(self, f"_set_up_{step}")(request, program)
        if isinstance(answered, HttpResponse):
            return answered
        title = f"Set up {program.name}" if program else "Set up a program"
        context = {
            "rail": program_setup.rail(program),
            "step": step,
            "program": program,
            "others": _begun(program),
        }
        return self.page(request, "plans/program_setup.html", title, **context, **answered)

    def _set_up_name(self, request: HttpRequest, program: Program | None) -> Any:
        names = ("name", "kind", "country", "currency", "time_zone")
        initial = {name: getattr(program, name) for name in names} if program else _home_of(request.user)
        form = PlaceForm(request.POST or None, initial=initial)
        if program is not None and program.state != "draft":
            del form.fields["stands"]  # from here on it goes its own way
        if request.method == "POST" and form.is_valid():
            try:
                with acting_in_admin(request, REASON), transaction.atomic():
                    made = _save_place(program, form.cleaned_data)
            except GtmError as error:
                tell(request, error)
            except ValidationError as error:
                _blame(form, error)
            else:
                return _to(made, "data")
        return {"form": form}

    def _set_up_data(self, request: HttpRequest, program: Program) -> Any:
        looks: list[dict[str, Any]] = []
        if request.method == "POST":
            if not request.user.has_perm("programs.add_dataset"):
                raise PermissionDenied("To load data, you need the permission to add datasets.")
            tokens = request.POST.getlist("token")
            files = request.FILES.getlist("files")
            if len(files) > MOST_FILES:
                messages.error(request, f"Drop at most {MOST_FILES} files at a time.")
                files = files[:MOST_FILES]
            if request.POST.get("do") == "load":
                tokens = [token for token in tokens if not _load(request, program, token)]
            else:
                tokens = [pending.keep(request.user, upload) for upload in files]
            looks = [_look(request, program, token) for token in tokens]
            if not looks and request.POST.get("do") == "load":
                return _to(program, "data")
        ready = sum("found" in look for look in looks)
        return {
            "looks": looks,
            "ready": ready,
            "contracts": CONTRACTS,
            "needs": data_needs.of_program(program),
            "datasets": _current(program),
        }

    def _set_up_money(self, request: HttpRequest, program: Program) -> Any:
        form = MoneyForm(request.POST or None, instance=Program.objects.get(pk=program.pk))
        if request.method == "POST" and form.is_valid():
            try:
                with acting_in_admin(request, REASON), transaction.atomic():
                    form.save()
            except GtmError as error:
                tell(request, error)
            else:
                return _to(program, "people")
        return {"form": form, "currency": program.currency}

    def _set_up_people(self, request: HttpRequest, program: Program) -> Any:
        may = request.user.has_perms(["programs.add_approver", "programs.add_person", "auth.add_user"])
        entered, found, problems = [], None, {}
        if request.method == "POST" and request.POST.get("do") == "agree":
            _agree(request)
            return _to(program, "people")
        if request.method == "POST":
            if not may:
                raise PermissionDenied("Ask a steward: to enter who decides, you need their permissions.")
            entered = list(_entered(request.POST, problems))
            try:
                if not problems:
                    with acting_in_admin(request, REASON), transaction.atomic():
                        found = program_setup.enter_people(program, entered)
            except GtmError as error:
                tell(request, error)
            if found is not None and not found.passwords and not found.waiting:
                return _to(program, "run")
        for sentence in problems.values():
            messages.error(request, sentence)
        return {
            "roles": [
                (one, _typed(request.POST, one.definition.slug)) for one in program_setup.roles_of(program)
            ],
            "entered": found,
            "may_enter": may,
            "stewards": establishing.stewards(),
            "to_agree": _proposals(request),
        }

    def _set_up_run(self, request: HttpRequest, program: Program) -> Any:
        offered = first_records.offers(request, program)
        if request.method == "POST" and first_records.enter(request, program, offered):
            return _to(program, "run")
        return {"runs": program_setup.first_runs(program), "offers": offered}


def _save_place(program: Program | None, told: Mapping[str, Any]) -> Program:
    row = program or Program(slug=_free_slug(told["name"]))
    for name in ("name", "kind", "country", "currency", "time_zone"):
        setattr(row, name, told[name])
    if program is None:
        row.owner = program_setup.acting_person()
        row.is_default = not Program.objects.filter(kind=row.kind, is_default=True).exists()
    row.full_clean()
    row.save()
    if row.state == "draft":
        perform(row, "plan" if told.get("stands") == "planning" else "activate")
    return row


def _free_slug(name: str) -> str:
    stem = slugify(name)[:70] or "program"
    taken = set(Program.objects.filter(slug__startswith=stem).values_list("slug", flat=True))
    return next(slug for slug in (stem, *(f"{stem}-{n}" for n in range(2, 1000))) if slug not in taken)


def _to(program: Program, step: str) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:plans_set_up_step", args=[program.slug, step]))


def _home_of(user: Any) -> dict[str, str]:
    """The country of whoever sets it up, where they have one: most likely that of the program."""
    people = persons_of(user)
    return {"country": people[0].country} if len(people) == 1 and people[0].country else {}


def _begun(program: Program | None) -> list[tuple[Program, str]]:
    """Programs whose set-up is not finished, with the step at which it stands."""
    if program is not None:
        return []
    found = []
    for one in Program.objects.exclude(state__in=CLOSED_PROGRAM_STATES).order_by("-created_at")[:5]:
        still = next((step.key for step in program_setup.rail(one) if not step.is_done), "")
        if still:
            found.append((one, still))
    return found


def _blame(form: forms.Form, error: ValidationError) -> None:
    for name, said in error.message_dict.items():
        form.add_error(name if name in form.fields else None, " ".join(said))


def _current(program: Program) -> list[Any]:
    return latest_datasets(program, list(CONTRACTS))


def _look(request: HttpRequest, program: Program, token: str) -> dict[str, Any]:
    """What a waiting file would become: its kind, its rows, what is asked about it."""
    kept = pending.find(request.user, token)
    if kept is None:
        return {"name": "A file", "token": "", "problems": ["It is not kept any more. Drop it again."]}
    told: dict[str, Any] = {"name": kept.label, "token": token, "problems": []}
    try:
        found = preview_dataset("", [kept], program=program, profile=FIND)
    except GtmError as error:
        return told | {"problems": [error.detail, *(problem.sentence() for problem in error.problems)]}
    asked = [one["sentence"] for one in found["questions"]]
    return told | {"found": found, "problems": asked, "choices": (found["change"] or {}).get("choices") or {}}


def _load(request: HttpRequest, program: Program, token: str) -> bool:
    """Whether the file became data. What is asked about it is told and it keeps waiting."""
    kept = pending.find(request.user, token)
    if kept is None:
        return False
    try:
        found = preview_dataset("", [kept], program=program, profile=FIND)
        series = request.POST.get(f"series-{token}", "")
        with pending.taken(kept) as file, acting_in_admin(request, REASON):
            dataset, result = load_dataset(
                found["kind"], [file], program=program, profile=found["terms"]["profile"], series=series
            )
            pending.forget(file, dataset.pk)
    except GtmError as error:
        tell(request, error)
        return False
    rows = f"{result.snapshot.rows:,} of {result.input_rows:,} rows"
    messages.success(request, f"{kept.label} is loaded as {dataset.kind.replace('_', ' ')}: {rows}.")
    return True


def _entered(post: Mapping[str, str], problems: dict[str, str]) -> Any:
    """What was typed for each role; a limit that is no amount is a problem."""
    for key in post:
        if not key.startswith("email-") or not (post[key].strip() or post.get(f"name-{key[6:]}", "").strip()):
            continue
        role = key.removeprefix("email-")
        limit = post.get(f"limit-{role}", "").strip().replace(",", "")
        try:
            amount = Decimal(limit) if limit else None
            email = forms.EmailField(required=False).clean(post[key].strip())
        except ArithmeticError:
            problems[f"limit-{role}"] = f"“{limit}” is not an amount. Write it like 50000."
            continue
        except ValidationError as error:
            problems[key] = f"{role}: {' '.join(error.messages)}"
            continue
        yield EnteredHolder(role, post.get(f"name-{role}", ""), email, amount)


def _proposals(request: HttpRequest) -> list[Any]:
    """What a set-up has proposed and this person may agree to."""
    people = set(request.user.people.values_list("pk", flat=True))
    rows = authority.waiting_changes(request.user, people, MOST_PROPOSALS) if people else []
    return [row for row in rows if row.state == "proposed" and row.reason == REASON]


def _agree(request: HttpRequest) -> None:
    """Agree to each of those that were on the page, separately; each says what became of it."""
    chosen = set(request.POST.getlist("change"))
    with acting_in_admin(request, "Agreed while a program is set up"):
        for row in _proposals(request):
            if str(row.pk) not in chosen:
                continue
            try:
                authority.decide(row, "approve")
            except GtmError as error:
                tell(request, error)
            else:
                messages.success(request, f"{row.what}: agreed.")


def _typed(post: Mapping[str, str], role: str) -> dict[str, str]:
    return {name: post.get(f"{name}-{role}", "") for name in ("name", "email", "limit")}
