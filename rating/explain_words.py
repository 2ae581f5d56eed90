"""The words of an explanation, in English and Chinese. Fields in braces are filled by `rating.explain`."""

# ruff: noqa: RUF001 - Chinese sentences have Chinese punctuation
from __future__ import annotations

from typing import Final, NamedTuple

from rating.model import ANY_BAND, OTHER_BAND, Service
from rating.money import RoundingMode
from rating.status import Status


class Words(NamedTuple):
    """Every sentence of one language."""

    event: str
    malformed: str
    nowhere: str
    service: dict[int, str]
    tariff: str
    zone: str
    any_zone: str
    price: str
    no_price: str
    comma: str
    refused: str
    status: dict[Status, str]
    no_usage: str
    bands: dict[str, str]  # those that tariffs do not name themselves
    rounding_modes: dict[RoundingMode, str]
    pieces: str
    piece: str
    free: str
    allowance: str
    sum: str
    minimum: str
    maximum: str
    applied: str
    not_applied: str
    rounding: str
    charge: str
    seconds: str
    bytes: str
    message: str
    messages: str


_ENGLISH: Final = Words(
    event="{service} to {destination}, {start}, {quantity}",
    malformed="a malformed number",
    nowhere="no destination",
    service={Service.VOICE: "call", Service.SMS: "SMS", Service.MMS: "MMS", Service.DATA: "data", Service.CONTENT: "content"},
    tariff="tariff {o.identity} version {o.version} ({hash}), plan {o.event.plan}",
    zone="zone {o.zone} by prefix {o.prefix}",
    any_zone="any zone",
    price="price {o.price} ({o.price_id})",
    no_price="deliberately without price",
    comma=", ",
    refused="refused, {name}: {why}",
    status={
        Status.RATED: "charged",
        Status.ZERO_RATED: "nothing to charge",
        Status.UNKNOWN_SUBSCRIPTION: "no subscription owns the served number at the start",
        Status.UNKNOWN_PLAN: "the plan is in no published catalogue",
        Status.NEGATIVE_QUANTITY: "the quantity is below zero",
        Status.TIME_OUT_OF_RANGE: "the start is not between 2000 and 2070",
        Status.INVALID_NUMBER: "the destination is not a number of 1 to 15 digits",
        Status.NO_VERSION: "no version of the catalogue with this plan is in force at the start",
        Status.NO_ZONE: "the plan has no price for this destination",
        Status.NOT_SOLD: "the plan does not sell this on purpose",
        Status.QUANTITY_TOO_LARGE: "the quantity is above the limit of one event",
    },
    no_usage="no usage to price",
    bands={},
    rounding_modes={},
    pieces="pieces:",
    piece="  {begin} to {end}: band {band}, step {step}, {increments} x {increment}{free}, at {rate} per {per} = {amount}",
    free=", of which {} free",
    allowance="allowance {name}: {before} before, {drawn} drawn, {after} left",
    sum="pieces {pieces} + connect fee {fee} = {sum}",
    minimum="minimum {amount}: {applied}",
    maximum="maximum {amount}: {applied}",
    applied="applied",
    not_applied="not applied",
    rounding="rounded once, {mode} to {step}: {before} -> {after}",
    charge="charge: {currency} {amount}",
    seconds="{} s",
    bytes="{} B",
    message="{} message",
    messages="{} messages",
)
_CHINESE: Final = Words(
    event="{service}，对方{destination}，{start}，{quantity}",
    malformed="号码格式错误",
    nowhere="无号码",
    service={Service.VOICE: "通话", Service.SMS: "短信", Service.MMS: "彩信", Service.DATA: "数据流量", Service.CONTENT: "增值内容"},
    tariff="资费 {o.identity} 第 {o.version} 版（{hash}），套餐 {o.event.plan}",
    zone="区域 {o.zone}（号码前缀 {o.prefix}）",
    any_zone="任意区域",
    price="价格 {o.price}（{o.price_id}）",
    no_price="有意不定价",
    comma="，",
    refused="未计费，{name}：{why}",
    status={
        Status.RATED: "已计费",
        Status.ZERO_RATED: "费用为零",
        Status.UNKNOWN_SUBSCRIPTION: "开始时刻没有订购关系对应该号码",
        Status.UNKNOWN_PLAN: "已发布的资费目录中没有该套餐",
        Status.NEGATIVE_QUANTITY: "用量为负数",
        Status.TIME_OUT_OF_RANGE: "开始时刻不在 2000 年至 2070 年之间",
        Status.INVALID_NUMBER: "对方号码不是 1 至 15 位数字",
        Status.NO_VERSION: "开始时刻没有含该套餐的资费版本生效",
        Status.NO_ZONE: "该套餐对此目的地没有价格",
        Status.NOT_SOLD: "该套餐有意不提供此项业务",
        Status.QUANTITY_TOO_LARGE: "用量超过单次事件上限",
    },
    no_usage="没有可计价的用量",
    bands={ANY_BAND: "全天", OTHER_BAND: "其他"},
    rounding_modes={
        RoundingMode.HALF_UP: "四舍五入",
        RoundingMode.HALF_EVEN: "四舍六入五成双",
        RoundingMode.UP: "向上进位",
        RoundingMode.DOWN: "向下舍去",
    },
    pieces="分段：",
    piece="  {begin} 至 {end}：时段 {band}，第 {step} 阶梯，{increments} × {increment}{free}，费率 {rate}/{per} = {amount}",
    free="，其中免费 {}",
    allowance="免费额度 {name}：使用前 {before}，本次扣减 {drawn}，剩余 {after}",
    sum="分段合计 {pieces} + 接通费 {fee} = {sum}",
    minimum="最低收费 {amount}：{applied}",
    maximum="最高收费 {amount}：{applied}",
    applied="适用",
    not_applied="不适用",
    rounding="仅舍入一次，{mode}，精确到 {step}：{before} -> {after}",
    charge="费用：{currency} {amount}",
    seconds="{} 秒",
    bytes="{} 字节",
    message="{} 条",
    messages="{} 条",
)
WORDS: Final = {"en": _ENGLISH, "zh": _CHINESE}
