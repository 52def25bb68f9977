"""A library that compiles every op for every shape is tried with fewer cases, unless PLUGTORCH_TEST_ALL is set."""

from __future__ import annotations

import os
import sys

import pytest

PROGRAMS = pytest.StashKey[int]()
# Of these tests, such a library runs this many cases of each op, and leaves out float32.
SHORTENED = {"test_lower_precision": 1, "test_first_order": 2, "test_second_order": 1}


def pytest_collection_modifyitems(config, items):
    if os.environ.get("PLUGTORCH_TEST_ALL"):
        return
    seen, kept, dropped = {}, [], []
    for item in items:
        name = getattr(item, "originalname", None)
        params = item.callspec.params if hasattr(item, "callspec") else {}
        if name in SHORTENED and params.get("backend") == "jax":
            key = name, params["case"].op, params.get("dtype")
            seen[key] = seen.get(key, 0) + 1
            if seen[key] > SHORTENED[name] or params.get("dtype") == "float32":
                dropped.append(item)
                continue
        kept.append(item)
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        items[:] = kept


def pytest_runtest_teardown(item, nextitem):
    """Programs of thousands of shapes fill gigabytes: they are dropped after every 200 groups of tests."""
    def group(test):
        return test and (getattr(test, "originalname", None), getattr(test.callspec.params.get("case"), "op", None)
                         if hasattr(test, "callspec") else None)

    if "jax" in sys.modules and group(item) != group(nextitem):
        item.config.stash[PROGRAMS] = item.config.stash.get(PROGRAMS, 0) + 1
        if item.config.stash[PROGRAMS] % 200 == 0:
            sys.modules["jax"].clear_caches()
