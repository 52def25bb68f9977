"""The first-party backends live in backends/ and install as modules of their own, as anybody's plugin would."""

from setuptools import find_packages, setup

BACKENDS = {f"plugtorch_{name}": f"backends/{name}_backend" for name in ("numpy", "jax", "cupy")}

setup(
    packages=[
        *find_packages(include=["plugtorch", "plugtorch.*"]),
        *(sub for module, folder in BACKENDS.items()
          for sub in (module, *(f"{module}.{p}" for p in find_packages(folder)))),
    ],
    package_dir=BACKENDS,
    py_modules=["plugtorch_pytest"],
    package_data={"plugtorch.conformance": ["*.json"], "plugtorch.scaffold": ["files/*", "files/*/*"],
                  **{module: ["conformance.toml"] for module in BACKENDS}},
)
