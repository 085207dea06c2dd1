"""Hardware: the catalogue of devices, and what users write turned into a ``Platform``."""

from ledg_rt.platforms.device import Cluster, Core, Device, Platform
from ledg_rt.platforms.resolve import resolve

__all__ = ["Cluster", "Core", "Device", "Platform", "resolve"]
