"""The shell of every page: one file that asks nothing of any network, and may run nothing else.

A page is a title, a lead and sections. Style and scripts stand in it, and its content-security
policy allows these by their digests, sound that is embedded or beside it, and nothing more.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from attrs import frozen

from audioforge.report.markup import Content, Markup, joined, tag

SCRIPTS = ("echarts/echarts.common.min.js", "charts.js", "utterances.js")
"""In the order in which they run."""


@frozen
class Section:
    """A part of a page, with an entry in its contents.

    Attributes:
        identity: Where a link to it leads.
        title: Its heading.
        content: What stands in it, from `components`.
    """

    identity: str
    title: str
    content: Sequence[Content]

    def markup(self) -> Markup:
        """Return its HTML."""
        heading = tag("h2", self.title, id=f"{self.identity}-title")
        return tag(
            "section",
            heading,
            *self.content,
            id=self.identity,
            aria_labelledby=f"{self.identity}-title",
        )


def page(title: str, lead: Sequence[Content], sections: Sequence[Section]) -> str:
    """Return a whole HTML document.

    Args:
        title: Its heading, and the name of its tab.
        lead: What stands below the heading.
        sections: Its parts.
    """
    contents = [tag("a", section.title, href=f"#{section.identity}") for section in sections]
    style = tag("style", _asset("style.css"))
    head = joined(
        tag("title", title),
        Markup('<meta charset="utf-8">'),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{_policy()}">'),
        Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Markup('<meta name="color-scheme" content="light dark">'),
        style,
    )
    body = joined(
        tag("a", "Skip to the content", class_="skip", href="#content"),
        tag("header", tag("h1", title), *lead),
        tag("nav", *contents, aria_label="Contents"),
        tag("main", *(section.markup() for section in sections), id="content", tabindex="-1"),
        *(tag("script", _asset(name)) for name in SCRIPTS),
    )
    document = tag("html", tag("head", head), tag("body", body), lang="en")
    return f"<!doctype html>\n{document}\n"


@cache
def _asset(name: str) -> Markup:
    path = files("audioforge.report").joinpath("assets", *name.split("/"))
    return Markup(path.read_text(encoding="utf-8"))


def _digest(name: str) -> str:
    digest = hashlib.sha256(_asset(name).encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _policy() -> str:
    """Return the content-security policy: our style, our scripts, sound, and nothing else."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {' '.join(map(_digest, SCRIPTS))}",
            f"style-src {_digest('style.css')}",
            "img-src data:",
            "media-src 'self' data: file:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
