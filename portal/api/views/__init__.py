"""What the API answers, and the pages beside it."""
