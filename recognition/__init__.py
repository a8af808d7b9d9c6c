"""What a recognition is and how one is made, without Django and without any service's event format."""
