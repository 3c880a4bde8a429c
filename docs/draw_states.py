#!/usr/bin/env python3
"""Draws the states of the channel machines from their own tables.

``python docs/draw_states.py`` prints a Mermaid diagram for each machine. ``--check FILE`` fails if the marked blocks
of a Markdown file are out of step with the tables, ``--write FILE`` puts them in step. A block stands between
``<!-- states: sender -->`` and ``<!-- end of states -->``.
"""

import argparse
import re
import sys
from pathlib import Path

from gateway.ledger.channel import Machine
from gateway.ledger.receiver import ReceiverMachine
from gateway.ledger.sender import SenderMachine

MACHINES: dict[str, type[Machine]] = {"sender": SenderMachine, "receiver": ReceiverMachine}

_BLOCK = re.compile(r"(<!-- states: (\w+) -->\n)(.*?)(<!-- end of states -->)", re.DOTALL)


def draw(machine: type[Machine]) -> str:
    """Gives the diagram: an arrow for each event of a state and each state it may lead to."""
    arrows = [
        f"    {state.name} --> {target.name}: {event.__name__}"
        for (state, event), step in machine.table.items()
        for target in sorted(step.leads_to, key=lambda found: found.name)
    ]
    states = {state for state, _ in machine.table}.union(*(step.leads_to for step in machine.table.values()))
    named = [f"    {state.name}: {state.name}<br/>{state.value}" for state in sorted(states, key=lambda s: s.name)]
    return "\n".join(["```mermaid", "stateDiagram-v2", "    [*] --> IDLE", *named, *arrows, "```"]) + "\n"


def in_step(text: str) -> str:
    """Gives the text with its blocks as the tables are now.

    Raises:
        ValueError: a machine has not exactly one block.
    """
    if sorted(match[2] for match in _BLOCK.finditer(text)) != sorted(MACHINES):
        raise ValueError(f"there must be one block for each of {', '.join(MACHINES)}")
    return _BLOCK.sub(lambda match: match[1] + draw(MACHINES[match[2]]) + match[4], text)


def main(arguments: list[str]) -> int:
    """Prints, checks or writes; 1 if a checked file is out of step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--check", type=Path, metavar="FILE", help="fail if FILE is out of step")
    choice.add_argument("--write", type=Path, metavar="FILE", help="put FILE in step")
    options = parser.parse_args(arguments)
    if options.write:
        options.write.write_text(in_step(options.write.read_text()))
    elif options.check:
        text = options.check.read_text()
        if in_step(text) != text:
            sys.stderr.write(f"{options.check} is out of step: python docs/draw_states.py --write {options.check}\n")
            return 1
    else:
        sys.stdout.write("\n".join(f"{name}\n{draw(machine)}" for name, machine in MACHINES.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
