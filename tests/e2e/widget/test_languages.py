"""The widget in the visitor's language, right to left where that is written so."""

from __future__ import annotations

from playwright.async_api import BrowserContext, Locator, Page

from tests.e2e.support.browser import Widget
from tests.e2e.support.site import Document
from tests.e2e.support.wait import eventually
from tests.e2e.widget.conftest import Stage


class Arabic(Widget):
    """What people find who read Arabic."""

    def __init__(self, page: Page) -> None:
        super().__init__(page)
        widget = page.locator("parley-chat")
        self.button = widget.get_by_role("button", name="دردشة", exact=True)
        self.field = widget.get_by_role("textbox", name="رسالة", exact=True)
        self.send = widget.get_by_role("button", name="إرسال", exact=True)


async def middle(one: Locator) -> float:
    """Where on the page's width its middle is, in pixels."""
    box = await one.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2


async def fetched(page: Page) -> list[str]:
    """The texts that a page has fetched."""
    names: list[str] = await page.evaluate(
        "performance.getEntriesByType('resource').map(({ name }) => name.split('/').pop())"
    )
    return [name.partition("-")[0] for name in names if name.startswith("texts_")]


async def test_arabic_is_from_right_to_left(stage: Stage) -> None:
    """The panel alone: what is one's own stands at the left, and the page is as it was."""
    async with stage.context(locale="ar-EG") as context:
        visitor = Arabic((await stage.visit(context)).page)
        page = visitor.page
        widget = page.locator("parley-chat")
        await page.locator("parley-chat [part=launcher]").click()
        await visitor.field.wait_for()
        await visitor.button.wait_for()
        assert await fetched(page) == ["texts_ar"]
        panel = widget.get_by_role("dialog")
        assert await panel.get_attribute("dir") == "rtl"
        assert await panel.get_attribute("lang") == "ar-EG"
        question = "هل الطراز الهادئ متوفر؟"
        await visitor.say(question)
        line = await stage.ann.wait_for_message(question)
        stage.ann.send_message_to(line.sender, "Yes, three")
        await visitor.wait_for_message("Yes, three")
        await visitor.wait_for_status("تم التسليم")
        center = await middle(panel)
        assert await middle(widget.locator("[part~=mine]")) < center
        assert await middle(widget.locator("[part~=theirs]")) > center
        assert await middle(visitor.send) < center < await middle(widget.locator("[part~=avatar]"))
        assert await middle(widget.locator("[part=title] bdi")) > center
        # The caret waits where Arabic begins, and goes where something else does.
        assert await direction(visitor.field) == "rtl"
        await visitor.field.fill("Model X")
        assert await direction(visitor.field) == "ltr"
        assert await direction(page.locator("body")) == "ltr"
        assert await page.locator("html").get_attribute("dir") is None
        assert await page.locator("html").get_attribute("lang") == "en"


async def direction(one: Locator) -> str:
    """Its computed direction."""
    return str(await one.evaluate("one => getComputedStyle(one).direction"))


async def test_a_page_from_right_to_left_does_not_turn_english(
    stage: Stage, context: BrowserContext
) -> None:
    """The widget's direction is its language's."""
    tag = stage.snippet(locale="en")
    stage.shop.documents["/rtl"] = Document(
        f"<!doctype html><html lang=he dir=rtl><title>RTL</title>{tag}</html>"
    )
    visitor = await stage.visit(context, "/rtl")
    await visitor.open()
    assert await direction(visitor.page.locator("parley-chat").get_by_role("dialog")) == "ltr"
    await visitor.say("left to right")
    assert await direction(visitor.log) == "ltr"


async def test_on_a_phone_the_cross_stands_free(stage: Stage) -> None:
    """From right to left too, nothing of the header lies under the button that closes."""
    phone = {"width": 390, "height": 844}
    async with stage.context(locale="ar", viewport=phone) as context:
        visitor = Arabic((await stage.visit(context)).page)
        await visitor.page.locator("parley-chat [part=launcher]").click()
        await visitor.button.wait_for()
        cross = await visitor.button.bounding_box()
        assert cross is not None
        for part in ("avatar", "who", "plain"):
            box = await visitor.page.locator(f"parley-chat .header > [part={part}]").bounding_box()
            assert box is not None
            apart = box["x"] >= cross["x"] + cross["width"] or cross["x"] >= box["x"] + box["width"]
            assert apart, (part, box, cross)


async def test_a_language_that_is_not_there_is_english(stage: Stage) -> None:
    """Texts, dates and what is said of their language; nothing is fetched for it."""
    async with stage.context(locale="nl-NL") as context:
        visitor = await stage.visit(context)
        await visitor.open()
        panel = visitor.page.locator("parley-chat").get_by_role("dialog")
        assert await panel.get_attribute("lang") == "en"
        assert await panel.get_attribute("dir") == "ltr"
        await visitor.say("Hoi")
        await visitor.page.locator("parley-chat").get_by_text("Today", exact=True).wait_for()
        assert await fetched(visitor.page) == []


async def test_the_page_says_which_language(stage: Stage, context: BrowserContext) -> None:
    """`data-locale` goes before the browser's, also as other programs write it."""
    for number, (locale, said) in enumerate(
        [("pt_BR", "Escreva uma mensagem…"), ("en_US.UTF-8", "Write a message…")]
    ):
        path = f"/{number}"
        stage.shop.documents[path] = Document(
            f"<!doctype html><title>T</title>{stage.snippet(locale=locale)}</html>"
        )
        page = (await stage.visit(context, path)).page
        await page.locator("parley-chat [part=launcher]").hover()
        field = page.locator("parley-chat").get_by_placeholder(said)
        await field.wait_for(state="attached")


async def test_texts_that_cannot_be_fetched(stage: Stage) -> None:
    """Then it is English, and works."""
    async with stage.context(locale="de") as context:
        await context.route("**/texts_de-*.js", lambda route: route.abort())
        visitor = await stage.visit(context)
        await visitor.open()
        assert await visitor.page.locator("parley-chat").get_attribute("lang") == "en"
        await visitor.say("Hallo?")
        await stage.ann.wait_for_message("Hallo?")
        await eventually(visitor.desk)
