"""Django's PostgreSQL backend for an Aurora cluster that knows the portal by IAM, and may be asleep."""
