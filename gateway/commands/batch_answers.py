"""The notices of a batch, as its answer tells them."""

from regulator.exchange.v1.notice_service_pb2 import Notice

from gateway.questions.paging import MAX_ITEMS_BYTES, item_bytes
from gateway.supervision.messages.notices import leave_out_words


class BatchAnswer:
    """Takes notices as they were given, in order; never holds more of them than every client takes.

    A batch has no pages: what was given must be told. So where all words do not fit, some notices come without theirs.
    """

    def __init__(self) -> None:
        self.notices: list[Notice] = []
        self._whole: list[Notice] = []
        self._bytes = 0

    def add(self, notice: Notice) -> None:
        """Adds the next one, without its words if they do not fit; names alone may need those of earlier ones to go."""
        self.notices.append(notice)
        self._whole.append(notice)
        self._bytes += item_bytes(notice)
        while self._bytes > MAX_ITEMS_BYTES and self._whole:
            last = self._whole.pop()
            self._bytes -= item_bytes(last)
            leave_out_words(last)
            self._bytes += item_bytes(last)
