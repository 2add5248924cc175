"""A website of one's own, on another origin than Parley's, whose pages carry the widget."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass(frozen=True)
class Document:
    """A page of its own, or a script, with its own headers. `{snippet}` is the script tag."""

    body: str
    headers: dict[str, str] = field(default_factory=dict)
    kind: str = "text/html"


class Website:
    """`snippet` is the script tag that every page carries; set it before a page is loaded."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.snippet = ""
        self.requests: list[str] = []
        self.documents: dict[str, Document] = {}
        """By path; any other path has a page titled by it."""

    def serve(self, path: str, file: Path) -> None:
        """Serves a script that another package brings."""
        self.documents[path] = Document(file.read_text("utf-8"), kind="text/javascript")

    def document(self, path: str) -> Document:
        """What stands at a path."""
        found = self.documents.get(path)
        if found is not None:
            return found
        return Document(
            f"<!doctype html><html lang=en><meta charset=utf-8><title>Page {path}</title>"
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<h1>Page {path}</h1><a href=/other>other</a>{{snippet}}</html>"
        )


@contextmanager
def website() -> Iterator[Website]:
    """Serves any path with a page titled by it, such as `Page /prices`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.requests.append(self.path)
            document = site.document(self.path.partition("?")[0])
            body = document.body.replace("{snippet}", site.snippet).encode()
            self.send_response(200)
            self.send_header("Content-Type", f"{document.kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            for name, value in document.headers.items():
                self.send_header(name, value)
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
