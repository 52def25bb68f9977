"""Training steps and inference of small networks on every library side by side: times, and ratios to PyTorch eager.

    python -m benchmarks
    python -m benchmarks mlp cnn --threads 1 --contenders numpy,torch --rounds 20

Every contender runs in a process of its own; their slices of steps take turns within one run, and medians are shown.
What is not installed, or fails, shows as an error and stops nothing else.
"""

from __future__ import annotations

import argparse
import json
import sys

from . import start, tables
from .contenders import CONTENDERS, named
from .driver import Driver, hold_to_one_core
from .workloads import workloads


def chosen(words, known):
    """The names of ``known`` that are a word, or begin with one; all of the tables without words.

    Raises:
        LookupError: a word means none.
    """
    found = {}
    for word in words:
        here = [name for name in known if name == word] or [name for name in known if name.startswith(word)]
        if not here:
            raise LookupError(f"no workload is called {word!r}; there are {', '.join(known)}")
        found |= dict.fromkeys(here)
    return list(found)


def main(arguments=None):
    known = {**workloads(), **dict.fromkeys(start.TABLES)}
    parser = argparse.ArgumentParser(prog="python -m benchmarks", formatter_class=argparse.RawDescriptionHelpFormatter,
                                     description=__doc__, epilog=f"workloads: {', '.join(known)}\n"
                                     f"contenders: {', '.join(CONTENDERS)}, and plugtorch-BACKEND of any other backend")
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help="names or their beginnings; default: all")
    parser.add_argument("--contenders", default=",".join(CONTENDERS), help="names or parts of them, with commas between")
    parser.add_argument("--threads", type=int, default=1, help="of each process; 1 also holds them to one core (default)")
    parser.add_argument("--rounds", type=int, default=15, help="slices of steps of each contender (default 15)")
    parser.add_argument("--slice", type=float, default=0.15, help="seconds of a slice (default 0.15), at least one step")
    parser.add_argument("--json", metavar="FILE", help="write the figures there")
    args = parser.parse_args(arguments)
    try:
        contenders = list({c.name: c for word in args.contenders.split(",") for c in named(word)}.values())
        names = chosen(args.workloads, known) if args.workloads else list(known)
    except LookupError as error:
        parser.error(str(error))
    hold_to_one_core(args.threads)
    timed, measured, figures = [known[n] for n in names if known[n] is not None], [], {}
    with Driver(contenders, threads=args.threads, rounds=args.rounds, length=args.slice) as driver:
        for n, workload in enumerate(timed, 1):
            print(f"[{n}/{len(timed)}] {workload.name}: {workload.title}", file=sys.stderr, flush=True)
            measured.append((workload, driver.measure(workload)))
    print(tables.circumstances(args.threads) + "\n")
    if measured:
        print("\n".join(tables.report(contenders, measured)))
        figures["workloads"] = tables.as_json(measured)
    for name in names:
        if name in start.TABLES:
            print(f"{name}", file=sys.stderr, flush=True)
            lines, figures[name] = start.TABLES[name](contenders, args.threads)
            print("\n" + "\n".join(lines))
    if args.json:
        with open(args.json, "w") as file:
            json.dump({"on": tables.circumstances(args.threads), "rounds": args.rounds, **figures}, file, indent=1)


if __name__ == "__main__":
    main()
