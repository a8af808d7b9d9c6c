"""The addresses of candidates and of repeating the history, inside the administration and for its members alone."""

from django.urls import path

from portal.finetuning import views

app_name = "finetuning"
urlpatterns = [
    path("versions/<uuid:version_id>/shadow/", views.allowed(views.start), name="shadow_start"),
    path("versions/<uuid:version_id>/shadow/stop/", views.allowed(views.stop), name="shadow_stop"),
    path("versions/<uuid:version_id>/differences/", views.allowed(views.ask_for_difference), name="difference_begin"),
    path("differences/<uuid:run_id>/", views.allowed(views.difference), name="difference"),
    path("differences/<uuid:run_id>/progress/", views.allowed(views.difference_progress), name="difference_progress"),
    path(
        "differences/<uuid:run_id>/images/<uuid:image_id>/",
        views.allowed(views.picture, cacheable=True),
        name="difference_picture",
    ),
    path("repeat/", views.allowed(views.repeat), name="repeat"),
    path("repeat/begin/", views.allowed(views.begin), name="repeat_begin"),
    path("repeat/<uuid:repeat_id>/progress/", views.allowed(views.repeat_progress), name="repeat_progress"),
    path("repeat/<uuid:repeat_id>/<slug:deed>/", views.allowed(views.decide), name="repeat_decide"),
]
