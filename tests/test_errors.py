"""The drawing of the errors' tree, which people read first, is the tree."""

from gateway import errors
from gateway.errors import GatewayError

BRANCH = "── "
INDENT = 4  # of a level


def below(kind: type[GatewayError]) -> dict[str, set[str]]:
    """The names under each error of our own module that has some."""
    found = {kind.__name__: {each.__name__ for each in kind.__subclasses__() if each.__module__ == errors.__name__}}
    for each in kind.__subclasses__():
        found |= below(each)
    return {name: names for name, names in found.items() if names}


def drawn() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    path = [GatewayError.__name__]
    for line in errors.__doc__.splitlines():
        before, branch, rest = line.partition(BRANCH)
        if branch:
            del path[len(before) // INDENT :]
            name = rest.split()[0]
            found.setdefault(path[-1], set()).add(name)
            path.append(name)
    return found


def test_the_tree_is_drawn_as_it_is():
    assert drawn() == below(GatewayError)
