"""Public path of the profiler's events."""

from __future__ import annotations

from .profiler import EventList, FunctionEvent, FunctionEventAvg
from .profiler_kinds import DeviceType, MemRecordsAcc

__all__ = ["DeviceType", "EventList", "FunctionEvent", "FunctionEventAvg", "MemRecordsAcc"]
