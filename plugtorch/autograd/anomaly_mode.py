"""Anomaly detection; names of ``torch.autograd.anomaly_mode``."""

from __future__ import annotations

from .mode import detect_anomaly, set_detect_anomaly

__all__ = ["detect_anomaly", "set_detect_anomaly"]
