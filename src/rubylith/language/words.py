"""The closed lists that requests are read with: verbs, what stands before a noun, and what stands for no noun."""

VERBS = (
    "segment", "mask", "cut", "outline", "isolate", "detect", "find", "locate", "extract", "highlight", "identify",
    "label", "point", "count", "show", "annotate", "trace", "mark", "select", "spot", "recognise", "recognize", "list",
    "pick", "crop", "separate", "box", "draw", "give", "get", "return", "generate", "create", "produce", "make",
    "provide", "put", "localise", "localize", "track", "want", "need", "analyse", "analyze", "process", "inspect",
    "describe", "remove", "erase",
)  # fmt: skip
CLEAR_VERBS = ("segment", "detect", "find", "locate", "extract", "isolate", "identify", "highlight")
ANSWERING = (  # verbs that say what to do with the result
    "return", "give", "provide", "output", "report", "respond", "answer", "reply", "save", "write", "send", "store",
    "export", "tell", "describe", "include", "use", "ignore", "draw", "put", "produce", "generate", "create",
)  # fmt: skip
ADORNMENTS = (  # of a mask that is given with something
    "their|its|a|an|the|precise|accurate|separate|individual|pixel[- ]level|bounding|segmentation|binary|confidence|"
    "class"
)
AFTERTHOUGHTS = frozenset("too also only visible here present here there separately individually now".split())
QUESTIONS = r"how many|where(?:'s| is| are)|(?:is|are) there|can you see|do you see|(?:what|which)(?= \w+s\b)"
OPENERS = (  # words after which a verb may begin
    "to", "and", "then", "please", "you", "i", "we", "could", "can", "let's", "lets", "us", "me", "must", "should",
    "will", "would", "just", "now", "first", "also", "kindly", "only", "automatically", "semantically", "accurately",
    "precisely", "simply", "carefully", "like",
)  # fmt: skip
POLITE = (
    r"^(?:hi|hello|hey|dear)(?: there| all| team| assistant)?\b[,!.]*(?=.)",
    r"\b(?:please|kindly|thanks(?: a lot)?(?: in advance)?|thank you(?: very much)?|thx|pls|if possible|for me)\b",
    r"\b(?:can|could|would|will) you\b(?! see)",
    r"\bi(?:'d| would) like (?:you )?to\b",
    r"\bi (?:want|need) (?:you )?to\b",
    r"\byour task is to\b",
)
SENTENCE_WORDS = frozenset(  # with one of these and no verb of ours, it is a sentence and not the name of a thing
    "i you he she it we they am is are was were be been do does did have has had will would can could should may "
    "might must what who whom whose why when how hello hi hey thanks thank bye goodbye yes no ok okay good morning "
    "evening afternoon help test testing ping hola nice great cool lol sorry welcome please pls thx not don't think "
    "know like love".split()
)
IMAGES = "image|images|picture|pictures|photo|photos|photograph|photographs|frame|screenshot|scene|img|pic"
POINTERS = "this|the|that|my|these|our|your|attached|given|following|provided|uploaded|above|below|input|entire|whole"
DETERMINERS = frozenset(
    "all every each any the a an some of individual separate different visible their its his her my our your this "
    "that these those it them out up single distinct various several many other following present possible detected "
    "remaining respective me us at for just only exactly most least top around approximately about both either to "
    "then".split()
)
EVERYONE = frozenset(("all", "every", "each", "any"))
NUMBERS = {
    word: number
    for number, word in enumerate("one two three four five six seven eight nine ten eleven twelve".split(), start=1)
} | {"both": 2, "dozen": 12}
GENERIC = frozenset(
    "everything object thing item region area part instance anything element entity mask segment segmentation stuff "
    "class category component content detail one pixel image picture photo photograph frame screenshot whatever "
    "something result output outline contour label concept feature shape piece it them this that these those name "
    "type kind".split()
)
CARRIERS = (  # nouns that only carry another: masks of cars, bounding boxes around cars
    r"(?:segmentation |binary |instance |semantic |panoptic |pixel[- ]level |separate |precise |accurate |image )*"
    r"(?:masks?|outlines?|contours?|polygons?|(?:bounding )?box(?:es)?|bboxes|instances?|occurrences?|examples?|"
    r"segmentations?|segments?|pixels?|regions?|areas?|parts?|types?|kinds?|sorts?|labels?|locations?|positions?|"
    r"keypoints?|points?|centers?|centres?|coordinates|detections?|number|lots?|lot|set|group|presence|count|each|all)"
)
ADJECTIVES = frozenset(
    "black white red green blue yellow orange purple pink brown grey gray beige golden gold silver violet turquoise "
    "cyan magenta maroon navy tan cream dark light bright pale big small large little tiny huge tall short long wide "
    "narrow thin thick fat old new young modern ancient hot cold wet dry clean dirty open closed empty full wooden "
    "metal plastic leather striped spotted dotted checkered colorful colourful transparent shiny matte round square "
    "flat soft hard fluffy furry hairy bald blond blonde male female left right front rear parked moving".split()
)
TAILS = frozenset(  # what may follow a noun and stays a part of its phrase
    "with without on in of at under underneath near behind beside beneath above below over inside outside between by "
    "next from against along across that who which whose to for around through among facing using into onto atop "
    "upon within toward towards beyond past opposite wearing holding carrying riding pulling pushing chasing crossing "
    "throwing catching kicking having closest nearest".split()
)
TAIL_PAIRS = frozenset(
    (("close", "to"), ("far", "from"), ("left", "of"), ("right", "of"), ("full", "of"), ("ahead", "of"), ("as", "a"))
)
PARTICIPLES = frozenset(  # adjectives too: `the standing man`
    "sitting standing lying facing hanging leaning sleeping walking running jumping playing reading eating drinking "
    "driving looking talking swimming flying swinging crouching kneeling waiting made parked seated dressed filled "
    "covered tied attached hung curled mounted placed located stacked surrounded seen shown".split()
)
LIVING = frozenset(  # what may be said to do something
    "person man woman child boy girl kid baby guy lady player rider worker pedestrian someone somebody anyone everyone "
    "dog cat horse bird cow sheep elephant bear animal puppy kitten".split()
)
DRINKING = frozenset("wine beer drinking champagne water shot cocktail martini whisky magnifying hour".split())
