"""The addresses of moderation, inside the administration and for its members alone."""

from django.contrib import admin
from django.urls import path

from portal.moderation.views import changes, decisions, grid, quality, review, words
from portal.moderation.views.answering import document, page

app_name = "moderation"
urlpatterns = [
    path("review/", page(review.review), name="review"),
    path("review/next/", document(review.next_item), name="next"),
    path("review/undo/", document(decisions.undo), name="undo"),
    path("review/<uuid:image_id>/", document(review.item), name="item"),
    path("review/<uuid:image_id>/preview/", page(review.preview, cacheable=True), name="preview"),
    path("review/<uuid:image_id>/thumbnail/", page(review.thumbnail, cacheable=True), name="thumbnail"),
    path("review/<uuid:image_id>/renew/", document(review.renew), name="renew"),
    path("review/<uuid:image_id>/release/", document(review.release), name="release"),
    path("review/<uuid:image_id>/skip/", document(review.skip), name="skip"),
    path("review/<uuid:image_id>/decide/", document(decisions.decide), name="decide"),
    path("words/", document(words.words), name="words"),
    path("grid/", page(grid.grid), name="grid"),
    path("changes/<uuid:change_id>/", admin.site.admin_view(changes.change), name="change"),
    path("grid/decide/", document(grid.decide), name="decide_in_bulk"),
    path("quality/", page(quality.quality), name="quality"),
    path("quality.csv", page(quality.quality_csv), name="quality_csv"),
]
