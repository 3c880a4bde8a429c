"""How frameworks, their versions and provisions, and assessments are named.

Functions that take a name apart expect one that keeps to the contract; ``notices.content.id_fault`` tells whose ids are
whose, and ``notices.content.new_notice_id`` makes one for an assessment whose author gave none.
"""

FRAMEWORKS = "frameworks/"
ASSESSMENTS = "assessments/"


def framework_name(framework_id: str) -> str:
    """The resource name of a framework: ``frameworks/hk-digital-assets``."""
    return FRAMEWORKS + framework_id


def framework_id(name: str) -> str:
    """The framework's id in its name, or in the name of a version or provision of it."""
    return name.removeprefix(FRAMEWORKS).partition("/")[0]


def version_name(framework_id: str, version: int) -> str:
    """The resource name of a version: ``frameworks/hk-digital-assets/versions/3``."""
    return f"{FRAMEWORKS}{framework_id}/versions/{version}"


def version_number(name: str) -> int:
    """The number in the name of a version."""
    return int(name.rpartition("/")[2])


def provision_name(framework_id: str, provision_id: str) -> str:
    """The resource name of a provision: ``frameworks/hk-digital-assets/provisions/hk-so-capital``."""
    return f"{FRAMEWORKS}{framework_id}/provisions/{provision_id}"


def provision_id(name: str) -> str:
    """The provision's id in its name."""
    return name.rpartition("/")[2]


def assessment_name(assessment_id: str) -> str:
    """The resource name of an assessment: ``assessments/hk-reserve-2026``."""
    return ASSESSMENTS + assessment_id


def assessment_id(name: str) -> str:
    """The assessment's id in its name; an empty name has an empty id."""
    return name.removeprefix(ASSESSMENTS)
