"""HTTP/2 spoken by hand over Python's TLS: what gRPC's own client cannot be made to do."""

import socket
import ssl
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import h2.settings

from tests.rpc.calls import root_pem
from tests.support.nodes import Site

TIMEOUT_SECONDS = 60  # more than an answer takes, whatever else the machine does
UNCHECKED = h2.config.H2Configuration(validate_outbound_headers=False, normalize_outbound_headers=False)

Text = str | bytes


def tls_context(site: Site, pair: tuple[bytes | None, bytes | None]) -> ssl.SSLContext:
    """A client's context that trusts a site's node, and presents a key and certificate, or none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=root_pem(site).decode())
    context.set_alpn_protocols(["h2"])
    key, certificate = pair
    if key and certificate:
        with tempfile.TemporaryDirectory() as folder:  # ssl reads files alone
            path = Path(folder) / "both.pem"
            path.write_bytes(key + certificate)
            context.load_cert_chain(path)
    return context


@contextmanager
def tls(
    site: Site, port: int, context: ssl.SSLContext, session: ssl.SSLSession | None = None
) -> Iterator[ssl.SSLSocket]:
    with (
        socket.create_connection(("127.0.0.1", port), TIMEOUT_SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=site.domain, session=session) as wrapped,
    ):
        yield wrapped


class Http2:
    """One connection. By stream: ``headers`` of the answers and their trailers, ``data`` as gRPC frames it."""

    def __init__(self, wire: ssl.SSLSocket) -> None:
        self.wire = wire
        self.headers: dict[int, dict[str, str]] = {}
        self.data: dict[int, bytes] = {}
        self.ended: set[int] = set()
        self.closed = False
        self._http = h2.connection.H2Connection(UNCHECKED)
        self._http.initiate_connection()
        self.flush()

    def begin(self, method: Text, *extra: tuple[Text, Text], end: bool = False) -> int:
        """Sends the headers of a call, whatever is in them; gives its stream."""
        stream = self._http.get_next_available_stream_id()
        headers = [
            (":method", "POST"),
            (":scheme", "https"),
            (":path", method),
            (":authority", "node"),
            ("te", "trailers"),
            ("content-type", "application/grpc"),
            *extra,
        ]
        self._http.send_headers(stream, headers, end_stream=end)
        return int(stream)

    def send(self, stream: int, data: bytes, *, end: bool = False) -> None:
        self._http.send_data(stream, data, end_stream=end)
        self.flush()

    def queue(self, stream: int, data: bytes, *, end: bool = True) -> None:
        """Sends with whatever is flushed next."""
        self._http.send_data(stream, data, end_stream=end)

    def queue_frame(self, data: bytes) -> None:
        """Sends a frame as it stands, after what is queued."""
        try:
            self.wire.sendall(self._http.data_to_send() + data)
        except OSError:
            self.closed = True

    def gone(self) -> bool:
        """Sends what is queued; gives whether the other end has hung up."""
        try:
            self.flush()
        except OSError:
            self.closed = True
        return self.closed

    def send_all(self, stream: int, data: bytes) -> None:
        """Sends as the callee's windows allow, and ends the stream; stops once the callee has answered."""
        position = 0
        while position < len(data) and stream not in self.ended and not self.closed:
            self.read(lambda: stream in self.ended or self._room(stream) > 0)
            if stream in self.ended:
                return
            size = min(self._room(stream), len(data) - position)
            self._http.send_data(stream, data[position : position + size], end_stream=position + size == len(data))
            position += size
            self.flush()

    def send_what_fits(self, stream: int, data: bytes) -> None:
        """Sends as much as the callee's windows allow now."""
        self.read(seconds=0.01)
        while data and stream not in self.ended and (size := min(self._room(stream), len(data))) > 0:
            self._http.send_data(stream, data[:size])
            self.flush()
            data = data[size:]
            self.read(seconds=0.001)

    def close_window(self) -> None:
        """Lets nothing be sent to here on streams that begin later (RFC 9113, section 6.9.2)."""
        self._http.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 0})
        self.flush()

    def _room(self, stream: int) -> int:
        return min(self._http.local_flow_control_window(stream), self._http.max_outbound_frame_size)

    def reset(self, stream: int) -> None:
        self._http.reset_stream(stream)

    def flush(self) -> None:
        self.wire.sendall(self._http.data_to_send())

    def call(self, method: Text, data: bytes = b"", *extra: tuple[Text, Text]) -> str:
        """Makes a unary call; gives its ``grpc-status``, empty if the connection ended without one."""
        return self.answer(method, data, *extra).get("grpc-status", "")

    def answer(self, method: Text, data: bytes = b"", *extra: tuple[Text, Text]) -> dict[str, str]:
        """Makes a unary call; gives the headers and trailers of its answer."""
        stream = self.begin(method, *extra)
        self.send(stream, prefixed(data), end=True)
        self.read(lambda: stream in self.ended)
        return self.headers.get(stream, {})

    def read(self, until: Any = lambda: False, seconds: float = TIMEOUT_SECONDS) -> None:
        """Reads until a condition holds, the connection ends or the time is over."""
        deadline = time.monotonic() + seconds
        while not (self.closed or until()) and (left := deadline - time.monotonic()) > 0:
            self.wire.settimeout(left)
            try:
                data = self.wire.recv(65536)
            except TimeoutError:
                return
            except OSError:
                data = b""
            self.closed = not data
            for event in self._events(data):
                self._take(event)
            with suppress(OSError):  # the other end has hung up: what it sent before is still to be read
                self.flush()

    def _events(self, data: bytes) -> Sequence[Any]:
        """What came. After a GOAWAY there is nothing: a server may still ping, which h2 takes for a fault."""
        try:
            return self._http.receive_data(data) if data else ()
        except h2.exceptions.ProtocolError:
            if self._http.state_machine.state is not h2.connection.ConnectionState.CLOSED:
                raise
            return ()

    def _take(self, event: Any) -> None:
        if isinstance(event, h2.events.ResponseReceived | h2.events.TrailersReceived):
            pairs = {_text(name): _text(value) for name, value in event.headers}
            self.headers.setdefault(event.stream_id, {}).update(pairs)
        elif isinstance(event, h2.events.DataReceived):
            self.data[event.stream_id] = self.data.get(event.stream_id, b"") + event.data
            self._http.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded | h2.events.StreamReset):
            self.ended.add(event.stream_id)


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


def prefixed(message: bytes, *, compressed: bool = False) -> bytes:
    """A message as gRPC frames it."""
    return bytes([compressed]) + len(message).to_bytes(4) + message


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """An HTTP/2 frame (RFC 9113, section 4.1)."""
    return len(payload).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + payload
