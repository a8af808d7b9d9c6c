"""Images: from the upload form to the history."""
