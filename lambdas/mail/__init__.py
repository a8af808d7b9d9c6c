"""From the portal's outbox to people's mailboxes: the portal itself reaches nothing but S3."""
