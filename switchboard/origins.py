"""Web origins (RFC 6454), as browsers send them."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}


def normal_origin(text: str) -> str | None:
    """`scheme://host[:port]` in the form that browsers send, or None if it is no origin."""
    try:
        url = urlsplit(text.strip().lower())
        port = url.port
    except ValueError:
        return None
    if url.scheme not in _DEFAULT_PORTS or not url.hostname or "@" in url.netloc:
        return None
    if url.path not in ("", "/") or url.query or url.fragment:
        return None
    if ":" in url.hostname:
        host = f"[{url.hostname}]"
    else:
        try:
            host = url.hostname.encode("idna").decode()
        except UnicodeError:
            return None
    if port is None or port == _DEFAULT_PORTS[url.scheme]:
        return f"{url.scheme}://{host}"
    return f"{url.scheme}://{host}:{port}"


def own_address(text: str, base: str, origins: tuple[str, ...]) -> str | None:
    """An absolute address on one of the `origins`, or None; a relative one is meant from `base`.

    What browsers would read in another way (backslashes, spaces, control characters, a user's
    name) is none.
    """
    if any(
        character in "\\" or character.isspace() or not character.isprintable()
        for character in text
    ):
        return None
    try:
        address = urljoin(base, text)
        parts = urlsplit(address)
    except ValueError:
        return None
    origin = normal_origin(f"{parts.scheme}://{parts.netloc}")
    known = {normal_origin(one) for one in origins}
    return address if origin is not None and origin in known else None
