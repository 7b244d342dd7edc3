"""As much English as prompts need: one of several things."""

# Plurals whose endings say something else, or nothing.
IRREGULAR = dict(
    pair.split(":")
    for pair in """
    children:child geese:goose mice:mouse men:man women:woman people:person feet:foot teeth:tooth
    oxen:ox dice:die cacti:cactus calves:calf elves:elf halves:half hooves:hoof leaves:leaf
    loaves:loaf scarves:scarf shelves:shelf thieves:thief wolves:wolf knives:knife lives:life
    wives:wife shoes:shoe toes:toe canoes:canoe brownies:brownie cookies:cookie genies:genie
    movies:movie pies:pie ties:tie zombies:zombie axes:axe buses:bus gases:gas glasses:glass
    octopuses:octopus cactuses:cactus walruses:walrus gas:gas lens:lens scissors:scissors
    snowmen:snowman firemen:fireman policemen:policeman
    """.split()
)
ENDINGS = (("ies", "y"), ("oes", "o"), ("xes", "x"), ("shes", "sh"), ("ches", "ch"),
           ("sses", "ss"), ("ss", "ss"), ("us", "us"), ("is", "is"), ("s", ""))  # fmt: skip


def singular(noun: str) -> str:
    """`red foxes` -> `red fox`, by the last word before `of`: `cups of tea` -> `cup of tea`; what
    ends like no plural stays."""
    head, of, rest = noun.partition(" of ")
    before, space, word = head.rpartition(" ")
    if word in IRREGULAR:
        return before + space + IRREGULAR[word] + of + rest
    for ending, instead in ENDINGS:
        if word.endswith(ending) and len(word) > len(ending):
            return before + space + word.removesuffix(ending) + instead + of + rest
    return noun
