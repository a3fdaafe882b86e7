"""What the notes are made of: sentences with slots.

`{+}` takes a symptom that is present, `{-}` one that is denied; the words in square brackets deny
it. Other braces are filled from FILLERS, or with a number from NUMBERS. Nothing here but the
symptoms depends on whether the patient has flu.
"""

import re

FINDINGS = (
    # one symptom present; some of these hold "no" or "not" and deny nothing
    "Reports {+} for {time}.",
    "Complains of {+} since {day}.",
    "{+} for {time}.",
    "Came in because of {+}.",
    "{+} started {time} ago.",
    "Main complaint is {+}, worse {part}.",
    "{+} with no relief from {remedy}.",
    "{+} not settling with {remedy}.",
    "Cannot sleep because of {+}.",
    "Bothered by {+} {part}.",
    "Presents with {+} since {day}.",
    # two or three present
    "Reports {+} and {+} for {time}.",
    "{+} with {+} since {day}.",
    "Woke with {+} and {+} {time} ago.",
    "Complains of {+} together with {+}.",
    "{+}, then {+} after {time}.",
    "Presents with {+} and {+}, not better after {remedy}.",
    "Reports {+}, {+} and {+} for {time}.",
    "{+}, {+} and {+} since {day}.",
    "Presents with {+}, {+} and {+}.",
    # one denied
    "[No] {-}.",
    "[Denies] {-}.",
    "[Denies] any {-} since {day}.",
    "[Without] {-}.",
    "[No] sign of {-}.",
    "[Negative for] {-}.",
    "{-} [absent].",
    "{-} [not reported].",
    "[No] {-} at present.",
    "Has [not] noticed {-}.",
    "[Free of] {-} for {time}.",
    # two or three denied
    "[No] {-} or {-}.",
    "[Denies] {-} or {-}.",
    "[Denies] {-} and {-}.",
    "[No] {-}, [no] {-}.",
    "[Neither] {-} [nor] {-}.",
    "[Negative for] {-} and {-}.",
    "[Without] {-} or {-} since {day}.",
    "[No] {-}, {-} or {-}.",
    "[Denies] {-}, {-} and {-}.",
    # both in one sentence
    "Reports {+} but [no] {-}.",
    "{+} [without] {-}.",
    "{+} for {time}, [denies] {-}.",
    "[No] {-} but {+} since {day}.",
    "{+}, however [no] {-}.",
)
OPENINGS = (
    "{person} of {age}, seen on {weekday} {hour}.",
    "{person}, aged {age}, seen by the {staff}.",
    "{age} year old {role}.",
    "Seen at home: {person} of {age}.",
    "{person} of {age}, works as a {role}.",
    "Telephone call on {weekday} {hour}, {person} of {age}.",
)
HISTORIES = (
    "History of {condition}.",
    "Known {condition}, stable.",
    "Takes {medicine} for {condition}.",
    "No known allergies.",
    "No recent travel.",
    "Back from {place} since {day}.",
    "Never smoked.",
    "Does not smoke, no alcohol.",
    "Lives with {company}.",
    "Past surgery on the {site}.",
    "No regular medicines.",
    "Last seen {past} ago for {condition}.",
)
MEASUREMENTS = (
    "Pulse {pulse}, blood pressure {upper} over {lower}.",
    "Pulse {pulse}, regular.",
    "Blood pressure {upper} over {lower}, weight {kilos}.",
    "Weight {kilos}, no recent change.",
    "Chest clear, pulse {pulse}.",
    "Abdomen soft, blood pressure {upper} over {lower}.",
)
PLANS = (
    "Advised {remedy} and review on {weekday}.",
    "Bloods sent on {weekday}.",
    "To return in {later} if no better.",
    "Leaflet given, review in {later}.",
    "Swab taken by the {staff}.",
    "No medicine prescribed.",
    "Sick note for {later}.",
    "Will telephone on {weekday} {hour}.",
)
FILLERS = {
    "time": ("two days", "three days", "four days", "five days", "a week", "ten days", "several hours", "one night", "two weeks", "six hours"),
    "later": ("two days", "three days", "five days", "a week", "ten days", "two weeks"),
    "past": ("six months", "a year", "two years", "three months", "five years"),
    "day": ("yesterday", "last night", "this morning", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "the weekend"),
    "part": ("at night", "in the morning", "after meals", "at work", "outdoors", "when lying down"),
    "remedy": ("rest", "fluids", "paracetamol", "steam", "sleep", "warm drinks"),
    "person": ("woman", "man", "patient"),
    "role": ("teacher", "driver", "student", "cook", "gardener", "nurse", "clerk", "farmer", "carpenter", "librarian", "musician", "baker"),
    "staff": ("nurse", "doctor", "registrar", "trainee"),
    "weekday": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"),
    "hour": ("morning", "afternoon", "evening"),
    "condition": ("asthma", "hypertension", "diabetes", "migraine", "eczema", "anaemia", "gout", "arthritis", "reflux", "sinusitis"),
    "medicine": ("a tablet", "an inhaler", "a cream", "drops", "a syrup"),
    "place": ("the coast", "the mountains", "abroad", "a business trip", "a wedding", "a camp"),
    "company": ("a partner", "two children", "grandparents", "flatmates", "a dog"),
    "site": ("left knee", "right knee", "shoulder", "hip", "wrist", "ankle"),
}
NUMBERS = {"age": (18, 91), "pulse": (56, 105), "upper": (102, 150), "lower": (60, 94), "kilos": (47, 108)}
ADJECTIVES = ("mild", "severe", "persistent", "troublesome", "occasional", "new", "marked", "worsening")
ADJECTIVE = 0.35  # chance that a symptom that is present has one

_PIECE = re.compile(r"\{([^}]+)\}|\[([^\]]+)\]")


def compiled(template):
    """A sentence as pieces (kind, text): kind is text, cue, +, -, filler or number."""
    pieces, at = [], 0
    for found in _PIECE.finditer(template):
        if found.start() > at:
            pieces.append(("text", template[at : found.start()]))
        slot, cue = found.groups()
        if cue:
            pieces.append(("cue", cue))
        elif slot in "+-":
            pieces.append((slot, ""))
        else:
            pieces.append(("filler" if slot in FILLERS else "number", slot))
        at = found.end()
    if at < len(template):
        pieces.append(("text", template[at:]))
    return tuple(pieces)


def findings_by_need():
    """dict (symptoms present, symptoms denied) -> compiled sentences that take just these."""
    table = {}
    for template in FINDINGS:
        need = template.count("{+}"), template.count("{-}")
        table.setdefault(need, []).append(compiled(template))
    return {need: tuple(sentences) for need, sentences in table.items()}


def plain_words():
    """Every word, in lower case, that a sentence without its symptoms and numbers can hold."""
    sentences = FINDINGS + OPENINGS + HISTORIES + MEASUREMENTS + PLANS
    texts = [re.sub(r"\{[^}]+\}", " ", sentence) for sentence in sentences]
    texts += [text for texts in FILLERS.values() for text in texts] + list(ADJECTIVES)
    return sorted(set(re.findall(r"[a-z]+", " ".join(texts).lower())))
