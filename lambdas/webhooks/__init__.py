"""From the portal's outbox to other people's programs: the portal itself reaches nothing but S3."""
