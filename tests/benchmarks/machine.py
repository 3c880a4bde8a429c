"""What the figures were taken on: what another machine could be compared with, and nothing that names this one."""

import os
import platform
import ssl
from importlib.metadata import version
from typing import Any

import pysqlite3.dbapi2 as sqlite

PACKAGES = ("grpcio", "protobuf", "cryptography", "sqlalchemy", "uvloop")
BUSY = 0.3  # load average a core, before the run: then other work took part of the machine


def facts() -> dict[str, Any]:
    """To be asked before the run: the load average is that of whatever else ran."""
    pages, page_bytes = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return {
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(pages * page_bytes / 2**30),
        "system": f"{platform.system()} on {platform.machine()}",
        "python": platform.python_version(),
        "sqlite": sqlite.sqlite_version,
        "openssl": ssl.OPENSSL_VERSION,
        "packages": {name: version(name) for name in PACKAGES},
        "load_before": os.getloadavg()[0],
    }


def was_busy(machine: dict[str, Any]) -> bool:
    return bool(machine["load_before"] > BUSY * machine["cores"])
