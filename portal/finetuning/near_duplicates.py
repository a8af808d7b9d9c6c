"""Which pictures look alike, found among a hundred thousand by their perceptual hashes in seconds.

In Python's own whole numbers, as there is no numpy where the portal runs on AWS.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

# Of 255 bits. In tests/recognition/test_likeness.py 96 of 100 altered copies are nearer, and of 100,000 pairs of
# different pictures no more than a few.
DISTANCE = 50

# The bits are in order from coarse to fine, and copies differ mostly in the fine ones. Only pictures that agree in one
# of these bands are compared: 99 of 100 copies do, and of all others hardly any.
_DIGITS = 64
_BITS = 255
_BAND_BITS = 12
_BANDS = 10


def groups(pictures: Iterable[tuple[str, str]], distance: int = DISTANCE) -> dict[str, str]:
    """The group of each picture, given as (SHA-256, perceptual hash): its members' least SHA-256, whatever the order.

    Two are in one group when at most `distance` bits of their hashes differ, or when both are in one with a third. A
    picture without a hash is a group of its own.
    """
    contents: dict[str, str] = {}
    for sha256, perceptual_hash in pictures:
        contents[sha256] = max(perceptual_hash, contents.get(sha256, ""))
    alike: dict[int, list[str]] = {}
    for sha256, perceptual_hash in contents.items():
        if len(perceptual_hash) == _DIGITS:
            alike.setdefault(int(perceptual_hash, 16), []).append(sha256)
    found = {sha256: sha256 for sha256 in contents}
    for hashes in _connected(list(alike), distance):
        members = [sha256 for each in hashes for sha256 in alike[each]]
        found.update(dict.fromkeys(members, min(members)))
    return found


class _Forest:
    """Union-find: numbers from 0 on, joined into trees."""

    def __init__(self, size: int) -> None:
        self._above = list(range(size))

    def root(self, number: int) -> int:
        above = self._above
        while above[number] != number:
            above[number] = above[above[number]]
            number = above[number]
        return number

    def join(self, one: int, other: int) -> None:
        self._above[self.root(one)] = self.root(other)


def _connected(hashes: list[int], distance: int) -> Iterator[list[int]]:
    forest = _Forest(len(hashes))
    for band in range(_BANDS):
        shift = _BITS - _BAND_BITS * (band + 1)
        buckets: dict[int, list[int]] = {}
        for number, each in enumerate(hashes):
            buckets.setdefault(each >> shift & (1 << _BAND_BITS) - 1, []).append(number)
        for bucket in buckets.values():
            _join_near(bucket, hashes, forest, distance)
    trees: dict[int, list[int]] = {}
    for number, each in enumerate(hashes):
        trees.setdefault(forest.root(number), []).append(each)
    yield from trees.values()


def _join_near(bucket: list[int], hashes: list[int], forest: _Forest, distance: int) -> None:
    """Compare what is not in one group yet. Thousands of frames of one scene cost one comparison each."""
    by_root: dict[int, list[int]] = {}
    for number in bucket:
        by_root.setdefault(forest.root(number), []).append(number)
    compared: list[list[int]] = []
    for members in by_root.values():
        joined: list[int] | None = None
        for others in compared:
            if _any_near(members, others, hashes, distance):
                forest.join(members[0], others[0])
                joined = joined or others
        if joined is None:
            compared.append(members)
        else:
            joined.extend(members)


def _any_near(some: list[int], others: list[int], hashes: list[int], distance: int) -> bool:
    for one in some:
        picture = hashes[one]
        for other in others:
            if (picture ^ hashes[other]).bit_count() <= distance:
                return True
    return False
