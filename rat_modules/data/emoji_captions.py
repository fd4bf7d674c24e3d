"""What is said of an emoji: several captions from its label, other names, tags, style and measured colours."""

import re
import unicodedata
from collections.abc import Mapping

from rat_modules.data.emoji_names import Entry
from rat_modules.data.lab import NAMED

STYLE_WORDS = {"google": "gradient", "twitter": "flat", "fluent": "3d glossy"}
OTHER_NAMES = 3
# a smaller part of a picture is not what a person would call its colour
MAIN_SHARE = 0.3
SECOND_SHARE = 0.25
# labels with one of these say their colour themselves; a picture of "light skin tone" must not be "a yellow hand"
_COLOUR_WORDS = frozenset(name.split()[-1] for name, _ in NAMED) | {"blond", "gold", "golden", "silver", "skin"}
_PLURALS = frozenset({"people", "men", "women", "teeth", "mice", "children"})
_SINGULAR_ENDINGS = ("ss", "us", "os")
_PERSONS = frozenset({"person", "man", "woman"})
_NO_ARTICLE = _PLURALS | {"santa", "mrs.", "mx"}
_VOWEL_SOUND = r"[aio](?!ne)|e(?![uw])|u(?!ni[cf]|ku|se)|hono|hour"


def captions_of(entry: Entry, style: str, shares: Mapping[str, float]) -> tuple[str, ...]:
    """Return the captions of one picture, the plain label first.

    Args:
        entry: what the emoji is called.
        style: "google", "twitter" or "fluent".
        shares: colour name -> share of the picture, from `colour_shares` (measured on the pixels).

    Example:
        >>> apple = Entry("1F34F", "pear", "pear", ("fruit", "sweet"), ("green_pear",), "food-drink", "food-fruit", 1)
        >>> for caption in captions_of(apple, "twitter", {"green": 0.8, "brown": 0.2}):
        ...     print(caption)
        pear
        flat emoji of a pear
        a green pear in flat style
        green pear
        pear, fruit, sweet
        flat food fruit emoji, mostly green
    """
    label, look = cleaned(entry.label), STYLE_WORDS[style]
    said = [label, f"{look} emoji of {with_article(label)}"]
    colours = [name for name, share in shares.items() if share >= SECOND_SHARE][:2]
    main = next(iter(shares), None)
    if main and shares[main] >= MAIN_SHARE and _COLOUR_WORDS.isdisjoint(re.findall(r"\w+", label)):
        said.append(f"{with_article(f'{main} {label}')} in {look} style")
    said += other_names(entry)
    said.append(", ".join([label, *_tags(entry, label, style)]))
    mostly = f", mostly {' and '.join(colours or [main])}" if main else ""
    said.append(f"{look} {entry.subgroup.replace('-', ' ')} emoji{mostly}")
    return tuple(dict.fromkeys(said))


def cleaned(label: str) -> str:
    """Return a label as a phrase.

    Example:
        >>> cleaned("Woman: medium skin tone, curly hair"), cleaned("man: dark skin tone, bald"), cleaned("piñata")
        ('woman with medium skin tone and curly hair', 'bald man with dark skin tone', 'pinata')
    """
    straight = label.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    plain = unicodedata.normalize("NFKD", straight).encode("ascii", "ignore").decode().lower()
    head, _, listed = plain.partition(": ")
    details = [detail for detail in listed.split(", ") if detail]
    if "bald" in details:  # the one detail that is not a noun
        details.remove("bald")
        head = f"bald {head}"
    joint = "and" if " with " in head else "with"
    return " ".join((f"{head} {joint} {' and '.join(details)}" if details else head).split())


def with_article(phrase: str) -> str:
    """Return a phrase after "a" or "an", or as it is where its first noun is a plural.

    Example:
        >>> with_article("orange heart"), with_article("grapes"), with_article("glass of milk")
        ('an orange heart', 'grapes', 'a glass of milk')
    """
    words = re.split(r" (?:with|in|of|on|at|and) ", phrase)[0].split()
    noun = words[-1]
    plural = noun in _PLURALS or (noun.endswith("s") and not noun.endswith(_SINGULAR_ENDINGS))
    if words[0] in _NO_ARTICLE or (plural and words[0] not in _PERSONS):
        return phrase
    return f"{'an' if re.match(_VOWEL_SOUND, phrase) else 'a'} {phrase}"


def other_names(entry: Entry) -> list[str]:
    """Return up to three further names; those of a skin-tone variant say its tone."""
    base, label = cleaned(entry.base_label), cleaned(entry.label)
    if not label.startswith(base):
        return []
    tone = label.removeprefix(base).strip().removeprefix("with ").removeprefix("and ")
    seen = {"".join(sorted(base.replace(" ", "")))}
    names = []
    for shortcode in entry.names:
        name = cleaned(shortcode.replace("_", " ").replace("-", " "))
        letters = "".join(sorted(name.replace(" ", "")))  # the same words in another order, or run together
        if letters in seen or not re.fullmatch(r"[a-z][a-z' ]{2,}", name):
            continue
        seen.add(letters)
        joint = "and" if " with " in name else "with"
        names.append(f"{name} {joint} {tone}" if tone else name)
    return names[:OTHER_NAMES]


def _tags(entry: Entry, label: str, style: str) -> list[str]:
    said = set(label.split())
    tags = [tag for tag in map(cleaned, entry.tags) if re.fullmatch(r"[a-z][a-z' -]+", tag)]
    fresh = [tag for tag in tags if said.isdisjoint(tag.split())]
    if not fresh:
        return [entry.group.replace("-", " ")]
    # every style says two others of them
    start = 2 * list(STYLE_WORDS).index(style)
    return list(dict.fromkeys(fresh[(start + k) % len(fresh)] for k in range(2)))
