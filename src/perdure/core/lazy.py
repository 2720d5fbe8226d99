"""Packages whose names are loaded when they are first asked for (PEP 562).

`import perdure` must cost little in programs that may never trigger a task; the libraries that talk to
the network and check types are most of what it would cost.  A module that is needed only when something
happens is reached through its package, `client.calls.trigger(…)`, and is loaded then.  What type checkers
see stands in the package's `__init__.pyi`.
"""

import sys
from collections.abc import Callable, Mapping
from importlib import import_module


def on_demand(
    package: str, names: Mapping[str, str], modules: tuple[str, ...] = ()
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Return the `__getattr__` and `__dir__` of a package.

    Args:
        package: its full name.
        names: the module in which each of its names is defined.
        modules: the modules of the package that are reached as its attributes.
    """

    def load(name: str) -> object:
        if name in modules:
            return import_module(f"{package}.{name}")
        if name not in names:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(names[name]), name)
        setattr(sys.modules[package], name, value)
        return value

    def listing() -> list[str]:
        return sorted({*vars(sys.modules[package]), *names, *modules})

    return load, listing
