"""What universal models name, by the data set in whose names they were trained, as far as it tells which to fetch.

Both lists are in the data sets' order, spelled as our models show them: COCO panoptic's stuff (cocodataset.org), whose
80 things are left out, since a detector knows them, and ADE20K's 150 classes (sceneparsing.csail.mit.edu).
"""

COCO_STUFF = (
    "banner blanket bridge cardboard counter curtain door floor-wood flower fruit gravel house light mirror net pillow "
    "platform playingfield railroad river road roof sand sea shelf snow stairs tent towel wall-brick wall-stone "
    "wall-tile wall-wood water window-blind window tree fence ceiling sky cabinet table floor pavement mountain grass "
    "dirt paper food building rock wall rug"
).split()
ADE20K = (
    "wall building sky floor tree ceiling road bed windowpane grass cabinet sidewalk person earth door table mountain "
    "plant curtain chair car water painting sofa shelf house sea mirror rug field armchair seat fence desk rock "
    "wardrobe lamp bathtub railing cushion base box column signboard chest-of-drawers counter sand sink skyscraper "
    "fireplace refrigerator grandstand path stairs runway case pool-table pillow screen-door stairway river bridge "
    "bookcase blind coffee-table toilet flower book hill bench countertop stove palm kitchen-island computer "
    "swivel-chair boat bar arcade-machine hovel bus towel light truck tower chandelier awning streetlight booth "
    "television-receiver airplane dirt-track apparel pole land bannister escalator ottoman bottle buffet poster stage "
    "van ship fountain conveyer-belt canopy washer plaything swimming-pool stool barrel basket waterfall tent bag "
    "minibike cradle oven ball food step tank trade-name microwave pot animal bicycle lake dishwasher screen blanket "
    "sculpture hood sconce vase traffic-light tray ashcan fan pier crt-screen plate monitor bulletin-board shower "
    "radiator glass clock flag"
).split()
NAMES = {"coco": tuple(COCO_STUFF), "ade20k": tuple(ADE20K)}


def names_of(model: str) -> tuple[str, ...]:
    """What a universal model of the catalogue names; its name says which data set taught it. Empty for any other."""
    return next((names for data_set, names in NAMES.items() if data_set in model.split("-")), ())
