"""One contender in a process of its own: ``python -m benchmarks.worker CONTENDER THREADS`` answers requests.

A request is a line of JSON on standard input, its answer a line of JSON on standard output:

* ``{"load": WORKLOAD}``: makes it ready and runs the first steps; ``{"losses": [...], "seconds": [...]}``, of each;
* ``{"slice": SECONDS}``: runs steps for that long, at least one; ``{"seconds": ..., "steps": ...}``, all together;
* ``{"peak": true}``: ``{"bytes": ...}``, the most memory that the process has held.

What raises is answered with ``{"error": MESSAGE}``.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from time import perf_counter

from .contenders import named, ready
from .workloads import workloads

FIRST_STEPS = 3


class Runner:
    def __init__(self, contender, threads):
        self.contender, self.threads, self.program = contender, threads, None

    def load(self, name):
        self.program = None
        gc.collect()
        self.program = ready(self.contender, workloads()[name], self.threads)
        losses, seconds = [], []
        for _ in range(FIRST_STEPS if self.program.prepare is None else 1):
            loss, taken = self.once()
            losses.append(loss)
            seconds.append(taken)
        self.settle()
        return {"losses": losses, "seconds": seconds}

    def once(self):
        """The loss of one step, or None, and its seconds."""
        step, batch, prepare, _ = self.program
        if prepare is not None:
            state = prepare()
            begin = perf_counter()
            step(state)
            return None, perf_counter() - begin
        begin = perf_counter()
        loss = step(*batch)
        loss = loss.item() if hasattr(loss, "item") else float(loss)
        return loss, perf_counter() - begin

    def settle(self):
        """Waits until the parameters are there, where they are computed behind their owner."""
        for p in self.program.parameters:
            p.detach().numpy()

    def slice(self, seconds):
        total, steps = 0.0, 0
        deadline = perf_counter() + seconds
        while not steps or perf_counter() < deadline:
            total += self.once()[1]
            steps += 1
        begin = perf_counter()
        self.settle()
        return {"seconds": total + perf_counter() - begin, "steps": steps}

    def peak(self, _):
        """From Linux's account of this process, which unlike getrusage's leaves out the parent it was forked from."""
        try:
            with open("/proc/self/status") as status:
                return {"bytes": next(int(line.split()[1]) << 10 for line in status if line.startswith("VmHWM"))}
        except OSError:
            import resource

            unit = 1 if sys.platform == "darwin" else 1 << 10
            return {"bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit}


def main(contender, threads):
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    runner = Runner(named(contender)[0], int(threads))
    for line in sys.stdin:
        (kind, argument), = json.loads(line).items()
        try:
            answer = {"load": runner.load, "slice": runner.slice, "peak": runner.peak}[kind](argument)
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
