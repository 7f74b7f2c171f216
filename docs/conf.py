"""The documentation site: `make docs` builds it into build/docs, with every warning an error."""

import sys
import typing
from importlib import metadata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "extensions"))

# Asks jaxtyping for annotations that read as they were written.
typing.GENERATING_DOCUMENTATION = True  # pyright: ignore[reportAttributeAccessIssue]

project = "verigap"
author = "the verigap authors"
release = version = metadata.version(project)

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "api_pages",
    "docstrings",
    "mathml",
    "repository_links",
    "short_values",
]
exclude_patterns = ["runs"]

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
# A default that has a name is shown by its name.
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False
# The signature of a class has the types of its fields.
napoleon_attr_annotations = False
# What docstrings have in single backticks is code, linked where it names something of ours.
default_role = "py:obj"
python_maximum_signature_line_length = 88
add_module_names = False

html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["style.css"]
html_title = f"verigap {release}"
html_math_renderer = "mathml"
html_show_sourcelink = False
html_show_copyright = False
