"""Requests as customers word them: what is looked for, what is left out, and what asks for nothing.

Each line is a sentence and what is read in it: `car; dog (2)` with limits, `all` for everything, `-` for nothing asked.
What is left out stands behind a minus sign, the mode, where it is not instance, in front. A bar is a line's end.
"""

import pytest

from rubylith.domain.prompt import Mode
from rubylith.language.sentences import read
from rubylith.language.vocabularies import DEFAULT, INDOOR, OUTDOOR

SCENES = {DEFAULT: "default", OUTDOOR: "outdoor", INDOOR: "indoor"}

LEFT_OUT = """
Segment the cars, not the trucks => car - truck
segment the cars (not trucks) => car - truck
segment cars, no trucks => car - truck
Segment the cars. Do not segment the trucks. => car - truck
Don't include the shadow. Segment the statue. => statue - shadow
find everything that is not a car => all - car
segment everything but the sky => all - sky
segment everything except people => all - person
Except for the people, segment everything => all - person
all but the sky => all - sky
Everything without the sky => all - sky
everything except the background => all - background
find all objects in this image apart from the table => all - table
segment every person except the man in the red hat => person - man in the red hat
Segment all animals other than dogs and cats => animal - dog; cat
Please mask all vehicles, except for buses and trucks. => vehicle - bus; truck
Cut out the cups, but not the plates. => cup - plate
Cut out the woman, but not her bag => woman - bag
Mask people rather than vehicles => person - vehicle
Segment cats instead of dogs => cat - dog
Segment every fruit excluding bananas in the picture => fruit - banana
Detect vehicles, ignore pedestrians => vehicle - pedestrian
Mark the windows and ignore the doors => window - door
Please segment the flowers, excluding the leaves, and return PNG masks => flower - leaf
Segment the apples but leave out the green ones => apple - green apple
Segment the cars but only the red ones => red car
Segment all the cars that are not red => car - red car
Select each chair that isn't occupied => chair - occupied chair
Segment the people who are not wearing helmets => person - person wearing helmets
Find people not wearing a mask => person - person wearing a mask
Highlight everybody apart from the referee => person - referee
Segment the car without the driver => car - driver
Segment the man without a hat => man without a hat
I'd like every bottle outlined, not the glasses => bottle - glasses
Segment not only the cats but also the dogs => cat; dog
Segment 'car' but not 'truck' => car - truck
semantic segmentation of everything except people => semantic default - person
not the truck => -
do not segment anything => -
Ignore the background => -
Segment only the dog, not the background => dog - background
Segment the dog and nothing else => dog
Segment no more than three birds => bird (3)
Segment animals that aren't birds => animal - bird
Detect cars except those in the background => car - car in the background
I do not want the trucks, only the cars => car - truck
Don't segment the cars, segment the trucks => truck - car
I don't want the background => -
Segment the dog in the house, not the one in the garden => dog in the house - dog in the garden
Segment the house with no windows => house with no windows
Segment the rest => -
Segment the no smoking sign => no smoking sign
"""

STANDS_FOR = """
This photo shows my car. Please segment it. => car
This image shows cars. Segment them. => car
The picture shows cars, trucks and a bus. Mask them all. => car; truck; bus (1)
Here is a photo of my dog. Please cut it out. => dog
Can you tell me where the cats are and segment them => cat
There are two sheep in the field. Mask both. => sheep (2)
There's a dog on the sofa. Outline it, please. => dog (1)
My picture has three balloons. Extract them. => balloon (3)
The image contains a bicycle and a bench. Segment both of them. => bicycle (1); bench (1)
We have three boats here, please outline them all => boat (3)
Two cats are sleeping on the sofa. Segment them. => cat (2)
My cat is in this picture, find her => cat
I uploaded a picture of my bike. Can you remove it from the background? => bike
I have a picture with two dogs; segment the one on the left => dog on the left (1)
This is a photograph of two horses. Please isolate the brown one. => brown horse (1)
In the image there are cars. Segment them all. => car
Where's the cat? Segment it. => cat
Here is my photo. Segment it => all
This is my kitchen. Highlight the red chair in it. => red chair
please can you segment my dog, it is the brown one => dog
The dog in the picture. Segment it. => dog
Look at the dog. Segment it. => dog
The dog is brown. Segment it. => dog
There's a cat and two dogs in here. I want masks for them. => cat (1); dog (2)
Segment the other one => -
Segment it => all
Segment this => all
I bought a car. Segment this => -
Could you isolate them? => -
Mask him => -
"""

EVERYTHING_OR_NOT = """
segment all => all
Segment all objects => all
segment this image => all
Please process this photo => all
Run segmentation => all
Generate masks for this image => all
Segment => all
Thanks! => -
Thank you very much => -
ok thanks => -
please => -
Segment the => -
What is this? => -
what is in this picture? => all
What colour is the car? => -
What are the people doing? => -
picture of a dog => dog (1)
image of cars => car
a photo of three cats on a sofa => cat on a sofa (3)
photos on the wall => photo on the wall
Segment the picture frame => picture frame
segment the object on the left => object on the left
Locate the item at the bottom => item at the bottom
segment objects in the image that are red => red object
segment the blue things => blue thing
segment all the things on the table => thing on the table
Segment what is on the table => thing on the table
segment the top => top
everything red => red object
Segment as many objects as you can => all
Segment the entire image => all
Detect anything that is a vehicle => vehicle
How do I segment cars? => -
How do I get an API key? => -
What models do you support? => -
Tell me a joke => -
Segment the largest one => -
"""

CARRIED = """
Give me bounding boxes and masks for every boat => boat
Return the masks and the boxes of all cups => cup
Return polygons, masks and scores of all windows => window
I need a segmentation mask and a bounding box for each person => person
Generate pixel-level masks for cats and dogs => cat; dog
List the names and areas of all fruits => fruit
Get me the segmentation map of the road => road
Draw boxes around the ducks => duck
Overlay masks on the cars => car
Put a box on the dog => dog
Draw a red outline around the cat => cat
For each car, return a mask => car
instance masks: dog, cat => dog; cat
Objects: cats, dogs => cat; dog
Detect all 'car' objects and return 'label' and 'bbox' => car
detect all "birds" and return "id", "label", "score" => bird
Find all bottles. Name the field "bottles". => bottle
Detect cars and output label, score and box => car
segment the cars with masks => car
segment people with masks => person with masks
segment the boxes on the shelf => box on the shelf
segment the boxes of cereal => box of cereal
segment labels on the bottle => label on the bottle
Outline the label of the jar => label of the jar
Segment the mask on the wall => mask on the wall
Mask the face mask => face mask
box on the table => box on the table
box truck => box truck
Dog's mask => dog
Get me the car mask => car
face masks => face mask
mark => mark
car, bus and truck masks please => car; bus; truck
Please return one mask per person => person
Give me JSON with all cars => car
Give me a segmentation of the car's wheels in JSON => car's wheel
I want a mask of the dog and another one of the cat => dog; cat (1)
Detect cars, trucks and pedestrians, and for each give label and box => car; truck; pedestrian
Segment the people and label them "worker" or "visitor" => person
Segment cars and classify them => car
"""

MODES = """
instance segmentation, not semantic: cars => car
Please do an instance segmentation (not panoptic) of all cows => cow
Do semantic, not panoptic, segmentation of the dogs => semantic dog
Semantic segmentation, no instances: sky and sea => semantic sky; sea
panoptic segmentation of a street scene with cars => panoptic outdoor
semantic segmentation of a photo of a street => semantic outdoor
Label every pixel of this city scene => semantic outdoor
Give a semantic map of the kitchen with its cupboards => semantic indoor
semantic segmentation of the picture on the wall => semantic picture on the wall
segment the road in panoptic mode => panoptic road
"""

SENTENCES = """
a cat. a dog. a remote control. => cat (1); dog (1); remote control (1)
a person . a dog . => person (1); dog (1)
car. truck. bus. => car; truck; bus
Segment the cars. Segment the dogs. => car; dog
Segment the horse. Also segment the rider. Thanks! => horse; rider
Segment the dogs.|Then segment the cats too. => dog; cat
Detect cups; then detect plates. => cup; plate
Find the cars. Return a list of masks. => car
You are an expert in image segmentation. Segment cars. For each object provide a label and a mask. => car
Segment:|car|dog|cat => car; dog; cat
Segment the following:|cars|dogs => car; dog
Segment the following objects:|1. cars|2. dogs => car; dog
Find these:|- red cars|- the bus|Return a JSON list. => red car; bus
Find: 1) cups 2) plates => cup; plate
dogs|cats => dog; cat
* cats|* dogs => cat; dog
Segment the U.S. flag => u.s. flag
St. Bernard dogs => st. bernard dog
Find Dr. Smith in the picture => dr. smith
Segment -> cat => cat
Detect dogs - return boxes => dog
Find these objects: [car, bus, truck] => car; bus; truck
"""

ASKED = """
Which cars are red? => red car
Which of the dogs are wearing collars? => dog wearing collars
How many people are wearing hats? => person wearing hats
How many windows does the house have? => window
which dogs are sleeping on the bed? => dog sleeping on the bed
Are there any dogs on the sofa? => dog on the sofa
Does this image contain a zebra? => zebra (1)
I want to know where the bikes are => bike
We want to segment cars => car
My task is to count sheep => sheep
They want to find lost keys => lost key
You need to segment all the cars => car
I'd like the cats segmented => cat
The cars should be segmented => car
We need all trees marked => tree
car detection => car
cars segmentation => car
Perform face detection => face
Bounding box detection of faces => face
blur the faces => face
Pixelate every license plate => license plate
Look for the keys => key
Hi! I need help: can you segment the shoes? => shoe
You will be given an image. Segment all the boats in it and return JSON. => boat
Detect & segment people => person
Find and highlight: dogs => dog
Would you mind segmenting the dog? => dog
person + dog => person; dog
cut the dog out => dog
segment cars with confidence above 0.5 => car
find cars at a threshold of 0.4 => car
segment buildings with high confidence => building
segment the cups one by one => cup
segment the chairs (all of them) => chair
Detect persons, cars & bikes (only if clearly visible) => person; car; bike
Segment all cars in the image and tell me how many there are => car
segment the road and the buildings from this street photo => road; building
dogs, cats, etc. => dog; cat
segment the pens, pencils and so on => pen; pencil
Show me all windows that are open => open window
Can you segment the cat that's on the chair? => cat on the chair
I need you to find the cars that are parked on the street => car parked on the street
"""

NOUNS = """
segment the top left window => top left window
top three apples => apple (3)
the three largest cars => largest car (3)
a few apples => apple
dozens of eggs => egg
a couple of birds => bird (2)
three of the cups => cup (3)
segment loads of bananas => banana
Segment the smallest of the dogs => smallest dog
I need the dog cut out => dog
Segment the people visible in the background => person visible in the background
Segment fully visible cars => car
Segment the largest and the smallest car => largest car; smallest car
Segment the boy's left and right hands => boy's left hand; right hand
Segment the front and rear wheels => front wheel; rear wheel
Segment the red and blue cars => red and blue car
Segment the cars that are in the image => car
Segment the sky in the image above => sky
segment everyone => person
Segment someone in a red hat => person in a red hat
Segment children playing football => child playing football
Segment the women dressed in white => woman dressed in white
segmet the cat => cat
outlne the mountains => mountain
segmenta el perro => el perro
Segmentiere den Hund => den hund
"""


def lines(table):
    return [tuple(line.split(" => ")) for line in table.strip().split("\n")]


def told(wish):
    if wish is None:
        return "-"
    names = wish.names
    left = tuple(name for name in DEFAULT if name not in wish.without)
    scene = SCENES.get(names) or ("default" if names == left else None)
    listed = "; ".join(one.name + (f" ({one.limit})" if one.limit else "") for one in wish.concepts)
    mode = "" if wish.mode is Mode.INSTANCE else f"{wish.mode.value} "
    return mode + (scene or listed or "all") + (f" - {'; '.join(wish.without)}" if wish.without else "")


ALL = [LEFT_OUT, STANDS_FOR, EVERYTHING_OR_NOT, CARRIED, MODES, SENTENCES, ASKED, NOUNS]


@pytest.mark.parametrize(("text", "meant"), [line for table in ALL for line in lines(table)])
def test_a_request_is_read(text, meant):
    assert told(read(text.replace("|", "\n"))) == meant


def test_the_request_names_the_mode_before_the_instructions_beside_it():
    expert = "You are a semantic segmentation expert"
    assert read("cars", system=expert).mode is Mode.SEMANTIC
    assert read("instance segmentation of the cars", system=expert).mode is Mode.INSTANCE
    assert read("panoptic segmentation", system=expert).mode is Mode.PANOPTIC


def test_a_pronoun_that_stands_for_nothing_means_the_hints():
    assert read("Segment it", hints=("car",)).names == ("car",)


def test_what_is_left_out_is_no_hint():
    assert read("Segment everything but the cars", hints=("car", "dog")).names == ("dog",)
