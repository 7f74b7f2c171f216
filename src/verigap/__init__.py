"""verigap: does it pay to verify rather than to clone, at this token budget and this much data?"""

from importlib.metadata import version

__version__ = version("verigap")

__all__ = ["__version__"]
