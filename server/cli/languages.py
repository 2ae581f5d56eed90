"""The option --language of commands whose output customers read, and the words of their tables in Chinese.

English is the word itself; what has no word here is shown as it is.
"""

# ruff: noqa: RUF001 - Chinese sentences have Chinese punctuation
from __future__ import annotations

from typing import Annotated, Final, Literal

from cyclopts import Parameter

Language = Annotated[Literal["en", "zh"], Parameter(name="--language", help="Language.")]
DUNNING_RUN: Final = "dunning run"  # headed "run" in English, as bill runs are; in Chinese they have words of their own
_ENGLISH: Final = {DUNNING_RUN: "run", "write off reversal": "write off undone"}
_CHINESE: Final = {
    "number": "单据号", "account": "账户", "from": "起始日", "to": "截止日", "issued on": "出账日期", "due on": "付款期限", "total": "总额",
    "open": "未付", "currency": "币种", "state": "状态", "date": "日期", "what": "类型", "document": "单据", "text": "说明",
    "debit": "借方", "credit": "贷方", "balance": "余额", "open now": "当前未付", "part": "分期", "opening balance": "期初余额",
    "closing balance": "期末余额", "invoice": "账单", "opening": "期初单据", "credit note": "贷项通知单", "void": "作废", "payment": "收款",
    "release": "押金抵扣", "refund": "退款", "reversal": "退票", "chargeback": "拒付", "chargeback won": "拒付撤销", "write off": "核销",
    "write off reversal": "核销撤销",
    "time": "时间", "subscription": "订购", "with": "对方号码", "line": "项目", "quantity": "用量", "free": "其中免费",
    "unit": "单位", "charge": "费用", "records": "记录数", "charges": "费用合计", "amount": "金额", "s": "秒", "message": "条",
    "messages": "条", "purchase": "次", "purchases": "次", "by": "经办人",
    "source": "来源", "start (UTC)": "开始时间（UTC）", "days old": "天数", "worth": "估值", "run": "出账批次", "reason": "原因",
    "no.": "编号", "decision": "决定", "decided (UTC)": "决定时间（UTC）", "agreed by": "复核人", "why": "理由", "credited by": "冲减单据",
    "of": "决定人", "taken back (UTC)": "撤回时间（UTC）", "action": "措施", "level before": "原级别", "level": "级别",
    "oldest due on": "最早付款期限", "past due": "逾期金额", "policy": "催缴政策", "undone": "撤销", "remind": "提醒",
    "bar outgoing": "限制呼出", "clear": "恢复正常", DUNNING_RUN: "催缴批次",
    "credit invoice": "贷项账单", "agreed to by": "复核人", "record": "记录", "key": "键", "period": "账期", "events": "次数",
}  # fmt: skip


def word(text: str, language: str) -> str:
    """A word of a table in a language."""
    return (_CHINESE if language == "zh" else _ENGLISH).get(text, text)


def document(kind: str, total_micros: int, language: str = "en") -> str:
    """The word for a kind of document or entry. An invoice to the customer's credit is called as on its own page."""
    return word("credit invoice" if kind == "invoice" and total_micros < 0 else kind.replace("_", " "), language)


def words(texts: tuple[str, ...], language: str) -> tuple[str, ...]:
    """Words of a table in a language."""
    return tuple(word(text, language) for text in texts)
