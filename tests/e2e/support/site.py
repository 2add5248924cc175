"""A website of one's own, on another origin than Parley's, whose pages carry the widget."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Website:
    """`snippet` is the script tag that every page carries; set it before a page is loaded."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.snippet = ""
        self.requests: list[str] = []


@contextmanager
def website() -> Iterator[Website]:
    """Serves any path with a page titled by it, such as `Page /prices`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.requests.append(self.path)
            title = self.path.partition("?")[0]
            body = (
                f"<!doctype html><html lang=en><meta charset=utf-8><title>Page {title}</title>"
                '<meta name="viewport" content="width=device-width, initial-scale=1">'
                f"<h1>Page {title}</h1><a href=/other>other</a>{site.snippet}</html>"
            ).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site = Website(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
