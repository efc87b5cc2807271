"""The words that a model's sentence may be made of, besides those of its evidence.

The list is closed: a word that is neither here nor in the evidence takes its sentence with it. So
another language, an invented name or cause, and "tanked" for a rise need no rules of their own.
"""

from __future__ import annotations

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


PLAIN = _words(
    """
    a an the this that these those its their his her it they there here which who whose what as at
    by for from in into of on onto over per to up with within across among between during since
    until through and or while whereas but also then than is are was were be been being has have
    had does did do shows show showed shown see sees seen found finds find gives give gave given
    has it's comes came come goes went stands stood ranges range ranged spans reached records
    record recorded counts count counted made makes make took takes take had having saw
    experiment experiments test tests variant variants metric metrics primary
    secondary guardrail event events user users visitor visitors unit units customer customers
    people group groups segment segments row rows result results outcome outcomes figure figures
    value values total totals number numbers share shares rate rates percentage percent per-cent
    average averages mean sum period periods day days week weeks month months hour hours date
    dates time times year years question answer evidence data past similar alike related closest
    nearest near close about around roughly approximately nearly almost exactly some
    interval confidence credible lower upper bound bounds limit limits estimate estimated
    observed measured measure measures compared comparison against versus before after later
    earlier previous following same other others another each respectively
    relative absolute difference differences effect effects lift lifts change changes changed
    impact decision verdict reason reasons check checks status industry type kind category
    listed named called under below above further more most less least fewer fewest highest
    lowest largest smallest biggest top bottom higher lower larger smaller greater
    tested tried ran run started ended looked look note overall together taken followed
    came tied with without both
    january february march april may june july august september october november december
    monday tuesday wednesday thursday friday saturday sunday utc
    """
) - _words("both respectively some nearly almost without below above under")
UP = _words(
    """
    rose rise rises rising risen increase increased increases increasing gain gained gains gaining
    grew grow grows growth grown up raised raise raises higher more greater larger positive
    climbed climb above lifted boosted exceeded added
    """
)
DOWN = _words(
    """
    fell fall falls falling fallen decrease decreased decreases decreasing drop dropped drops
    dropping declined decline declines declining down lowered lower less fewer smaller negative
    reduced reduce reduces reduction below shrank cut lost-ground
    """
)
GOOD = _words("improved improve improves improvement better helped outperformed beat beats")
BAD = _words("worse worsened harmed hurt underperformed worsening")
MOST = _words("most highest largest biggest top")
LEAST = _words("least lowest smallest fewest bottom")
NEVER = _words(
    """
    zero one two three four five six seven eight nine ten eleven twelve dozen hundred thousand
    million billion half third quarter tenth double doubled doubles doubling triple tripled twice
    thrice twofold tenfold all every everyone everybody none nobody always only each majority
    because cause
    caused causes causing due thanks therefore hence should must recommend recommended suggest
    suggests advise likely probably surely certainly guaranteed proves will would could
    """
)
"""Not even where the evidence has them: figures in words, universal claims, causes and advice."""
NEGATIONS = _words("not no never neither nor without cannot didn't isn't wasn't doesn't aren't")
NEUTRAL_DIRECTIONS = _words("up lower upper improvement gain gains change added")
"""Also nouns and particles: the lower bound, added up; they speak of a direction with others."""
CLAIMS: tuple[frozenset[str], ...] = (
    _words("significant significantly conclusive conclusively proven real"),
    _words("ship shipped ships"),
    _words("launch launched"),
    _words("rollout"),
    _words("rollback"),
    _words("reverted revert"),
    _words("won win wins winner winners winning success successful succeeded"),
    _words("lost lose loser losers failed failure failures unsuccessful"),
    _words("inconclusive flat neutral unclear"),
    _words("broken invalid mismatch untrusted unreliable"),
    _words("trusted trustworthy valid reliable healthy"),
    _words("running ongoing active"),
    _words("stopped finished concluded completed"),
)
CLAIM_WORDS = frozenset().union(*CLAIMS)
LEXICON = (PLAIN | UP | DOWN | GOOD | BAD | MOST | LEAST | NEGATIONS | CLAIM_WORDS) - NEVER
WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")


def words_of(text: str) -> list[str]:
    """Words in lower case, without digits and underscores."""
    return [word.casefold().replace("’", "'") for word in WORD.findall(text)]
