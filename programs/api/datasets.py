"""Data over REST: load a file, read the answer, choose what is current, correct the rejects."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import ParseError
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from gtm.core.api import parsers
from gtm.core.api.serializers import Serializer
from gtm.core.api.views import ActionViewSet, CrudPermissions
from gtm.core.errors import InvalidInput, NotPermitted
from gtm.core.evidence import departures
from gtm.core.later import later
from programs.api.insiders import ForOurPeople
from programs.api.load_profiles import LoadProfileSerializer
from programs.api.serializers import DatasetSerializer
from programs.datasets import Source
from programs.datasets.loading.limits import CHOICES
from programs.load_profiles import save_profile
from programs.models import Campaign, Dataset, Partner, Program
from programs.previews import preview_dataset
from programs.series import HOW, answer_of_dataset, make_current, mark_current, snapshot_store, take_back
from programs.services import load_dataset

if TYPE_CHECKING:
    from programs.datasets.loading import rejects
else:
    rejects = later("programs.datasets.loading.rejects")


class UploadSerializer(Serializer):
    kind = serializers.CharField(max_length=40)
    program = serializers.SlugRelatedField("slug", queryset=Program.objects.all())
    partner = serializers.SlugRelatedField("slug", queryset=Partner.objects.all(), required=False)
    campaign = serializers.SlugRelatedField("slug", queryset=Campaign.objects.all(), required=False)
    file = serializers.FileField(allow_empty_file=True)  # the reader says what is missing
    series = serializers.ChoiceField(
        list(HOW.items()), required=False, default="", allow_blank=True,
        help_text="What happens to the current data; required if there are any",
    )  # fmt: skip
    profile = serializers.CharField(
        required=False, default="", allow_blank=True, max_length=60,
        help_text="A load profile of the program, or a preset such as shopify-orders",
    )  # fmt: skip
    mapping = serializers.CharField(
        required=False, default="{}", help_text="JSON: our column → theirs, empty where the file has none"
    )
    without = serializers.CharField(
        required=False, default="", allow_blank=True, max_length=1000,
        help_text="Options of the profile that do not count this time, separated by commas",
    )  # fmt: skip

    def get_fields(self) -> dict[str, serializers.Field]:
        """The options of a load are those of every other door."""
        said = {
            choice.name: serializers.CharField(
                required=False, default="", allow_blank=True, max_length=choice.longest, help_text=choice.help
            )
            for choice in CHOICES
        }
        return {**super().get_fields(), **said}

    def validate_mapping(self, text: str) -> dict[str, str]:
        try:
            mapping = parsers.read(text)
        except (ParseError, InvalidInput) as error:
            raise serializers.ValidationError(f"This is no JSON that can be read: {error.detail}") from error
        if not isinstance(mapping, dict) or not all(isinstance(v, str) for v in mapping.values()):
            raise serializers.ValidationError("Give an object: our column → theirs.")
        return mapping

    def validate_without(self, text: str) -> list[str]:
        return [name.strip() for name in text.split(",") if name.strip()]


class PreviewSerializer(UploadSerializer):
    kind = serializers.CharField(
        max_length=40, required=False, default="", allow_blank=True, help_text="Empty: found by the columns"
    )
    profile = serializers.CharField(
        required=False, default="", allow_blank=True, max_length=60,
        help_text="A load profile, a preset, or “find” for the likeliest",
    )  # fmt: skip


class LoadedDatasetSerializer(DatasetSerializer):
    """A dataset with the answer of its load."""

    class Meta(DatasetSerializer.Meta):
        fields = [*DatasetSerializer.Meta.fields, "answer"]

    answer = serializers.SerializerMethodField()

    def get_answer(self, dataset: Dataset) -> dict[str, Any]:
        return answer_of_dataset(dataset)


class ChoiceSerializer(Serializer):
    reason = serializers.CharField(max_length=2000, help_text="Why; it is kept in the change log")


class SaveProfileSerializer(Serializer):
    name = serializers.SlugField(max_length=60)
    reason = serializers.CharField(max_length=2000, required=False, default="")


class DatasetViewSet(ForOurPeople, ActionViewSet):
    scope = "load"
    scopes = {"rejects": "export"}
    queryset = mark_current(Dataset.objects.select_related("program", "partner", "campaign"))
    serializer_class = DatasetSerializer
    permission_classes = [CrudPermissions]
    filterset_fields = ["program__slug", "partner__slug", "kind"]
    ordering_fields = ["created_at", "rows"]

    @extend_schema(
        request={"multipart/form-data": UploadSerializer}, responses={201: LoadedDatasetSerializer}
    )
    @action(detail=False, methods=["post"], parser_classes=[MultiPartParser])
    def upload(self, request: Request) -> Response:
        """Load a file. If there are problems, all of them are returned and nothing is stored."""
        body = UploadSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        given = dict(body.validated_data)
        upload = given.pop("file")
        source = Source(Path(upload.temporary_file_path()), name=Path(upload.name).name)
        dataset, _ = load_dataset(given.pop("kind"), [source], **given)
        return Response(self._loaded(dataset), status=status.HTTP_201_CREATED)

    @extend_schema(request={"multipart/form-data": PreviewSerializer}, responses={200: dict}, filters=False)
    @action(detail=False, methods=["post"], parser_classes=[MultiPartParser], pagination_class=None)
    def preview(self, request: Request) -> Response:
        """What a load with the same words would do, from the first rows of the file. Nothing is stored.

        What a load would refuse is in `questions`, each with the options that settle it.
        """
        body = PreviewSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        given = dict(body.validated_data)
        upload = given.pop("file")
        for name in ("campaign", "series"):
            given.pop(name, None)
        source = Source(Path(upload.temporary_file_path()), name=Path(upload.name).name)
        return Response(preview_dataset(given.pop("kind"), [source], **given))

    @extend_schema(responses={200: dict}, filters=False)
    @action(detail=True, methods=["get"])
    def answer(self, request: Request, pk: str) -> Response:
        """The answer of the load: how columns were read, what changed, what each command has and lacks."""
        return Response(answer_of_dataset(self.get_object()))

    @extend_schema(request=ChoiceSerializer, responses={200: DatasetSerializer})
    @action(detail=True, methods=["post"], url_path="make-current")
    def make_current(self, request: Request, pk: str) -> Response:
        """Make the dataset current: runs that start from now on read it."""
        dataset, given = self.opened(request, ChoiceSerializer)
        make_current(dataset, reason=given["reason"])
        return Response(self._shown(dataset))

    @extend_schema(request=ChoiceSerializer, responses={200: DatasetSerializer})
    @action(detail=True, methods=["post"], url_path="take-back")
    def take_back(self, request: Request, pk: str) -> Response:
        """Take the choice back: the dataset that was current before is current again."""
        dataset, given = self.opened(request, ChoiceSerializer)
        take_back(dataset, reason=given["reason"])
        return Response(self._shown(dataset))

    @extend_schema(request=SaveProfileSerializer, responses={200: LoadProfileSerializer})
    @action(detail=True, methods=["post"], url_path="save-profile")
    def save_profile(self, request: Request, pk: str) -> Response:
        """Keep the choices of the last load of these rows as a load profile of their program."""
        if not request.user.has_perms(["programs.add_loadprofile", "programs.change_loadprofile"]):
            raise NotPermitted(
                "To save a load profile, you need the permission to add and change load profiles."
            )
        dataset, given = self.opened(request, SaveProfileSerializer)
        profile = save_profile(dataset, given["name"], reason=given["reason"])
        return Response(LoadProfileSerializer(profile).data)

    def _shown(self, dataset: Dataset) -> Any:
        return DatasetSerializer(self.get_queryset().get(pk=dataset.pk)).data

    def _loaded(self, dataset: Dataset) -> Any:
        return LoadedDatasetSerializer(self.get_queryset().get(pk=dataset.pk)).data

    @extend_schema(responses={(200, "text/csv"): OpenApiTypes.STR}, filters=False)
    @action(detail=True, methods=["get"])
    def rejects(self, request: Request, pk: str) -> HttpResponse:
        """The rejected rows with their reasons, safe to open in a spreadsheet."""
        dataset = self.get_object()
        response = HttpResponse(content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="rejects-{dataset.pk}.csv"'
        if dataset.rejects:
            rows = rejects.export_rejects(snapshot_store().rejects_path(dataset.rejects), response)
            what = f"rejected rows of {dataset}"
            departures.record(dataset, what, response.content, form="csv", rows=rows)
        return response
