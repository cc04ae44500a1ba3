"""What people call things → the names that closed-set detectors were trained with."""

from difflib import get_close_matches

from rubylith.language.heads import parted
from rubylith.language.nouns import singular

# Synonyms and kinds: WordNet 3.0's synonyms and hyponyms of the 80 names in everyday use, and the spellings of
# Darknet's and Pascal VOC's lists. A kind is named by what it is a kind of: a taxi is a car.
SYNONYMS = {
    "person": (
        "man woman child boy girl human pedestrian people kid adult lady guy player rider worker baby toddler "
        "infant teenager gentleman passenger cyclist biker driver skier surfer skater skateboarder "
        "snowboarder swimmer climber athlete soldier policeman policewoman waiter waitress chef tourist bride "
        "groom everyone everybody someone somebody anyone anybody"
    ),
    "bicycle": "bike cycle push-bike mountain-bike",
    "car": (
        "automobile auto motorcar taxi cab sedan suv vehicle hatchback convertible limousine limo jeep "
        "minivan coupe roadster station-wagon"
    ),
    "motorcycle": "motorbike scooter moped",
    "airplane": "aeroplane plane aircraft jet airliner biplane glider seaplane",
    "bus": "coach autobus minibus double-decker trolleybus",
    "train": "locomotive tram streetcar tramcar railcar",
    "truck": "lorry pickup pickup-truck van fire-engine",
    "boat": (
        "ship vessel sailboat canoe kayak yacht rowboat rowing-boat speedboat motorboat ferry gondola dinghy "
        "barge catamaran trawler"
    ),
    "traffic-light": "stoplight traffic-signal",
    "fire-hydrant": "hydrant fireplug",
    "bird": (
        "pigeon seagull duck goose parrot sparrow gull crow raven owl eagle hawk falcon swan hen chicken "
        "rooster penguin flamingo heron pelican stork finch dove ostrich peacock"
    ),
    "cat": "kitten kitty tomcat tabby pussycat",
    "dog": "puppy hound doggy pup terrier poodle retriever labrador bulldog sheepdog spaniel dachshund greyhound",
    "horse": "pony foal stallion mare colt filly",
    "sheep": "lamb ewe ram",
    "cow": "cattle bull calf ox heifer",
    "bear": "polar-bear grizzly",
    "backpack": "rucksack knapsack",
    "umbrella": "parasol",
    "handbag": "purse bag shoulder-bag",
    "tie": "necktie bow-tie",
    "suitcase": "luggage baggage trunk",
    "sports-ball": "ball football soccer-ball basketball tennis-ball",
    "tennis-racket": "racket racquet tennis-racquet",
    "bottle": "flask",
    "wine-glass": "wine-glasses wineglass goblet",
    "cup": "mug teacup coffee-cup",
    "sandwich": "hamburger burger cheeseburger",
    "cake": "cupcake cheesecake",
    "donut": "doughnut",
    "spoon": "teaspoon tablespoon",
    "hot-dog": "hotdog frankfurter",
    "chair": "armchair seat stool",
    "couch": "sofa settee loveseat futon",
    "potted-plant": "pottedplant houseplant pot-plant plant",
    "dining-table": "diningtable table",
    "toilet": "loo lavatory",
    "tv": "tvs television tvmonitor monitor tv-set screen",
    "laptop": "notebook-computer computer",
    "mouse": "computer-mouse",
    "remote": "remote-control",
    "cell-phone": "cellphone mobile-phone phone smartphone mobile telephone",
    "refrigerator": "fridge",
    "microwave": "microwave-oven",
    "oven": "stove cooker",
    "sink": "basin washbasin",
    "clock": "wall-clock watch",
    "teddy-bear": "teddy",
    "hair-drier": "hair-dryer hairdryer hairdrier",
    "face": "human-face",
}
VESSELS = frozenset("bottle bowl cup glass mug vase flask goblet".split())
PIECES = frozenset("bunch couple group herd flock loaf pack pair piece row slice stack".split())
ARTICLES = frozenset("a an the all every each any some".split())
NOT_A_NAME = frozenset(  # inside of a name: it says more than a name, or is of another language
    "and or is are was were not no el la los las le les der die das den il first second third fourth fifth last next "
    "other another".split()
)
MEANT = {word: name for name, words in SYNONYMS.items() for word in words.split()}


def name_in(noun: str, vocabulary: tuple[str, ...]) -> str | None:
    """The name of the vocabulary that a noun means; None if there is none, or if the noun says more than a name can.

    noun: in lower case, perhaps behind what it is made of or for: "police car" is a car, and so is "car" alone of what
    "car next to the bus" says, which therefore is not known.
    """
    words = noun.replace("_", " ").replace("-", " ").split()
    while words and words[0] in ARTICLES:
        del words[0]
    if not words:
        return None
    exact = _named(words, vocabulary)
    if exact is not None:
        return exact
    head, tail = parted(" ".join(words))
    if tail:
        return _held(head, tail.split(), vocabulary)
    if (NOT_A_NAME | ARTICLES) & set(words[:-1]):
        return None
    return next((name for start in range(1, len(words)) if (name := _named(words[start:], vocabulary))), None)


def known_part(noun: str, vocabulary: tuple[str, ...]) -> str | None:
    """The head of a phrase whose tail is too much for a vocabulary: `person` of `person next to the car`."""
    head, tail = parted(noun)
    return head if tail and name_in(noun, vocabulary) is None and name_in(head, vocabulary) is not None else None


def _named(words: list[str], vocabulary: tuple[str, ...]) -> str | None:
    forms = ("-".join(words), "-".join([*words[:-1], singular(words[-1])]))  # skis are skis, cars are each a car
    return next((name for said in forms for name in (said, MEANT.get(said)) if name in vocabulary), None)


def _held(head: str, tail: list[str], vocabulary: tuple[str, ...]) -> str | None:
    """A vessel or a piece of something: a cup of coffee is a cup, a slice of pizza is pizza."""
    what = [word for word in tail[1:] if word not in ARTICLES]
    if tail[0] != "of" or not what or parted(" ".join(what))[1]:
        return None
    last = singular(head.rpartition(" ")[2])
    if last in PIECES:
        return name_in(" ".join(what), vocabulary)
    return name_in(" ".join([*what, *head.split()]), vocabulary) if last in VESSELS else None


def nearest(head: str, vocabulary: tuple[str, ...]) -> tuple[str, ...]:
    """Up to three names that are spelt alike, as people write them."""
    return tuple(
        name.replace("-", " ") for name in get_close_matches(head.replace(" ", "-"), vocabulary, 3, cutoff=0.75)
    )
