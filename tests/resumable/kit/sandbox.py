"""Load a random program twice: as Python has it, and as a module that `install` would rewrite."""

import sys
from types import ModuleType

from perdure.resumable import definitions
from perdure.resumable.definitions import Source, register
from perdure.resumable.loader import Loader

from .claims import rewritten_world, untouched_world
from .driver import World
from .everywhere import Main
from .oracle import untouched
from .programs import Program

FILE = "<program>"


def rewritten(source: str, package: str, name: str, filename: str) -> ModuleType:
    """Execute a source as the import hook would, without a file."""
    module = ModuleType(f"{package}.{name}")
    module.__package__, module.__file__ = package, filename
    sys.modules[module.__name__] = module
    register(module.__name__, Source(filename, source))
    exec(Loader(module.__name__, filename).source_to_code(source, filename), module.__dict__)
    return module


def load(program: Program) -> tuple[tuple[World, Main], tuple[World, Main]]:
    """The untouched program with its world, and the rewritten one with its own."""
    # The programs before have one file name with this one, and nobody needs them any more.
    definitions._by_file.pop(FILE, None)
    plain = untouched(program.source, FILE, "program")
    world, copy = untouched_world(), rewritten_world()
    other = rewritten(program.source, copy.module.__package__, "program", FILE)
    return (World(world.module, plain), plain.main), (World(copy.module, other), other.main)
