"""Mutations of what keeps a stream between two nodes from standing still, and a breach of the peer from being ours."""

from tests.mutations.mutation import Mutation

OF_STREAMS = (
    Mutation(
        "a stream whose caller does not say which channel it has is held",
        "gateway/rpc/peer.py",
        "async with asyncio.timeout(patience_seconds):",
        "async with asyncio.timeout(None):",
        "tests/store/test_refused_streams.py::test_a_stream_whose_caller_does_not_say_which_channel_it_has_is_ended",
    ),
    Mutation(
        "a peer that takes a stream too late is waited for",
        "gateway/link/dialler.py",
        "async with asyncio.timeout(self._answer_seconds):",
        "async with asyncio.timeout(None):",
        "tests/link/test_dialler.py::test_an_address_that_takes_connections_and_says_nothing_is_left_for_the_next",
    ),
    Mutation(
        "a peer that takes nothing of a file that it asked for is waited for",
        "gateway/link/attachment_link.py",
        "        self._is_writing = True\n",
        "",
        "tests/link/test_attachment_link.py::test_a_peer_that_takes_nothing_of_what_it_asked_for_is_left",
    ),
    Mutation(
        "a peer that stops within a part of a file is waited for",
        "gateway/rpc/peer_attachments.py",
        "async with asyncio.timeout_at(until):",
        "async with asyncio.timeout_at(None):",
        "tests/store/test_carrying.py::test_a_peer_that_stops_within_a_part_is_left_and_what_came_is_kept",
    ),
    Mutation(
        "what a peer answers that is no message passes for a defect of this node",
        "gateway/link/dialling.py",
        "if isinstance(message, DecodeError):",
        "if False:",
        "tests/link/test_dialler.py::"
        "test_a_peer_that_answers_garbage_breaks_the_protocol_and_shows_no_defect_of_this_node",
    ),
)
