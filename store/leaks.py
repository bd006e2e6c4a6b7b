"""Does a text name its label? The words that would give it away, and a pattern that finds them.

In: label names; words of texts. Out: the forms of a label, and which texts use them.
Rule: the label and the parts of a compound (of "grief-stricken": both), their stem by stripping the
endings of adjectives and participles, the inflections and derivations of that stem, and a small
table of irregular kin (proud - pride). It cannot see synonyms (glad for happy), paraphrase, other
languages, misspellings or idiom, and it cannot tell senses apart (content as a noun counts).
"""

import re

import numpy as np
from jaxtyping import Bool, Int

from store.words import Words

_VOWELS = "aeiou"
_SHORTEST = 4
# Stems with a life of their own, which a text may well use.
_MISLEADING = frozenset(
    ("list", "rest", "grate", "lone", "even", "self", "play", "wit", "apt", "art")
)
_NOUNS = (
    ("ization", ("ize",)),
    ("usion", ("use",)),
    ("ation", ("", "e", "ate")),
    ("ance", ("", "e")),
    ("osity", ("ous",)),
    ("oval", ("ove",)),
    ("ism", ("ist", "istic")),
    ("istic", ("ism", "ist")),
)
_SKIPPED_PARTS = frozenset(
    ("like", "with", "self", "over", "than", "very", "have", "been", "into", "that", "this")
)
_ENDINGS = (
    *("s", "es", "ed", "edly", "ing", "ingly", "er", "ers", "est", "ion", "ions", "ation", "ful"),
    *("fully", "fulness", "less", "lessly", "lessness", "ly", "ness", "ment", "ments", "ous"),
    *("ously", "y", "ance"),
)

# Kin that no ending explains. Facts of English; both directions are made from each line.
_KIN = [
    line.split()
    for line in """
    proud pride prideful
    angry anger
    hungry hunger
    afraid fear fearful
    ashamed shame shameful
    grief grieve grievous
    desperate despair desperation
    furious fury infuriate
    terrified terror terrify terrifying
    horrified horror horrify
    heartbroken heartbreak
    jealous jealousy
    envious envy
    anxious anxiety
    miserable misery
    nostalgic nostalgia
    melancholy melancholic
    euphoric euphoria
    ecstatic ecstasy
    hysterical hysteria
    loving love beloved
    hateful hatred hate
    vengeful vengeance revenge
    spiteful spite
    guilty guilt
    bored boredom bore
    free freedom
    compassionate compassion
    empathetic empathy empathic
    sympathetic sympathy
    remorseful remorse
    delighted delight
    contemptuous contempt
    suspicious suspicion suspect
    indignant indignation
    resentful resent resentment
    lonely loneliness lonesome alone
    weary weariness wearily
    calm calmness
    serene serenity
    vulnerable vulnerability
    hostile hostility
    humiliated humiliation
    mortified mortification
    safe safety
    sad sadness sadden
    mad madness madden
    strong strength
    thoughtful thought
    grateful gratitude
    pleased pleasure
    satisfied satisfaction satisfy
    surprised surprise
    relief relieve
    defiant defy defiance
    triumphant triumph
    energized energy
    distraught distress
    """.strip().splitlines()
]


def label_words(label: str) -> tuple[frozenset[str], frozenset[str]]:
    """(the label as written and its long parts, all forms made from them), lower case."""
    if not any(c.isalpha() for c in label):
        return frozenset(), frozenset()  # a number or a sign is no word
    whole = " ".join(re.findall(r"[^\W_]+", label.lower()))
    parts = [p for p in whole.split() if len(p) >= _SHORTEST and p not in _SKIPPED_PARTS]
    # The words of a phrase such as "on edge" are common; those of a compound are not.
    named = {whole} | (set(parts) if "-" in label else set())
    forms = set(named)
    for word in [p for p in named if " " not in p]:
        for base in bases(word):
            forms |= derivations(base)
    for kin in _KIN:
        if any(word in kin for word in named):
            for word in kin:
                forms |= {word, word + "ly", word + "s"} if _derived(word) else derivations(word)
    return frozenset(named), frozenset(forms)


def _derived(word: str) -> bool:
    return word.endswith(("ful", "ous", "ment", "ness", "ity", "ion", "ed", "ied", "dom"))


def bases(word: str) -> set[str]:
    """The word and the stems it may come from: terrified -> terrify, bored -> bore."""
    found = {word}
    if word.endswith("icked"):
        found.add(word[:-3])
    elif word.endswith("ied") and len(word) > 5:
        found.add(word[:-3] + "y")
    elif word.endswith("ed") and len(word) > 4:
        found |= _verbs(word[:-2])
    elif word.endswith("ing") and len(word) > 5:
        found |= _verbs(word[:-3])
    for ending, endings in _NOUNS:
        if word.endswith(ending) and len(word) > len(ending) + 2:
            found |= {word[: -len(ending)] + e for e in endings}
            break
    for ending in ("fulness", "ful", "less", "ness", "ment", "uous", "ous", "ly"):
        stem = word[: -len(ending)]
        if word.endswith(ending) and len(stem) >= 3:
            found.add(stem[:-1] + "y" if stem.endswith("i") else stem)
            break
    if word.endswith("y") and len(word) > 5 and word[-2] not in _VOWELS + "l":
        found.add(word[:-1])
    return found - _MISLEADING


def _verbs(stem: str) -> set[str]:
    """Where the stem is long, a wrong guess names no other word: take it with and without -e."""
    return {stem, stem + "e", _restore(stem)} if len(stem) > 5 else {_restore(stem)}


def _restore(stem: str) -> str:
    """The verb before -ed or -ing: amaz -> amaze, stopp -> stop, annoy stays."""
    last = stem[-1]
    if len(stem) > 3 and last == stem[-2] and last not in "lsfz":
        return stem[:-1]
    if last in "vucz" or (last == "s" and stem[-2] != "s") or (last == "g" and stem[-2] in "nra"):
        return stem + "e" if not stem.endswith(("ing", "ong", "ang")) else stem
    if last == "l" and stem[-2] not in _VOWELS + "lrw":
        return stem + "e"
    closed = last not in _VOWELS + "wxy" and stem[-2] in _VOWELS and stem[-3:-2] not in _VOWELS
    weak = len(stem) > 3 and stem.endswith(("er", "or", "en", "on", "el", "om", "ow"))
    return stem + "e" if closed and not weak else stem


def derivations(base: str) -> set[str]:
    """Inflected and derived forms of a base; many do not exist, which does no harm."""
    last = base[-1]
    if last == "y" and base[-2:-1] not in _VOWELS:
        cut = base[:-1] + "i"
        made = {cut + e for e in ("es", "ed", "er", "est", "ly", "ness", "ful", "ous", "ously")}
        return made | {base, base + "s", base + "ing", base + "ingly", base[:-1] + "ification"}
    if last == "e":
        cut = base[:-1]
        made = {cut + e for e in ("ed", "edly", "ing", "ingly", "ion", "ions", "er", "est", "y")}
        whole = ("", "s", "ful", "fully", "less", "lessly", "ly", "ness", "ment", "r", "d")
        return made | {base + e for e in whole}
    if base.endswith("nt"):
        made = {base[:-1] + "ce", base[:-1] + "cy"}
        return made | {base + e for e in ("", "s", "ed", "ing", "ly", "ion", "ment", "ments")}
    ends = list(_ENDINGS)
    if base.endswith("ic"):
        ends += ["ked", "king", "ky", "ally"]
    if len(base) == 3 and base[-2] in _VOWELS:
        ends += [last + e for e in ("er", "est", "ed", "ing", "en", "ened")]
    return {base} | {base + e for e in ends}


class LeakFinder:
    """Finds forms of labels in batches of texts."""

    def __init__(self, labels: tuple[str, ...]) -> None:
        self._owners: dict[str, set[int]] = {}
        self._named: set[tuple[str, int]] = set()
        self._longest = 1
        for code, label in enumerate(labels):
            named, forms = label_words(label)
            self._named |= {(word, code) for word in named}
            self._longest = max([self._longest, *(word.count(" ") + 1 for word in forms)])
            for word in forms:
                self._owners.setdefault(word, set()).add(code)
        self._first = {word.split()[0] for word in self._owners}

    def find(
        self, words: Words, codes: Int[np.ndarray, "text"]
    ) -> tuple[Bool[np.ndarray, "text"], Bool[np.ndarray, "text"], Bool[np.ndarray, "text"]]:
        """Per text: names its own label, uses any form of it, uses a form of any label."""
        named, derived, anyone = (np.zeros(len(codes), bool) for _ in range(3))
        may = np.array([name in self._first for name in words.names], bool)
        hits = np.flatnonzero(may[words.ids])
        for at, text in zip(hits.tolist(), words.text_of(hits).tolist(), strict=True):
            end = min(at + self._longest, int(words.offsets[text + 1]))
            run = [words.names[i] for i in words.ids[at:end]]
            for length in range(1, len(run) + 1):
                form = " ".join(run[:length])
                owners = self._owners.get(form)
                if owners is None:
                    continue
                code = int(codes[text])
                anyone[text] = True
                derived[text] |= code in owners
                named[text] |= (form, code) in self._named
        return named, derived, anyone
