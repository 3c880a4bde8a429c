"""A link that carries one stream at a time, and can do to it all that networks do."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from google.protobuf.message import Message


class StreamBroken(Exception):
    """What arrives is not what was sent: gRPC ends such a stream."""


@dataclass(frozen=True)
class Frame:
    """A serialized message on its way; ``length`` is what its sender announced, as gRPC does."""

    stream: int
    data: bytes
    length: int

    def open(self) -> bytes:
        if len(self.data) != self.length:
            raise StreamBroken
        return self.data


class Link:
    """Two queues. ``stream`` is the number of the present stream; 0 while there is none."""

    def __init__(self) -> None:
        self.stream = 0
        self.streams = 0
        self.to_sender: deque[Frame] = deque()
        self.to_receiver: deque[Frame] = deque()
        self.late: list[tuple[Callable[[Frame], None], Frame]] = []  # of broken streams, still somewhere on the way

    def dial(self) -> int:
        self.streams += 1
        self.stream = self.streams
        return self.stream

    def put(self, queue: deque[Frame], stream: int, message: Message) -> None:
        data = message.SerializeToString()
        if stream and stream == self.stream:
            queue.append(Frame(stream, data, len(data)))

    def drop(self, stream: int) -> None:
        """Ends a stream, if it is still the present one; what is under way on it is lost, or late."""
        if stream and stream == self.stream:
            self.stream = 0
            for queue in (self.to_sender, self.to_receiver):
                self.late.extend((queue.append, frame) for frame in queue)
                queue.clear()

    # --- faults within the present stream ---

    def duplicate(self, random: Random) -> None:
        queue = random.choice([self.to_sender, self.to_receiver])
        if queue:
            queue.insert(random.randint(0, len(queue)), random.choice(queue))

    def truncate(self, random: Random) -> None:
        queue = random.choice([self.to_sender, self.to_receiver])
        if queue:
            place = random.randrange(len(queue))
            frame = queue[place]
            queue[place] = Frame(frame.stream, frame.data[: random.randrange(max(1, len(frame.data)))], frame.length)

    def replay(self, random: Random) -> None:
        """A message of an old stream turns up in the present one."""
        if self.late and self.stream:
            arrive, frame = random.choice(self.late)
            arrive(frame)
