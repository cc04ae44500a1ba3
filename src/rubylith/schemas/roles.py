"""All that a field can be, in the order in which it is tried: first by name, then by description."""

from rubylith.schemas import boxes, figures, files, outlines, texts
from rubylith.schemas.fields import Asked, Field, Level, Role
from rubylith.schemas.results import Value

ROLES: tuple[Role, ...] = (
    files.REFERENCE, boxes.BOX, boxes.CORNER, boxes.BOX_PART, outlines.RUN_LENGTHS, outlines.POLYGON, files.LINK,
    figures.SCORE, figures.COUNT, figures.AREA, boxes.IMAGE_SIZE, boxes.CENTROID, figures.CLASS_IDENTITY,
    figures.IDENTITY, figures.FLAG, texts.LABEL, texts.DESCRIPTION, texts.CONSTANT,
)  # fmt: skip
MASKING = frozenset(  # roles that only one result can have
    id(role) for role in (boxes.BOX, boxes.CORNER, boxes.BOX_PART, outlines.RUN_LENGTHS, outlines.POLYGON,
                          figures.SCORE, figures.AREA, boxes.CENTROID, figures.IDENTITY, files.LINK, files.REFERENCE)
)  # fmt: skip


def find_role(field: Field, asked: Asked) -> tuple[Role, Value] | None:
    """The first role that a field can have, with what goes in."""
    fitting = [role for role in ROLES if field.level is not Level.IMAGE or not role.of_instances]
    for role in fitting:
        if role.named(field, asked) and (value := role.build(field, asked)) is not None:
            return role, value
    for role in fitting:
        told = role.told is not None and role.told.search(field.about)
        if told and (value := role.build(field, asked)) is not None:
            return role, value
    return None


def is_masking(role: Role) -> bool:
    """True for roles that say that a field, and so the object it stands in, is about one result."""
    return id(role) in MASKING
