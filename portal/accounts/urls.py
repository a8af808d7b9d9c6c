"""Addresses of a person's own account, beside allauth's."""

from django.urls import path

from portal.accounts import views

app_name = "accounts"

urlpatterns = [
    path("", views.overview, name="overview"),
    path("data/", views.data, name="download_data"),
    path("data/<uuid:export_id>/<int:number>/", views.exported_data, name="exported_data"),
    path("delete/", views.delete_account, name="delete_account"),
    path("erased/<uuid:receipt_id>/", views.erasure_receipt, name="erasure_receipt"),
    path("erased/<uuid:receipt_id>/receipt.txt", views.erasure_receipt_text, name="erasure_receipt_text"),
]
