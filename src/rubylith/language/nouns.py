"""One and many: English nouns in the singular and in the plural, by rules and a list of those that follow none."""

import re

IRREGULAR = {
    "people": "person", "men": "man", "women": "woman", "children": "child", "feet": "foot", "teeth": "tooth",
    "geese": "goose", "mice": "mouse", "oxen": "ox", "dice": "die", "cacti": "cactus", "fungi": "fungus",
    "octopi": "octopus", "nuclei": "nucleus", "vertebrae": "vertebra", "bacteria": "bacterium", "data": "data",
    "vertices": "vertex", "matrices": "matrix", "indices": "index", "appendices": "appendix", "axes": "axe",
    "knives": "knife", "wives": "wife", "lives": "life", "leaves": "leaf", "loaves": "loaf", "wolves": "wolf",
    "shelves": "shelf", "bookshelves": "bookshelf", "halves": "half", "calves": "calf", "scarves": "scarf",
    "thieves": "thief", "hooves": "hoof", "elves": "elf", "dwarves": "dwarf", "sheaves": "sheaf", "selves": "self",
    "quizzes": "quiz", "shoes": "shoe", "horseshoes": "horseshoe", "toes": "toe", "canoes": "canoe", "hoes": "hoe",
    "oboes": "oboe", "does": "doe", "foes": "foe", "woes": "woe", "floes": "floe", "aloes": "aloe", "tiptoes": "tiptoe",
    "criteria": "criterion", "phenomena": "phenomenon", "larvae": "larva", "antennae": "antenna", "algae": "alga",
    "nebulae": "nebula", "pupae": "pupa", "alumni": "alumnus", "stimuli": "stimulus", "radii": "radius",
    "oases": "oasis", "crises": "crisis", "ellipses": "ellipse", "hypotheses": "hypothesis", "lice": "louse",
    "brethren": "brother", "passersby": "passerby", "spermatozoa": "spermatozoon",
}  # fmt: skip
UNCHANGED = frozenset(
    "aircraft spacecraft watercraft hovercraft sheep fish deer moose bison shrimp salmon trout squid swine offspring "
    "species series means glasses sunglasses eyeglasses spectacles goggles binoculars scissors shears tweezers pliers "
    "tongs trousers jeans pants shorts leggings tights pyjamas pajamas overalls dungarees briefs boxers underpants "
    "clothes stairs headphones earphones headquarters barracks crossroads gallows cattle furniture luggage traffic "
    "vegetation grass glass bus minibus trolleybus gas lens tennis christmas news mathematics politics gymnastics "
    "rubbish debris chassis corps rendezvous molasses measles billiards darts dominoes checkers yes his its "
    "this mercedes hercules james canvas atlas".split()
)
PAIRED = frozenset(
    "glasses sunglasses eyeglasses spectacles goggles binoculars scissors shears tweezers pliers tongs trousers jeans "
    "pants shorts leggings tights pyjamas pajamas overalls dungarees headphones earphones".split()
)
ENDS_IN_S = frozenset(  # whose plural adds -es, unlike horse and house
    "bus minibus omnibus trolleybus gas lens virus cactus octopus walrus platypus hippopotamus rhinoceros campus "
    "circus atlas canvas iris pancreas abacus crocus fetus focus hibiscus sinus surplus uterus status bonus corpus "
    "genius thermos apparatus citrus lotus papyrus stylus thesaurus tyrannosaurus albatross alias bias cosmos pelvis "
    "penis trellis mantis portcullis compass chrysalis".split()
)
ENDS_IN_E = frozenset("ache headache cache moustache mustache niche quiche avalanche creche axe".split())
ENDS_IN_IE = frozenset(
    "movie cookie hoodie zombie brownie selfie tie necktie pie magpie smoothie veggie rookie birdie doggie genie "
    "calorie prairie sortie lie die beanie bootie collie pixie pinkie townie cutie sweetie aerie bogie".split()
)
ENDS_IN_VOWEL = frozenset(
    "taxi kiwi bikini zucchini ski safari jacuzzi martini panini tsunami emoji menu guru emu gnu".split()
)
ENDS_IN_O = frozenset(
    "tomato potato hero echo mango volcano torpedo mosquito buffalo domino cargo veto tornado flamingo".split()
)
NOT_OF_MEN = frozenset(  # -men and -man that have nothing to do with men
    "specimen abdomen omen semen regimen stamen acumen ramen amen human german roman shaman talisman caiman ottoman "
    "walkman".split()
)
ONE_OF = {singular: plural for plural, singular in IRREGULAR.items() if plural not in {"data", "octopi"}}


def singular(noun: str) -> str:
    """The singular of a noun in lower case; one that is no plural comes back as it is."""
    if noun in IRREGULAR:
        return IRREGULAR[noun]
    if noun.endswith("men") and noun not in NOT_OF_MEN:
        return f"{noun[:-2]}an"
    if noun in UNCHANGED or noun in ENDS_IN_S or len(noun) < 3 or not noun.endswith("s") or noun.endswith("'s"):
        return noun
    return _without_s(noun)


def plural(noun: str) -> str:
    """The plural of a noun, or of a phrase that ends in one; in lower case."""
    head = noun.rpartition(" ")[2]
    before = noun[: len(noun) - len(head)]
    if head in ONE_OF:
        return before + ONE_OF[head]
    if head in UNCHANGED - ENDS_IN_S - {"grass", "glass"} or singular(head) != head:
        return noun
    if head.endswith("man") and head not in NOT_OF_MEN:
        return f"{before}{head[:-2]}en"
    if re.search(r"[^aeiou]y$", head):
        return f"{before}{head[:-1]}ies"
    if re.search(r"(s|x|z|ch|sh)$", head) or head in ENDS_IN_O:
        return f"{noun}es"
    return f"{noun}s"


def is_plural(noun: str) -> bool:
    """True for a form that means several and has a singular of its own."""
    return singular(noun) != noun


def _without_s(noun: str) -> str:
    if noun.endswith("ies"):
        return noun[:-1] if noun[:-1] in ENDS_IN_IE or len(noun) < 5 else f"{noun[:-3]}y"
    if noun.endswith("es"):
        if noun[:-2] in ENDS_IN_S | ENDS_IN_O or noun.endswith(("sses", "xes", "zzes")):
            return noun[:-2]
        if noun.endswith(("ches", "shes")):
            return noun[:-1] if noun[:-1] in ENDS_IN_E or re.search(r"[^aeou]aches$", noun) else noun[:-2]
        return noun[:-2] if noun.endswith("oes") and not noun.endswith("shoes") else noun[:-1]
    if noun.endswith(("ss", "us", "is")) and noun[:-1] not in ENDS_IN_VOWEL:
        return noun
    return noun[:-1]
