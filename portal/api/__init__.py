"""The JSON API: what programs see of a person's images, by tokens that the person made."""
