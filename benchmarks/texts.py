"""What the generated traces say: sentences of players of several games, in their languages and scripts.

Of the placeholders `{a}` to `{c}` are cards of the hand, `{n}` and `{m}` small numbers.
"""

from __future__ import annotations

from typing import NamedTuple


class Game(NamedTuple):
    """How one game's traces are worded. `deck` is what a card's name begins with, then what it ends in."""

    name: str
    source: str
    deck: tuple[str, str]
    prompt: str
    steps: tuple[str, ...]
    answer: str
    kinds: tuple[str, ...]
    results: tuple[str, ...]


GAMES = (
    Game(
        "gin_rummy",
        "ungar",
        ("A 2 3 4 5 6 7 8 9 T J Q K", "S H D C"),
        "Gin Rummy: You are player {n}. * is a joker.\nYour hand: {hand}\nTop of the discard pile: {c}\n"
        "Legal moves: draw stock, draw discard, discard {a}, discard {b}\nWhat do you do?",
        (
            "I hold {a} and {b}, which leaves {n} points of deadwood if the hand ends now.",
            "A run through {a} needs two more cards, and {m} of those that would help are still unseen.",
            "Taking {c} from the pile tells my opponent what I collect.",
            "If I keep {b}, I can knock in about {n} turns.",
            "Discarding {a} is safe: two of its rank lie in the pile already.",
            "Neither {b} nor {c} fits a meld, so the higher of them should go first.",
            "The stock has {m} cards left, so there is time for one more draw.",
            "Their last discard suggests that they're not after {c}.",
            "Legal moves: four.",
            "{a} stays in my hand.",
            "Seen so far: {n} cards.",
            "{c} is still out.",
        ),
        "discard {a}",
        ("observation", "deadwood", "opponent", "decision"),
        ("win", "loss", "unfinished"),
    ),
    Game(
        "mini_spades",
        "ungar",
        ("A K Q J 10 9 8 7", "♠ ♥ ♦ ♣"),
        "Mini Spades: You are player {n}. Spades (♠) are trump, the ace is low.\nYour hand: {hand}\n"
        "Current trick: {a}\nLegal moves: {b}, {c}\nWhat do you do?",
        (
            "{a} was led, so I must follow suit if I can; {b} is the only card that does.",
            "♠ has been broken: a trump of mine would take this trick unless {c} is still out.",
            "My partner bid {n} and has {m} tricks so far, we need one more.",
            "Playing {b} now keeps {c} for the last round — that is worth more than this trick.",
            "Of the eight ♥ cards {m} are gone, so {a} is likely to hold.",
            "I'd rather lose with {b} than waste {c} on a trick that is lost anyway.",
            "The left player has shown no ♦, and would ruff a diamond lead.",
            "♠ is trump.",
            "I hold {b} and {c}.",
            "{m} cards are left.",
            "{a} leads.",
        ),
        "{b}",
        ("legal_moves", "trick", "history", "plan", "decision"),
        ("win", "loss", "tie"),
    ),
    Game(
        "skat",
        "tournament",
        ("♣ ♠ ♥ ♦", "7 8 9 10 Bube Dame König Ass"),
        "Skat: Du bist Alleinspieler, Pik ist Trumpf.\nDeine Hand: {hand}\nIm Stich liegt: {a}\nErlaubt: {b}, {c}\n"
        "Was spielst du?",
        (
            "Ich übernehme den Stich mit {b}, er zählt {n} Augen für mich.",
            "Die Gegner haben schon {m} Augen; für Schneider fehlt nicht mehr viel.",
            "{c} müsste noch draußen sein, also wäre {a} ein zu großes Risiko.",
            "Wenn Mittelhand blank ist, fällt {b} beim nächsten Anspiel.",
            "Ein Trumpf zurückzuhalten heißt, am Ende über die Länge zu gewinnen.",
            "Auf {a} würde ich abwerfen, weil dort nur {n} Augen liegen.",
            "Die Zwei-Farben-Prüfung ergibt: höchstens {m} Karten können mich noch schlagen.",
            "Pik ist Trumpf.",
            "{a} liegt.",
            "Noch {m} Karten.",
            "Ich habe {b}.",
        ),
        "{b} ausspielen",
        ("beobachtung", "zählen", "gegner", "entscheidung"),
        ("gewonnen", "verloren"),
    ),
    Game(
        "belote",
        "tournament",
        ("7 8 9 10 Valet Dame Roi As", "♠ ♥ ♦ ♣"),
        "Belote : vous êtes en {n}ᵉ position, l'atout est ♥.\nVotre main : {hand}\nPli en cours : {a}\n"
        "Coups autorisés : {b}, {c}\nQue jouez-vous ?",
        (
            "Le pli vaut déjà {n} points ; il serait dommage de le laisser à l'équipe adverse.",
            "Mon partenaire a défaussé {c}, ce qui indique qu'il n'a plus de trèfle.",
            "Je dois monter à l'atout si je le peux, donc {b} est forcé.",
            "Il reste {m} atouts dehors : mieux vaut les faire tomber dès maintenant.",
            "Garder {a} pour le dix de der rapporterait dix points de plus à la fin.",
            "À ce stade, {c} n'est plus maître : l'as a été coupé au tour précédent.",
            "Où est le neuf ? Probablement à gauche, vu l'enchère élevée.",
            "L'atout est ♥.",
            "J'ai {b}.",
            "Reste {m} plis.",
            "{a} est tombé.",
        ),
        "jouer {b}",
        ("règles", "comptage", "déduction", "décision"),
        ("win", "loss", "litige"),
    ),
    Game(
        "dou_dizhu",
        "arena",
        ("3 4 5 6 7 8 9 10 J Q K A 2", "♠ ♥ ♣ ♦"),
        "斗地主:你是地主,轮到你出牌。\n你的手牌:{hand}\n上家打出:{a}\n可以出:{b}、{c},或者不出\n你怎么办?",
        (
            "我手里还有 {n} 张牌,先把 {a} 打出去比较安全。",
            "农民可能留着炸弹,所以 {b} 暂时不要拆开。",
            "上家出了 {c},说明他的小牌已经不多了。",
            "如果下家不要,我就能接着走顺子,只剩 {m} 手牌。",
            "王炸还没有出现,控制权不一定在我这边。",
            "先出单张 {a} 试探,看看谁会用大牌来压。",
            "记牌:{b} 已经出过 {n} 张,外面最多还有 {m} 张。",
            "我有 {a}。",
            "还剩 {n} 张。",
            "{c} 更大。",
        ),
        "出 {a}",
        ("观察", "记牌", "推理", "决定"),
        ("win", "loss"),
    ),
    Game(
        "holdem",
        "arena",
        ("A K Q J T 9 8 7 6 5 4 3 2", "♠ ♥ ♦ ♣"),
        "🂡 Heads-up Hold'em: you act {n}. from the button.\nYour cards: {hand}\nBoard: {a} {b} {c}\n"
        "Legal moves: fold, call {n}, raise {m}\nWhat do you do?",
        (
            "With {a} on the board I have top pair and {m} outs to improve 🙂",
            "The pot lays me better than {n} to 1, and I need only {m} to 1 for the call.",
            "He bet small on the flop and big on the turn: a made hand, or a naïve bluff 🤔",
            "{b} completes the flush draw, which was the obvious danger here ⚠️",
            "Folding gives up {n} chips that are in the middle already — they're sunk cost.",
            "If I raise, hands like {c} will fold and only better ones call.",
            "Position helps: I see one more card for free whenever he checks ✅",
            "I have {a} {b}.",
            "Outs: {m}.",
            "Pot odds: {n} to 1.",
            "He checks 🙂",
        ),
        "raise {m}",
        ("observation", "odds", "read", "decision"),
        ("win", "loss", "tie", "folded"),
    ),
)
