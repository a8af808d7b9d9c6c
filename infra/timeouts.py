"""How long each function may take, in seconds; how long its queue hides a message follows from it."""

from __future__ import annotations

RECOGNIZE_SECONDS = 60
# Within the above; what is left is for reading, decoding and writing.
DETECTOR_SECONDS = 40
DEAD_LETTERS_SECONDS = 30
INGEST_SECONDS = 60
# The HTTP API gives up after 30.
WEB_SECONDS = 29
MANAGE_SECONDS = 900
MAIL_SECONDS = 30
# A batch goes out at once, each to be answered within ten; what is left is for reading and reporting.
WEBHOOKS_SECONDS = 60
TRAIN_SECONDS = 60
# The database may have to wake up first.
DATABASE_ROLE_SECONDS = 180
