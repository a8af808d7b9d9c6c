"""What other parts of the portal may listen to."""

from django.dispatch import Signal

# Sent with `image`, in the transaction that makes it recognised or failed, and `at`, when that was found out.
image_settled = Signal()

# Sent after each sweep, for whoever has something stuck of their own.
swept = Signal()

# Sent with `ids` and `receipt`, in the transaction that deletes these images or removes their files for good, before
# they go; once for each batch.
images_deleting = Signal()
