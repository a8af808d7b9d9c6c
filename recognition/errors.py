"""The errors with a sentence for a person; everything else that is raised may be tried again, unexplained."""


class PermanentError(Exception):
    """This image, or this request, can never succeed; trying again would fail in the same way.

    `code` is stable and for programs (`truncated_image`); `message` is one sentence for the person whose image it is.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class DetectorUnavailable(Exception):
    """A detector gave no answer for a reason that is not the image's; trying again later may help.

    Its text is one sentence for the person whose image it is.
    """


class DetectorThrottled(DetectorUnavailable):
    """A detector is asked too often at the moment: nothing is wrong, and asking again a little later will do."""


class RecognitionUnavailable(Exception):
    """No detector answered, for reasons that may pass: try this image again later.

    `throttled` is true when at least one of them was only asked too often, so that waiting is all that is needed.
    `late` names those whose answer did not come in time, which may cost money all the same.
    """

    def __init__(self, message: str, *, throttled: bool = False, late: frozenset[str] = frozenset()) -> None:
        super().__init__(message)
        self.throttled = throttled
        self.late = late
