"""What stands in a drawn figure, as arrays."""

import numpy as np


def xy(line):
    """Places of a line or of markers."""
    return np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)


def bars(container, along: int = 1):
    """Ends of error bars, one row each, along y (1) or x (0); sideways bars come first."""
    line, _, collections = container.lines
    # One direction alone is upright.
    collection = collections[min(along, len(collections) - 1)]
    ends = [np.asarray(segment, float)[:, along] for segment in collection.get_segments()]
    return xy(line), np.asarray(ends)
