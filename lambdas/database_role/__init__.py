"""Makes the database role that the portal signs in as with IAM, once, before the first migration."""
