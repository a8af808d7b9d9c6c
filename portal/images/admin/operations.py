"""The machinery: workers, tasks, and the files still to be erased."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any, TypeAlias

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django_tasks_db.admin import DBTaskResultAdmin
from django_tasks_db.models import DBTaskResult
from unfold.admin import ModelAdmin

from portal.admin_site import ReadOnlyAdmin
from portal.images.models import StorageDeletion, WorkerHeartbeat
from portal.images.tasks import erase_soon
from portal.images.workers import HEARTBEAT_GRACE

admin.site.unregister(DBTaskResult)


@admin.register(StorageDeletion)
class StorageDeletionAdmin(ReadOnlyAdmin):
    """Files that must go and have not gone yet. An empty list is the good news."""

    list_display = ("path", "storage", "created_at", "attempts", "not_before", "last_error")
    list_filter = ("storage",)
    search_fields = ("path", "last_error")
    search_help_text = "Search by path or error"
    fields = ("storage", "path", "created_at", "attempts", "not_before", "last_error", "receipt")
    actions = ("try_again_now",)

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("images.change_storagedeletion")

    @admin.action(description="Try again now", permissions=["retry"])
    def try_again_now(self, request: HttpRequest, queryset: QuerySet[StorageDeletion]) -> None:
        tried = queryset.filter(last_error__gt="").update(not_before=timezone.now())
        if tried:
            erase_soon()
            self.message_user(request, f"{tried:,} will be tried again at once.", messages.SUCCESS)
        if left := queryset.filter(last_error="").count():
            reason = "they have not failed, and are waiting until nobody can be writing to them any more"
            self.message_user(request, f"{left:,} left alone: {reason}.", messages.WARNING)


@admin.register(WorkerHeartbeat)
class WorkerHeartbeatAdmin(ReadOnlyAdmin):
    list_display = ("worker_id", "alive", "pid", "started_at", "beat_at")
    fields = list_display

    @admin.display(description="Alive", boolean=True)
    def alive(self, worker: WorkerHeartbeat) -> bool:
        """Whether it has reported lately, by the same measure as /readyz."""
        age: timedelta = timezone.now() - worker.beat_at
        return age <= HEARTBEAT_GRACE


Task: TypeAlias = "DBTaskResult[..., Any]"


@admin.register(DBTaskResult)
class TaskAdmin(DBTaskResultAdmin, ModelAdmin):  # type: ignore[misc]
    """The queue's own page in the portal's theme."""

    list_per_page = 50
    show_full_result_count = False

    def get_list_display(self, _request: HttpRequest) -> tuple[str, ...]:
        return ("task_name", "status", "enqueued_at", "started_at", "finished_at", "queue_name")

    def get_readonly_fields(self, request: HttpRequest, obj: Task | None = None) -> list[str]:
        """The theme colours JSON by inline styles, which the policy forbids: these are shown as plain text instead."""
        fields: list[str] = super().get_readonly_fields(request, obj)
        plain = {"args_kwargs": "arguments", "return_value": "answer", "worker_ids": "workers"}
        return [plain.get(name, name) for name in fields]

    def arguments(self, task: Task) -> str:
        return json.dumps(task.args_kwargs)

    def answer(self, task: Task) -> str:
        return json.dumps(task.return_value)

    def workers(self, task: Task) -> str:
        return ", ".join(task.worker_ids)
