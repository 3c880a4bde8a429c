import pytest

from tests.benchmarks.handover import HEAD, Frames


class Taken(Frames):
    def __init__(self) -> None:
        super().__init__()
        self.frames: list[tuple[int, bytes]] = []

    def take(self, number: int, frame: bytes) -> None:
        self.frames.append((number, frame))


@pytest.mark.parametrize("size", [1, 7, 8, 9, 1000])
def test_frames_are_cut_alike_however_they_come(size):
    sent = [(3, b"one"), (4, b""), (5, bytes(300))]
    stream = b"".join(HEAD.pack(len(frame), number) + frame for number, frame in sent)
    end = Taken()
    for position in range(0, len(stream), size):
        end.data_received(stream[position : position + size])
    assert end.frames == sent
