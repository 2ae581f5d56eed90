"""`ratewright quote --compare`: a customer's real month on every plan, cheapest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rating.errors import UserError
from rating.money import RoundingMode, minor_step_micros, round_exact
from tariffs.currencies import MINOR_DIGITS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.what_if.all_plans import Comparison, Offer
    from server.cli.homes import Place

TERMS: Final = ("volume", "discount", "commitment")  # columns where any plan has one
_WORDS: Final[dict[str, dict[str | bool | None, str]]] = {
    "en": {
        "of": "{0} in {1}: {2} on {3}",
        "amounts": "Amounts in {0} for the calendar month; the tax column says if they hold tax. Fees, usage and terms are rounded half\n"
        "up, as lines of a bill are, and totals and differences are of these. A bill rounds each line. --json is exact, as the order is.",
        "left out": "Left out: {0}.",
        "plan": "plan",
        "title": "title",
        "total": "total",
        "fees": "fees",
        "usage": "usage",
        "volume": "volume tiers",
        "discount": "discounts",
        "commitment": "commitments",
        "tax": "tax",
        False: "without tax",
        True: "with tax",
        None: "some with tax",
        "apart": "not comparable: {0}",
        "against now": "against now",
        "events without a price": "events without a price",
        "as it is": "as it is",
        "now": "now",
        "last": "plans that leave events without a price which have one now are last, at any cost",
    },
    "zh": {
        "of": "{0} 在 {1}:{2},套餐 {3}",
        "amounts": "金额单位 {0},按自然月计算;是否含税见“税”一栏。各项金额按账单行的方式四舍五入,合计与差额由所示金额算出;\n"
        "账单对每一行分别舍入;--json 为精确值,排序以其为准。",
        "left out": "未计入:{0}。",
        "plan": "套餐",
        "title": "名称",
        "total": "合计",
        "fees": "月费等",
        "usage": "使用费",
        "volume": "阶梯总量价",
        "discount": "折扣",
        "commitment": "保底消费补足",
        "tax": "税",
        False: "不含税",
        True: "含税",
        None: "部分含税",
        "apart": "不可比:{0}",
        "against now": "与现状相差",
        "events without a price": "无价格的事件",
        "as it is": "现状",
        "now": "现用",
        "last": "会使目前有价格的事件失去价格的套餐,无论费用多少都排在最后",
    },
}
_REMEDY = "such as ratewright quote --compare --account A000001 --period 2026-10"


def compare(account: str | None, period: str | None, plans: str, subscription: str, at: Place, language: str, *, as_json: bool) -> int:
    """Compare and print."""
    from billing.what_if import all_plans, month
    from server.cli import output
    from server.cli.done import done_at

    if account is None or period is None:
        raise UserError(f"--compare needs {'--account' if account is None else '--period'}", _REMEDY, exit_status=2)
    of_month = month.parse(period)
    _, found = done_at(
        at,
        lambda home: all_plans.compare(home, account, of_month, identity=plans, subscription_id=subscription),
        lambda service: service.prices.compare(account, of_month, plans, subscription),
    )
    if as_json:
        output.print_json(found)
    else:
        _show(found, language)
    return 0


def _show(found: Comparison, language: str) -> None:
    from server.cli import output
    from server.cli.pages.what_if import not_included

    words = _WORDS[language]
    print(words["of"].format(found.account_id, found.month, ", ".join(found.subscriptions), ", ".join(found.plans_now)))
    print(words["amounts"].format(found.currency))
    print(words["left out"].format(not_included(found.not_included, language)))
    terms = [name for name in TERMS if any(getattr(each, f"{name}_micros") for each in (found.now, *found.offers))]
    every = ((words["as it is"], found.now), *((each.plan, each) for each in found.offers))
    rows = [_row(name, each, found, language, terms) for name, each in every]
    head = tuple(
        words[name] for name in ("plan", "title", "tax", "total", "fees", "usage", *terms, "against now", "events without a price")
    )
    output.print_table(head, rows, right=head[3:-1])
    if any(each.lost_events for each in found.offers):
        print(words["last"])


def _shown(offer: Offer, currency: str) -> dict[str, int]:
    """Amounts of a month by part, each rounded to the smallest coin."""
    step = minor_step_micros(MINOR_DIGITS.get(currency, 2))
    return {part: round_exact(getattr(offer, f"{part}_micros"), step, RoundingMode.HALF_UP) for part in ("fee", "usage", *TERMS)}


def _row(name: str, offer: Offer, found: Comparison, language: str, terms: Sequence[str]) -> tuple[str, ...]:
    from server.cli import output

    def amount(micros: int) -> str:
        return output.amount(micros, found.currency)

    shown = _shown(offer, found.currency)
    title = offer.title.get(language) or offer.title.get("en", "")
    own = f" ({_WORDS[language]['now']})" if offer.plan in found.plans_now else ""
    against = sum(shown.values()) - sum(_shown(found.now, found.currency).values())
    refused = ", ".join(f"{count} {status}" for status, count in sorted(offer.without_price.items()))
    parts = (sum(shown.values()), *(shown[part] for part in ("fee", "usage", *terms)))
    words = _WORDS[language]
    kind = words[offer.tax_inclusive]
    difference = f"{'+' if against > 0 else ''}{amount(against)}" if offer.comparable else words["apart"].format(kind)
    return (f"{name}{own}", title, kind, *map(amount, parts), difference, refused)
