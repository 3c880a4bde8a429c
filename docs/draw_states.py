"""Draws the states of the channel machines (``docs/protocol.md``) from their own tables."""

from docs.blocks import in_step, run
from gateway.ledger.channel import Machine
from gateway.ledger.receiver import ReceiverMachine
from gateway.ledger.sender import SenderMachine

MACHINES: dict[str, type[Machine]] = {"sender": SenderMachine, "receiver": ReceiverMachine}


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


def meant(text: str) -> str:
    """The page with its drawings, as Mermaid reads them."""
    return in_step(text, {f"states: {name}": draw(machine) for name, machine in MACHINES.items()})


if __name__ == "__main__":
    run("draw_states", meant)
