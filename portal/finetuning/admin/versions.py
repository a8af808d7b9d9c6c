"""Model versions in the administration: training one, watching it learn, reading how good it is, deciding on it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.forms import ModelForm, Script
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST, require_safe

from portal.accounts.models import User
from portal.accounts.person import person
from portal.admin_site import ReadOnlyAdmin, badge
from portal.finetuning import difference_page, orders, promoting, repeat_page, shadow_page, starts
from portal.finetuning.admin.decisions import DECISIONS, offered, rollout
from portal.finetuning.admin.files import FILES, send_file, send_picture
from portal.finetuning.ancestry import known_to_start
from portal.finetuning.beginning import begin_training
from portal.finetuning.evaluation import FIELD, read
from portal.finetuning.models import Approval, DatasetSnapshot, ModelVersion, Place, SnapshotState, VersionState
from portal.finetuning.version_forms import VersionForm
from portal.images.serving import Served
from portal.moderation.deeds import Refused

STATE_COLORS = {
    VersionState.QUEUED.label: "info",
    VersionState.TRAINING.label: "info",
    VersionState.READY.label: "success",
    VersionState.FAILED.label: "danger",
    VersionState.STOPPED.label: "warning",
}
VERDICT_COLORS = {"Passed": "success", "Refused": "danger"}
APPROVAL_COLORS = {"Running": "success", Approval.APPROVED.label: "info", Approval.REJECTED.label: "danger"}
PHASES = {
    "": "Waiting for its turn in a worker",
    "pictures": "Putting the pictures together",
    "ordered": "Waiting for a machine of SageMaker’s",
    "preparing": "Preparing the pictures",
    "training": "Learning",
    "evaluating": "Measuring it on the test pictures",
    "exporting": "Exporting it",
    "packing": "Packing it",
}
_PROMOTIONS_SHOWN = 20


@admin.register(ModelVersion)
class ModelVersionAdmin(ReadOnlyAdmin):
    """A list of versions, a form for a new one, and a page for each with what may be decided on it."""

    form = VersionForm
    list_display = ("__str__", "progress", "verdict_column", "map50_column", "approval_column", "dataset", "made_at")
    list_filter = (("state", admin.ChoicesFieldListFilter), ("approval", admin.ChoicesFieldListFilter))
    list_select_related = ("dataset",)
    search_fields = ("name", "author_name")
    search_help_text = "Search by name or author"
    list_before_template = "admin/finetuning/versions.html"
    change_form_outer_before_template = "admin/finetuning/version.html"

    class Media:
        css = {"all": ("css/training.css",)}
        js = (Script("js/training-progress.js", type="module"),)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("finetuning.add_modelversion"))

    def get_fields(self, _request: HttpRequest, obj: ModelVersion | None = None) -> tuple[str, ...]:
        return () if obj else VersionForm.Meta.fields

    def get_form(
        self, request: HttpRequest, obj: ModelVersion | None = None, change: bool = False, **kwargs: Any
    ) -> type[ModelForm[ModelVersion]]:
        # Nothing of a version can be changed, so its page has no fields.
        form = {"form": ModelForm} if obj else {}
        made: type[ModelForm[ModelVersion]] = super().get_form(request, obj, change, **form, **kwargs)
        return made

    def get_urls(self) -> list[URLPattern]:
        own = [
            self._path("<uuid:version_id>/progress/", require_POST(self.report_progress), "progress"),
            self._path("<uuid:version_id>/decide/<slug:deed>/", self.decide, "decide"),
            self._path("<uuid:version_id>/picture/<str:name>", require_safe(self.picture), "picture"),
            self._path("<uuid:version_id>/file/<str:name>", require_safe(self.file), "file"),
        ]
        theme: list[URLPattern] = super().get_urls()
        return own + theme

    def _path(self, route: str, view: Any, name: str) -> URLPattern:
        reached: URLPattern = path(route, self.admin_site.admin_view(view), name=f"finetuning_modelversion_{name}")
        return reached

    # Columns

    @badge(STATE_COLORS)
    @admin.display(description="State", ordering="state")
    def progress(self, version: ModelVersion) -> tuple[str, str]:
        label = version.get_state_display()
        return label, f"{label} {version.percent_done} %" if version.is_active else label

    @badge(VERDICT_COLORS)
    @admin.display(description="Gate", empty_value="–")
    def verdict_column(self, version: ModelVersion) -> str | None:
        return str(version.verdict["verdict"]).title() if version.verdict else None

    @admin.display(description="Score (mAP50)", empty_value="–")
    def map50_column(self, version: ModelVersion) -> str | None:
        return None if version.map50 is None else f"{100 * version.map50:.0f} %"

    @badge(APPROVAL_COLORS)
    @admin.display(description="Decision", ordering="approval", empty_value="–")
    def approval_column(self, version: ModelVersion) -> str | None:
        if version.pk == getattr(self, "_running_id", None):
            return "Running"
        return None if version.approval == Approval.PENDING else version.get_approval_display()

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        running = promoting.running()
        self._running_id = running.pk if running else None
        context = {
            **(extra_context or {}),
            "running": running,
            "files_are_gone": running is not None and promoting.files_are_gone(running),
            "has_datasets": DatasetSnapshot.objects.filter(state=SnapshotState.READY).exists(),
            "has_versions": ModelVersion.objects.exists(),
        }
        response: HttpResponse = super().changelist_view(request, context)
        return response

    # Training one

    def save_model(self, request: HttpRequest, _obj: ModelVersion, form: VersionForm, _change: bool) -> None:
        begin_training(form.asked_for(), person(request))

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        # Each way of saving would begin a training: one is enough.
        context = {**(extra_context or {}), "show_save_and_add_another": False, "show_save_and_continue": False}
        try:
            response: HttpResponse = super().add_view(request, form_url, context)
        except Refused as refused:
            messages.error(request, refused.message)
            return HttpResponseRedirect(request.get_full_path())
        return response

    def response_add(
        self, _request: HttpRequest, obj: ModelVersion, _post_url_continue: str | None = None
    ) -> HttpResponse:
        return HttpResponseRedirect(_page(obj.pk))

    # The page of one

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        version = self.get_object(request, object_id)
        context: dict[str, Any] = dict(extra_context or {})
        if version is not None:
            context |= {
                **_shown(version),
                **_decided(version, person(request)),
                "title": str(version),
                "subtitle": None,
            }
        response: HttpResponse = super().change_view(request, object_id, form_url, context)
        return response

    def report_progress(self, request: HttpRequest, version_id: UUID) -> HttpResponse:
        """How far it is; one that SageMaker trains is looked after meanwhile."""
        version = self._viewable(request, version_id)
        if version.place == Place.SAGEMAKER and version.is_active:
            orders.look(version)
            version.refresh_from_db()
        return JsonResponse(_progress(version))

    def decide(self, request: HttpRequest, version_id: UUID, deed: str) -> HttpResponse:
        """Asks whether it is meant; a POST does it."""
        version = self._viewable(request, version_id)
        decision = DECISIONS.get(deed)
        if decision is None:
            raise Http404
        if not request.user.has_perm(decision.permission):
            raise PermissionDenied
        if request.method != "POST":
            asked = {"version": version, "decision": decision, "words": decision.words(version)}
            context = {**self.admin_site.each_context(request), **asked, "title": decision.title(version)}
            return TemplateResponse(request, "admin/finetuning/decide.html", {**context, "back": _page(version.pk)})
        try:
            messages.success(request, decision.do(version, person(request)))
        except Refused as refused:
            messages.error(request, refused.message)
        return HttpResponseRedirect(_page(version.pk))

    def picture(self, request: HttpRequest, version_id: UUID, name: str) -> Served:
        """One of the worst mistakes."""
        return send_picture(request, self._viewable(request, version_id), name)

    def file(self, request: HttpRequest, version_id: UUID, name: str) -> Served:
        """The report or the packed model, as an attachment."""
        return send_file(request, self._viewable(request, version_id), name)

    def _viewable(self, request: HttpRequest, version_id: UUID) -> ModelVersion:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return get_object_or_404(ModelVersion.objects.select_related("dataset"), pk=version_id)


def _page(version_id: UUID) -> str:
    return reverse("admin:finetuning_modelversion_change", args=[version_id])


def _progress(version: ModelVersion) -> dict[str, Any]:
    is_waiting = version.state == VersionState.QUEUED
    # Of one that is to go on, the row still says what it was at.
    phase = "" if is_waiting and version.place == Place.HERE else version.phase
    title = "Stopping" if version.stop_requested else "Waiting to start" if is_waiting else "In training"
    return {
        "state": version.state,
        "title": title,
        "phase": PHASES.get(phase, phase),
        "percent": version.percent_done,
        "steps_done": version.steps_done,
        "steps_total": version.steps_total,
        "seconds_left": version.seconds_left,
        "curve": version.curve,
        "is_stopping": version.stop_requested,
    }


def _decided(version: ModelVersion, user: User) -> dict[str, Any]:
    """What this person may decide on, and what helps them to."""
    return {
        "decisions": offered(version, user),
        "shadow": shadow_page.section(version, user),
        "difference": difference_page.section(version, user),
        "repeat": repeat_page.section(version, user),
    }


def _shown(version: ModelVersion) -> dict[str, Any]:
    return {
        "version": version,
        "progress": _progress(version),
        "evaluation": read(version.report, version.verdict),
        "field": FIELD,
        "files": FILES if version.is_ready else (),
        "is_running": promoting.running() == version,
        "files_are_gone": version.is_ready and promoting.files_are_gone(version),
        "asked_for": _asked_for(version),
        "left_out": len(known_to_start(version)),
        "seen": promoting.last_seen(),
        "promotions": version.promotions.all()[:_PROMOTIONS_SHOWN],
        "rollout": rollout(version),
    }


def _asked_for(version: ModelVersion) -> list[tuple[str, str]]:
    """What a training begins with, as the form has it; a report says the same and more."""
    if version.report:
        return []
    titles = {choice.value: choice.title for choice in starts.choices()}
    names = {"steps": "Steps", "side": "Picture size"}
    options = [(names[name], str(value)) for name, value in version.options.items() if name in names]
    return [("Starts from", titles.get(version.start, version.start)), *options]
