"""What axe finds wrong with a page, its shadow roots included: colours and small targets too."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from playwright.async_api import Page

_SCRIPT = Path(__file__).parents[3] / "widget/node_modules/axe-core/axe.min.js"
_RUN = """async () => {
    // However much room is around it.
    axe.configure({ checks: [
        { id: 'target-size', options: { minSize: 44 } },
        { id: 'target-offset', evaluate: () => false },
    ] })
    const { shadowRoot } = document.querySelector('parley-chat')
    const once = ({ effect }) => effect.getTiming().iterations === 1
    await Promise.all(shadowRoot.getAnimations().filter(once).map(({ finished }) => finished))
    const { violations } = await axe.run('parley-chat', {
        resultTypes: ['violations'],
        rules: { 'target-size': { enabled: true } },
    })
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
}"""
_SCHEMES: tuple[Literal["light", "dark"], ...] = ("dark", "light")


async def faults(page: Page) -> list[str]:
    """Of the widget as it is shown now, once it has stopped to move, in light and in dark."""
    await page.evaluate(_SCRIPT.read_text("utf-8"))
    found: list[str] = []
    for scheme in _SCHEMES:
        await page.emulate_media(color_scheme=scheme)
        found += [f"{scheme}: {fault}" for fault in await page.evaluate(_RUN)]
    return found
