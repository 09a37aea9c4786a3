"""HTML that is escaped by how it is made: text becomes markup only through here."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from typing import Any

from audioforge.terminal.escapes import escape_controls, one_line


class Markup(str):
    """HTML that is escaped already."""

    __slots__ = ()


Content = str | None
"""What stands in an element: markup as it is, other text escaped, None as nothing."""


def escaped(content: Content) -> Markup:
    r"""Return content as markup; what could change the order of reading is spelt out.

    >>> escaped("a < b\u202e")
    'a &lt; b\\u202e'
    """
    if content is None:
        return Markup("")
    return content if isinstance(content, Markup) else Markup(html.escape(escape_controls(content)))


def tag(name: str, *content: Content, **attributes: str | bool | None) -> Markup:
    """Return an element.

    >>> tag("p", "1 < 2", class_="note")
    '<p class="note">1 &lt; 2</p>'

    Args:
        name: Its name.
        content: What stands in it.
        attributes: Its attributes; an underscore stands for a hyphen, one at the end is dropped.
            True has no value, False and None leave it out.
    """
    written = "".join(
        f" {key.rstrip('_').replace('_', '-')}"
        + ("" if value is True else f'="{html.escape(one_line(str(value)))}"')
        for key, value in attributes.items()
        if value not in (None, False)
    )
    return Markup(f"<{name}{written}>{joined(*content)}</{name}>")


def joined(*content: Content) -> Markup:
    """Return content side by side."""
    return Markup("".join(map(escaped, content)))


def foreign(text: str) -> Markup:
    """Return text from data, which cannot change the order of what stands around it."""
    return tag("bdi", text)


def visible(value: Any) -> Any:
    r"""Return data for a page's script, in which marks that change the order of reading are spelt.

    >>> visible({"text": ["a\u202eb", 1]})
    {'text': ['a\\u202eb', 1]}
    """
    if isinstance(value, str):
        return escape_controls(value)
    if isinstance(value, Mapping):
        return {escape_controls(str(key)): visible(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [visible(inner) for inner in value]
    return value


def inert_json(value: Any) -> Markup:
    r"""Return JSON for a script element that is data: nothing in it ends the element.

    >>> inert_json({"text": "</script>"})
    '{"text":"\\u003c/script>"}'
    """
    return Markup(page_json(value).replace("<", "\\u003c"))


def page_json(value: Any) -> str:
    """Return JSON for the page's script, in which marks that change the order are spelt."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    # Nearly all data is plain, and looking through one long text is quick.
    if "\\u00" in text or escape_controls(text) != text:
        text = json.dumps(visible(value), ensure_ascii=False, separators=(",", ":"))
    return text


def data_script(identity: str, value: Any) -> Markup:
    """Return an element that holds data for the page's script."""
    return tag("script", inert_json(value), type="application/json", id=identity)
