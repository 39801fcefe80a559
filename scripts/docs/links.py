"""Links and headings of Markdown, outside of code."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

_FENCE = re.compile(r"^ *(```+|~~~+).*?^ *\1 *$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"(?<!`)(`+)(?!`)(.*?)(?<!`)\1(?!`)")
_LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\[\]]*\])*\]\(([^()\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(.+?) *#* *$", re.MULTILINE)


def links(markdown: str) -> list[str]:
    """Return the targets of all links and pictures, in order."""
    return [match[1] for match in _matches(markdown)]


def rewritten(markdown: str, change: Callable[[str], str]) -> str:
    """Return the text with every target of a link changed."""
    parts, end = [], 0
    for match in _matches(markdown):
        parts += [markdown[end : match.start(1)], change(match[1])]
        end = match.end(1)
    return "".join([*parts, markdown[end:]])


def anchors(markdown: str) -> set[str]:
    """Return the anchors of all headings, as GitHub and MyST make them."""
    fenced = _FENCE.sub(_blank, markdown)
    return {anchor(match[1]) for match in _HEADING.finditer(fenced)}


def anchor(heading: str) -> str:
    """Return the anchor of one heading: lower case, no punctuation, hyphens for blanks."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
    return re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")


def is_internal(target: str) -> bool:
    """Return whether a link stays within the repository."""
    return not re.match(r"[a-z]+:", target)


def broken(page: Path) -> list[str]:
    """Return the internal links of a page that lead to no file, or to no heading of one."""
    text = page.read_text(encoding="utf-8")
    missing = []
    for target in filter(is_internal, links(text)):
        name, _, heading = target.partition("#")
        file = page.parent / name if name else page
        found = file.exists()
        if found and heading:
            found = heading in anchors(file.read_text(encoding="utf-8"))
        if not found:
            missing.append(target)
    return missing


def _matches(markdown: str) -> Iterator[re.Match[str]]:
    """Find links in the text with its code blanked, where every position stays."""
    return _LINK.finditer(_SPAN.sub(_blank, _FENCE.sub(_blank, markdown)))


def _blank(code: re.Match[str]) -> str:
    return re.sub(r"[^\n]", "_", code[0])
