"""What people may do to labels: one verb in one file, each with its permission, its change and its audit row."""
