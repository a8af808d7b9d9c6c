"""Weighing what detectors said against what people decided. Pure: whatever it needs is given to it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from uuid import UUID

from portal.images.models import LabelState
from portal.moderation.matching import assign
from portal.moderation.models import Annotation
from portal.moderation.truth import PEOPLE, Disagreement, Prediction, TrueInstance, TrueLabel, Truth
from portal.moderation.understanding import Decision, Saying, decisions, sayings
from portal.moderation.words import Vocabulary, Word
from recognition.result import Result

# A label is as strong as the strongest of what makes it up.
_STRENGTH = (LabelState.REJECTED, LabelState.PREDICTED, LabelState.APPROVED, LabelState.CORRECTED, LabelState.ADDED)


def truth_of(
    result: Result | None, annotations: Iterable[Annotation], vocabulary: Vocabulary, completed: bool = False
) -> Truth:
    """What is in an image: `result` is its current recognition, `completed` that people said that this is all.

    The annotations come with `label` and `predicted_label`. A prediction is the one decided on when it means the same
    label and, if that has a box, shares at least half of it; for each detector and label that is one to one. One that
    nobody decided on is left out below its label's own threshold, and refused in a completed image. Of two decisions on
    the same label of the whole image, the later one counts.
    """
    return _Weighing(result, decisions(annotations, vocabulary), sayings(result, vocabulary), completed).truth()


def decided_boxes(result: Result, annotations: Iterable[Annotation], vocabulary: Vocabulary) -> dict[Prediction, UUID]:
    """Which annotation has decided on which predicted box of a result, as `truth_of` sees it."""
    weighing = _Weighing(result, decisions(annotations, vocabulary), sayings(result, vocabulary), completed=False)
    weighing.truth()
    return weighing.decided_boxes()


class _Outcome(Enum):
    """What became of one box of a prediction."""

    HELD = auto()
    REFUSED = auto()
    REPLACED = auto()
    HIDDEN = auto()


@dataclass(slots=True)
class _Growing:
    """A label in the making."""

    word: Word
    detector: str
    state: LabelState
    confidence: float = 0
    instances: list[TrueInstance] = field(default_factory=list)
    predicted: Prediction | None = None
    annotation: UUID | None = None

    def strengthen(self, state: LabelState, confidence: float) -> None:
        self.state = max(self.state, state, key=_STRENGTH.index)
        self.confidence = max(self.confidence, confidence)


_Growth = dict[tuple[str, str], _Growing]


class _Weighing:
    def __init__(
        self, result: Result | None, decided: Sequence[Decision], said: Sequence[Saying], completed: bool
    ) -> None:
        self._decided = decided
        self._said = said
        self._completed = completed
        self._at = result.recognized_at if result else None
        # Who is silent because it failed, or was not asked, disagrees with nobody.
        self._heard = {run.name for run in result.detectors if run.failure is None} if result else set()
        self._held: _Growth = {}
        self._refused: _Growth = {}
        self._open: list[Saying] = []
        # What was decided last of each label of the whole image.
        self._of_whole: dict[str, Decision] = {}
        self._met: dict[UUID, list[tuple[str, Prediction]]] = defaultdict(list)
        self._disagreements: list[Disagreement] = []

    def truth(self) -> Truth:
        boxed = [each for each in self._decided if each.box is not None]
        for each in self._decided:
            if each.box is None:
                self._of_whole.update({word.key: each for word in (each.instead_of, each.word) if word is not None})
        for said in self._said:
            self._weigh(said, boxed, self._of_whole.get(said.word.key))
        for decision in self._decided:
            if decision.state != LabelState.REJECTED:
                self._hold_decision(decision)
        self._close()
        return Truth(self._labels(self._held), self._labels(self._refused), tuple(self._disagreements), self._completed)

    def decided_boxes(self) -> dict[Prediction, UUID]:
        boxed = {decision.id for decision in self._decided if decision.box is not None}
        return {prediction: each for each in boxed for _, prediction in self._met.get(each, ())}

    # What detectors said -----------------------------------------------------------------------------------------

    def _weigh(self, said: Saying, boxed: Sequence[Decision], whole: Decision | None) -> None:
        key = said.word.key
        known = [decision for decision in boxed if decision.boxes_of(key)]
        places = [prediction.box for prediction in said.boxes if prediction.box is not None]
        assigned = assign(places, [decision.boxes_of(key) for decision in known])
        # What was decided of the whole image holds for all boxes, unless it is that the label is right.
        of_all = whole if whole and (whole.state == LabelState.REJECTED or whole.denies(key)) else None
        outcomes = [
            self._weigh_box(said, prediction, known[assigned[index]] if index in assigned else of_all)
            for index, prediction in enumerate(said.boxes)
        ]
        self._weigh_whole(said, whole, outcomes)

    def _weigh_box(self, said: Saying, prediction: Prediction, decision: Decision | None) -> _Outcome:
        if decision is None:
            return self._weigh_open_box(said, prediction)
        self._met[decision.id].append((said.word.key, prediction))
        if decision.state == LabelState.REJECTED:
            self._refuse(said, prediction, decision)
            return _Outcome.REFUSED
        if decision.state == LabelState.APPROVED and decision.says(said.word.key):
            self._hold_box(said.word, prediction.detector, decision, prediction)
            return _Outcome.HELD
        if decision.box is None and decision.word is not None:
            self._hold_box(decision.word, PEOPLE, decision, prediction)
        self._deny_again(said, prediction, decision)
        return _Outcome.REPLACED

    def _weigh_open_box(self, said: Saying, prediction: Prediction) -> _Outcome:
        if self._completed:
            self._refuse(said, prediction, None)
            return _Outcome.REFUSED
        if prediction.box is None or said.is_hidden(prediction.confidence):
            return _Outcome.HIDDEN
        box = TrueInstance(prediction.box, prediction.confidence, LabelState.PREDICTED, prediction)
        self._growing(self._held, said.word, prediction.detector).instances.append(box)
        return _Outcome.HELD

    def _weigh_whole(self, said: Saying, whole: Decision | None, outcomes: list[_Outcome]) -> None:
        """What becomes of the label itself, its boxes being weighed."""
        if whole is not None:
            self._met[whole.id].append((said.word.key, said.whole))
        if whole is not None and whole.state == LabelState.APPROVED and whole.says(said.word.key):
            self._hold_whole(said, LabelState.APPROVED, 100).annotation = whole.id
        elif _Outcome.HELD in outcomes:
            self._hold_whole(said, LabelState.PREDICTED, self._left_over(said, outcomes))
        elif whole is not None:
            if whole.state == LabelState.REJECTED:
                self._refuse_whole(said, whole)
            elif not outcomes:
                self._deny_again(said, said.whole, whole)
        elif _Outcome.REFUSED in outcomes or _Outcome.REPLACED in outcomes:
            return
        elif self._completed:
            self._open.append(said)
        elif not said.is_hidden(said.whole.confidence):
            self._hold_whole(said, LabelState.PREDICTED, said.whole.confidence)

    def _left_over(self, said: Saying, outcomes: list[_Outcome]) -> float:
        """How sure the detector is of the label, given what people left of its boxes."""
        if _Outcome.REFUSED not in outcomes and _Outcome.REPLACED not in outcomes:
            return said.whole.confidence
        held = self._growing(self._held, said.word, said.whole.detector).instances
        return min(said.whole.confidence, max(each.confidence for each in held))

    def _close(self) -> None:
        """In a completed image, labels without a box that nobody decided on hold only if people say the same."""
        by_people = {key for (key, _), label in self._held.items() if label.state != LabelState.PREDICTED}
        for said in self._open:
            if said.word.key in by_people:
                self._hold_whole(said, LabelState.APPROVED, 100)
            else:
                self._refuse_whole(said, None)

    # What holds --------------------------------------------------------------------------------------------------

    def _hold_whole(self, said: Saying, state: LabelState, confidence: float) -> _Growing:
        label = self._growing(self._held, said.word, said.whole.detector)
        label.strengthen(state, confidence)
        label.predicted = said.whole
        return label

    def _hold_box(self, word: Word, detector: str, decision: Decision, prediction: Prediction | None) -> None:
        box = decision.box or (prediction.box if prediction else None)
        label = self._growing(self._held, word, detector)
        label.strengthen(decision.state, 100)
        if box is not None:
            label.instances.append(TrueInstance(box, 100, decision.state, prediction, decision.id))

    def _hold_decision(self, decision: Decision) -> None:
        """What a person said holds by itself, where it does not stand beside a prediction already."""
        # A box stands for a box, and a label of the whole image for another.
        boxed = decision.box is not None
        met = [(key, each) for key, each in self._met.get(decision.id, ()) if (each.box is not None) == boxed]
        word, approved = decision.word, decision.state == LabelState.APPROVED
        if word is None or (approved and any(decision.says(key) for key, _ in met)):
            return
        if not boxed and self._of_whole[word.key] is not decision:
            return
        detector = decision.detector or PEOPLE if approved else PEOPLE
        best = max(met, key=lambda each: _closeness(decision, *each))[1] if met else None
        if boxed:
            self._hold_box(word, detector, decision, best)
        else:
            label = self._growing(self._held, word, detector)
            label.strengthen(decision.state, 100)
            label.annotation, label.predicted = decision.id, best
        if best is None and decision.detector in self._heard and self._is_later(decision):
            self._disagreements.append(
                Disagreement("gone", word.title, decision.detector, decision.confidence, decision.box)
            )

    # What is refused ---------------------------------------------------------------------------------------------

    def _refuse(self, said: Saying, prediction: Prediction, decision: Decision | None) -> None:
        label = self._growing(self._refused, said.word, prediction.detector)
        label.strengthen(LabelState.REJECTED, said.whole.confidence)
        label.predicted = said.whole
        annotation = decision.id if decision else None
        if prediction.box is not None:
            box = TrueInstance(prediction.box, prediction.confidence, LabelState.REJECTED, prediction, annotation)
            label.instances.append(box)
        self._disagree(said, prediction, decision)

    def _refuse_whole(self, said: Saying, decision: Decision | None) -> None:
        if not said.boxes:
            self._refuse(said, said.whole, decision)
        label = self._growing(self._refused, said.word, said.whole.detector)
        label.strengthen(LabelState.REJECTED, said.whole.confidence)
        label.predicted, label.annotation = said.whole, decision.id if decision else None

    def _deny_again(self, said: Saying, prediction: Prediction, decision: Decision) -> None:
        """A person said that it is something else."""
        if decision.denies(said.word.key):
            self._disagree(said, prediction, decision)

    def _disagree(self, said: Saying, prediction: Prediction, decision: Decision | None) -> None:
        """Note that a detector contradicts a person, if it did so later, and surely enough to be shown."""
        if said.word.is_shown(prediction.confidence) and (decision is None or self._is_later(decision)):
            kind = "rejected" if decision else "new"
            self._disagreements.append(
                Disagreement(kind, said.word.title, prediction.detector, prediction.confidence, prediction.box)
            )

    def _is_later(self, decision: Decision) -> bool:
        return self._at is not None and self._at > decision.decided_at

    # The end -----------------------------------------------------------------------------------------------------

    def _growing(self, where: _Growth, word: Word, detector: str) -> _Growing:
        weakest = LabelState.REJECTED if where is self._refused else LabelState.PREDICTED
        return where.setdefault((word.key, detector), _Growing(word, detector, weakest))

    def _labels(self, grown: _Growth) -> tuple[TrueLabel, ...]:
        labels = [self._label(growing) for growing in grown.values()]
        return tuple(sorted(labels, key=lambda each: (not each.by_people, -each.confidence, each.name, each.detector)))

    def _label(self, growing: _Growing) -> TrueLabel:
        word = growing.word
        of_word = [said for said in self._said if said.word.key == word.key]
        # People give a label its name, and detectors that know the same label tell of what kind it is.
        kind = max(of_word, key=lambda said: said.whole.detector == growing.detector, default=None)
        boxes = sorted(growing.instances, key=lambda each: (each.state == LabelState.PREDICTED, -each.confidence))
        return TrueLabel(
            name=word.title,
            detector=growing.detector,
            confidence=growing.confidence,
            state=growing.state,
            parents=kind.parents if kind else word.parents or (),
            aliases=kind.aliases if kind else word.aliases or (),
            categories=kind.categories if kind else word.categories or (),
            instances=tuple(boxes),
            predicted=growing.predicted,
            annotation=growing.annotation,
        )


def _closeness(decision: Decision, key: str, prediction: Prediction) -> tuple[bool, bool, float]:
    """How likely a prediction is the very one that was decided on."""
    return prediction.detector == decision.detector, decision.denies(key), prediction.confidence
