from datetime import date

import pytest

from recognition.detectors.rekognition import Api, RekognitionDetector, RekognitionSettings
from recognition.detectors.sagemaker import SageMakerDetector, SageMakerSettings
from recognition.prices import DEFAULT_PRICES, PriceTable, PriceTableError
from tests.recognition.test_recognizer import StubDetector


def price(api=Api.LABELS, table=DEFAULT_PRICES, **switches):
    return table.cost_of(RekognitionDetector(RekognitionSettings(**switches), api))


@pytest.mark.parametrize(
    ("switches", "micro_usd"),
    [({}, 1750), ({"properties": False}, 1000), ({"labels": False}, 750)],
)
def test_image_properties_are_billed_beside_the_labels(switches, micro_usd):
    assert price(**switches) == micro_usd


def test_each_api_has_its_price_and_a_sagemaker_endpoint_is_paid_by_its_compute():
    assert (price(Api.MODERATION), price(Api.TEXT)) == (1000, 1000)
    assert DEFAULT_PRICES.cost_of(SageMakerDetector(SageMakerSettings("birds"))) == 0


def test_what_is_not_paid_costs_nothing_whatever_it_is_called():
    assert DEFAULT_PRICES.cost_of(StubDetector("rekognition")) == 0
    assert DEFAULT_PRICES.cost_of(StubDetector("unheard-of", paid=True)) == 0


def test_a_table_of_ones_own_changes_what_it_names():
    table = PriceTable.from_json('{"as_of": "2026-02-03", "micro_usd": {"rekognition": 1250, "sagemaker": 90}}')
    assert table.as_of == date(2026, 2, 3)
    assert (price(table=table), price(Api.TEXT, table)) == (2000, 1000)
    assert table.cost_of(SageMakerDetector(SageMakerSettings("birds"))) == 90


@pytest.mark.parametrize(
    "written",
    ["", "[]", "{}", '{"as_of": "yesterday", "micro_usd": {}}', '{"as_of": "2026-01-01"}']
    + [f'{{"as_of": "2026-01-01", "micro_usd": {{"rekognition": {wrong}}}}}' for wrong in ("-1", "1.5", "true", '"1"')],
)
def test_a_table_that_makes_no_sense_is_refused(written):
    with pytest.raises(PriceTableError):
        PriceTable.from_json(written)


def test_a_misspelt_name_is_said_with_those_that_are_known():
    with pytest.raises(PriceTableError, match=r"rekogniton.*rekognition-text"):
        PriceTable.from_json('{"as_of": "2026-01-01", "micro_usd": {"rekogniton": 1}}')
