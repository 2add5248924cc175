"""What every store keeps to: changes of lines, notes, operators in a talk, bans."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from switchboard.conversation import Ended, Joined, Left
from switchboard.errors import Forbidden, NotFound, SwitchboardError
from switchboard.model import Act, Attachment, Ban, Phase, Reaction
from switchboard.ports import Draft
from switchboard.store import SqlStore

from .drafts import NOW, from_operator, from_visitor

pytestmark = pytest.mark.asyncio


def change(
    act: Act, target: int, body: str = "", *, number: int = 1, by: Draft | None = None
) -> Draft:
    """A change by the visitor, or by the sender of `by`."""
    draft = by or from_visitor("")
    id = f"{act.value}{number}"
    return replace(
        draft, client_id=id, body=body, act=act, target=target, event=None, reply_to=None
    )


async def test_a_correction_is_a_row_and_changes_its_line(store: SqlStore) -> None:
    """A cursor meets the change; whoever reads history sees the line as it is now."""
    await store.append(from_visitor("a", "helo"))
    await store.append(from_operator("b"))
    done = await store.append(change(Act.EDIT, 1, "hello"))
    assert (done.fresh, done.message.seq, done.message.target) == (True, 3, 1)
    rows = await store.read("v-ann", 0, 10)
    assert [(row.act, row.body) for row in rows] == [
        (Act.SAY, "hello"),
        (Act.SAY, "Good day"),
        (Act.EDIT, "hello"),
    ]
    assert rows[0].edited_at == NOW
    assert [line.seq for line in await store.history("v-ann", None, 10)] == [1, 2]


async def test_line_and_changes_in_one_batch(store: SqlStore) -> None:
    """A line may be corrected and retracted in the commit that brings it."""
    drafts = [
        from_visitor("a", "helo"),
        change(Act.EDIT, 1, "hello"),
        change(Act.REACT, 1, "👍", by=from_operator("")),
        change(Act.RETRACT, 1),
    ]
    await asyncio.gather(*(store.append(draft) for draft in drafts))
    rows = await store.read("v-ann", 0, 10)
    assert [row.act for row in rows] == [Act.SAY, Act.EDIT, Act.REACT, Act.RETRACT]
    assert [row.body for row in rows] == ["", "", "👍", ""]
    assert rows[0].retracted
    assert rows[0].retracted_by == 4


async def test_a_retraction_leaves_no_text(store: SqlStore) -> None:
    """Neither the line nor any correction of it can be read afterwards."""
    file = Attachment("https://files.example/a.pdf", "a.pdf", "application/pdf", 12)
    await store.append(replace(from_visitor("a", "secret"), attachment=file))
    assert (await store.read("v-ann", 0, 1))[0].attachment == file
    await store.append(change(Act.EDIT, 1, "also secret"))
    await store.append(change(Act.RETRACT, 1))
    rows = await store.read("v-ann", 0, 10)
    assert [row.body for row in rows] == ["", "", ""]
    assert rows[0].attachment is None


async def test_reactions_stand_on_the_line_and_on_the_row(store: SqlStore) -> None:
    """Who reads the row learns of all reactions without the line."""
    first = await store.append(from_visitor("a"))
    second = from_operator("b")
    await store.append(second)
    done = await store.append(change(Act.REACT, 1, "👍", by=second))
    assert done.message.reactions == (Reaction("👍", (second.sender,)),)
    both = await store.append(change(Act.REACT, 1, "👍"))
    expected = (Reaction("👍", (second.sender, first.message.sender)),)
    assert both.message.reactions == expected
    rows = await store.read("v-ann", 0, 10)
    assert rows[0].reactions == rows[3].reactions == expected


async def test_what_changes_nothing_adds_no_row(store: SqlStore) -> None:
    """A repeated change gives the line as it is."""
    await store.append(from_visitor("a", "hello"))
    again = await store.append(change(Act.EDIT, 1, "hello"))
    assert (again.fresh, again.message.seq) == (False, 1)
    assert len(await store.read("v-ann", 0, 10)) == 1


@pytest.mark.parametrize(
    ("draft", "refusal"),
    [
        (change(Act.EDIT, 2, "x"), NotFound),
        (change(Act.RETRACT, 1, by=from_operator("")), Forbidden),
    ],
    ids=["no such line", "somebody else's"],
)
async def test_a_refused_change_changes_nothing(
    store: SqlStore, draft: Draft, refusal: type[SwitchboardError]
) -> None:
    """It is refused alone: its neighbours in the batch are stored."""
    await store.append(from_visitor("a"))
    refused, stored = await asyncio.gather(
        store.append(draft), store.append(from_visitor("b")), return_exceptions=True
    )
    assert isinstance(refused, refusal)
    assert not isinstance(stored, BaseException)
    assert stored.message.seq == 2
    assert (await store.read("v-ann", 0, 1))[0].body == "Hello"


async def test_notes_are_history_for_operators_only(store: SqlStore) -> None:
    """A visitor's history leaves them out; they begin no talk."""
    note = replace(from_operator("n", "a regular"), act=Act.NOTE, event=None, reply_to=None)
    assert (await store.append(note)).state.phase is Phase.QUIET
    await store.append(from_visitor("a"))
    assert [line.seq for line in await store.history("v-ann", None, 10)] == [2]
    assert [line.seq for line in await store.history("v-ann", None, 10, notes=True)] == [1, 2]


async def test_operators_in_a_talk_are_kept(store: SqlStore) -> None:
    """Who joined is in it for every process, until they leave or it ends."""
    await store.append(from_visitor("a"))
    await store.append(from_operator("b"))
    for operator in ("o-eve", "o-zoe"):
        await store.change_talk("v-ann", Joined(operator), NOW)
    found = await store.conversation("v-ann")
    assert found is not None
    assert found.state.others == ("o-eve", "o-zoe")
    after = await store.append(from_visitor("c"))
    assert after.state.others == ("o-eve", "o-zoe")
    left = (await store.change_talk("v-ann", Left("o-bob"), NOW)).state
    assert (left.operator, left.others) == ("o-eve", ("o-zoe",))
    assert (await store.change_talk("v-ann", Ended(), NOW)).state.others == ()


async def test_bans(store: SqlStore) -> None:
    """A ban is kept, replaced and lifted, and each change is a new version."""
    ban = Ban("acme", "v-ann", NOW + 1000, "Bob", NOW, "Ann")
    versions = [await store.version()]
    await store.save_ban(ban)
    versions.append(await store.version())
    assert await store.bans() == [ban]
    await store.save_ban(replace(ban, until=0))
    versions.append(await store.version())
    assert await store.bans() == [replace(ban, until=0)]
    await store.remove_ban("acme", "v-ann")
    versions.append(await store.version())
    assert await store.bans() == []
    assert len(set(versions)) == 4
    with pytest.raises(NotFound):
        await store.remove_ban("acme", "v-ann")
