"""One and many."""

import pytest

from rubylith.language.nouns import is_plural, plural, singular

PAIRS = """
car cars|person people|man men|woman women|child children|foot feet|tooth teeth|mouse mice|knife knives|leaf leaves
wolf wolves|shelf shelves|box boxes|bus buses|lens lenses|glass glasses?|dress dresses|bench benches|brush brushes
city cities|cherry cherries|cookie cookies|tie ties|movie movies|potato potatoes|shoe shoes|house houses|horse horses
vase vases|nose noses|virus viruses|octopus octopuses|toy toys|key keys|tv tvs|taxi taxis|menu menus|photo photos
wine bottle wine bottles|traffic light traffic lights|moustache moustaches|prize prizes|cactus cacti
gentleman gentlemen|policewoman policewomen|postman postmen|human humans|specimen specimens|toothache toothaches
tornado tornadoes|volcano volcanoes|tattoo tattoos|larva larvae|criterion criteria|alumnus alumni|canvas canvases
snowshoe snowshoes|beach beaches|peach peaches|cache caches|oasis oases
"""
ALONE = """scissors trousers jeans grass bus tennis sheep fish glass gas lens sunglasses aircraft species dress iris
    mercedes canvas abdomen""".split()


@pytest.mark.parametrize("pair", [p for line in PAIRS.strip().split("\n") for p in line.split("|") if "?" not in p])
def test_one_and_many(pair):
    words = pair.split()
    one, many = " ".join(words[: len(words) // 2]), " ".join(words[len(words) // 2 :])
    assert plural(one) == many
    assert singular(many.rpartition(" ")[2]) == one.rpartition(" ")[2]
    assert is_plural(many.rpartition(" ")[2])


@pytest.mark.parametrize("word", ALONE)
def test_words_that_only_look_like_plurals_are_left_alone(word):
    assert singular(word) == word


def test_glasses_stay_glasses_since_most_are_worn():
    assert singular("glasses") == "glasses"
