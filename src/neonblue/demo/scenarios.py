"""What is true in the demo world: one scenario an experiment, past tests with their outcomes."""

from dataclasses import dataclass
from typing import Literal

Truth = Literal["win", "loss", "null", "broken", "running"]
Fault = Literal["none", "lost_on_old_sdk"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One experiment of the demo world and what is true of it.

    ``lift`` is the true relative lift of the purchase rate, ``ticket_lift`` that of the rate of
    support tickets. ``began_days_ago`` and ``lasts_days`` place the traffic in time.
    """

    experiment_id: str
    name: str
    treatment_name: str
    description: str
    hypothesis: str
    truth: Truth
    units: int
    began_days_ago: int
    lasts_days: int
    baseline: float
    lift: float
    ticket_lift: float = 0.0
    fault: Fault = "none"
    planned_sample_size: int
    status: Literal["running", "stopped"]


SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        experiment_id="checkout_one_page",
        name="One-page checkout",
        treatment_name="one page",
        description="All checkout steps on a single page instead of three.",
        hypothesis="Fewer steps lose fewer buyers, so more visitors purchase.",
        truth="win",
        units=30_000,
        began_days_ago=16,
        lasts_days=16,
        baseline=0.12,
        lift=0.22,
        planned_sample_size=30_000,
        status="running",
    ),
    Scenario(
        experiment_id="forced_signup",
        name="Sign-up before browsing",
        treatment_name="sign-up first",
        description="Visitors must create an account before they see prices.",
        hypothesis="Accounts make people come back, so purchases rise.",
        truth="loss",
        units=24_000,
        began_days_ago=12,
        lasts_days=12,
        baseline=0.12,
        lift=-0.25,
        ticket_lift=0.6,
        planned_sample_size=40_000,
        status="running",
    ),
    Scenario(
        experiment_id="footer_colour",
        name="Darker footer",
        treatment_name="dark blue",
        description="The footer in dark blue instead of grey.",
        hypothesis="A calmer footer keeps attention on the products.",
        truth="null",
        units=44_000,
        began_days_ago=35,
        lasts_days=20,
        baseline=0.12,
        lift=0.0,
        planned_sample_size=44_000,
        status="stopped",
    ),
    Scenario(
        experiment_id="search_suggestions",
        name="Search suggestions",
        treatment_name="suggestions",
        description="Suggestions appear while the visitor types a query.",
        hypothesis="Suggestions shorten the way to a product, so purchases rise.",
        truth="broken",
        units=24_000,
        began_days_ago=14,
        lasts_days=14,
        baseline=0.12,
        lift=0.03,
        fault="lost_on_old_sdk",
        planned_sample_size=40_000,
        status="running",
    ),
    Scenario(
        experiment_id="free_returns_banner",
        name="Free returns banner",
        treatment_name="banner",
        description="A banner on product pages says that returns are free.",
        hypothesis="Less risk for the buyer, so more visitors purchase.",
        truth="running",
        units=9_000,
        began_days_ago=5,
        lasts_days=5,
        baseline=0.12,
        lift=0.05,
        planned_sample_size=40_000,
        status="running",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PastTest:
    """A finished test of the organisation: its text, its outcome as n and purchases, its end."""

    experiment_id: str
    name: str
    description: str
    hypothesis: str
    control_units: int
    control_purchases: int
    treatment_units: int
    treatment_purchases: int
    ended_days_ago: int


# theme: (what was changed, why it should help, the spread of true lifts around a centre)
THEMES: dict[str, tuple[tuple[str, ...], str, float]] = {
    "checkout": (
        (
            "Guest checkout without an account",
            "Express payment buttons at the top of checkout",
            "Address autocomplete in the checkout form",
            "Progress bar over the checkout steps",
            "Fewer form fields at checkout",
        ),
        "Less effort at checkout loses fewer buyers.",
        0.05,
    ),
    "trust": (
        (
            "Customer reviews beside the price",
            "Security badges next to the pay button",
            "Delivery date promised on the product page",
            "Money-back guarantee in the cart",
        ),
        "People buy when they trust the shop.",
        0.025,
    ),
    "pressure": (
        (
            "Countdown timer on offers",
            "Only-three-left message on product pages",
            "Pop-up that asks visitors to sign up",
            "Exit pop-up with a discount code",
        ),
        "Urgency makes visitors decide sooner.",
        -0.03,
    ),
    "cosmetic": (
        (
            "Rounded buttons instead of square ones",
            "New typeface in headings",
            "Larger logo in the header",
            "Icons in the navigation bar",
            "Lighter background on listings",
        ),
        "A fresher look invites people to stay.",
        0.0,
    ),
    "search": (
        (
            "Search field in the centre of the header",
            "Typo tolerance in product search",
            "Filters remembered between visits",
            "Search results ranked by popularity",
        ),
        "Finding the product sooner means buying more often.",
        0.03,
    ),
}
