from __future__ import annotations

import pytest

from recognition.result import Label
from recognition.vocabulary import LabelDescription, describe

# COCO's 80 classes in the order of its annotation files.
ROWS = (
    "person,bicycle,car,motorcycle,airplane,bus,train,truck,boat,traffic light,fire hydrant,stop sign,parking meter",
    "bench,bird,cat,dog,horse,sheep,cow,elephant,bear,zebra,giraffe,backpack,umbrella,handbag,tie,suitcase,frisbee,skis",
    "snowboard,sports ball,kite,baseball bat,baseball glove,skateboard,surfboard,tennis racket,bottle,wine glass,cup",
    "fork,knife,spoon,bowl,banana,apple,sandwich,orange,broccoli,carrot,hot dog,pizza,donut,cake,chair,couch",
    "potted plant,bed,dining table,toilet,tv,laptop,mouse,remote,keyboard,cell phone,microwave,oven,toaster,sink",
    "refrigerator,book,clock,vase,scissors,teddy bear,hair drier,toothbrush",
)
COCO = [name for row in ROWS for name in row.split(",")]


def test_all_80_names_of_coco_have_a_category() -> None:
    assert len(COCO) == 80
    assert [name for name in COCO if not describe(name).categories] == []


def test_two_names_of_coco_never_become_one_label() -> None:
    assert len({describe(name).name for name in COCO}) == 80


@pytest.mark.parametrize(
    ("coco", "expected"),
    [
        ("person", LabelDescription("Person", (), ("Human",), ("Person Description",))),
        ("dog", LabelDescription("Dog", ("Animal", "Canine", "Mammal", "Pet"), (), ("Animals and Pets",))),
        ("couch", LabelDescription("Couch", ("Furniture",), ("Sofa",), ("Furniture and Furnishings",))),
        (
            "cell phone",
            LabelDescription("Mobile Phone", ("Electronics", "Phone"), ("Cell Phone",), ("Technology and Computing",)),
        ),
        ("potted plant", LabelDescription("Plant", (), ("Potted Plant",), ("Plants and Flowers",))),
    ],
)
def test_a_coco_name_becomes_rekognitions_label(coco: str, expected: LabelDescription) -> None:
    assert describe(coco) == expected


@pytest.mark.parametrize("spelling", ["Potted plant", "potted_plant", " POTTED  PLANT "])
def test_case_and_separators_do_not_matter(spelling: str) -> None:
    assert describe(spelling).name == "Plant"


@pytest.mark.parametrize(
    ("trained", "shown"), [("red circle", "Red Circle"), ("x-ray_tube", "X-ray Tube"), ("USB stick", "USB Stick")]
)
def test_an_unknown_name_is_kept_with_capitals_and_without_parents(trained: str, shown: str) -> None:
    assert describe(trained) == LabelDescription(shown)


def test_no_label_is_its_own_parent_or_alias() -> None:
    for description in map(describe, COCO):
        assert description.name not in (*description.parents, *description.aliases)
        assert list(description.parents) == sorted(set(description.parents))


def test_descriptions_fit_the_result_contract() -> None:
    for description in map(describe, COCO):
        Label(description.name, 50.0, "onnx", description.parents, description.aliases, description.categories)
