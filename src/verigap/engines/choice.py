"""The engine that a user names."""

from __future__ import annotations

from verigap.engines.ray_engine import RayEngine
from verigap.sim.sweeps.engine import Engine, LocalEngine

NAMES = ("local", "ray")


def chosen_engine(name: str, address: str | None = None) -> Engine:
    """The engine of a name.

    Args:
      name: "local" or "ray".
      address: of a Ray cluster.

    Raises:
      ValueError: there is no engine of that name, or it takes no address.

    Example:
      >>> from verigap.engines.choice import chosen_engine
      >>> chosen_engine("local")
      LocalEngine()
    """
    if name not in NAMES:
        raise ValueError(f"engine: unknown engine {name!r}; use {' or '.join(NAMES)}")
    if name == "ray":
        return RayEngine(address=address)
    if address is not None:
        raise ValueError(f"address: {address} is that of a Ray cluster; `engine` has to be ray")
    return LocalEngine()
