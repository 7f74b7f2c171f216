"""Values in the API reference, as long as a reader reads them.

autodoc prints a constant with its value, and a registry is printed whole. Here a value of more than
`LONGEST` characters is left out: the docstring says what it holds, the source has it. A default in
a signature cannot be left out, so one that long is a warning, which `make docs` takes for an error.
"""

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util import logging

LONGEST = 200

logger = logging.getLogger(__name__)


def leave_out_long_values(app: Sphinx, doctree: nodes.document) -> None:
    """Drop the value of every constant that is too long, and name every default that is."""
    for signature in list(doctree.findall(addnodes.desc_signature)):
        name = "".join(signature.get("ids", []))
        for shown in list(signature.findall(addnodes.desc_annotation)):
            text = shown.astext().strip()
            if text.startswith("=") and len(text.removeprefix("=").strip()) > LONGEST:
                shown.parent.remove(shown)
        for parameter in signature.findall(addnodes.desc_parameter):
            for default in parameter.findall(nodes.inline):
                text = default.astext()
                if "default_value" in default["classes"] and len(text) > LONGEST:
                    logger.warning(
                        "%s: a default of %d characters, of which %d are read; name a constant",
                        name, len(text), LONGEST, location=signature,
                    )  # fmt: skip


def setup(app: Sphinx) -> dict[str, bool]:
    """Look at every page as soon as it is read."""
    app.connect("doctree-read", leave_out_long_values)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
