"""One connection that speaks HTTP/1.1: uvicorn's own on httptools, with bounds on what is no body."""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_BESIDE_BODIES = 64 * 1024  # bytes of a head, of trailers or between chunks, after what came with its beginning


class Connection(HttpToolsProtocol):
    """400 for a head or trailers without an end, which httptools would collect for ever, and for none or two Hosts."""

    _beside_bodies = 0

    def data_received(self, data: bytes) -> None:
        """Read on; what leads on, in the callbacks below, begins the count anew."""
        self._beside_bodies += len(data)
        super().data_received(data)
        if self._beside_bodies > MOST_BESIDE_BODIES and not self.transport.is_closing():
            self.send_400_response("A head or trailers of the request are too large.")

    def on_message_begin(self) -> None:
        """A request begins."""
        self._beside_bodies = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Its head is there."""
        self._beside_bodies = 0
        assert self.parser is not None
        hosts = sum(name == b"host" for name, _ in self.headers)
        if hosts > 1 or (hosts == 0 and self.parser.get_http_version() != "1.0"):
            raise ValueError("a request names one host")
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """So is a piece of its body."""
        self._beside_bodies = 0
        super().on_body(body)
