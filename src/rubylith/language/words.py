"""The closed lists that requests are read with: verbs, what stands before a noun, and what stands for no noun."""

import re

SEEKING = (  # verbs whose object is to be looked for
    *"segment split divide mask cut outline isolate detect find locate extract highlight identify label point "
    "count show annotate trace mark select spot recognise recognize list pick crop separate box localise "
    "localize track inspect remove erase blur pixelate anonymise anonymize hide redact circle delineate tag "
    "clip trim grab keep silhouette".split(),
    "look for", "search for", "get rid of", "single out", "carve out", "map out",
)  # fmt: skip
FETCHING = tuple(  # and those whose object may be the masks of it
    "draw give get return generate create produce make provide put overlay paint want need analyse analyze process "
    "describe perform run apply do compute predict output".split()
)  # fmt: skip
FETCHING_VERB, VERB = "|".join(FETCHING), "|".join((*SEEKING, *FETCHING))
ALL_VERBS = frozenset(SEEKING) | frozenset(FETCHING)
CLEAR_VERBS = (
    *"segment detect find locate extract isolate identify highlight".split(), "looking for", "searching for",
)  # fmt: skip
NOUNS_TOO = frozenset(  # verbs that are things where a preposition follows: `box on the table`
    "mask box label point mark spot trace track list crop count outline highlight cut tag clip circle colour color "
    "paint hide show run process silhouette".split()
)
NOUNS_FIRST = frozenset(  # that are verbs only before a determiner or a plural: `box truck`
    "box point mark spot trace track crop cut tag clip circle".split()
)
DYEING = frozenset(("make", "paint"))
PARTING = frozenset(("separate", "isolate"))
DRAWING = frozenset(("draw", "put", "overlay", "paint"))
DONE = (  # what is to become of a thing: `I would like the cats segmented`
    "segmented|masked|detected|highlighted|outlined|cut out|marked|extracted|isolated|labelled|labeled|identified|"
    "blurred|removed|annotated|cut"
)
ANSWERING = (  # verbs that say what to do with the result
    "return", "give", "provide", "output", "report", "respond", "answer", "reply", "save", "write", "send", "store",
    "export", "tell", "describe", "include", "use", "draw", "put", "produce", "generate", "create", "make",
)  # fmt: skip
ADORNMENTS = (  # of a mask that is given with something
    "their|its|a|an|the|precise|accurate|separate|individual|pixel[- ]level|bounding|segmentation|binary|confidence|"
    "class"
)
SCORES = "confidences?|scores?|thresholds?|probability|certainty|accuracy|precision|iou"
AFTERTHOUGHTS = frozenset(
    "too also only visible here present here there separately individually now out up off else well carefully "
    "precisely accurately exactly today yesterday again once itself themselves himself herself".split()
)
QUESTIONS = (
    r"how many|where(?:'s| is| are)?|(?:is|are) there|(?:if|whether) there (?:is|are)|(?:what )?(?:can|do) you see|"
    r"which(?= of\b)|what (?:is|are)(?= (?:in|on|there|visible|shown)\b)|"
    r"(?:what|which)(?= (?!this|is|was|has)\w+s\b.*\b(?:are|is|see|in|on)\b)|"
    r"(?:does|do) (?:this|the|my) \w+ (?:contain|show|have|include)"
)
OPENERS = (  # words after which a verb may begin
    "to", "and", "then", "please", "you", "i", "we", "could", "can", "let's", "lets", "us", "me", "must", "should",
    "will", "would", "just", "now", "first", "also", "kindly", "only", "automatically", "semantically", "accurately",
    "precisely", "simply", "carefully", "like", "they", "next", "finally",
)  # fmt: skip
WOULD_LIKE = (
    r"\b(?:i|we)(?:'d| would) (?:like|love)\b(?! (?:you )?to\b)\s*|\b(?:i|we)(?:'d| would) like to (?:have|see|get)\s+"
)
POLITE = (
    r"^(?:hi|hello|hey|dear)(?: there| all| team| assistant)?\b[,!.]*(?=.)",
    r"\b(?:please|kindly|thx|pls|plz|if possible|for me|many thanks|cheers)\b",
    r"\b(?:thanks(?: a lot| so much)?(?: in advance)?|thank you(?: very much| so much)?)\b",
    r"\b(?:would|do) you mind\b",
    r"\b(?:can|could|would|will) you\b(?! see)",
    r"\b(?:i|we) wanna\b",
    r"\b(?:i|we)(?:'d| would) (?:like|love) (?:you )?to\b",
    r"\b(?:i|we|you|they) (?:want|need|have|wish) (?:you )?to\b",
    r"\b(?:your|the|my) (?:task|job|goal) is to\b",
)
TITLES = "st mt ft dr mr mrs ms jr sr".split()
ONE_THING = (  # things with a joint in their name
    r"salt (?:and|&) pepper (?:shaker|mill|grinder|pot|cellar)s?|(?:mortar|mortars) (?:and|&) pestles?|"
    r"bows? (?:and|&) arrows?|cups? (?:and|&) saucers?|fish (?:and|&) chips|mac(?:aroni)? (?:and|&) cheese|"
    r"ball (?:and|&) chains?|hook (?:and|&) loop|bed (?:and|&) breakfasts?|rock (?:and|&) roll|"
    r"peanut butter (?:and|&) jelly|gin (?:and|&) tonics?"
)
ABBREVIATIONS = "st|mt|ft|dr|mr|mrs|ms|jr|sr|prof|vs|approx|no|nr|inc|co|ltd|dept|fig|e\\.g|i\\.e"
AND_SO_ON = r"etc|et cetera|so on(?: and so forth)?|so forth|the like|suchlike"
HEADINGS = (
    "task|query|prompt|instructions?|request|question|user|input|goal|objective|targets?|classes|categories|labels|"
    "objects|concepts|target (?:objects|classes)|(?:segmentation|instance|semantic|panoptic) (?:masks|targets|classes)"
)
SENTENCE_WORDS = frozenset(  # with one of these and no verb of ours, it is a sentence and not the name of a thing
    "i you he she it we they am is are was were be been do does did have has had will would could should may "
    "might must what who whom whose why when how hello hi hey thanks thank bye goodbye yes no ok okay good morning "
    "evening afternoon help test testing ping hola nice great cool lol sorry welcome please pls thx not don't think "
    "know like love me tell write explain act behave pretend imagine".split()
)
IMAGES = (
    "image|images|picture|pictures|photo|photos|photograph|photographs|frame|screenshot|scene|img|pic|snapshot|imagery|"
    "footage|scan|slice"
)
POINTERS = "this|the|that|my|these|our|your|attached|given|following|provided|uploaded|above|below|input|entire|whole"
_IMAGE = rf"(?:(?!of\b)[\w-]+\s+)?(?:{IMAGES})\b(?! (?:frames?|albums?)\b)"
THE_PICTURE = rf"(?:(?:{POINTERS})\s+)+{_IMAGE}"
A_PICTURE = rf"(?:an?\s+)?{_IMAGE}"
CLASSES = r"(?:(?:the|these)\s+)?(?:following\s+)?(?:classes|categories|labels|class names)\b:?\s*"
DETERMINERS = frozenset(
    "all every each any the a an some of individual separate different visible their its his her my our your this "
    "that these those it them teh out up single distinct various several many other following present possible "
    "detected remaining respective me us at for just only exactly most least around approximately about both either to "
    "another nothing none fully partially partly clearly few dozens hundreds thousands plenty lots loads tons many "
    "much own entire whole "
    "then".split()
)
EVERYONE = frozenset(("all", "every", "each", "any"))
NUMBERS = {
    word: number
    for number, word in enumerate("one two three four five six seven eight nine ten eleven twelve".split(), start=1)
} | {"both": 2, "dozen": 12}
GENERIC = frozenset(
    "everything all object thing item region area part instance anything element entity mask segment segmentation "
    "stuff class category component content detail one pixel image picture photo photograph frame screenshot whatever "
    "something result output outline contour label concept feature shape piece name type kind whole scene "
    "target following detection bbox".split()
)
_KINDS = (
    r"(?:segmentation |binary |instance |semantic |panoptic |pixel[- ](?:level|wise|perfect|accurate) |separate |"
    r"precise |accurate |image |object |class |individual |exact |tight |high[- ]quality |black and white |alpha )*"
)
SIGN = re.compile(  # a thing that says no
    r"\b(?:no|do not)[ -](?:(?!warning)\w+ing|entry|exit|access|trespassing|dogs|pets|(?:u|left|right)[ -]turn|enter)"
    r"[ -](?:signs?|zones?|areas?)\b"
)
FORMATS = frozenset("json jsonl xml yaml csv png svg base64 explanation explanations markdown".split())  # no things
NO_NAMES = frozenset("rest other others".split())
OPPOSITES = (
    "left|right|upper|lower|top|bottom|front|rear|back|inner|outer|largest|smallest|biggest|oldest|youngest|tallest"
)
CARRIERS = (  # nouns that only carry another: masks of cars, bounding boxes around cars
    rf"(?:a |an |the |all |their )*{_KINDS}(?:masks?|mattes?|outlines?|contours?|polygons?|bboxes|bbox|"
    r"instances?|occurrences?|examples?|segmentations?|segments?|pixels?|regions?|areas?|types?|kinds?|sorts?|"
    r"locations?|positions?|keypoints?|centers?|centres?|(?:(?:bounding )?box |bbox )?coordinates?|"
    r"bounding box(?:es)?|detections?|numbers?|lots?|lot|set|group|"
    r"presence|count|each|all|cut-?outs?|silhouettes?|overlays?|any)"
)
WEAK_CARRIERS = (
    rf"(?:a |an |the )*{_KINDS}(?:box(?:es)?|labels?|points?|names?|scores?|colou?rs?|maps?)"  # things as well
)
PICTURES = r"(?:close-?up )?(?:images?|pictures?|photos?|photographs?|pics?|shots?|screenshots?|views?|close-?ups?)"
TRAILING = (  # behind the noun: car detection, car instances
    "detections?|segmentations?|localisation|localization|recognition|instances?|objects?|class|classes|category|"
    "categories|items?|occurrences?|(?:segmentation|instance|binary) masks?|bounding box(?:es)?|bboxes"
)
ADJECTIVES = frozenset(
    "black white red green blue yellow orange purple pink brown grey gray beige golden gold silver violet turquoise "
    "cyan magenta maroon navy tan cream dark light bright pale big small large little tiny huge tall short long wide "
    "narrow thin thick fat old new young modern ancient hot cold wet dry clean dirty open closed empty full wooden "
    "metal plastic leather striped spotted dotted checkered colorful colourful transparent shiny matte round square "
    "flat soft hard fluffy furry hairy bald blond blonde male female left right front rear parked moving broken rusty "
    "hidden tallest largest smallest biggest main upper lower inner outer top bottom back".split()
)
NOT_ALONE = frozenset(  # what says which objects, and alone means something else or nothing: `foreground objects`
    "foreground background salient prominent important interesting foreign flying floating suspicious unusual "
    "dangerous similar individual".split()
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
    "covered tied attached hung curled mounted placed located stacked surrounded seen shown visible present".split()
)
LIVING = frozenset(  # what may be said to do something
    "person man woman child boy girl kid baby guy lady player rider worker pedestrian someone somebody anyone everyone "
    "dog cat horse bird cow sheep elephant bear animal puppy kitten".split()
)
ANYBODY = frozenset("everyone everybody someone somebody anyone anybody".split())
WORN = frozenset("face gas ski oxygen surgical medical eye sleep dust carnival halloween diving welding".split())
MASKED = (
    "people",
    "person",
    "persons",
    "men",
    "women",
    "man",
    "woman",
    "children",
    "workers",
    "everyone",
)  # with masks
DRINKING = frozenset("wine beer drinking champagne water shot cocktail martini whisky magnifying hour".split())
