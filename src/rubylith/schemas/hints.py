"""What a schema is about, for requests that name nothing: the members of its labels, else the names of its lists."""

from rubylith.domain.prompt import Mode
from rubylith.language import Wish
from rubylith.schemas import texts
from rubylith.schemas.checks import Schema, subschemas
from rubylith.schemas.fields import Asked
from rubylith.schemas.names import is_collective, words_of
from rubylith.schemas.places import Place
from rubylith.schemas.shapes import Shapes, choices, members_of
from rubylith.schemas.subjects import Subjects


def hints(schema: Schema) -> tuple[str, ...]:
    """Concepts that a request means which names none, in the order of the schema."""
    shapes = Shapes(schema)
    asked = Asked(Wish(Mode.INSTANCE), "", None, shapes.first)
    named: list[str] = []
    for node, _ in subschemas(schema):
        for name, inner in members_of(node).items():
            shape = shapes.read(inner)
            for variant in shape.variants:
                members = texts.named_members(variant)
                field = Place(name=name).field(variant, shape.description)
                if len(choices(variant) or ()) > 1 and members and texts.LABEL.named(field, asked):
                    return members
            words = words_of(name)
            if words and not is_collective(words) and Subjects(shapes, asked).is_about_results(inner, ()):
                named.append(" ".join(words))
    return tuple(dict.fromkeys(named))
