"""From S3's word of a new upload to one stored result and a pointer to it, paid once and within the budgets."""
