"""What the library runs on, for reports; names of ``torch.utils.collect_env``."""

from __future__ import annotations

import platform
import sys
from typing import NamedTuple

__all__ = ["SystemEnv", "get_env_info", "get_pretty_env_info", "main"]


class SystemEnv(NamedTuple):
    """The facts of :func:`get_env_info`."""

    torch_version: str
    python_version: str
    python_platform: str
    os: str
    cpu_info: str
    is_cuda_available: bool
    backends: str
    parallel_info: str


def get_env_info() -> SystemEnv:
    """The versions of the library, of Python, and of the backends' array libraries; the machine."""
    import plugtorch
    from plugtorch import __config__

    return SystemEnv(str(plugtorch.__version__), sys.version.replace("\n", " "), platform.platform(), platform.system(),
                     platform.processor() or platform.machine(), plugtorch.cuda.is_available(), __config__.show().rstrip(),
                     __config__.parallel_info().rstrip())


def get_pretty_env_info() -> str:
    """The same as text."""
    info = get_env_info()
    return "\n".join([f"plugtorch version: {info.torch_version}", f"Python version: {info.python_version}",
                      f"Python platform: {info.python_platform}", f"OS: {info.os}", f"CPU: {info.cpu_info}",
                      f"Is CUDA available: {info.is_cuda_available}", "", info.backends, "", info.parallel_info])


def main() -> None:
    """Prints it."""
    print("Collecting environment information...")
    print(get_pretty_env_info())


if __name__ == "__main__":
    main()
