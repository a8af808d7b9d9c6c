"""COCO's 80 names in Amazon Rekognition's words, so that the same thing has one name whichever detector saw it.

Names, parents, aliases and categories follow version 3.0 of Rekognition's labels
(https://docs.aws.amazon.com/rekognition/latest/dg/labels.html) as far as its published answers show them. Parents are
all ancestors, in alphabetical order, as Rekognition gives them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class LabelDescription:
    """What is known of a label by its name alone."""

    name: str
    parents: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()


def describe(name: str) -> LabelDescription:
    """The Rekognition label for a detector's class name, whatever its case and separators.

    A name that is not COCO's (a fine-tuned model has its own) is kept, with capitals as Rekognition writes them:
    it has no parents, aliases or categories.
    """
    words = name.replace("_", " ").split()
    return _LABELS.get(" ".join(words).casefold()) or LabelDescription(" ".join(map(_capitalized, words)))


def _capitalized(word: str) -> str:
    return word[:1].upper() + word[1:]


_ANIMALS: Final = "Animals and Pets"
_APPAREL: Final = "Apparel and Accessories"
_FOOD: Final = "Food and Beverage"
_FURNITURE: Final = "Furniture and Furnishings"
_HOME: Final = "Home and Indoors"
_PLANTS: Final = "Plants and Flowers"
_SAFETY: Final = "Public Safety"
_SPORTS: Final = "Sports"
_TECHNOLOGY: Final = "Technology and Computing"
_TOOLS: Final = "Tools and Machinery"
_TOYS: Final = "Toys and Gaming"
_TRANSPORT: Final = "Transport and Logistics"
_TRAVEL: Final = "Travel and Adventure"
_VEHICLES: Final = "Vehicles and Automotive"
_WEAPONS: Final = "Weapons and Military"

# COCO's name, Rekognition's name, its category, parents and aliases (each parted by commas).
_TABLE: Final[tuple[tuple[str, str, str, str, str], ...]] = (
    ("person", "Person", "Person Description", "", "Human"),
    ("bicycle", "Bicycle", _VEHICLES, "Transportation, Vehicle", "Bike"),
    ("car", "Car", _VEHICLES, "Transportation, Vehicle", "Automobile"),
    ("motorcycle", "Motorcycle", _VEHICLES, "Transportation, Vehicle", ""),
    ("airplane", "Airplane", _VEHICLES, "Aircraft, Transportation, Vehicle", "Aeroplane"),
    ("bus", "Bus", _VEHICLES, "Transportation, Vehicle", ""),
    ("train", "Train", _VEHICLES, "Transportation, Vehicle", ""),
    ("truck", "Truck", _VEHICLES, "Transportation, Vehicle", ""),
    ("boat", "Boat", _VEHICLES, "Transportation, Vehicle", ""),
    ("traffic light", "Traffic Light", _TRANSPORT, "Light", ""),
    ("fire hydrant", "Fire Hydrant", _SAFETY, "Hydrant", ""),
    ("stop sign", "Stopsign", _TRANSPORT, "Road Sign, Sign, Symbol", "Stop Sign"),
    ("parking meter", "Parking Meter", _TRANSPORT, "", ""),
    ("bench", "Bench", _FURNITURE, "Furniture", ""),
    ("bird", "Bird", _ANIMALS, "Animal", ""),
    ("cat", "Cat", _ANIMALS, "Animal, Mammal, Pet", ""),
    ("dog", "Dog", _ANIMALS, "Animal, Canine, Mammal, Pet", ""),
    ("horse", "Horse", _ANIMALS, "Animal, Mammal", ""),
    ("sheep", "Sheep", _ANIMALS, "Animal, Livestock, Mammal", ""),
    ("cow", "Cow", _ANIMALS, "Animal, Cattle, Livestock, Mammal", ""),
    ("elephant", "Elephant", _ANIMALS, "Animal, Mammal, Wildlife", ""),
    ("bear", "Bear", _ANIMALS, "Animal, Mammal, Wildlife", ""),
    ("zebra", "Zebra", _ANIMALS, "Animal, Mammal, Wildlife", ""),
    ("giraffe", "Giraffe", _ANIMALS, "Animal, Mammal, Wildlife", ""),
    ("backpack", "Backpack", _APPAREL, "Bag", ""),
    ("umbrella", "Umbrella", _APPAREL, "Canopy", ""),
    ("handbag", "Handbag", _APPAREL, "Accessories, Bag", "Purse"),
    ("tie", "Tie", _APPAREL, "Accessories, Formal Wear", "Necktie"),
    ("suitcase", "Suitcase", _TRAVEL, "Baggage", ""),
    ("frisbee", "Frisbee", _TOYS, "Toy", ""),
    ("skis", "Ski", _SPORTS, "", "Skis"),
    ("snowboard", "Snowboard", _SPORTS, "", ""),
    ("sports ball", "Ball", _SPORTS, "", "Sports Ball"),
    ("kite", "Kite", _TOYS, "Toy", ""),
    ("baseball bat", "Baseball Bat", _SPORTS, "Baseball, Sport", ""),
    ("baseball glove", "Baseball Glove", _SPORTS, "Baseball, Clothing, Glove, Sport", ""),
    ("skateboard", "Skateboard", _SPORTS, "", ""),
    ("surfboard", "Surfboard", _SPORTS, "", ""),
    ("tennis racket", "Tennis Racket", _SPORTS, "Racket, Sport, Tennis", ""),
    ("bottle", "Bottle", _HOME, "", ""),
    ("wine glass", "Wine Glass", _FOOD, "Alcohol, Beverage, Glass, Liquor, Wine", ""),
    ("cup", "Cup", _HOME, "", ""),
    ("fork", "Fork", _HOME, "Cutlery", ""),
    ("knife", "Knife", _WEAPONS, "Blade, Weapon", ""),
    ("spoon", "Spoon", _HOME, "Cutlery", ""),
    ("bowl", "Bowl", _HOME, "", ""),
    ("banana", "Banana", _FOOD, "Food, Fruit, Plant, Produce", ""),
    ("apple", "Apple", _FOOD, "Food, Fruit, Plant, Produce", ""),
    ("sandwich", "Sandwich", _FOOD, "Food", ""),
    ("orange", "Orange", _FOOD, "Citrus Fruit, Food, Fruit, Plant, Produce", ""),
    ("broccoli", "Broccoli", _FOOD, "Food, Plant, Produce, Vegetable", ""),
    ("carrot", "Carrot", _FOOD, "Food, Plant, Produce, Vegetable", ""),
    ("hot dog", "Hot Dog", _FOOD, "Food", ""),
    ("pizza", "Pizza", _FOOD, "Food", ""),
    ("donut", "Donut", _FOOD, "Food, Sweets", "Doughnut"),
    ("cake", "Cake", _FOOD, "Dessert, Food", ""),
    ("chair", "Chair", _FURNITURE, "Furniture", ""),
    ("couch", "Couch", _FURNITURE, "Furniture", "Sofa"),
    ("potted plant", "Plant", _PLANTS, "", "Potted Plant"),
    ("bed", "Bed", _FURNITURE, "Furniture", ""),
    ("dining table", "Dining Table", _FURNITURE, "Furniture, Table", ""),
    ("toilet", "Toilet", _HOME, "Bathroom, Indoors, Room", ""),
    ("tv", "TV", _TECHNOLOGY, "Computer Hardware, Electronics, Hardware, Monitor, Screen", "Television"),
    ("laptop", "Laptop", _TECHNOLOGY, "Computer, Electronics, Pc", ""),
    ("mouse", "Mouse", _TECHNOLOGY, "Computer Hardware, Electronics, Hardware", "Computer Mouse"),
    ("remote", "Remote Control", _TECHNOLOGY, "Electronics", ""),
    ("keyboard", "Computer Keyboard", _TECHNOLOGY, "Computer, Computer Hardware, Electronics, Hardware", ""),
    ("cell phone", "Mobile Phone", _TECHNOLOGY, "Electronics, Phone", "Cell Phone"),
    ("microwave", "Microwave", _HOME, "Appliance, Device, Electrical Device, Oven", ""),
    ("oven", "Oven", _HOME, "Appliance, Device, Electrical Device", ""),
    ("toaster", "Toaster", _HOME, "Appliance, Device, Electrical Device", ""),
    ("sink", "Sink", _HOME, "", ""),
    ("refrigerator", "Refrigerator", _HOME, "Appliance, Device, Electrical Device", "Fridge"),
    ("book", "Book", "Education", "Publication", ""),
    ("clock", "Clock", _HOME, "", ""),
    ("vase", "Vase", _HOME, "Jar, Pottery", ""),
    ("scissors", "Scissors", _TOOLS, "", ""),
    ("teddy bear", "Teddy Bear", _TOYS, "Toy", ""),
    ("hair drier", "Blow Dryer", "Beauty and Personal Care", "Appliance, Device, Electrical Device", "Hair Dryer"),
    ("toothbrush", "Toothbrush", "Beauty and Personal Care", "Brush, Device, Tool", ""),
)


def _parted(names: str) -> tuple[str, ...]:
    return tuple(names.split(", ")) if names else ()


_LABELS: Final[Mapping[str, LabelDescription]] = {
    coco: LabelDescription(name, _parted(parents), _parted(aliases), (category,))
    for coco, name, category, parents, aliases in _TABLE
}
