"""SageMaker's registry refused a trained version, or nobody heard the order: it can be asked once more."""

from __future__ import annotations

import pytest
from django.test import Client

from portal.accounts.models import User
from portal.finetuning.beginning import register_again
from portal.finetuning.models import ModelVersion
from portal.moderation.deeds import Refused
from tests.portal.finetuning.on_aws import Bucket
from tests.portal.finetuning.reports import report
from tests.portal.finetuning.test_orders import PACKAGE, actor, answered, bucket, dataset, fresh, told, version
from tests.portal.finetuning.test_pages import staff
from tests.portal.finetuning.test_version_pages import address, page_of, text_of
from tests.portal.test_s3_storage import s3, s3_address

__all__ = ["actor", "bucket", "dataset", "s3", "s3_address", "version"]

pytestmark = pytest.mark.django_db(transaction=True)

FULL = "AWS lets this account have no more packages."


@pytest.fixture
def ready(version: ModelVersion, bucket: Bucket) -> ModelVersion:
    bucket.finish(version, **report(worst=()))
    return told(version, "Completed")


def test_a_registration_that_was_refused_is_asked_for_again(ready: ModelVersion, actor: User, bucket: Bucket) -> None:
    first = bucket.orders()["register"]
    assert answered(ready, "register", problem=FULL)
    bucket.forget_orders()
    register_again(fresh(ready), actor)
    assert (bucket.orders()["register"], fresh(ready).error) == (first, "")
    assert answered(fresh(ready), "register", package_arn=PACKAGE)
    with pytest.raises(Refused, match="needs no registration"):
        register_again(fresh(ready), actor)


def test_a_late_refusal_is_forgotten_once_it_is_registered(ready: ModelVersion, actor: User) -> None:
    register_again(ready, actor)
    assert answered(ready, "register", problem=FULL)
    assert answered(ready, "register", package_arn=PACKAGE)
    assert (fresh(ready).package_arn, fresh(ready).error) == (PACKAGE, "")


def test_its_page_says_why_and_offers_it_until_it_is_registered(
    ready: ModelVersion, client: Client, owner: User, bucket: Bucket
) -> None:
    staff(client, owner, "view_modelversion", "add_modelversion")
    assert answered(ready, "register", problem=FULL)
    text = text_of(client, page_of(ready))
    assert FULL in text
    assert address(ready, "decide", "register") in text
    bucket.forget_orders()
    said = client.post(address(ready, "decide", "register"), follow=True).content.decode()
    assert (FULL in said, "is asked for shapes v1 once more" in said) == (False, True)
    assert list(bucket.orders()) == ["register"]
    assert answered(ready, "register", package_arn=PACKAGE)
    assert address(ready, "decide", "register") not in text_of(client, page_of(ready))


def test_who_may_not_train_may_not_register_either(
    ready: ModelVersion, client: Client, owner: User, bucket: Bucket
) -> None:
    bucket.forget_orders()
    staff(client, owner, "view_modelversion", "approve_modelversion")
    assert address(ready, "decide", "register") not in text_of(client, page_of(ready))
    assert client.post(address(ready, "decide", "register")).status_code == 403
    assert bucket.orders() == {}
