"""What is shipped: one top-level name, and every module of the four folders under it."""

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("theory", "sim", "llm_validation", "figures")


def modules_in(folder: str) -> set[str]:
    """Paths of the folder's modules, as they should read inside a wheel."""
    return {
        f"verigap/{path.relative_to(ROOT).as_posix()}" for path in (ROOT / folder).rglob("*.py")
    }


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist of this checkout and the wheel built from that sdist."""
    out = tmp_path_factory.mktemp("dist")
    # In a copy, as a build writes into its source tree and two test processes may build at a time.
    # What is copied is what belongs to the project: environments and runs do not.
    tree = tmp_path_factory.mktemp("tree") / "verigap"
    clutter = shutil.ignore_patterns(".*", "runs", "build", "dist", "*.egg-info", "__pycache__")
    shutil.copytree(ROOT, tree, symlinks=True, ignore=clutter)
    # Without isolation: the test needs no package index.
    done = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(tree)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return out


def test_wheel_has_one_top_level_name(dist: Path) -> None:
    (wheel,) = dist.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        tops = {PurePosixPath(name).parts[0] for name in archive.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"verigap"}


def test_wheel_holds_every_module(dist: Path) -> None:
    (wheel,) = dist.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    for folder in FOLDERS:
        assert modules_in(folder) <= names
    assert "verigap/py.typed" in names
    assert "verigap/llm_validation/reporting/templates/report.html.j2" in names


def test_wheel_carries_licence_and_command(dist: Path) -> None:
    (wheel,) = dist.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (entry_points,) = (name for name in names if name.endswith("entry_points.txt"))
        assert "verigap = verigap.cli.start:main" in archive.read(entry_points).decode()
    for notice in ("LICENSE", "NOTICE.md"):
        assert any(name.endswith(f"licenses/{notice}") for name in names)


def test_sdist_holds_files_not_links(dist: Path) -> None:
    (sdist,) = dist.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        members = archive.getmembers()
    assert not [member.name for member in members if member.issym() or member.islnk()]
    inside = {
        PurePosixPath(member.name).relative_to(sdist.name[: -len(".tar.gz")]) for member in members
    }
    for folder in FOLDERS:
        assert {PurePosixPath("src", name) for name in modules_in(folder)} <= inside


@pytest.mark.smoke
@pytest.mark.parametrize("folder", FOLDERS)
def test_folder_is_linked_into_the_package(folder: str) -> None:
    link = ROOT / "src" / "verigap" / folder
    assert link.is_symlink()
    # Relative, so that a clone works wherever it stands.
    assert link.readlink() == Path("..", "..", folder)
