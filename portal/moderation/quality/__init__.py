"""How right detectors are, measured by what people decided on a random sample; and how moderation gets on."""
