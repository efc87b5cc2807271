"""The kinds of change that are known: their words, their aims, what they are in general."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Effort = Literal["low", "medium", "high"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """A kind of change.

    ``words`` say what is changed; ``hints`` only how or where, and count where nothing else does.
    ``aims`` are what it is usually done for. ``pattern`` is the idea in general, and ``things`` are
    what a removal takes away. ``reduces``: to take something away is the very idea.
    """

    name: str
    words: str
    hints: str = ""
    effort: Effort
    pattern: str
    things: str
    aims: tuple[str, ...]
    reduces: bool = False


CATEGORIES = (
    Category(
        name="pricing",
        words=r"pric(?:e|es|ed|ing)|discount\w*|coupons?|vouchers?|promo codes?|cheap\w*"
        r"|subscription tiers?|(?:annual|yearly|monthly) (?:plan|billing)|free trials?|surcharges?"
        r"|bundles?|fees?|instal?lments?",
        hints=r"plans?|tiers?|costs?|sav(?:e|es|ings?)|packages?|deposits?",
        effort="high",
        pattern="show the price and what it saves earlier and more plainly",
        things="price offers and discounts",
        aims=(
            "more revenue from each customer",
            "customers choose a larger or longer plan",
            "larger orders",
        ),
    ),
    Category(
        name="checkout",
        words=r"checkouts?|carts?|baskets?|payments?|pay(?:ing)?|one-click|guest orders?"
        r"|(?:order|pay|buy|book)(?:ing)? as (?:a )?guests?|wallets?|card (?:form|number|details)",
        hints=r"orders?|buy|purchas\w+|shipping|cards?|bookings?",
        effort="high",
        pattern="take a step out of the checkout",
        things="steps of the checkout",
        aims=(
            "more visitors who put something into the basket complete the purchase",
            "fewer abandoned checkouts",
            "make payment quick and simple",
        ),
        reduces=True,
    ),
    Category(
        name="onboarding",
        words=r"onboard\w*|sign(?:ing)?-?(?: )?(?:up|in)s?|log-?ins?|regist(?:er|ers|ration)\w*"
        r"|welcome|tutorials?|(?:guided|product) tours?|first (?:run|steps?|session|login)"
        r"|walk-?throughs?|empty states?|checklists?",
        hints=r"accounts?|passwords?|new (?:users?|members?|customers?|accounts?)|start\w*|setup"
        r"|trials?",
        effort="medium",
        pattern="ask for less before the first success",
        things="steps before the first success",
        aims=(
            "more visitors create an account",
            "new users reach the point where the product is useful to them",
        ),
        reduces=True,
    ),
    Category(
        name="form",
        words=r"forms?|fields?|inputs?|auto-?(?:fill|complete)(?:d|s)? (?:the )?address\w*"
        r"|questionnaires?|drop-?downs?|postcodes?|zip codes?",
        hints=r"typ(?:e|ed|ing) in|required|optional|ask(?:s|ed)? for|phone numbers?"
        r"|telephone numbers?|validat\w+|address(?:es)?|fill(?:s|ed)? in",
        effort="low",
        pattern="ask for fewer fields",
        things="fields of the form",
        aims=(
            "more visitors complete and send the form",
            "fewer mistakes and less typing in forms",
        ),
        reduces=True,
    ),
    Category(
        name="social_proof",
        words=r"reviews?|testimonials?|ratings?|social proof|(?:trust|security) (?:badge|seal)s?"
        r"|badges?|seals?|case stud(?:y|ies)|customer (?:logo|quote|stor)\w*|logos of"
        r"|(?:customers?|users?|people|guests?) sa(?:y|id)|stars?",
        hints=r"trust\w*|logos?|quotes?|popular|stories",
        effort="low",
        pattern="show what other customers say next to the decision",
        things="reviews, logos and badges",
        aims=(
            "visitors trust the company and its products",
            "convince people who hesitate",
        ),
    ),
    Category(
        name="urgency",
        words=r"urgen\w*|countdowns?|scarc\w*|limited|(?:left )?in stock|stock left"
        r"|(?:only|last) (?:\w+ )?(?:left|few)|hurry|expir\w+|timers?|selling (?:fast|out)"
        r"|deadlines?",
        hints=r"ends? (?:soon|today|tonight)|stock|seats? left|rooms? left|now",
        effort="low",
        pattern="say plainly what is limited, and only where it is true",
        things="countdowns and warnings of scarcity",
        aims=("customers decide now instead of later", "sell what is in short supply"),
    ),
    Category(
        name="recommendation",
        words=r"recommend\w*|personali[sz]\w*|related (?:articles?|items?|products?|content|posts?)"
        r"|bought together|similar (?:items?|products?|articles?)|for you|cross-?sell\w*"
        r"|up-?sell\w*|(?:watch|read|bought|viewed|listened to) before|next (?:up|episode)"
        r"|playlists?",
        hints=r"rank\w*|algorithms?|suggest\w*|order(?:ed)? by|taste|history|relevant",
        effort="high",
        pattern="order what is offered by the user's own behaviour",
        things="suggestions",
        aims=(
            "people discover more items that suit them",
            "users look at more content in a session",
            "customers add further products to an order",
        ),
    ),
    Category(
        name="search",
        words=r"search(?:es|ed|ing|er)?|quer(?:y|ies)|filters?|filtering|facets?|autocomplet\w*"
        r"|typos?|typing mistakes?|misspel\w*|synonyms?|sort(?:ed|ing) (?:of |by )",
        hints=r"results?|find\w*|relevance",
        effort="medium",
        pattern="make the search forgive and finish queries",
        things="filters and options of the search",
        aims=("people find what they search for", "fewer searches without results"),
    ),
    Category(
        name="messaging",
        words=r"e-?mails?|mails?|mailing|newsletters?|push|notifications?|sms|subject lines?"
        r"|reminders?|text messages?|in-?app messages?|whatsapp|digests?",
        hints=r"messages?|sends?|sent|letters?",
        effort="low",
        pattern="send at the moment of need, about one thing",
        things="messages",
        aims=(
            "inactive users return",
            "people respond to emails and notifications",
            "fewer people unsubscribe from messages",
        ),
    ),
    Category(
        name="performance",
        words=r"latency|speed\w*|faster|slower|load(?:ing)? times?|performance|cach(?:e|ed|ing)"
        r"|prefetch\w*|preload\w*|lazy\w*|compress\w*|milliseconds?"
        r"|seconds? (?:faster|sooner|earlier)"
        r"|skeleton screens?|cdn",
        hints=r"load(?:s|ed|ing)?|waits?|quick(?:er|ly)?|server",
        effort="high",
        pattern="make the first useful paint faster",
        things="what is loaded before it is needed",
        aims=("pages and apps load fast", "fewer visitors leave while waiting"),
        reduces=True,
    ),
    Category(
        name="navigation",
        words=r"navigat\w+|menus?|tabs?|tab bars?|headers?|footers?|sidebars?|breadcrumbs?"
        r"|hamburger|site ?map",
        hints=r"sections?|links?|categories|sub-?categories",
        effort="medium",
        pattern="put the most used destination one tap away",
        things="entries of the navigation",
        aims=(
            "users find their way around the site or app",
            "more use of sections that are hard to reach",
        ),
    ),
    Category(
        name="retention",
        words=r"cancel\w*|churn\w*|renew\w*|win-?backs?|loyalty|(?:usage|activity) reports?"
        r"|retention|pause\w*|streaks?|unsubscrib\w+|points",
        hints=r"subscribers?|members?|keep\w*|stay\w*|report",
        effort="medium",
        pattern="show subscribers what they gained, and offer a pause before an end",
        things="what holds customers back from leaving",
        aims=("fewer cancellations", "subscribers renew and stay customers for longer"),
    ),
    Category(
        name="referral",
        words=r"referr?al\w*|refer|invit\w+|friends?|word of mouth|share (?:buttons?|links?)"
        r"|affiliates?",
        hints=r"shar(?:e|es|ed|ing)|rewards?|credit",
        effort="medium",
        pattern="reward both sides when a customer brings a friend",
        things="invitations to share",
        aims=("customers bring in their friends", "more invitations sent"),
    ),
    Category(
        name="support",
        words=r"chats?|chatbots?|faqs?|help (?:articles?|cent(?:er|re)s?|pages?)|support"
        r"|call-?backs?|hotlines?|live agents?",
        hints=r"help|questions?|contact|assistants?",
        effort="medium",
        pattern="answer the commonest question where it comes up",
        things="ways to get help",
        aims=("fewer questions to customer service", "customers get help quickly"),
    ),
    Category(
        name="copy",
        words=r"cop(?:y|ies)|headlines?|wording|titles?|labels?|cta|call to action|taglines?"
        r"|slogans?|button texts?|descriptions?|(?:delivery|return) (?:date|policy|promise)"
        r"|free returns?|(?:in|with) plain (?:words|language)|says?|wrote|written"
        r"|promis\w+|named|names the",
        hints=r"texts?|words?|messages?|line|sentences?|explain\w*|guarantee\w*",
        effort="low",
        pattern="say the benefit in the reader's words",
        things="text",
        aims=("visitors understand the offer and its benefit", "answer doubts and objections"),
    ),
    Category(
        name="layout",
        words=r"layouts?|redesign\w*|banners?|hero|images?|pictures?|photos?|videos?|colou?rs?"
        r"|grids?|sticky|white ?space|fonts?|icons?|carousels?|galler(?:y|ies)|above the fold",
        hints=r"designs?|buttons?|pages?|landing|gates?|visible|larger|smaller|bigger|top|place"
        r"|screens?|scroll\w*",
        effort="medium",
        pattern="give the main action the first place on the page",
        things="elements of the page",
        aims=(
            "the main action is seen and clicked",
            "pages work well on small screens",
            "product pages show the product better",
        ),
    ),
)
BY_NAME = {category.name: category for category in CATEGORIES}
