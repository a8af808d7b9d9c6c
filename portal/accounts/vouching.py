"""Addresses that nobody needs to confirm, because whoever set up the account vouches for them."""

from __future__ import annotations

from allauth.account.models import EmailAddress
from django.db import transaction

from portal.accounts.models import User


@transaction.atomic
def vouch_for_administrators() -> int:
    """Mark the address of every superuser who has none on record as theirs. Returns how many that were.

    Where addresses must be confirmed, they could not sign in, and nobody else could help them.
    """
    known = EmailAddress.objects.values("user")
    unknown = User.objects.filter(is_superuser=True).exclude(email="").exclude(pk__in=known)
    addresses = [EmailAddress(user=user, email=user.email, verified=True, primary=True) for user in unknown]
    return len(EmailAddress.objects.bulk_create(addresses))
