"""Addresses of the API, version 1. Somebody else's id answers 404 everywhere."""

from __future__ import annotations

from django.urls import URLPattern, path

from portal.api.views import account, docs, files, images, pages, suggestions, uploads

app_name = "api"

urlpatterns: list[URLPattern] = [
    path("images", images.Images.as_view(), name="images"),
    path("images/batch", uploads.Batch.as_view(), name="batch"),
    path("images/<uuid:image_id>", images.OneImage.as_view(), name="image"),
    path("images/<uuid:image_id>/upload-form", uploads.UploadForm.as_view(), name="upload_form"),
    path("images/<uuid:image_id>/recognize", images.Recognize.as_view(), name="recognize"),
    path("images/<uuid:image_id>/result", images.Result.as_view(), name="result"),
    path("images/<uuid:image_id>/suggestions", suggestions.Suggestions.as_view(), name="suggestions"),
    path("images/<uuid:image_id>/original", files.Original.as_view(), name="original"),
    path("images/<uuid:image_id>/preview", files.Preview.as_view(), name="preview"),
    path("images/<uuid:image_id>/thumbnail", files.Thumbnail.as_view(), name="thumbnail"),
    path("me", account.Me.as_view(), name="me"),
    path("usage", account.Usage.as_view(), name="usage"),
    path("labels", account.Labels.as_view(), name="labels"),
    path("stack", account.Stack.as_view(), name="stack"),
    path("schema", docs.schema, name="schema"),
    path("docs", docs.docs, name="docs"),
    path("problems", pages.problems, name="problems"),
]
