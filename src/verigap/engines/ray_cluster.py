"""Starting Ray on this machine, or connecting to a cluster of it that is there."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import shutil
import signal
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

_SECONDS_TO_CONNECT = 5.0
_SMALLEST_STORE = 80 << 20
_SESSIONS = "verigap-ray-"
# Before Ray is imported. The second keeps what is started here to the loopback interface, as Ray
# runs whatever reaches its ports; it is named after the systems where that is the default.
_NO_REPORTS = "RAY_USAGE_STATS_ENABLED"
_MANY_MACHINES = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"


def require_ray() -> None:
    """Refuse to go on where Ray is not installed.

    Raises:
      ValueError: it is not.
    """
    if importlib.util.find_spec("ray") is None:
        raise ValueError("ray: needs the package ray; install it with: pip install 'verigap[ray]'")


@contextlib.contextmanager
def embedded(cpus: int, variables: dict[str, str]) -> Iterator[ModuleType]:
    """Ray on this machine alone, gone with the context.

    Args:
      cpus: how many tasks run at a time.
      variables: environment of the workers.
    """
    os.environ[_MANY_MACHINES] = "0"
    _remove_left_behind()
    folder = tempfile.mkdtemp(prefix=f"{_SESSIONS}{os.getpid()}-", dir=_short_folder())
    try:
        with _initialised(
            address="local",
            num_cpus=cpus,
            object_store_memory=_SMALLEST_STORE,
            include_dashboard=False,
            _temp_dir=folder,
            runtime_env={"env_vars": variables},
        ) as ray:
            try:
                yield ray
            except BaseException:
                # Of an interrupt not much time is left, and Ray takes a second or two to end.
                shutil.rmtree(folder, ignore_errors=True)
                raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def connected(address: str, variables: dict[str, str]) -> Iterator[ModuleType]:
    """A cluster that is there; it stays.

    Args:
      address: HOST:PORT of its head, or "auto" for the one that this machine belongs to.
      variables: environment of the workers.

    Raises:
      ValueError: there is none; one line says what to do.
    """
    if address.startswith("ray://"):
        raise ValueError(
            f"address: {address} is that of a Ray client; run on a machine of the cluster, for "
            "instance as a Ray job, and give auto"
        )
    host = _reachable(address)
    with _initialised(address=host, runtime_env={"env_vars": variables}) as ray:
        yield ray


@contextlib.contextmanager
def started(
    address: str | None, cpus: int | None, variables: dict[str, str]
) -> Iterator[ModuleType]:
    """A cluster that is there, or Ray on this machine alone.

    Args:
      address: see `connected`; None for Ray on this machine.
      cpus: tasks at a time there; None for all its CPUs.
      variables: environment of the workers.

    Raises:
      ValueError: Ray is not installed, or no cluster answers.
    """
    require_ray()
    if address is None:
        there = embedded(cpus or usable_cpus(), variables)
    else:
        there = connected(address, variables)
    with there as ray:
        yield ray


def usable_cpus() -> int:
    """CPUs that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _reachable(address: str) -> str:
    """HOST:PORT of an address, where something listens.

    Ray itself would try for many minutes and print a line for each attempt.
    """
    ray = _imported()
    try:
        resolved = address
        if address == "auto":
            resolved = ray._private.services.canonicalize_bootstrap_address_or_die("auto")
        host, _, port = resolved.rpartition(":")
        if not host or not port.isdigit():
            raise ValueError(f"address: expected HOST:PORT or auto, not {address!r}")
        socket.create_connection((host.strip("[]"), int(port)), _SECONDS_TO_CONNECT).close()
    except OSError as error:
        why = error.strerror or "no Ray runs on this machine"
        raise ValueError(
            f"address: no Ray cluster answers at {address} ({why}); start one with ray start "
            "--head, or leave the address out to start Ray on this machine"
        ) from None
    return resolved


def _imported() -> ModuleType:
    os.environ.setdefault(_NO_REPORTS, "0")
    return importlib.import_module("ray")


@contextlib.contextmanager
def _initialised(**options: Any) -> Iterator[ModuleType]:
    """Ray after `ray.init`, and its shutdown; signals are left to whoever had them before."""
    ray = _imported()
    _keep_notes_to_itself()
    main = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGTERM)
    terminated = False
    try:
        try:
            ray.init(log_to_driver=False, logging_level="ERROR", **options)
        except SystemExit:
            # What Ray's own handler of SIGTERM does, which is there from now on.
            terminated = True
        # Ray raises errors of several kinds, the plainest among them where it takes too long.
        except Exception as error:
            raise ValueError(f"ray: does not start ({_first_line(error)})") from None
        finally:
            if main:
                signal.signal(signal.SIGTERM, before)
        if terminated:
            os.kill(os.getpid(), signal.SIGTERM)
        yield ray
    finally:
        ray.shutdown()


def _keep_notes_to_itself() -> None:
    """Keep Ray from printing notes on lost workers among the answer of a command.

    It has no option for that: where this is moved, they are printed again, and nothing worse.
    """
    with contextlib.suppress(ImportError):
        worker: Any = importlib.import_module("ray._private.worker")
        worker.print_to_stdstream = _nothing


def _nothing(*arguments: object, **options: object) -> None:
    """Print nothing."""


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _short_folder() -> str | None:
    """Where sessions lie: Ray's sockets there allow 107 bytes of path, of which it takes 70."""
    default = tempfile.gettempdir()
    return "/tmp" if len(default) > 20 and Path("/tmp").is_dir() else default


def _remove_left_behind() -> None:
    """Remove the sessions of processes that were killed."""
    folder = Path(_short_folder() or tempfile.gettempdir())
    for path in folder.glob(f"{_SESSIONS}*"):
        owner = path.name.removeprefix(_SESSIONS).partition("-")[0]
        if owner.isdigit() and not _lives(int(owner)):
            shutil.rmtree(path, ignore_errors=True)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
