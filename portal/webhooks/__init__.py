"""Webhooks: telling a person's own server what became of an image."""
