"""Sending webhooks over the open internet: signed, to public addresses alone. The worker and a Lambda both do it."""
