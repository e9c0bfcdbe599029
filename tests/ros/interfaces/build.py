"""Message packages that no wheel brings, generated and compiled: our own, and those of others.

    python tests/ros/interfaces/build.py FOLDER

The texts beside this file hold field names, types and constants only, which is all that the type hash and the bytes on
the wire depend on. With ``FOLDER/site`` on ``PYTHONPATH`` the packages are imported like installed ones. Needs gcc and
the ``rosidl`` packages that come with rclpy. The generators are called directly: the ``rosidl`` command finds each of
them twice in wheels and refuses, and its translator wants ``catkin_pkg``, which no wheel brings.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import io
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

TEXTS = Path(__file__).parent
OWN = TEXTS.parents[2] / "msgs"
FOLDERS = {path.parent.name: path.parent for root in (TEXTS, OWN) for path in sorted(root.glob("*/msg"))}
PACKAGES = tuple(sorted(FOLDERS))
# The only type support that the wheels' middleware needs; the others would only dispatch to it.
FASTRTPS = "rosidl_typesupport_fastrtps_c"
GENERATORS = ("rosidl_adapter", "rosidl_generator_type_description", "rosidl_generator_c", "rosidl_generator_py")
GENERATORS += ("rosidl_typesupport_c", FASTRTPS)


def prefixes() -> list[Path]:
    """Where ROS packages are installed: those of the environment, then the virtual environment."""
    found = [Path(path) for path in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if path]
    return [*found, Path(sys.prefix)]


def digest() -> str:
    """What the compiled packages depend on, in twelve characters."""
    found = hashlib.sha256(f"{sys.version} {sys.prefix}".encode())
    found.update(Path(__file__).read_bytes())
    for package in PACKAGES:
        for path in sorted(FOLDERS[package].glob("msg/*.msg")):
            found.update(f"{package}/{path.name}".encode() + path.read_bytes())
    return found.hexdigest()[:12]


def missing_tools() -> list[str]:
    """What must be installed before anything can be built."""
    programs = [tool for tool in ("gcc", "g++") if shutil.which(tool) is None]
    headers = [] if (Path(sysconfig.get_path("include")) / "Python.h").exists() else ["Python.h"]
    return programs + headers + [module for module in GENERATORS if importlib.util.find_spec(module) is None]


def cached() -> Path:
    """The folder with the packages, built at the first call and kept in the user's cache.

    Raises:
        RuntimeError: The build failed; the text says why.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "csre_ros" / "interfaces"
    target = cache / digest()
    if not target.exists():
        try:
            cache.mkdir(parents=True, exist_ok=True)
        except OSError:  # no home that can be written to
            cache = Path(tempfile.mkdtemp(prefix="csre_ros-interfaces-"))
            target = cache / digest()
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            made = subprocess.run([sys.executable, __file__, folder], capture_output=True, text=True, check=False)
            if made.returncode:
                raise RuntimeError(f"message packages cannot be built:\n{made.stdout[-1000:]}{made.stderr[-3000:]}")
            with contextlib.suppress(OSError):  # another process was faster
                Path(folder).rename(target)
            Path(folder).mkdir(exist_ok=True)
    return target


def build(folder: Path) -> None:
    """Generate and compile all packages."""
    os.environ["AMENT_PREFIX_PATH"] = os.pathsep.join(map(str, prefixes()))
    jobs = [job for package in PACKAGES for job in generate(package, folder)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(run, jobs))
    for package in PACKAGES:
        link(package, folder)


def generate(package: str, folder: Path) -> Iterator[list[str]]:
    """Write the sources of one package; yields the compiler's commands."""
    from rosidl_adapter.msg import convert_msg_to_idl
    from rosidl_generator_c.cli import GenerateC
    from rosidl_generator_py.cli import GeneratePython
    from rosidl_generator_type_description.cli import HashTypeDescription
    from rosidl_typesupport_c.cli import GenerateCTypesupport
    from rosidl_typesupport_fastrtps_c.cli import GenerateFastRTPSCTypesupport

    sources, module = folder / "src" / package, folder / "site" / package
    home = FOLDERS[package]
    texts = sorted((home / "msg").glob("*.msg"))
    with contextlib.redirect_stdout(io.StringIO()):
        for text in texts:
            convert_msg_to_idl(home, package, text.relative_to(home), sources / "msg")
    shared = [str(share) for prefix in prefixes() for share in (prefix / "share").glob("*_msgs")]
    shared += [str(share) for prefix in prefixes() for share in (prefix / "share").glob("*_interfaces")]
    arguments = {
        "package_name": package,
        "interface_files": [f"{sources}:msg/{text.stem}.idl" for text in texts],
        "include_paths": shared,
    }
    hashes = HashTypeDescription("hash").generate_type_hashes(**arguments, output_path=sources)
    GenerateC("c").generate(**arguments, output_path=sources, type_description_files=hashes)
    GenerateFastRTPSCTypesupport("fastrtps").generate(**arguments, output_path=sources)
    GenerateCTypesupport("c", typesupport_implementations=[FASTRTPS]).generate(**arguments, output_path=sources)
    GeneratePython("py", typesupport_implementations=["rosidl_typesupport_c"]).generate(**arguments, output_path=module)
    (module / "__init__.py").touch()

    # All C++ of a package in one unit: its headers cost more than its code.
    unit = sources / "unit.cpp"
    unit.write_text("".join(f'#include "{path}"\n' for path in sorted(sources.rglob("*.cpp")) if path != unit))
    for source in [unit, *sorted(sources.rglob("*.c")), *sorted(module.rglob("*.c"))]:
        compiler = ["g++", "-std=c++17"] if source.suffix == ".cpp" else ["gcc"]
        yield [*compiler, "-fPIC", "-O0", "-w", *_includes(folder), "-c", str(source), "-o", str(_object(source))]


def _includes(folder: Path) -> list[str]:
    import numpy

    own = [folder / "src", Path(sysconfig.get_path("include")), Path(numpy.get_include())]
    ros = [prefix / "include" for prefix in prefixes()]
    nested = [path for include in ros for path in include.glob("*") if (path / path.name).is_dir()]
    return [f"-I{path}" for path in [*own, *ros, *nested]]


def _object(source: Path) -> Path:
    return source.with_name(source.name + ".o")


def link(package: str, folder: Path) -> None:
    """Join the objects of one package into the extension module that its classes import."""
    module = folder / "site" / package
    objects = [*sorted((folder / "src" / package).rglob("*.o")), *sorted(module.rglob("*.o"))]
    libraries = [prefix / "lib" for prefix in prefixes()]
    own = ["std_msgs", "builtin_interfaces", "geometry_msgs"]
    kinds = ["rosidl_generator_py", "rosidl_generator_c", "rosidl_typesupport_c", FASTRTPS]
    names = [f"{name}__{kind}" for name in own for kind in kinds]
    names += ["rosidl_runtime_c", "rosidl_typesupport_c", FASTRTPS, "rosidl_typesupport_fastrtps_cpp", "rcutils", "rmw"]
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    output = module / f"{package}_s__rosidl_typesupport_c{suffix}"
    others = ["-l:libfastcdr.so", "-Wl,--allow-shlib-undefined"]
    paths = [f"-L{path}" for path in libraries] + [f"-Wl,-rpath,{path}" for path in libraries]
    run(["g++", "-shared", "-o", str(output), *map(str, objects), *paths, *(f"-l{name}" for name in names), *others])


def run(command: list[str]) -> None:
    """Run a compiler.

    Raises:
        RuntimeError: It failed; the text is what it said.
    """
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[-3:])}\n{done.stderr}")


if __name__ == "__main__":
    build(Path(sys.argv[1]).resolve())
