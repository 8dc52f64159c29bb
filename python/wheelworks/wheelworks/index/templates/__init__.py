"""The templates of the pages. Every value is escaped; a name that a template does not get is an error."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

_environment = Environment(
    loader=PackageLoader("wheelworks.index", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


def render(template: str, **values: Any) -> bytes:
    """Return the bytes of a page."""
    return _environment.get_template(template).render(**values).encode()
