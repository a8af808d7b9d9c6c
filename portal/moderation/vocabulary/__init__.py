"""What people do to the vocabulary: one verb, one file. All that it changes can be taken back (undoing.py)."""
