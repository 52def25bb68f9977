"""Checks the CuPy and JAX backends on a CUDA machine: versions, conformance, the test suite, the example, a few timings.

    python scripts/check_gpu.py [--backends cupy,jax] [--skip-tests] [--data FOLDER]

Writes ``benchmarks/results/gpu-<device>-<date>.json`` and a readable ``.md`` beside it. Exits with 0 if everything
passed, 1 if something failed, and 2 if there is no CUDA device for any of the backends.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import json
import os
import platform
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("plugtorch", "numpy", "jax", "jaxlib", "cupy-cuda12x", "cupy-cuda13x", "ml_dtypes")
# Square matrices, images and channels of the timings.
SIZE, IMAGES, CHANNELS = 4096, 64, 64


def cuda_devices(backend):
    """The CUDA devices of a backend and, if there are none, why."""
    from plugtorch.spec import BackendUnavailable, load_backend

    try:
        devices = [d for d in load_backend(backend).devices() if d.type == "cuda"]
    except BackendUnavailable as error:
        return [], str(error)
    return devices, None if devices else f"backend {backend!r} loads, but sees no CUDA device"


def driver():
    """Name, driver version and memory of the devices, as nvidia-smi tells them."""
    command = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip().splitlines()
    except (OSError, subprocess.CalledProcessError):
        return []


def versions():
    """Installed versions of what the results depend on."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def run(command, log, env=None):
    """Runs a command with its output in a log file; its exit status, seconds and last lines."""
    begin = time.perf_counter()
    with open(log, "w") as file:
        status = subprocess.run(command, cwd=ROOT, stdout=file, stderr=subprocess.STDOUT,
                                env={**os.environ, **(env or {})}).returncode
    return {"status": status, "seconds": round(time.perf_counter() - begin, 1), "log": log.name,
            "tail": log.read_text(errors="replace").splitlines()[-5:]}


def run_tests(backend, folder):
    """The test suite with every tensor on one backend."""
    report = run([sys.executable, "-m", "pytest", "tests", "-q", "-rf", "-p", "no:cacheprovider"],
                 folder / f"tests-{backend}.log", {"PLUGTORCH_TEST_BACKENDS": backend})
    text = (folder / report["log"]).read_text(errors="replace")
    report["failed"] = re.findall(r"^(?:FAILED|ERROR) (.*)$", text, re.MULTILINE)
    return report


def run_conformance(backend, folder):
    """The conformance suite on one backend; every outcome is in the JSON file beside the log."""
    outcomes = folder / f"conformance-{backend}.json"
    report = run([sys.executable, "-m", "plugtorch", "conformance", backend, "--json", str(outcomes)],
                 folder / f"conformance-{backend}.log")
    if outcomes.exists():
        found = json.loads(outcomes.read_text())
        report["counts"] = found["counts"]
        report["failed"] = [c["id"] for c in found["checks"] if c["state"] in ("failed", "xpassed")]
    return report


def run_example(backend, folder, data):
    """Two hundred steps of the example; the losses are kept to compare the backends."""
    command = [sys.executable, "-m", "plugtorch", "run", "--backend", backend, "examples/fashion_mnist_cnn.py",
               "--steps", "200", "--epochs", "1"]
    report = run(command + (["--data", data] if data else []), folder / f"example-{backend}.log")
    text = (folder / report["log"]).read_text(errors="replace")
    report["losses"] = [float(v) for v in re.findall(r"^step \d+ loss (\S+)$", text, re.MULTILINE)]
    return report


def timed(work, finish, repeats=20):
    """Median milliseconds of ``work``, after it ran three times."""
    times = []
    for n in range(repeats + 3):
        begin = time.perf_counter()
        kept = work()  # a result that nobody holds is not waited for
        finish()
        del kept
        if n >= 3:
            times.append((time.perf_counter() - begin) * 1e3)
    return round(sorted(times)[len(times) // 2], 4)


def timings(backend):
    """Milliseconds of typical work on the backend's first CUDA device."""
    import plugtorch as torch
    import plugtorch.nn
    import plugtorch.optim  # noqa: F401
    from plugtorch.spec import load_backend

    k = load_backend(backend)
    torch.set_backend(backend)
    torch.manual_seed(0)
    device = next(d for d in k.devices() if d.type == "cuda")
    small, big = torch.randn(4, 4).to(device), torch.randn(SIZE, SIZE).to(device)
    images = torch.randn(IMAGES, CHANNELS, 56, 56).to(device)
    weight = torch.randn(CHANNELS, CHANNELS, 3, 3).to(device)
    weight.requires_grad_()
    model = torch.nn.Sequential(torch.nn.Linear(784, 512), torch.nn.ReLU(), torch.nn.Linear(512, 10)).to(device)
    optimizer = torch.optim.Adam(model.parameters())
    batch, labels = torch.randn(128, 784).to(device), torch.randint(10, (128,)).to(device)

    def convolve():
        torch.nn.functional.conv2d(images, weight, padding=1).sum().backward()

    def step():
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(batch), labels).backward()
        optimizer.step()

    return {
        "add of 4x4": timed(lambda: small + small, k.synchronize),
        f"matmul of {SIZE}x{SIZE} float32": timed(lambda: big @ big, k.synchronize),
        f"softmax of {SIZE}x{SIZE}": timed(lambda: torch.softmax(big, 1), k.synchronize),
        f"conv2d {IMAGES}x{CHANNELS}x56x56, 3x3, forward and backward": timed(convolve, k.synchronize),
        "Adam step of a perceptron 784-512-10, batch 128": timed(step, k.synchronize),
        "the same step, compiled": timed(torch.compile(step, fullgraph=True), k.synchronize),
        f"copy to the host of {SIZE}x{SIZE} float32": timed(lambda: k.to_host(big._a), k.synchronize),
    }


def check(backend, devices, args, folder):
    """Everything about one backend."""
    print(f"== {backend} on {', '.join(map(str, devices))}", flush=True)
    result = {"devices": [str(d) for d in devices], "conformance": run_conformance(backend, folder)}
    print(f"   conformance: {result['conformance'].get('counts', result['conformance']['tail'])}", flush=True)
    if not args.skip_tests:
        result["tests"] = run_tests(backend, folder)
        print(f"   tests: {result['tests']['tail'][-1:]}", flush=True)
    result["example"] = run_example(backend, folder, args.data)
    print(f"   example: status {result['example']['status']}, {result['example']['seconds']} s", flush=True)
    command = [sys.executable, str(Path(__file__).resolve()), "--timings", backend]
    timing = run(command, folder / f"timings-{backend}.log")
    lines = (folder / timing["log"]).read_text(errors="replace").strip().splitlines()
    result["timings"] = json.loads(lines[-1]) if timing["status"] == 0 else {"error": timing["tail"]}
    result["passed"] = (timing["status"] == 0 and result["conformance"]["status"] == 0 and result["example"]["status"] == 0
                        and result.get("tests", {"status": 0})["status"] == 0)
    return result


def readable(report):
    """The report as Markdown."""
    lines = [f"# {report['device']}, {report['date']}", "", "| package | version |", "|---|---|"]
    lines += [f"| {name} | {version} |" for name, version in report["versions"].items()]
    lines += ["", *(f"- {line}" for line in report["driver"])]
    for name, result in report["backends"].items():
        lines += ["", f"## {name}", ""]
        if "cause" in result:
            lines.append(f"Not checked: {result['cause']}")
            continue
        lines.append(f"Devices: {', '.join(result['devices'])}. {'Passed.' if result['passed'] else 'FAILED.'}")
        conformance = result["conformance"]
        lines += ["", f"Conformance: {conformance.get('counts', conformance['tail'])}, {conformance['seconds']} s."]
        lines += [f"- {name}" for name in conformance.get("failed", [])]
        if "tests" in result:
            tests = result["tests"]
            lines += ["", f"Tests: exit status {tests['status']}, {tests['seconds']} s. {' '.join(tests['tail'][-1:])}"]
            lines += [f"- {name}" for name in tests["failed"]]
        example = result["example"]
        last = f", last loss {example['losses'][-1]:.4f}" if example["losses"] else ""
        lines += ["", f"Example: exit status {example['status']}, {example['seconds']} s{last}.", ""]
        lines += ["| work | ms |", "|---|---|"]
        lines += [f"| {work} | {ms} |" for work, ms in result["timings"].items()]
    return "\n".join(lines) + "\n"


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backends", default="cupy,jax", help="backends to check")
    parser.add_argument("--skip-tests", action="store_true", help="only the example and the timings")
    parser.add_argument("--data", help="folder of the example's data")
    parser.add_argument("--timings", metavar="BACKEND", help="print the timings of one backend as JSON, and stop")
    return parser.parse_args()


def main():
    args = parse()
    if args.timings:
        print(json.dumps(timings(args.timings)))
        return 0
    found = {name: cuda_devices(name) for name in args.backends.split(",")}
    if not any(devices for devices, _ in found.values()):
        print("There is no CUDA device to check:", *(f"  {name}: {cause}" for name, (_, cause) in found.items()),
              sep="\n", file=sys.stderr)
        return 2
    hardware = driver()
    device = re.sub(r"[^a-z0-9]+", "-", (hardware[0].split(",")[0] if hardware else "cuda").lower()).strip("-")
    now = datetime.datetime.now()
    results = ROOT / "benchmarks" / "results"
    stem = f"gpu-{device}-{now:%Y-%m-%d}"
    folder = results / f"{stem}-logs"
    folder.mkdir(parents=True, exist_ok=True)
    print(*hardware, *(f"{name} {version}" for name, version in versions().items()), sep="\n", flush=True)
    report = {"device": device, "date": f"{now:%Y-%m-%d %H:%M}", "driver": hardware, "versions": versions(),
              "backends": {}}
    for name, (devices, cause) in found.items():
        report["backends"][name] = check(name, devices, args, folder) if devices else {"cause": cause, "passed": False}
    (results / f"{stem}.json").write_text(json.dumps(report, indent=1) + "\n")
    (results / f"{stem}.md").write_text(readable(report))
    print(f"written: {results / stem}.json and .md")
    return 0 if all(result["passed"] for result in report["backends"].values()) else 1


if __name__ == "__main__":
    sys.exit(main())
