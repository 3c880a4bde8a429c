"""How often Python looks for cyclic garbage: in a process with so many modules and tests, each look takes long."""

import gc

NEW_OBJECTS = 50_000  # after so many it looks again


def look_for_garbage_rarely() -> None:
    """Leaves out of every later look what is there now."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS, 20, 50)
