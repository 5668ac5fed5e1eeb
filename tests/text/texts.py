"""Texts that tokenizers disagree about: more than forty scripts, marks, joiners, controls, and random mixes of them."""
import random
import unicodedata

SCRIPTS = {
    "Latin": "The quick brown fox jumps over the lazy dog; naïve café, Straße, Łódź, İstanbul", "Greek": "Ξεσκεπάζω την ψυχοφθόρα βδελυγμία ΟΔΥΣΣΕΥΣ",
    "Cyrillic": "Съешь же ещё этих мягких французских булок", "Armenian": "Բոլոր մարդիկ ծնվում են ազատ։", "Hebrew": "כל בני האדם נולדו בְּנֵי חוֹרִין",
    "Arabic": "يولد جميع الناس أحرارًا متساوين ١٢٣", "Syriac": "ܟܠ ܒܪܢܫܐ ܒܪܝܠܗ", "Thaana": "ހުރިހާ އިންސާނުން", "NKo": "ߤߊߘߌ߲ߞߏ ߟߎ߬", "Devanagari": "सभी मनुष्यों को गौरव क़ख़",
    "Bengali": "সমস্ত মানুষ স্বাধীনভাবে ড়ঢ়", "Gurmukhi": "ਸਾਰਾ ਮਨੁੱਖੀ ਪਰਿਵਾਰ", "Gujarati": "પ્રતિષ્ઠા અને અધિકારોની", "Oriya": "ସମସ୍ତ ମଣିଷ ଜନ୍ମକାଳରୁ", "Tamil": "மனிதப் பிறிவியினர் சகலரும்",
    "Telugu": "ప్రతిపత్తిస్వత్వముల", "Kannada": "ಎಲ್ಲಾ ಮಾನವರೂ ಸ್ವತಂತ್ರರಾಗಿ", "Malayalam": "മനുഷ്യരെല്ലാവരും തുല്യാവകാശ", "Sinhala": "සියලු මනුෂ්‍යයෝ නිදහස්ව", "Thai": "มนุษย์ทั้งหลายเกิดมามีอิสระ",
    "Lao": "ມະນຸດທຸກຄົນເກີດມາ", "Tibetan": "འགྲོ་བ་མིའི་རིགས་རྒྱུད་", "Myanmar": "လူတိုင်းသည် တူညီလွတ်လပ်သော", "Georgian": "ყველა ადამიანი იბადება ᲗᲐᲕᲘᲡᲣᲤᲐᲚᲘ", "Hangul": "모든 인간은 태어날 때부터 한글",
    "Ethiopic": "የሰው ልጅ ሁሉ ሲወለድ", "Cherokee": "ᏂᎦᏓ ᎠᏂᏴᏫ ꭰꮒ", "Canadian": "ᐃᓅᔪᓕᒫᑦ ᐊᓂᖅᑎᕆᔪᓕᒫᑦ", "Ogham": "᚛ᚋᚐᚊᚔ᚜", "Runic": "ᚠᚢᚦᚨᚱᚲ", "Khmer": "មនុស្សទាំងអស់ កើតមក", "Mongolian": "ᠬᠦᠮᠦᠨ ᠪᠦᠷ",
    "Hiragana": "すべての人間は、がぎぐ", "Katakana": "スベテノニンゲン ﾊﾞﾋﾟ ー", "Bopomofo": "ㄅㄆㄇㄈ", "Han": "人人生而自由，在尊严和权利上一律平等。﨑豈更", "Yi": "ꊿꂷꃅꄿꐨꐥ", "Tifinagh": "ⵉⵎⴷⴰⵏⵏ", "Coptic": "ⲣⲱⲙⲉ ⲛⲓⲙ",
    "Glagolitic": "ⰰⰱⰲⰳ", "Gothic": "𐌰𐌱𐌲𐌳", "Deseret": "𐐀𐐁𐐨𐐩", "Javanese": "ꦱꦧꦼꦤ꧀", "Balinese": "ᬲᬓ᭄ᬯᬾᬄ", "Tagalog": "ᜊᜌ᜔", "Cuneiform": "𒀀𒀁𒀂", "Adlam": "𞤀𞤁𞤢𞤣", "Egyptian": "𓀀𓀁𓀂",
    "Math": "𝐀𝒜𝔸 ∑∫√ x² ½ Ⅷ ①", "Emoji": "👩‍👩‍👧‍👦 🇩🇪🇫🇷 👍🏽 ❤️ 🏴󠁧󠁢󠁥󠁮󠁧󠁿", "Code": "for (int i = 0; i < n; ++i) {\n\tx[i] += '\\n'; // don't\n}\r\n",
}
PIECES = ["'s", "'S", "n't", "don't", " ", "  ", "   ", "\n", "\r\n", "\r", "\t", "\u00a0", "\u3000", "\u0085", "\u2028", "\u2029", "\u180e", "\u200b", "\u200d", "\u200e", "\u1680",
          "\u205f", "\ufeff", "1", "12", "1234567", "²", "½", "Ⅷ", "①", "٣", "०", "a", "Z", "é", "e\u0301", "q\u0323\u0307", "q\u0307\u0323", "ß", "ſ", "İ", "K", "Å", "ﬁ", "ﬁ\u0301", "漢", "한국", "각",
          "ा", "\u0300", "\u20dd", "👩\u200d👩", "_", "-", "...", "!?", "$", "+", "<=", "|", "~", "`", "^", "§", "“", "。", "\u0000", "\x0b", "\x1f", "\x7f", "\x8f", "\u00ad", "ª", "ⓐ", "ǅ", "ʰ", "@",
          "#", "▁", "▁▁", "Ġ", "<0x41>", "<s>", "</s>", "[UNK]", "[CLS]", "##a", "\uFFFD", "\uE000", "\u0344", "\u0958", "\u1100\u1161\u11a8", "http://a.b/c?d=e", "https", "The", " the", "and"]


def random_character(rng, newest):
    """One that this Unicode version has: the parts of a reference carry data of different ages."""
    while True:
        code = rng.choice([rng.randint(0, 0x24F), rng.randint(0x250, 0x2FFF), rng.randint(0x3000, 0xD7FF), rng.randint(0x10000, 0x1FFFF)])
        if newest == "any" or unicodedata.ucd_3_2_0.category(chr(code)) != "Cn":
            return chr(code)


def random_text(rng, newest="3.2"):
    out = []
    for _ in range(rng.randint(1, 18)):
        kind = rng.random()
        if kind < 0.5:
            out.append(rng.choice(PIECES))
        elif kind < 0.65:
            out.append(random_character(rng, newest))
        elif kind < 0.85:
            words = rng.choice(list(SCRIPTS.values()))
            begin = rng.randrange(len(words))
            out.append(words[begin:begin + rng.randint(1, 12)])
        else:
            out.append("".join(rng.choice("etaoin shrdlu  ") for _ in range(rng.randint(1, 12))))
    return "".join(out)


def texts(count, seed, newest="3.2"):
    rng = random.Random(seed)
    return [*SCRIPTS.values(), "", " ", *[random_text(rng, newest) for _ in range(count)]]
