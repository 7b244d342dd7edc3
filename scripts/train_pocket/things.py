"""What the pocket model learns to draw, and in which words: plain tables, to be read and added
to."""

import re

# Categories of the icon sets that hold concrete things; of people and symbols only the names
# listed below.
CATEGORIES = (
    "Activities",
    "Animals & Nature",
    "Food & Drink",
    "Objects",
    "Smileys & Emotion",
    "Travel & Places",
)

PEOPLE = """anatomical-heart astronaut baby bone boy brain child ear eye eyes fairy flexed-biceps
foot footprints girl hand-with-fingers-splayed leg man man-beard mermaid mouth nose old-man
old-woman person prince princess raised-hand robot santa-claus superhero thumbs-up tooth vampire
waving-hand woman zombie dancer mx-claus person-walking person-running""".split()

SYMBOLS = """red-circle red-square red-triangle-pointed-up large-blue-diamond peace-symbol
check-mark cross-mark plus white-flower yin-yang""".split()

# Signs, writing, clocks, near-duplicates and things that are nothing without their colour.
LEFT_OUT = re.compile(
    r"""
    skin-tone | flag | -oclock | -thirty | keycap | button | medal | -suit | arrow | -banknote |
    chart- | speaker- | mailbox | japanese- | globe-with | (first|last)-quarter | waxing | waning
    | new-moon | sun-behind | snowman-without | hourglass-not | -sign$ | -symbol$ | tilted-right |
    oncoming |
    (blue|green|orange|black|brown|grey|purple|white|pink|yellow)-(heart|book|circle|square) |
    -(inbox|outbox) | bookmark-tabs | card- | clipboard | page- | identification | receipt |
    ledger | label | control-knobs | file- | inbox | outbox | envelope- | fax | floppy | optical |
    computer-disk | dvd | videocassette | pager | trackball | locked-with | unlocked |
    bell-with-slash | camera-with | mobile-phone-with | low-battery | placard | tear-off |
    spiral-calendar | spiral-notepad | notebook-with | linked | rolled-up | newspaper |
    musical-score | film- | wastebasket | x-ray | petri | microbe | syringe | adhesive |
    drop-of-blood | stethoscope | razor | cigarette | coffin | urn | moai | nazar | hamsa | prayer
    | diya | sari | safety | lab-coat | martial | kimono | headstone | ballot | abacus | alembic |
    money- | credit | coin$ | test-tube | dna | mahjong | tickets?$ | reminder | 1st | 2nd | 3rd |
    joker | slot | flower-playing | hwatu | goal-net | shinai | lacrosse | curling | cricket- |
    field-hockey | ice-hockey | pinata | moon-viewing | tanabata | pine-dec | wind-chime |
    red-envelope | dolls | performing | mirror-ball | anger | zzz | hundred | dotted | dashing |
    speech | thought | hole$ | kiss-mark | collision | fight | dizzy$ | love-letter | knocked |
    distorted | biting | (grinning|crying|kissing|weary|pouting|smiling)-cat | cat-with | -monkey$
    | heart-(decoration|exclamation|with) | revolving | beating | growing | sparkling-heart |
    two-hearts | mending | heart-hands | kaaba | hindu | synagogue | shinto | mosque | map |
    station | bus-stop | railway-track | motorway | construction | barber | post-office |
    department | convenience | hotel | bank$ | national-park | hot-springs | foggy | at-dusk |
    night-with | bridge-at | suspension | mountain-(cable|railway) | aerial | monorail | trolley |
    tram-car | light-rail | metro$ | high-speed | railway-car | (air|)plane-(arr|dep) | passenger
    | pouring | cooking | fork-and-knife-with | fish-cake | oden | dango | mate$ | tamale | sake |
    kiwi$ | moon-cake | rice-cracker | curry | custard | bento | takeout | stuffed | fondue |
    falafel | funeral | mantelpiece | timer | stopwatch | elevator | wireless | satellite-ant |
    place-of | service-dog | guide-dog | dodo | cockroach | sheaf | empty-nest | sos | rosette |
    potable | left-facing | chains | link$ | clamp | nut-and | hammer-and | ewe$ | ox$ | two-hump
    | front-facing | water-buffalo | landslide | derelict | umbrella-on | umbrella-with |
    globe-showing-(am|asia) | hook$ | level | baggage | -pen$ | splatter | fluent | symbols-on |
    spiral-eyes | in-clouds | exhaling | open-hands- | peeking | holding-back | melting | saluting
    | diagonal | shaking | bags-under | without-mouth | hushed | anguished | downcast | persever |
    confounded | sad-but | weary | tired | pensive | disappointed | unamused | smirking |
    grimacing | lying | drooling | sneezing | woozy | vomiting | nauseated | thermometer-face |
    head-bandage | medical-mask | fearful | flushed | pleading | frowning-face-with | anxious |
    relieved | expressionless | raised-eyebrow | exploding | steam | zany | squinting-face-with |
    zipper | disguised | smiling-face-with-tear | hand-over | stuck | savoring | open-mouth$ |
    (kissing-face|grinning-face)-with | upside | face-with-thermo | hot-face | cold-face
    """,
    re.VERBOSE,
)

# Names whose own words mislead; everything else is called by its name with the hyphens taken out.
CALLED = {
    "red-heart": "heart",
    "red-apple": "apple",
    "automobile": "car",
    "sport-utility-vehicle": "car",
    "deciduous-tree": "tree",
    "evergreen-tree": "fir tree",
    "cat-face": "cat face",
    "dog-face": "dog face",
    "red-circle": "circle",
    "red-square": "square",
    "red-triangle-pointed-up": "triangle",
    "large-blue-diamond": "diamond",
    "hot-beverage": "cup of coffee",
    "lady-beetle": "ladybug",
    "locomotive": "steam train",
    "high-voltage": "lightning",
    "t-rex": "dinosaur",
    "sauropod": "dinosaur",
    "mobile-phone": "phone",
    "couch-and-lamp": "sofa",
    "wrapped-gift": "gift",
    "globe-showing-europe-africa": "earth",
    "raised-hand": "hand",
    "black-nib": "pen nib",
    "mans-shoe": "shoe",
    "womans-hat": "hat",
    "top-hat": "hat",
    "billed-cap": "cap",
    "womans-clothes": "blouse",
    "womans-boot": "boot",
    "womans-sandal": "sandal",
    "closed-book": "book",
    "studio-microphone": "microphone",
    "magnifying-glass-tilted-left": "magnifying glass",
    "snow-capped-mountain": "mountain",
    "cloud-with-lightning": "storm cloud",
    "cloud-with-rain": "rain cloud",
    "ringed-planet": "planet",
    "flying-saucer": "ufo",
    "cut-of-meat": "steak",
    "meat-on-bone": "meat",
    "poultry-leg": "chicken leg",
    "mount-fuji": "mount fuji",
    "soft-ice-cream": "ice cream",
    "ear-of-corn": "corn",
    "spouting-whale": "whale",
    "horse-face": "horse face",
    "pool-8-ball": "billiard ball",
    "hourglass-done": "hourglass",
    "hand-with-fingers-splayed": "hand",
    "headphone": "headphones",
    "glowing-star": "star",
    "locked": "padlock",
    "musical-keyboard": "piano",
    "carpentry-saw": "saw",
    "closed-umbrella": "umbrella",
    "birthday-cake": "cake",
    "shortcake": "cake",
    "fork-and-knife": "fork and knife",
    "cheese-wedge": "cheese",
    "slightly-smiling-face": "smiling face",
    "slightly-frowning-face": "sad face",
    "frowning-face": "sad face",
    "memo": "pencil and paper",
    "roasted-sweet-potato": "sweet potato",
    "pile-of-poo": "poo",
    "glass-of-milk": "milk",
    "honeybee": "bee",
    "hibiscus": "hibiscus flower",
    "blossom": "blossom flower",
    "french-fries": "fries",
    "small-airplane": "airplane",
    "passenger-ship": "ship",
    "first-quarter-moon-face": "moon face",
    "vertical-traffic-light": "traffic light",
    "horizontal-traffic-light": "traffic light",
    "palm-tree": "palm tree",
    "santa-claus": "santa claus",
}

# What a newcomer types first: word, other words for it, and the pictures that it may mean (the
# best one first: it is drawn as often as all the others together). Words come the more often the
# earlier they stand here, so the hard ones among the commonest stand at the top.
POPULAR = {
    "fish": ("goldfish, swimming fish", "fish"),
    "house": ("home, cottage, small house", "house"),
    "star": ("gold star, shining star", "star glowing-star"),
    "bird": ("little bird, sparrow, songbird", "bird"),
    "face": (
        "smiley face, happy face, smiling face, smile",
        "slightly-smiling-face",
    ),
    "flower": (
        "bloom, blossom, daisy",
        "blossom hibiscus cherry-blossom",
    ),
    "sun": ("sunshine, sunny", "sun"),
    "cat": ("kitten, kitty, cat head", "cat-face cat"),
    "tree": ("oak, oak tree, big tree", "deciduous-tree"),
    "heart": ("love, valentine", "red-heart"),
    "boat": ("sailing boat, yacht, sailboat", "sailboat"),
    "car": ("automobile, motorcar, vehicle", "automobile sport-utility-vehicle"),
    "umbrella": ("parasol, brolly", "umbrella"),
    "dog": ("puppy, doggy, hound", "dog-face dog"),
    "moon": ("crescent, night moon, half moon", "crescent-moon"),
    "apple": ("red fruit, ripe apple", "red-apple"),
    "butterfly": ("moth", "butterfly"),
    "rocket": ("spaceship, spacecraft, space rocket", "rocket"),
    "mountain": ("mountains, peak, hill", "snow-capped-mountain mountain mount-fuji"),
    "cloud": ("clouds, fluffy cloud", "cloud"),
    "balloon": ("party balloon", "balloon"),
    "mushroom": ("toadstool, fungus", "mushroom"),
    "rabbit": ("bunny, hare", "rabbit-face rabbit"),
    "sad face": ("unhappy face, frown", "slightly-frowning-face frowning-face"),
    "angry face": ("mad face, anger", "angry-face enraged-face"),
    "full moon": ("round moon", "full-moon"),
    "ship": ("ocean liner, steamship, cruise ship", "ship ferry"),
    "rainbow": ("colourful bow", "rainbow"),
    "rose": ("red rose", "rose"),
    "sunflower": ("sun flower", "sunflower"),
    "tulip": ("spring flower", "tulip"),
    "leaf": ("leaves, autumn leaf", "maple-leaf fallen-leaf leaf-fluttering-in-wind"),
    "fir tree": ("pine tree, conifer, pine, spruce", "evergreen-tree"),
    "christmas tree": ("xmas tree", "christmas-tree"),
    "palm tree": ("palm, coconut palm", "palm-tree"),
    "cactus": ("desert plant, cacti", "cactus"),
    "airplane": ("plane, aeroplane, aircraft, jet", "airplane small-airplane"),
    "train": ("steam engine, railway engine", "locomotive train"),
    "bus": ("school bus, coach", "bus"),
    "truck": ("lorry, van", "delivery-truck articulated-lorry pickup-truck"),
    "bicycle": ("bike, cycle", "bicycle"),
    "castle": ("fortress, palace", "castle"),
    "church": ("chapel", "church"),
    "ice cream": ("ice-cream cone, gelato", "soft-ice-cream ice-cream"),
    "cake": ("birthday cake, pastry", "birthday-cake shortcake"),
    "cupcake": ("muffin", "cupcake"),
    "pizza": ("slice of pizza", "pizza"),
    "hamburger": ("burger, cheeseburger", "hamburger"),
    "banana": ("bananas", "banana"),
    "strawberry": ("strawberries, red berry", "strawberry"),
    "cherry": ("cherries", "cherries"),
    "lemon": ("citrus", "lemon"),
    "orange": ("an orange fruit, mandarin", "tangerine"),
    "pear": ("ripe pear", "pear"),
    "watermelon": ("slice of watermelon, melon", "watermelon"),
    "carrot": ("carrots", "carrot"),
    "egg": ("fried egg", "egg"),
    "bread": ("loaf", "bread"),
    "cup": ("coffee, tea, cup of tea, mug, coffee cup", "hot-beverage teacup-without-handle"),
    "bottle": ("wine bottle", "bottle-with-popping-cork"),
    "horse": ("pony, stallion", "horse-face horse"),
    "cow": ("cattle, calf", "cow-face cow"),
    "pig": ("piglet, hog", "pig-face pig"),
    "mouse": ("mice, little mouse", "mouse-face mouse"),
    "lion": ("lioness, king of beasts", "lion"),
    "tiger": ("big cat", "tiger-face tiger"),
    "bear": ("teddy, grizzly", "bear teddy-bear"),
    "fox": ("red fox", "fox"),
    "wolf": ("grey wolf", "wolf"),
    "elephant": ("big elephant", "elephant"),
    "frog": ("toad", "frog"),
    "turtle": ("tortoise", "turtle"),
    "snake": ("serpent", "snake"),
    "owl": ("night owl", "owl"),
    "penguin": ("little penguin", "penguin"),
    "duck": ("duckling, mallard", "duck"),
    "chicken": ("hen", "chicken rooster"),
    "whale": ("blue whale", "spouting-whale whale"),
    "dolphin": ("porpoise", "dolphin"),
    "octopus": ("squid-like animal", "octopus"),
    "bee": ("honey bee, bumblebee", "honeybee"),
    "ladybug": ("ladybird, beetle", "lady-beetle"),
    "spider": ("tarantula", "spider"),
    "snail": ("slug", "snail"),
    "unicorn": ("magic horse", "unicorn"),
    "dragon": ("monster", "dragon-face dragon"),
    "dinosaur": ("t-rex, dino", "t-rex sauropod"),
    "robot": ("android, machine", "robot"),
    "ghost": ("spirit, spook", "ghost"),
    "skull": ("skeleton head", "skull"),
    "snowman": ("snow man", "snowman"),
    "snowflake": ("snow, flake, snow crystal", "snowflake"),
    "pumpkin": ("halloween pumpkin, jack o lantern", "jack-o-lantern"),
    "ball": ("football, soccer ball", "soccer-ball basketball"),
    "crown": ("king's crown, tiara", "crown"),
    "key": ("door key", "key old-key"),
    "book": ("novel, red book", "closed-book open-book"),
    "pencil": ("crayon", "pencil"),
    "guitar": ("acoustic guitar", "guitar"),
    "light bulb": ("bulb, lamp, lightbulb, idea", "light-bulb"),
    "candle": ("candlelight", "candle"),
    "fire": ("flame, flames, bonfire", "fire"),
    "lightning": ("thunderbolt, bolt, flash", "high-voltage"),
    "drop": ("water drop, raindrop, tear", "droplet"),
    "wave": ("sea, ocean, waves", "water-wave"),
    "hat": ("top hat, cap", "top-hat womans-hat billed-cap"),
    "shirt": ("t shirt, tee shirt", "t-shirt"),
    "dress": ("gown", "dress"),
    "shoe": ("sneaker, trainers, shoes", "running-shoe mans-shoe"),
    "hand": ("palm, open hand, five fingers", "raised-hand hand-with-fingers-splayed"),
    "eye": ("eyeball", "eye"),
    "clock": ("alarm clock, time", "alarm-clock watch"),
    "gift": ("present, parcel", "wrapped-gift"),
    "chair": ("seat, stool", "chair"),
    "planet": ("saturn", "ringed-planet"),
    "earth": ("globe, world", "globe-showing-europe-africa"),
    "diamond": ("gem, jewel, crystal", "gem-stone"),
    "anchor": ("ship's anchor", "anchor"),
    "camera": ("photo camera", "camera"),
    "scissors": ("pair of scissors, shears", "scissors"),
    "hammer": ("mallet", "hammer"),
    "circle": ("disc, dot, round shape", "red-circle"),
    "square": ("box shape", "red-square"),
    "triangle": ("three sided shape", "red-triangle-pointed-up"),
    "man": ("guy, father, male", "man person"),
    "woman": ("lady, mother, female", "woman"),
    "boy": ("child, kid", "boy"),
    "girl": ("little girl, daughter", "girl"),
}

# name: (hue in degrees or None for grey, factor on saturation, factor on brightness) of the
# recoloured pictures.
COLOURS = {
    "red": (0, 1.0, 0.95),
    "orange": (28, 1.0, 1.0),
    "yellow": (50, 1.0, 1.08),
    "green": (130, 0.9, 0.8),
    "blue": (214, 1.0, 1.0),
    "purple": (278, 0.85, 0.85),
    "pink": (335, 0.55, 1.1),
    "brown": (24, 0.75, 0.58),
    "black": (None, 0.0, 0.25),
    "grey": (None, 0.0, 0.75),
}
COLOUR_SYNONYMS = {
    "red": "crimson scarlet ruby",
    "orange": "amber",
    "yellow": "golden gold",
    "green": "emerald lime",
    "blue": "azure navy turquoise",
    "purple": "violet lilac",
    "pink": "rosy magenta",
    "brown": "chocolate tan",
    "black": "dark",
    "grey": "gray silver",
}

# Most prompts are short; HABITS are what people add without thinking and should not matter much.
FRAMES = (
    "{}",
    "a {}",
    "a drawing of a {}",
    "a picture of a {}",
    "the {}",
    "one {}",
    "a {} on white paper",
)
FRAME_SHARES = (0.25, 0.35, 0.14, 0.08, 0.08, 0.03, 0.07)
HABITS = (
    "a cute {}",
    "{}, simple",
    "a simple {}",
    "a photo of a {}",
    "a small {}",
    "a big {}",
    "a beautiful {}",
    "a {} on a white background",
    "cartoon {}",
    "an illustration of a {}",
    "a child's drawing of a {}",
    "{}, colorful",
    "a happy {}",
    "a portrait of a {}",
    "a funny {}",
    "{}, high quality, detailed",
)

# How a prompt names a style, by style.
STYLE_FRAMES = {
    "line": (
        "a line drawing of a {}",
        "a line drawing of a {}",
        "a black and white drawing of a {}",
        "an ink drawing of a {}",
        "a pen drawing of a {}",
        "a sketch of a {}",
        "a pencil sketch of a {}",
        "an outline of a {}",
        "{}, line art",
        "a {} in black ink",
        "a {} to colour in",
        "{}, black lines on white paper",
    ),
    "shadow": (
        "a silhouette of a {}",
        "a black silhouette of a {}",
        "a shadow of a {}",
        "a pictogram of a {}",
        "a stencil of a {}",
    ),
    "watercolour": (
        "a watercolour of a {}",
        "a watercolor painting of a {}",
        "a watercolour painting of a {}",
        "a painting of a {}",
        "{}, watercolor",
        "a {} painted with a broad brush",
    ),
    "flat": (
        "a flat icon of a {}",
        "a {} icon",
        "{} icon",
        "{}, flat, vector art",
        "a logo of a {}",
        "emoji of a {}",
        "clipart of a {}",
        "minimalist {}",
    ),
}
# How often a prompt names each; "" names none.
STYLE_SHARES = {"": 0.79, "line": 0.12, "shadow": 0.01, "watercolour": 0.04, "flat": 0.04}
# The styles of the pictures that it then gets.
DRAWN_IN = {
    "": ("noto", "fluent-emoji-flat", "twemoji"),
    "line": ("line",),
    "shadow": ("shadow",),
    "watercolour": ("watercolour",),
    "flat": ("fluent-emoji-flat",),
}

NUMBERS = ("two", "three", "four")


def plural(noun: str) -> str:
    """`cherry` -> `cherries`, `cup of tea` -> `cups of tea`."""
    head, of, rest = noun.partition(" of ")
    if head.endswith(("s", "x", "sh", "ch")):
        head += "es"
    elif head.endswith("y") and head[-2] not in "aeiou":
        head = head[:-1] + "ies"
    elif head.endswith("f"):
        head = head[:-1] + "ves"
    else:
        head += "s"
    return head + of + rest


def article(words: str) -> str:
    """`a apple` -> `an apple`."""
    return re.sub(r"\b([Aa]) (?=[aeiou])", r"\1n ", words)


# Icons of the sets in one ink that are called as a thing is and show another.
HOMONYMS = re.compile(
    "lucide (mouse|bar chart|square|seal)|mdi (bat|bowling|cricket|mouse|seal|seat|stadium|"
    "television|tennis|turkey|badminton|skateboard|office building|wave)"
)

# Pictures that mean something else, or nothing, in a mirror: writing and instruments with a side.
ONE_SIDED = re.compile(r"clock|watch|crescent|book|keyboard|guitar|8-ball|music|check-mark")


def wanted(name: str, category: str) -> bool:
    """Whether the picture `name` of `category` shows an everyday thing (or is named in a table
    above)."""
    if any(name in pictures.split() for _, pictures in POPULAR.values()):
        return True
    if category == "People & Body":
        return name in PEOPLE
    if category == "Symbols":
        return name in SYMBOLS
    return category in CATEGORIES and not LEFT_OUT.search(name)


def called(name: str) -> str:
    """The words for a picture's name: `hot-pepper` becomes `hot pepper`."""
    return CALLED.get(name, name.replace("-", " "))
