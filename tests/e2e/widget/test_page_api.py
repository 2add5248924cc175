"""What a page calls before the script has loaded, and what it gets wrong."""

from __future__ import annotations

from playwright.async_api import BrowserContext

from tests.e2e.support.site import Document
from tests.e2e.support.wait import eventually
from tests.e2e.widget.conftest import Stage

EARLY = """<!doctype html><html lang=en><meta charset=utf-8><title>Early</title><script>
  window.parley = window.parley || function () { (parley.q = parley.q || []).push(arguments) }
  parley('identify', { id: '42', name: 'Bo' })
  parley('opne')
  parley('say', 'said early')
</script>{snippet}</html>"""


async def test_calls_that_wait(stage: Stage, context: BrowserContext) -> None:
    """Whoever the site identifies has that name; an unknown command costs a line, no more."""
    stage.shop.documents["/early"] = Document(EARLY)
    page = await context.new_page()
    said: list[str] = []
    page.on("console", lambda line: said.append(line.text))
    await page.goto(f"{stage.shop.url}/early")
    line = await stage.ann.wait_for_message("said early")
    jid = line.sender.partition("/")[0]
    await eventually(lambda: "Bo" in stage.ann.roster()[jid].name, 10.0, "the visitor's name")
    await eventually(lambda: bool(said), what="a line on the console")
    assert said == ['Parley: there is no parley("opne")']
