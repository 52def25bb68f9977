"""Who may import whom. Run as a script, or through pytest (``test_arrows.py``)."""

from __future__ import annotations

import ast
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# layer -> layers it may import; every layer may import itself
ALLOWED = {
    "spec": set(),
    "autograd": {"spec"},
    "transforms": {"spec", "autograd"},
    "frontend": {"spec", "autograd", "transforms"},
    "backends": {"spec"},
}
ARRAY_LIBRARIES = {"jax", "cupy", "torch"}


def layer_of(path: pathlib.Path) -> str | None:
    """The layer a file belongs to; None for the facades, which may import everything."""
    parts = path.relative_to(ROOT).parts
    if parts[0] == "backends":
        return "backends"
    if parts[0] == "plugtorch" and len(parts) > 2 and parts[1] in ALLOWED and parts[1] != "backends":  # torch.backends
        return parts[1]
    return None


def imported(path: pathlib.Path):
    """``(module, line)`` of every import, relative ones made absolute."""
    package = [*path.relative_to(ROOT).with_suffix("").parts]
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                base = package[:len(package) - node.level]
                module = ".".join([*base, *([node.module] if node.module else [])])
                if node.module:
                    yield module, node.lineno
                else:
                    for alias in node.names:
                        yield f"{module}.{alias.name}", node.lineno
            else:
                yield node.module or "", node.lineno
                for alias in node.names:
                    yield f"{node.module}.{alias.name}", node.lineno


def violations() -> list[str]:
    """One line per import that goes against the arrows."""
    found = []
    for folder in ("plugtorch", "backends"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            layer = layer_of(path)
            for module, line in imported(path):
                where = f"{path.relative_to(ROOT)}:{line}"
                parts = module.split(".")
                if folder == "plugtorch" and (parts[0] in ARRAY_LIBRARIES or parts[0].startswith("plugtorch_")):
                    found.append(f"{where}: plugtorch must not import {parts[0]!r}")
                if layer is None or parts[0] != "plugtorch":
                    continue
                if len(parts) == 1:
                    continue
                target = parts[1]
                if target in ALLOWED and target != layer and target not in ALLOWED[layer]:
                    found.append(f"{where}: {layer} must not import {target}")
                elif target not in ALLOWED:
                    found.append(f"{where}: {layer} must not import the facade plugtorch.{target}")
    return sorted(set(found))


if __name__ == "__main__":
    lines = violations()
    print("\n".join(lines) or "every import follows the arrows")
    sys.exit(bool(lines))
