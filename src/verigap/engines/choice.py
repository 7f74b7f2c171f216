"""The engine that a user names."""

from __future__ import annotations

from verigap.engines.ray_engine import RayEngine
from verigap.sim.sweeps.engine import Engine, LocalEngine

NAMES = ("local", "ray")


def is_ray(name: str, address: str | None = None) -> bool:
    """Whether a user asks for Ray.

    Args:
      name: "local" or "ray".
      address: of a Ray cluster.

    Raises:
      ValueError: there is no engine of that name, or it takes no address.

    Example:
      >>> from verigap.engines.choice import is_ray
      >>> is_ray("ray", "auto")
      True
    """
    if name not in NAMES:
        raise ValueError(f"engine: unknown engine {name!r}; use {' or '.join(NAMES)}")
    if name == "local" and address is not None:
        raise ValueError(f"address: {address} is that of a Ray cluster; `engine` has to be ray")
    return name == "ray"


def chosen_engine(name: str, address: str | None = None) -> Engine:
    """The engine of a name, for the cells of a sweep.

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
    return RayEngine(address=address) if is_ray(name, address) else LocalEngine()
