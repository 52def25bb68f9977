"""Profiles of programs that go in steps; names of ``torch.profiler``."""

from __future__ import annotations

from plugtorch.autograd.profiler import DeviceType, ProfilerActivity, kineto_available, record_function
from plugtorch.frontend.profiling import (
    ExecutionTraceObserver,
    ProfilerAction,
    profile,
    schedule,
    supported_activities,
    tensorboard_trace_handler,
)

__all__ = [
    "DeviceType", "ExecutionTraceObserver", "ProfilerAction", "ProfilerActivity", "kineto_available", "profile",
    "record_function", "schedule", "supported_activities", "tensorboard_trace_handler",
]
