"""What the pages about images answer. Each view translates a request and delegates."""
