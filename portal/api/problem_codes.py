"""Every code that the API answers problems with: programs rely on them, so none changes its meaning."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """What a code stands for: HTTP's usual status, a title that never varies, and what a client does about it."""

    status: int
    title: str
    advice: str


KINDS: dict[str, Kind] = {
    # Who asks
    "not_authenticated": Kind(
        401, "A token is needed", "Send the header “Authorization: Bearer” with a token of your account."
    ),
    "invalid_token": Kind(401, "There is no such token", "Check that the whole token was copied, or make another one."),
    "token_expired": Kind(401, "The token has expired", "Make another one."),
    "token_revoked": Kind(401, "The token was revoked", "Make another one, if it was you who revoked it."),
    "account_inactive": Kind(401, "The account is closed", "An administrator can open it again."),
    "insufficient_scope": Kind(
        403, "The token may not do this", "The detail names the scope that is missing: make a token that has it."
    ),
    "permission_denied": Kind(403, "This is not allowed", "The detail says why."),
    # What is asked
    "invalid_request": Kind(
        400, "The request is not valid", "“errors” names each field or parameter that is wrong, and how."
    ),
    "not_found": Kind(
        404,
        "There is nothing here",
        "The address is wrong, what was here is deleted, or it belongs to another account.",
    ),
    "method_not_allowed": Kind(405, "This method does not work here", "The header “Allow” lists those that do."),
    "not_acceptable": Kind(406, "There is no such representation", "Accept application/json."),
    "unsupported_media_type": Kind(415, "The request’s media type is not understood", "Send application/json."),
    "request_too_large": Kind(413, "The request is too large", "Send less at once. Files do not go to this address."),
    "idempotency_mismatch": Kind(
        422, "The Idempotency-Key belongs to another request", "Use a new key for each new request."
    ),
    # Uploads
    "invalid_filename": Kind(400, "The file name cannot be used", "Send the file’s name as “filename”."),
    "invalid_content_type": Kind(
        400, "The content type cannot be used", "Send the media type as text, such as image/jpeg."
    ),
    "invalid_size": Kind(400, "The size cannot be used", "Send the file’s size in bytes as “size”."),
    "invalid_sha256": Kind(400, "The SHA-256 cannot be used", "Send 64 lower-case hex digits, or leave it out."),
    "empty_file": Kind(400, "The file is empty", "There is nothing to recognise in it."),
    "file_too_large": Kind(413, "The file is too large", "The detail names the limit: send a smaller version."),
    "unsupported_format": Kind(415, "The file is not an image", "Send only image files."),
    "file_missing": Kind(400, "The file is not there", "Send it as the last field of the upload form."),
    "form_expired": Kind(403, "The upload form has expired", "Announce the file again for another form."),
    "form_invalid": Kind(403, "The upload form is not one of ours", "Send its fields as they were given."),
    "size_mismatch": Kind(400, "The file has another size than announced", "Announce it with the size it has."),
    "content_changed": Kind(400, "The file changed on its way", "Announce and send it again."),
    "file_awaited": Kind(409, "The file has not come yet", "Send it by its upload form, and repeat the request."),
    "no_result": Kind(404, "There is no result yet", "Ask again when the image is recognised or failed."),
    "image_gone": Kind(404, "The image was deleted before its file arrived", "Announce the file again."),
    "hidden": Kind(404, "The picture is hidden", "A moderator decided so: the image itself can be looked at."),
    # Labels
    "no_such_label": Kind(
        409, "The image does not have this label", "Look at the image again: its labels have changed."
    ),
    "too_many_suggestions": Kind(
        409, "Enough was said of this image", "Take something back, or wait until a moderator has looked at it."
    ),
    # Allowances
    "rate_limited": Kind(
        429, "Too many requests", "Wait for the seconds in “Retry-After”; “RateLimit” says how many are left."
    ),
    "images_per_day": Kind(429, "The day’s uploads are used up", "They renew at midnight UTC."),
    "bytes_per_user": Kind(429, "The storage is used up", "Delete images, or ask an administrator for more."),
    # The portal itself
    "waking_up": Kind(
        503, "The database is waking up", "Repeat the request after the seconds in “Retry-After”: nothing was done."
    ),
    "unavailable": Kind(503, "Something the portal needs does not answer", "Repeat the request a little later."),
    "internal_error": Kind(500, "Something went wrong on our side", "It is in the log. Repeating may help."),
}
