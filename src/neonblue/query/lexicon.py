"""Words of questions and what they ask for. Names of things come from the catalogue instead."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from neonblue.query.sql_functions import words

FILLERS = words(
    """
    a an the of in on at to for from with and or is are was were be been do did does has have had
    i we our you your me my it its they their them there this that these those what which who whom
    how much many when where show tell give list display find get see know want need please can
    could would should let any all some each every per by as so far into over out up about during
    within across between overall altogether together currently right just only also than then s
    re ve d t made make makes making come came comes coming happen happened occurred occur place
    took take taken recorded seen ones one whose such like yes hey now break breakdown split
    splits down grouped group sorted ranked rank compute calculate report figure figures data look
    looks got going go most recent latest still already ever being up-to-date entire whole full
    period time times back somebody something someone anybody anyone anything everyone everybody
    open opened placed submit submitted file filed create created log bring brings brought
    generate generates generated produce produces produced amount amounts size sizes differ
    differs vary varies desk sort kind type onwards moment inside through via among amongst
    saw sees seeing but whether raised combined single
    typically normally generally commonly actually really basically roughly approximately simply
    exactly precisely obviously apparently literally honestly quickly maybe perhaps probably kindly
    definitely certainly essentially effectively specifically possibly ideally hopefully
    i'm i'd i'll i've we're we've he she his her him us ourselves isnt im ive whats hows theres
    keen curious wondering wonder wondered interested trying looking hoping able possible
    onto toward towards amid etc eg ie off outta inform mate guys vs. ok okay hi hey hello sorry
    thanks thank cheers
    dealt table attributable due ta pls plz asap fyi btw well anyway altogether whatsoever
    daytime said say tells told using against rolled arrived arrive arriving landed poured received
    receive reached raise raises usually altogether
    """
)
LIGHT_VERBS = words(
    """
    open raise log file submit place make get receive see have record bring generate produce create
    happen occur come arrive land pull fetch grab dig show tell give share send provide offer list
    display print pop throw put work check look know learn find hear understand figure count tally
    add compute calculate run draw plot chart graph break split slice group sort
    register process complete finish enter do go take want need like love deal handle
    """
)


def forms(verb: str) -> frozenset[str]:
    """A verb as grammar inflects it, where that is regular."""
    base = verb.removesuffix("e")
    double = verb + verb[-1]
    return frozenset(
        {verb, f"{verb}s", f"{verb}es", f"{base}ed", f"{base}ing", f"{double}ed", f"{double}ing"}
    )


FILLERS |= frozenset(form for verb in LIGHT_VERBS for form in forms(verb))
MEASURES: Mapping[str, frozenset[str]] = {
    "count": words("number count counts volume quantity often times tally occurrences many"),
    "users": words(
        "user users visitor visitors people persons customers customer shoppers shopper unit units"
        " unique distinct different individuals participants buyers buyer purchasers accounts"
        " owners owner folks folk clients client"
    ),
    "sum": words(
        "revenue turnover sales income earnings proceeds gmv sum total money takings earned worth"
        " spent spending spend earn cash grossed gross value"
    ),
    "average": words("average mean avg typical aov averaged ticket_size"),
    "median": words("median medians"),
    "rate": words(
        "rate rates converting converter converters share shares percentage percent proportion"
        " conversion conversions fraction"
        " convert converted converts likelihood probability chance ratio odds portion likely"
    ),
}
OF_VALUES = frozenset({"sum", "average", "median", "largest", "smallest", "per_user"})
"""Measures of what events carry."""
MONEY = MEASURES["sum"] - {"sum", "total"}
BUYERS = words("buyers buyer purchasers")
GRAINS: Mapping[str, frozenset[str]] = {
    "hour": words("hourly hour hours"),
    "day": words("daily day days date dates"),
    "week": words("weekly week weeks"),
    "month": words("monthly month months"),
}
TREND = words(
    "series trend trends evolve evolved evolution develop developed development course timeline"
)
COMPARING = words(
    "compare compared comparison versus vs change changed growth grow grew difference previous"
    " preceding before increase decrease rise fall rose fell up_from prior earlier opposed than"
)
HIGHEST = words(
    "top most highest busiest peak largest biggest best greatest maximum max leading strongest"
    " popular major"
)
LOWEST = words(
    "bottom least lowest slowest quietest smallest fewest worst minimum min weakest poorest rarest"
)
EXPERIMENT_WORDS = words("experiment experiments test tests trial trials ab split-tests abtests")
STANDINGS: Mapping[str, frozenset[str]] = {
    "running": words("running active live ongoing underway progress open current"),
    "finished": words("finished completed concluded done over past closed complete"),
    "ended": words("ended stopped end stop finish concluded"),
    "started": words("started launched began start begin launch kicked"),
    "won": words(
        "won winners winner winning win successful success succeeded improved worked positive"
        " increased raised boosted helped"
    ),
    "lost": words(
        "lost losers loser losing lose failed failures failure hurt harmed negative worse damaged"
        " decreased flopped backfired"
    ),
}
LIFT = words(
    "lift lifts uplift impact effect effects gain improvement result results outcome outcomes"
)
VALIDITY = words(
    "can't cannot"
    " broken invalid trust trustworthy wrong unhealthy faulty problem problems issue issues valid"
    " validity reliable untrustworthy mismatch srm unreliable suspicious flawed quality bad believe"
    " sick bugs bug buggy healthy health sanity sane legit mismatches imbalance imbalanced skewed"
    " unbalanced compromised corrupt corrupted"
)
SIMILAR = words("similar resemble resembles resembling alike comparable akin related analogous")
RECOMMEND = words(
    "recommend recommendation recommendations suggest suggestion suggestions advise advice optimise"
    " optimize strategies strategy ideas idea propose"
)
GENERIC = words(
    "optimization optimisation optimizations improvement improvements strategy strategies approach"
    " signals signal cues cue tactics tactic techniques technique methods method tricks trick"
    " elements element features"
    " feature things thing ones stuff changes work topic area kind past earlier previous prior"
    " older old former page flow process"
)
LEARNT = words(
    "taught teach teaches teachings takeaways takeaway know known learn learnt learned learning"
    " learnings lesson lessons insight insights findings"
)
SEGMENTS = words("segment segments audience audiences cohort cohorts groups group kinds kind types")
RESPONDED = words(
    "respond responded responds react reacted reacts benefit benefited benefitted benefits profited"
    " gained liked"
)
NOWADAYS = words("currently now going today")
FUNNEL = words(
    "funnel dropoff drop-off drop drops abandon abandoned proceed continue reach reached"
)
EFFECT = words(
    "doing performing perform going verdict status significant effect lift work working ship launch"
    " release adopt kill killing keep keeping continue continuing scrap bin ditch thing call decide"
    " decision ready safe good bad better worse idea worth matter matters pull stop stopping"
    " changing change changed switching making adding verdict outcome conclusive yet far along"
)
EVENT_WORDS: Mapping[str, frozenset[str]] = {
    "purchase": words(
        "buy buys bought buying purchased purchases purchasing purchase order orders ordered sold"
        " checkout checkouts sale transaction transactions paid pay"
    ),
    "exposure": words("exposed exposures exposure enrolled entered enter assigned bucketed joined"),
    "ticket": words(
        "ticket tickets complaint complaints complained complain support help helpdesk requests"
        " contacted"
    ),
    "view": words("view views viewed viewing visit visits visited pageview pageviews"),
    "click": words("click clicks clicked clicking tap taps tapped"),
    "signup": words("signup signups registration registrations registered register subscribed"),
    "cart": words("cart basket bag"),
    "search": words("search searches searched searching queries query"),
    "refund": words("refund refunds refunded return returns returned"),
}
EVENTS_IN_GENERAL = words("event events actions action activity activities interactions")
PLACES: Mapping[str, str] = {
    "germany": "DE", "german": "DE", "germans": "DE", "britain": "GB", "british": "GB",
    "uk": "GB", "england": "GB", "kingdom": "GB", "usa": "US", "america": "US", "american": "US",
    "americans": "US", "states": "US", "india": "IN", "indian": "IN", "france": "FR",
    "french": "FR", "spain": "ES", "italy": "IT", "canada": "CA", "brazil": "BR", "japan": "JP",
    "china": "CN", "australia": "AU", "netherlands": "NL", "sweden": "SE", "poland": "PL",
    "mexico": "MX", "switzerland": "CH", "austria": "AT",
}  # fmt: skip
PLACE_FILLERS = words("united great")
VALUE_WORDS: Mapping[str, frozenset[str]] = {
    "mobile": words("mobile mobiles phone phones smartphone smartphones handset handsets"),
    "desktop": words("desktop desktops computer computers laptop laptops pc pcs"),
    "tablet": words("tablet tablets ipad ipads"),
}
PROPERTY_WORDS: Mapping[str, frozenset[str]] = {
    "country": words("country countries nation nations market markets region geography"),
    "device": words("device devices platform platforms hardware"),
    "browser": words("browser browsers"),
    "sdk_version": words("sdk sdks version versions"),
}


@cache
def every_word() -> frozenset[str]:
    """All words that mean something of their own here."""
    found: set[str] = set()
    for group in globals().values():
        if isinstance(group, frozenset):
            found |= group
        elif isinstance(group, dict):
            found |= {word for of in group.values() if isinstance(of, frozenset) for word in of}
    return frozenset(found)
