"""What is shipped: one top-level name, every module of the four folders, and all that pages use."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from collections.abc import Iterator
from email.parser import Parser
from pathlib import Path, PurePosixPath

import pytest

from verigap.shipped import entries, shipped_files, shipped_path

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
    clutter = shutil.ignore_patterns(".*", "build", "dist", "*.egg-info", "__pycache__")

    def left_out(folder: str, names: list[str]) -> set[str]:
        return clutter(folder, names) | ({"runs"} if Path(folder) == ROOT else set())

    shutil.copytree(ROOT, tree, symlinks=True, ignore=left_out)
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


def test_wheel_ships_the_examples(dist: Path) -> None:
    (wheel,) = dist.glob("*.whl")
    prefix = "verigap/shipped/"
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if name.startswith(prefix)}
        shipped = {name.removeprefix(prefix) for name in names} - {"__init__.py"}
        # Nothing that `verigap examples` does not list, and all that it does.
        assert shipped == set(shipped_files())
        for name in shipped:
            assert archive.read(prefix + name) == shipped_path(name).read_bytes()
    assert wheel.stat().st_size < 2_000_000


def test_everything_that_is_shipped_is_listed() -> None:
    assert all(entry.files and entry.about for entry in entries())
    root = shipped_path("")
    lies_there = {
        (Path(folder) / name).relative_to(root).as_posix()
        for folder, _, names in os.walk(root, followlinks=True)
        for name in names
        if not folder.endswith("__pycache__") and not name.startswith("lock")
    }
    assert lies_there - {"__init__.py"} == set(shipped_files())


def test_the_description_works_where_the_repository_is_not(dist: Path) -> None:
    (wheel,) = dist.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = (name for name in archive.namelist() if name.endswith("dist-info/METADATA"))
        parsed = Parser().parsestr(archive.read(metadata).decode())
    text = str(parsed.get_payload())
    assert "verigap demo" in text
    targets = re.findall(r"\]\(([^)]+)\)", text)
    assert targets
    assert all(target.startswith("https://") for target in targets)
    assert parsed.get_all("Project-URL") == ["Paper, https://arxiv.org/abs/2502.12118"]


@pytest.fixture(scope="module")
def installed(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `verigap` of an environment with the wheel, and the dependencies of this one."""
    place = tmp_path_factory.mktemp("installed")
    venv.create(place, with_pip=False, symlinks=True)
    (wheel,) = dist.glob("*.whl")
    python = place / "bin" / "python"
    install = ["install", "--quiet", "--no-deps", "--no-index", str(wheel)]
    subprocess.run([sys.executable, "-m", "pip", "--python", str(python), *install], check=True)
    (packages,) = (place / "lib").glob("python*/site-packages")
    # A folder named in a .pth file comes last, and .pth files in it, such as that of the editable
    # install, are not read.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return place / "bin" / "verigap"


def call(installed: Path, command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command line as it stands, where `verigap` is the installed one."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        ["bash", "-c", command], cwd=folder, capture_output=True, text=True, check=False,
        stdin=subprocess.DEVNULL, timeout=900,
        env={
            **environment,
            "PATH": f"{installed.parent}{os.pathsep}{os.environ['PATH']}",
            # What one command compiles, the next need not.
            "JAX_COMPILATION_CACHE_DIR": str(installed.parent.parent / "jax-cache"),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        },
    )  # fmt: skip


def test_the_wheel_stands_alone(installed: Path, tmp_path: Path) -> None:
    where = "import verigap; print(verigap.__file__)"
    done = call(installed, f"{installed.parent}/python -c {shlex.quote(where)}", tmp_path)
    assert Path(done.stdout.strip()).is_relative_to(installed.parent.parent)
    done = call(installed, "verigap examples --copy . && verigap examples --copy .", tmp_path)
    assert done.returncode == 2, done.stderr
    assert "is there already, and nothing was copied" in done.stderr
    copied = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert copied == set(shipped_files())
    done = call(installed, "verigap import logs/lm_eval.jsonl --out t.parquet", tmp_path)
    assert "8 samples of 2 prompts" in done.stdout, done.stderr


BLOCK = re.compile(r"^```(?:sh|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`(verigap [^`]+)`")
# They need a clone, or change the shell.
OF_A_CLONE = ("make", "source")


def typed_on(page: Path) -> Iterator[str]:
    """Every command of a page in its order; those in running text only if they name no WORD."""
    text = page.read_text(encoding="utf-8")
    found = [(match.start(), match[1]) for match in BLOCK.finditer(text)]
    found += [
        (match.start(), match[1])
        for match in SPAN.finditer(BLOCK.sub(lambda block: "\n" * len(block[0]), text))
        if not re.search(r"\b[A-Z]{2,}", match[1])
    ]
    for _, block in sorted(found):
        is_console = block.startswith("$ ")
        for line in re.sub(r"\\\n", " ", block).splitlines():
            if is_console and not line.startswith("$ "):
                continue
            if words := shlex.split(line.removeprefix("$ "), comments=True):
                yield shlex.join(words)


@pytest.mark.long
def test_commands_of_the_pages_work_from_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    pages = ("README.md", "DESCRIPTION.md")
    # Each command once, in the order of the pages.
    commands = dict.fromkeys(command for page in pages for command in typed_on(ROOT / page))
    ran = []
    for command in commands:
        program, *rest = command.split()
        assert program in ("verigap", *OF_A_CLONE), command
        if program == "verigap":
            done = call(installed, command, tmp_path)
            assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
            ran.append(rest[0])
    assert {"demo", "examples", "import", "fit", "diagnose", "bounds", "check"} <= set(ran)
