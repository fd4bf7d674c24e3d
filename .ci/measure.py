"""What `make release` writes to docs/release.json: sizes of the archives, of the installed core, of what comes with it.

measure.py DIST CORE EVERYTHING > docs/release.json: a folder of archives, and the two site-packages that pip filled.
"""

import json
import platform
import re
import sys
import tomllib
from importlib.metadata import Distribution, distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
# for whoever uses the package; the others are for those who work on it
EXTRAS = ("text", "shards", "tensorboard", "hub", "inception", "export", "demo")
# libraries of the GNU compilers, whose licences are not those of the wheels that carry them
GNU = re.compile(r"lib(gfortran|quadmath|gomp|gcc_s|stdc\+\+)\b")


def held(site: Path) -> dict[str, Distribution]:
    """Every distribution of an environment by its name."""
    return {canonicalize_name(found.name): found for found in distributions(path=[str(site)])}


def reached(there: dict[str, Distribution], requirements: list[str]) -> set[str]:
    """Names of all that requirements lead to."""
    seen: set[tuple[str, str]] = set()
    waiting = [Requirement(requirement) for requirement in requirements]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        for extra in {"", *requirement.extras} - {extra for known, extra in seen if known == name}:
            seen.add((name, extra))
            needed = map(Requirement, there[name].requires or ())
            waiting += [need for need in needed if need.marker is None or need.marker.evaluate({"extra": extra})]
    return {name for name, _ in seen}


def size(found: Distribution, *endings: str) -> int:
    """Bytes of the files that pip put down, its bytecode included."""
    paths = (Path(str(found.locate_file(file))) for file in found.files or () if str(file).endswith(endings or ("",)))
    return sum(path.stat().st_size for path in paths if path.is_file())


def main() -> None:
    """Print the JSON."""
    dist, core, everything = map(Path, sys.argv[1:])
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    alone, there = held(core), held(everything)
    # torch and what it brings, then what the core adds to that
    users = {"torch": reached(there, ["torch"]), "core": reached(there, project["dependencies"])}
    users |= {extra: reached(there, project["optional-dependencies"][extra]) for extra in EXTRAS}
    ours = sorted(name for name in there if name.startswith("rat-modules-"))
    users |= {name: reached(there, [f"{name}[model]" if "minilm" in name else name]) for name in ours}
    own = alone["rat-modules"]
    assert users["core"] == alone.keys() - {own.name}, users["core"] ^ alone.keys()
    rows = {}
    for name, found in sorted(there.items()):
        if name != own.name and name not in ours:
            carried = sorted({gnu[0] for file in found.files or () if (gnu := GNU.match(file.name))})
            needed = [user for user in users if name in users[user]]
            needed = needed[:1] if needed[:1] in (["torch"], ["core"]) else needed
            assert needed, f"{name} is needed by nobody"
            rows[name] = {"version": found.version, "bytes": size(found), "for": needed, "carries": carried}
    report = {
        "version": own.version,
        "machine": f"Python {platform.python_version()} on {platform.system()} {platform.machine()}",
        "archives": {path.name: path.stat().st_size for path in sorted(dist.iterdir())},
        "core": {
            "files": len(own.files or ()),
            "bytes": size(own),
            "bytecode": size(own, ".pyc"),
            "blocks": sum(path.lstat().st_blocks * 512 for path in core.glob("rat_modules*/**/*")),
        },
        "distributions": rows,
    }
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
