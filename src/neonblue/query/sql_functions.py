"""Functions that raw SQL may call; what is not listed is refused, whatever it does."""

from __future__ import annotations


def words(text: str) -> frozenset[str]:
    """The words of a list, in lower case."""
    return frozenset(text.lower().split())


AGGREGATES = words(
    """
    count sum avg min max any anylast anyheavy argmin argmax uniq uniqexact uniqcombined
    uniqcombined64 uniqhll12 quantile quantiles quantileexact quantilesexact quantiletdigest
    quantilestdigest quantiledeterministic median medianexact stddevpop stddevsamp stddev_pop
    stddev_samp stddevpopstable stddevsampstable varpop varsamp var_pop var_samp varpopstable
    varsampstable covarpop covarsamp covar_pop covar_samp corr corrstable skewpop skewsamp
    kurtpop kurtsamp entropy grouparray groupuniqarray topk topkweighted summap minmap maxmap
    sumkahan sumwithoverflow avgweighted groupbitand groupbitor groupbitxor histogram
    windowfunnel retention sequencematch sequencecount first_value last_value
    first_value_respect_nulls last_value_respect_nulls boundingratio deltasum deltasumtimestamp
    simplelinearregression rankcorr mannwhitneyutest studentttest welchttest meanztest cramersv
    contingency bool_and bool_or exponentialmovingaverage
    """
)
COMBINATORS = ("if", "distinct", "ornull", "ordefault", "array")
WINDOWS = words("""
    row_number rank dense_rank percent_rank cume_dist ntile nth_value lag lead laginframe
    leadinframe
    """)
SCALARS = words("""
    plus minus multiply divide intdiv intdivorzero modulo negate abs sign gcd lcm least greatest
    round roundbankers floor ceil ceiling trunc truncate sqrt cbrt exp exp2 exp10 ln log log2 log10
    log1p expm1 pow power sin cos tan asin acos atan atan2 pi e erf erfc degrees radians hypot
    rounddown roundtoexp2 width_bucket widthbucket isnan isfinite isinfinite ifnotfinite bitand
    bitor bitxor bitnot bitshiftleft bitshiftright bitcount
    equals notequals less greater lessorequals greaterorequals and or not xor if multiif case
    casewithoutexpression casewithexpression coalesce ifnull nullif assumenotnull
    tonullable isnull isnotnull iszeroornull isnotdistinctfrom in notin globalin globalnotin exists
    between like ilike notlike notilike match
    toint8 toint16 toint32 toint64 touint8 touint16 touint32 touint64 tofloat32 tofloat64
    toint64ornull toint64orzero toint32ornull toint32orzero touint64ornull touint64orzero
    touint32ornull touint32orzero touint8ornull touint8orzero tofloat64ornull tofloat64orzero
    tofloat32ornull tofloat32orzero todecimal32 todecimal64 todecimal64ornull tostring
    tofixedstring tobool cast accuratecast accuratecastornull accuratecastordefault totypename
    todate todate32 todateornull todatetime todatetime64 todatetimeornull todateorzero
    todatetimeorzero todatetime64ornull date timestamp parsedatetime parsedatetimebesteffort
    parsedatetimebesteffortornull parsedatetimebesteffortorzero parsedatetime64besteffort
    parsedatetime64besteffortornull todatetimeorzero now now64 today yesterday current_timestamp
    current_date curdate utctimestamp totimezone timezoneof tounixtimestamp
    tounixtimestamp64milli tounixtimestamp64micro fromunixtimestamp fromunixtimestamp64milli
    toyear toquarter tomonth todayofyear todayofmonth todayofweek tohour tominute tosecond
    tomillisecond toisoweek toisoyear toweek toyearweek year quarter month week day dayofmonth
    dayofweek dayofyear hour minute second tostartofyear tostartofisoyear tostartofquarter
    tostartofmonth tostartofweek tostartofday tostartofhour tostartofminute tostartofsecond
    tostartoffiveminutes tostartoffiveminute tostartoftenminutes tostartoffifteenminutes
    tostartofinterval tolastdayofmonth tomonday totime toyyyymm toyyyymmdd toyyyymmddhhmmss
    date_trunc datetrunc datediff date_diff timestampdiff timestamp_diff dateadd date_add datesub
    date_sub timestampadd timestamp_add timestampsub timestamp_sub age addseconds addminutes
    addhours adddays addweeks addmonths addquarters addyears subtractseconds subtractminutes
    subtracthours subtractdays subtractweeks subtractmonths subtractquarters subtractyears
    tointervalsecond tointervalminute tointervalhour tointervalday tointervalweek tointervalmonth
    tointervalquarter tointervalyear interval formatdatetime monthname datename extract
    timeslot timeslots
    length empty notempty lower upper lowerutf8 upperutf8 lcase ucase reverse reverseutf8 concat
    concatwithseparator concat_ws substring substringutf8 substr mid left right leftutf8 rightutf8
    trim ltrim rtrim trimboth trimleft trimright position positioncaseinsensitive locate
    startswith endswith replace replaceone replaceall replaceregexpone replaceregexpall splitbychar
    splitbystring splitbyregexp extractall countsubstrings multisearchany multisearchfirstindex
    multisearchfirstposition char_length character_length lengthutf8 leftpad rightpad lpad rpad
    initcap ascii space domain domainwithoutwww protocol path pathfull querystring
    extracturlparameter cuttofirstsignificantsubdomain cutquerystring decodeurlcomponent
    formatreadablesize formatreadablequantity formatreadabletimedelta ngramdistance
    ngramsearch levenshteindistance editdistance tostringcuttozero format
    tuple tupleelement array arrayelement arrayelementornull arrayconcat arraydistinct arrayuniq
    arraysort arrayreversesort arrayreverse arrayslice arrayjoin arraymap arrayfilter arraycount
    arraysum arrayavg arraymin arraymax arrayexists arrayall arrayfirst arraylast arrayfirstindex
    arraylastindex arrayenumerate arrayenumerateuniq arrayzip arrayflatten arrayintersect
    arraycompact arraydifference arraycumsum arraypushback arraypushfront arraypopback
    arraypopfront arraystringconcat arrayproduct arrayreduce has hasall hasany hassubstr indexof
    countequal lambda map mapkeys mapvalues mapcontains mapcontainskey mapfilter mapapply mapadd
    mapfromarrays
    jsonextract jsonextractstring jsonextractint jsonextractuint jsonextractfloat jsonextractbool
    jsonextractkeys jsonextractraw jsonextractarrayraw jsonhas jsonlength json_value
    simplejsonextractstring simplejsonextractfloat simplejsonextractint visitparamextractstring
    cityhash64 siphash64 xxhash64 hex transform runningdifference neighbor
    grouping bar toboolornull
    """) - {"arrayreduce"}
"""``arrayReduce`` takes the name of a function as a text, which no list can see."""

KEYWORDS_BEFORE_PARENTHESES = words(
    """
    in and or not on using over as from join where having by sets when then else select distinct
    all any between like ilike union except intersect array with case interval prewhere exists
    limit offset order group cross left right inner outer full semi anti asof qualify end is filter
    within partition rows range offset rollup cube global grouping
    """
) | {"("}

ALLOWED = AGGREGATES | WINDOWS | SCALARS


def is_allowed(function: str) -> bool:
    """Whether a function, written in any case, is on the list; combinators of aggregates too."""
    name = function.lower()
    return name in ALLOWED or _combined(name)


def _combined(name: str) -> bool:
    for combinator in COMBINATORS:
        if name.endswith(combinator):
            stem = name.removesuffix(combinator)
            if stem in AGGREGATES or _combined(stem):
                return True
    return False
