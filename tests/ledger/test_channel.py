"""The tables of both machines, and the drawing of them in the protocol's text."""

from typing import get_args

import pytest

from docs import draw_states
from gateway.errors import LocalProtocolError
from gateway.ledger import steps
from gateway.ledger.channel import State
from gateway.ledger.receiver import ReceiverMachine
from gateway.ledger.sender import SenderMachine
from tests.ledger.samples import CHANNEL_SEALS, log_of

MACHINES = [SenderMachine, ReceiverMachine]


def in_state(machine_class, state):
    machine = machine_class(CHANNEL_SEALS, log_of([]), None, None)
    machine.state = state
    return machine


@pytest.mark.parametrize("machine_class", MACHINES)
def test_every_row_names_a_method_and_events_that_exist(machine_class):
    for (_, event), step in machine_class.table.items():
        assert callable(getattr(machine_class, step.method))
        assert event in get_args(steps.Event)
        assert step.leads_to


@pytest.mark.parametrize("machine_class", MACHINES)
def test_every_state_can_be_reached_and_left(machine_class):
    rows = machine_class.table
    reached = {State.IDLE}.union(*(step.leads_to for step in rows.values()))
    assert {state for state, _ in rows} <= reached
    assert reached - {state for state, _ in rows} <= {State.HALTED}, "only HALTED has no way out"


@pytest.mark.parametrize("machine_class", MACHINES)
@pytest.mark.parametrize("state", State)
def test_the_end_of_the_stream_leads_to_idle_from_everywhere_but_halted(machine_class, state):
    machine = in_state(machine_class, state)
    assert machine.feed(steps.Closed()) == []
    assert machine.state is (State.HALTED if state is State.HALTED else State.IDLE)


@pytest.mark.parametrize("machine_class", MACHINES)
@pytest.mark.parametrize("state", [state for state in State if state is not State.HALTED])
def test_what_a_state_does_not_list_breaks_the_protocol(machine_class, state):
    """By the peer if it is a message, by the driver otherwise."""
    for event in set(get_args(steps.Event)) - {steps.Closed}:
        if (state, event) in machine_class.table:
            continue
        machine = in_state(machine_class, state)
        if event in get_args(steps.PeerEvent):
            (close,) = machine.feed(event())
            assert close == steps.Close(f"REMOTE_PROTOCOL_ERROR: {event.__name__} in state {state.name}")
            assert machine.state is State.IDLE
        else:
            with pytest.raises(LocalProtocolError, match=f"{event.__name__} in state {state.name}"):
                machine.feed(event.__new__(event))
            assert machine.state is state


@pytest.mark.parametrize("machine_class", MACHINES)
def test_a_halted_machine_ignores_all_that_its_table_does_not_list(machine_class):
    for event in set(get_args(steps.Event)) - {event for state, event in machine_class.table if state is State.HALTED}:
        machine = in_state(machine_class, State.HALTED)
        assert machine.feed(event.__new__(event)) == []
        assert machine.state is State.HALTED


# --- the drawing ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("machine_class", MACHINES)
def test_the_drawing_has_an_arrow_for_each_row_and_outcome(machine_class):
    drawn = draw_states.draw(machine_class)
    for (state, event), step in machine_class.table.items():
        for target in step.leads_to:
            assert f"    {state.name} --> {target.name}: {event.__name__}\n" in drawn
    assert drawn.count(" --> ") == 1 + sum(len(step.leads_to) for step in machine_class.table.values())
