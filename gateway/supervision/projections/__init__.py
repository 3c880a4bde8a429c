"""What an envelope changes of what a node knows; ``projection.project`` is the one way in."""
