"""A figure of matplotlib as SVG to stand inside a page: its colours are the page's, and it carries
no styles.

A strict Content-Security-Policy refuses style attributes, and a dark page needs other colours than
a light one. So each style becomes plain attributes, and each colour the CSS variable of its part.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from io import StringIO
from typing import Any
from xml.etree import ElementTree as ET

from gruverify.reporting._needs import needed

#: The colours that figures are drawn in, and the variables of page.css that stand for them.
COLOURS = {
    "#000000": "ink",
    "#595959": "muted",
    "#ebebeb": "grid",
    "#f2f2f2": "lane",
    "#cccccc": "exact",
    "#b3261e": "falsified",
    "#d55e00": "float16",
    "#cc79a7": "bfloat16",
    "#0072b2": "float32",
    "#009e73": "float64",
    **{f"#e0e0e{i}": f"heat-{i}" for i in range(9)},
}
#: Of the colours that count hits, from none to many.
HEAT = [colour for colour, name in COLOURS.items() if name.startswith("heat")]
COLOUR_OF = {name: colour for colour, name in COLOURS.items()}
COLOURS_IN_CSS = {colour: f"var(--{name})" for colour, name in COLOURS.items()}

_SVG, _LINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}href"
_LONG_NUMBER = re.compile(r"-?\d+\.\d{3,}")
_REFERENCE = re.compile(r"url\(#([^)]+)\)|^#([\w-]+)$")
#: Of a style, what the page says better.
_OURS_TO_SAY = ("font-family", "font", "font-stretch", "font-variant")


def inline_svg(figure: Any, key: str, label: str, titles: Sequence[str] = ()) -> str:
    """The figure as an `svg` element. `key` makes its ids unique in the page; `label` says what it
    shows.

    titles: what the cells of the artists with gid "cells" are called when pointed at, in drawing
    order.
    """
    root = ET.fromstring(_drawn(figure))
    _remove(root, "metadata", "style")
    # Ids are kept where something points at them, and made unique: a page has many pictures.
    referenced = set[str]()
    for node in root.iter():
        for value in node.attrib.values():
            referenced |= set(_targets(value))
    cells = list[ET.Element]()
    for node in root.iter():
        if node.get("id") == "cells":
            cells += node.iter(f"{_SVG}path")
    for node in root.iter():
        node.tag = str(node.tag).removeprefix(_SVG)
        node.attrib = dict(_attributes(node, key, referenced))
    for cell, title in zip(cells, titles, strict=bool(titles)):
        ET.SubElement(cell, "title").text = title
    # What is black has no colour in matplotlib's SVG: it inherits this one.
    ink = COLOURS_IN_CSS[COLOUR_OF["ink"]]
    root.attrib = {
        "viewBox": root.attrib["viewBox"],
        "role": "img",
        "aria-label": label,
        "fill": ink,
    }
    return ET.tostring(root, encoding="unicode")


def _drawn(figure: Any) -> str:
    text = StringIO()
    # Text stays text, to be found and copied; the salt makes ids, and so pages, the same each
    # time.
    with needed("matplotlib").rc_context({"svg.fonttype": "none", "svg.hashsalt": "gruverify"}):
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
    return text.getvalue()


def _remove(root: ET.Element, *tags: str) -> None:
    for parent in list(root.iter()):
        for child in [child for child in parent if child.tag.removeprefix(_SVG) in tags]:
            parent.remove(child)


def _targets(value: str) -> list[str]:
    return [match[1] or match[2] for match in _REFERENCE.finditer(value)]


def _attributes(node: ET.Element, key: str, referenced: set[str]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, value in node.attrib.items():
        if name == "style":
            found += [
                (part, _shorter(said)) for part, said in _parts(value) if part not in _OURS_TO_SAY
            ]
        elif name == _LINK:
            # An image brings its own data, anything else points into the picture.
            inside = value.startswith("#")
            found.append(("href", f"#{key}-{value[1:]}" if inside else value))
        elif name != "id":
            found.append(
                (name, _shorter(_REFERENCE.sub(lambda match: f"url(#{key}-{match[1]})", value)))
            )
        elif value in referenced:
            found.append(("id", f"{key}-{value}"))
    return [(name, COLOURS_IN_CSS.get(value, value)) for name, value in found]


def _parts(style: str) -> list[tuple[str, str]]:
    pairs = (part.split(":", 1) for part in style.split(";") if ":" in part)
    return [(name.strip(), value.strip()) for name, value in pairs]


def _shorter(value: str) -> str:
    """Hundredths of a point are enough to see."""
    return _LONG_NUMBER.sub(lambda match: f"{float(match[0]):.2f}".rstrip("0").rstrip("."), value)
