"""What comes in from recognition, and from administrators. Importing this starts Django."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django.setup()
