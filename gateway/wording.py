"""What is said in words beside what only newer clients understand (XEP-0428)."""

from __future__ import annotations

from switchboard.model import Attachment, Message

FIRST_WORDS = 40
QUOTED = 80
"""Characters of a line that is reacted or replied to."""

TOOK_BACK = "(took back an earlier message)"


def reaction(row: Message, line: Message | None) -> str:
    """For a reaction to a line, if it is known."""
    about = "an earlier message"
    if line is not None and line.body:
        about = f"“{_shortened(line.body, FIRST_WORDS)}”"
    return f"{row.body} to {about}" if row.body else f"(took back the reaction to {about})"


def quotation(line: Message, author: str = "") -> str:
    """Before the reply to a line; "" if nothing of it is left. `author`: told where many talk."""
    text = line.body[:QUOTED] + ("…" if len(line.body) > QUOTED else "")
    rows = text.splitlines()
    if rows and author:
        rows.insert(0, f"{author}:")
    return "".join(f"> {row}\n" for row in rows)


def with_link(body: str, file: Attachment) -> str:
    """A body that has the file's address in it: clients show a file if it is nothing else."""
    if body.strip() in ("", file.name):
        return file.url
    return body if file.url in body else f"{body}\n{file.url}"


def _shortened(text: str, limit: int) -> str:
    words = " ".join(text.split())
    return words if len(words) <= limit else words[: limit - 1].rstrip() + "…"
