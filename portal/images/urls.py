"""Addresses of images. An id that is not the person's own answers 404 everywhere."""

from django.urls import path

from portal.images.views import actions, browse, files, saying, upload
from portal.images.views.detail import detail

app_name = "images"

urlpatterns = [
    path("upload/", upload.page, name="upload"),
    path("uploads/", upload.start, name="start_upload"),
    path("uploads/receive/", upload.receive, name="receive_upload"),
    path("uploads/<uuid:image_id>/renew/", upload.renew, name="renew_upload"),
    path("uploads/<uuid:image_id>/arrived/", upload.arrived, name="upload_arrived"),
    path("history/", browse.history, name="history"),
    path("history/updates/", browse.updates, name="updates"),
    path("history/selection/", actions.selection, name="selection"),
    path("history/words/", saying.words, name="words"),
    path("usage/", browse.usage, name="usage"),
    path("images/<uuid:image_id>/", detail, name="detail"),
    path("images/<uuid:image_id>/recognize/", actions.recognize, name="recognize"),
    path("images/<uuid:image_id>/delete/", actions.delete, name="delete"),
    path("images/<uuid:image_id>/suggestion/", saying.suggestion, name="suggestion"),
    path("images/<uuid:image_id>/sharing/", saying.sharing, name="sharing"),
    path("images/<uuid:image_id>/original/", files.original, name="original"),
    path("images/<uuid:image_id>/preview/", files.preview, name="preview"),
    path("images/<uuid:image_id>/thumbnail/", files.thumbnail, name="thumbnail"),
    path("images/<uuid:image_id>/result.json", files.result, name="result"),
]
