"""Named groups of emotions: basic ones, those that matter for alignment, the paper's ten clusters.

In: the labels a set of vectors has. Out: groups of them. The clusters' names and members are those
of Sofroniew et al. 2026, "Emotion Concepts and their Function in a Large Language Model"
(arXiv 2604.07729): k-means, k = 10, over 171 emotion words. The other groups are our own choice of
words and no finding. Knows no vectors.
"""

from collections.abc import Iterable, Sequence


def _table(groups: dict[str, str]) -> dict[str, tuple[str, ...]]:
    return {name: tuple(words.split(", ")) for name, words in groups.items()}


BASIC = _table(
    {
        "fear": (
            "fear, afraid, alarmed, anxious, frightened, horrified, nervous, panicked, "
            "panicky, scared, terrified, uneasy, unnerved, worried, paranoid"
        ),
        "anger": (
            "anger, angry, annoyance, annoyed, enraged, exasperated, frustrated, furious, "
            "hateful, hostile, indignant, infuriated, irate, irritated, mad, outraged, "
            "resentful"
        ),
        "sadness": (
            "sadness, sad, depressed, despair, despairing, gloomy, grief, grief-stricken, "
            "heartbroken, hopeless, lonely, melancholy, miserable, mournful, sorrowful, "
            "unhappy, disappointed, disappointment"
        ),
        "disgust": (
            "disgust, disgusted, appalled, contemptuous, disdainful, nauseated, repulsed, "
            "revolted, scornful"
        ),
        "surprise": (
            "surprise, surprised, amazed, amazement, astonished, awestruck, dumbstruck, "
            "shocked, startled, stunned"
        ),
        "joy": (
            "joy, joyful, blissful, cheerful, delighted, ecstatic, elated, euphoric, "
            "excited, exuberant, happy, jubilant, overjoyed, pleased, thrilled"
        ),
        "guilt": "guilt, guilty, regretful, remorse, remorseful, contrite, repentant",
        "shame": (
            "shame, ashamed, embarrassed, embarrassment, humiliated, mortified, self-conscious"
        ),
    }
)
"""By everyday words for them; adjectives and the nouns that some datasets use."""
ALIGNMENT = _table(
    {
        "alignment-relevant": (
            "desperate, hostile, spiteful, vengeful, vindictive, paranoid, defiant, "
            "resentful, contemptuous, guilty, ashamed, afraid, nervous, trapped, loving, "
            "eager, calm"
        ),
    }
)
"""States under which a model may act against its user, and a few of their opposites."""
CLUSTERS = _table(
    {
        "Exuberant Joy": (
            "blissful, cheerful, delighted, eager, ecstatic, elated, energized, "
            "enthusiastic, euphoric, excited, exuberant, happy, invigorated, joyful, "
            "jubilant, optimistic, pleased, stimulated, thrilled, vibrant"
        ),
        "Peaceful Contentment": (
            "at ease, calm, content, patient, peaceful, refreshed, relaxed, safe, serene"
        ),
        "Compassionate Gratitude": (
            "compassionate, empathetic, fulfilled, grateful, hope, hopeful, inspired, kind, "
            "loving, rejuvenated, relieved, satisfied, sentimental, sympathetic, thankful"
        ),
        "Competitive Pride": (
            "greedy, proud, self-confident, smug, spiteful, triumphant, valiant, vengeful, "
            "vindictive"
        ),
        "Playful Amusement": "amused, playful",
        "Depleted Disengagement": (
            "bored, depressed, docile, droopy, indifferent, lazy, listless, resigned, "
            "restless, sleepy, sluggish, sullen, tired, weary, worn out"
        ),
        "Vigilant Suspicion": "paranoid, suspicious, vigilant",
        "Hostile Anger": (
            "angry, annoyed, contemptuous, defiant, disdainful, enraged, exasperated, "
            "frustrated, furious, grumpy, hateful, hostile, impatient, indignant, insulted, "
            "irate, irritated, mad, obstinate, offended, outraged, resentful, scornful, "
            "skeptical, stubborn"
        ),
        "Fear and Overwhelm": (
            "afraid, alarmed, alert, amazed, anxious, aroused, astonished, awestruck, "
            "bewildered, disgusted, disoriented, distressed, disturbed, dumbstruck, "
            "embarrassed, frightened, horrified, hysterical, mortified, mystified, nervous, "
            "on edge, overwhelmed, panicked, perplexed, puzzled, rattled, scared, self-"
            "conscious, sensitive, shaken, shocked, stressed, surprised, tense, terrified, "
            "uneasy, unnerved, unsettled, upset, worried"
        ),
        "Despair and Shame": (
            "ashamed, bitter, brooding, dependent, desperate, dispirited, envious, gloomy, "
            "grief-stricken, guilty, heartbroken, humiliated, hurt, infatuated, jealous, "
            "lonely, melancholy, miserable, nostalgic, reflective, regretful, remorseful, "
            "sad, self-critical, sorry, stuck, tormented, trapped, troubled, unhappy, "
            "vulnerable, worthless"
        ),
    }
)
"""The ten clusters of the 2026 paper."""
GROUPS: dict[str, tuple[str, ...]] = BASIC | ALIGNMENT | CLUSTERS


def present(labels: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The groups that have a member among the labels, each with those members."""
    known = {label.casefold(): label for label in labels}
    found = {
        name: tuple(known[word] for word in words if word in known)
        for name, words in GROUPS.items()
    }
    return {name: members for name, members in found.items() if members}


def name_of(chosen: Sequence[str], labels: Iterable[str]) -> str:
    """The group's name where the choice is exactly a group's members, else the emotions."""
    wanted = set(chosen)
    if len(wanted) > 1:
        for name, members in present(labels).items():
            if set(members) == wanted:
                return f"{name} ({len(members)})"
    if len(chosen) > 4:
        return f"{', '.join(chosen[:3])} and {len(chosen) - 3} more"
    return ", ".join(chosen)
