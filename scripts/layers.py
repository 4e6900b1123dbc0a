"""Checks that the modules of each crate import downwards only, by the tables of layers in ARCHITECTURE.md.

A module is a file or folder directly below a crate's `src`. Tests may import anything and are not read.
"""

import pathlib
import re
import sys

CRATES = ("core", "api", "worker")
# Entry points may import everything, and nothing imports them.
ENTRY_POINTS = {"lib", "main", "bin"}


def layers_of(document: str, crate: str) -> dict[str, int]:
    """The layer of each module, 0 the lowest. The table lists the highest layer first."""
    section = re.search(rf"^### Layers of {crate}\n(.*?)(?=^##|\Z)", document, re.M | re.S)
    if not section:
        sys.exit(f"ARCHITECTURE.md has no section `Layers of {crate}`")
    rows = re.findall(r"^\| (?!-|Layer)[^|]+\|([^|]+)\|", section.group(1), re.M)
    layers: dict[str, int] = {}
    for height, row in enumerate(reversed(rows)):
        for module in re.findall(r"`(\w+)`", row):
            if module in layers:
                sys.exit(f"ARCHITECTURE.md lists `{module}` of {crate} twice")
            layers[module] = height
    return layers


def without_comments_and_tests(text: str) -> str:
    text = re.sub(r"//[^\n]*", "", text)
    text = re.sub(r'r?"(?:\\.|[^"\\])*"|r#".*?"#', '""', text, flags=re.S)
    # Test modules written into a file stand at its end.
    return re.split(r"#\[cfg\(test\)\]\s*(?:pub(?:\([a-z]+\))? )?mod \w+ \{", text)[0]


def expand(tree: str, prefix: str = "") -> list[str]:
    """`a::{b, c::d}` as `a::b`, `a::c::d`."""
    paths, depth, part = [], 0, ""
    for char in tree + ",":
        depth += (char == "{") - (char == "}")
        if char == "," and depth == 0:
            part = part.strip()
            brace = part.find("{")
            if brace >= 0:
                paths += expand(part[brace + 1 : part.rindex("}")], prefix + part[:brace])
            elif part:
                paths.append(prefix + part)
            part = ""
        else:
            part += char
    return paths


def top_module(path: str, module_path: list[str]) -> str | None:
    """The module below `src` that a path names, or None for other crates and for names of the same module."""
    parts = path.split("::")
    if parts[0] == "crate":
        return parts[1] if len(parts) > 1 else None
    supers = 0
    while supers < len(parts) and parts[supers] == "super":
        supers += 1
    # Only a path that climbs to the root of the crate can reach another module.
    if supers and supers >= len(module_path):
        return parts[supers] if supers < len(parts) else None
    return None


def imports(source: pathlib.Path) -> dict[str, dict[str, str]]:
    """For each module what it imports, with one place each."""
    lib = source / "lib.rs"
    aliases = {}
    for tree in re.findall(r"\bpub use (?:self::|crate::)?([^;]+);", lib.read_text() if lib.exists() else ""):
        for path in expand(re.sub(r"\s+", " ", tree)):
            parts = path.split(" as ")[0].split("::")
            aliases[path.split("::")[-1].split(" as ")[-1]] = parts[0]
    found: dict[str, dict[str, str]] = {}
    for file in sorted(source.rglob("*.rs")):
        parts = list(file.relative_to(source).with_suffix("").parts)
        if any(part == "tests" or part.endswith("_tests") for part in parts):
            continue
        top = parts[0]
        module_path = parts[:-1] if parts[-1] == "mod" else parts
        text = without_comments_and_tests(file.read_text())
        paths = []
        for tree in re.findall(r"\buse\s+([^;]+);", text):
            paths += expand(re.sub(r"\s+", " ", tree))
        paths += re.findall(r"\b(?:crate|super)(?:::\w+)+", re.sub(r"\buse\s+[^;]+;", "", text))
        targets = found.setdefault(top, {})
        for path in paths:
            name = top_module(path.split(" as ")[0].strip(), module_path)
            name = aliases.get(name, name)
            if name and name != top:
                targets.setdefault(name, str(file))
    modules = set(found)
    return {top: {name: at for name, at in targets.items() if name in modules} for top, targets in found.items()}


def cycle(graph: dict[str, dict[str, str]]) -> list[str] | None:
    """One cycle of imports, or None."""
    done: set[str] = set()

    def visit(module: str, path: list[str]) -> list[str] | None:
        if module in path:
            return path[path.index(module) :] + [module]
        if module in done:
            return None
        for target in graph.get(module, {}):
            if found := visit(target, path + [module]):
                return found
        done.add(module)
        return None

    for module in graph:
        if found := visit(module, []):
            return found
    return None


def main() -> None:
    root = pathlib.Path(sys.argv[1])
    document = (root / "ARCHITECTURE.md").read_text()
    problems = []
    for crate in CRATES:
        graph = imports(root / crate / "src")
        graph = {module: targets for module, targets in graph.items() if module not in ENTRY_POINTS}
        if "--graph" in sys.argv:
            for module, targets in sorted(graph.items()):
                print(f"{crate}: {module} -> {' '.join(sorted(targets))}")
            continue
        layers = layers_of(document, crate)
        for module in sorted(set(graph) - set(layers)):
            problems.append(f"{crate}/src/{module} is in no layer of ARCHITECTURE.md")
        for module in sorted(set(layers) - set(graph)):
            problems.append(f"ARCHITECTURE.md has the module {module} of {crate}, which does not exist")
        for module, targets in sorted(graph.items()):
            for target, at in sorted(targets.items()):
                if layers.get(target, 0) > layers.get(module, len(layers)):
                    where = pathlib.Path(at).relative_to(root)
                    problems.append(f"{where} imports {target}, which is in a higher layer than {module}")
        if found := cycle(graph):
            problems.append(f"{crate}: a cycle of imports: {' -> '.join(found)}")
    for problem in problems:
        print(problem, file=sys.stderr)
    sys.exit(1 if problems else 0)


main()
