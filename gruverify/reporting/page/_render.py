"""Templates to pages: everything is escaped, and the browser is told to run and load nothing
else.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from importlib import resources
from typing import Any

from gruverify.engine import ENOUGH
from gruverify.reporting._needs import needed
from gruverify.reporting._table import margin

#: What tells a page of ours from any other.
MARK = '<meta name="generator" content="gruverify">'


def render(template: str, **values: Any) -> str:
    """A page from one of the templates."""
    css, script = _asset("page.css"), _asset("page.js")
    page: str = (
        _environment()
        .get_template(template)
        .render(css=raw(css), script=raw(script), policy=_policy(css, script), **values)
    )
    return page


def raw(text: str) -> Any:
    """Text that is markup already: never anything that a target said."""
    return needed("markupsafe").Markup(text)


def slug(text: str, prefix: str) -> str:
    """An id of the page."""
    return f"{prefix}-{re.sub(r'[^A-Za-z0-9_.]+', '-', text)}"


def _asset(name: str) -> str:
    return resources.files("gruverify.reporting.page").joinpath(name).read_text(encoding="utf-8")


@cache
def _environment() -> Any:
    jinja2 = needed("jinja2")
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_asset),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        # A name that a template misspells must raise, and not leave a gap in the page.
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {
        "margin": margin,
        "percent": _percent,
        "share": "{:.0%}".format,
        "slug": slug,
    }
    environment.globals["enough"] = ENOUGH
    return environment


def _percent(margin: float) -> str:
    """Of the bound, for a bar that cannot be longer than it."""
    return f"{100 * min(margin, 1.0):.1f}"


def _policy(css: str, script: str) -> str:
    """Nothing but this very style and this very script."""
    rules = {
        "default-src": "'none'",
        "style-src": _hash(css),
        "script-src": _hash(script),
        "img-src": "data:",
    }
    rules |= {"base-uri": "'none'", "form-action": "'none'"}
    return "; ".join(f"{name} {source}" for name, source in rules.items())


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
