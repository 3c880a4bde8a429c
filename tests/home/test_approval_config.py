"""The rules of four eyes as an operator writes them."""

import pytest
from regulator.exchange.v1.notice_pb2 import NoticeContent
from regulator.exchange.v1.notice_service_pb2 import Notice
from regulator.exchange.v1.values_pb2 import Handling, Sector

from gateway.errors import ConfigError
from gateway.home.config import Config
from gateway.supervision.approval import ActKind, ApprovalRule

NODE = """
[node]
jurisdiction = "HK"
domain = "gateway.hk.example"
display_name = "Hong Kong"
authorities = ["SFC"]
[back_office]
listen = "127.0.0.1:7401"
[peer]
listen = "127.0.0.1:7402"
"""
RULE = "[[four_eyes.rules]]\n"


def rules(text: str) -> tuple[ApprovalRule, ...]:
    return Config.parse(NODE + text).four_eyes.approval_rules()


def test_without_rules_nothing_needs_approval():
    assert rules("") == ()
    assert Config.parse(NODE).four_eyes.draft_days == 30


def test_a_rule_says_what_it_covers_in_the_words_of_the_files():
    text = """
name = "sensitive"
acts = ["create_notice", "assess"]
kinds = ["incident"]
handling = "AMBER_STRICT"
urgency = "immediate"
sectors = ["custody"]
"""
    assert rules(RULE + text) == (
        ApprovalRule(
            "sensitive",
            frozenset({ActKind.CREATE_NOTICE, ActKind.ASSESS}),
            frozenset({Notice.INCIDENT}),
            Handling.AMBER_STRICT,
            NoticeContent.IMMEDIATE,
            frozenset({Sector.SECTOR_CUSTODY}),
        ),
    )


def test_rules_stay_in_their_order_and_what_is_left_out_asks_nothing():
    assert rules(f'{RULE}name = "b"\n{RULE}name = "a"\n') == (ApprovalRule("b"), ApprovalRule("a"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "four_eyes.rules.0.name: "),
        ('name = "Upper"', "four_eyes.rules.0.name: "),
        ('name = "a"\nacts = ["acknowledge"]', "four_eyes.rules.0.acts.0: "),
        ('name = "a"\nkinds = ["rumour"]', "four_eyes.rules.0.kinds.0: must be one of licensing_action, "),
        ('name = "a"\nhandling = "PURPLE"', "four_eyes.rules.0.handling: must be one of clear, "),
        ('name = "a"\nurgency = 3', "four_eyes.rules.0.urgency: must be one of routine, "),
        ('name = "a"\nsectors = ["banking"]', "four_eyes.rules.0.sectors.0: must be one of exchange, "),
        ('name = "a"\ntlp = "red"', "four_eyes.rules.0.tlp: "),
        ('name = "a"\nacts = ["assess"]\nkinds = ["incident"]', "four_eyes.rules.0: never asks for anything"),
        (f'name = "a"\n{RULE}name = "a"', "four_eyes: each rule needs a name of its own"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_what_would_be_right(text, told):
    with pytest.raises(ConfigError) as refused:
        rules(RULE + text)
    assert refused.value.message.startswith(told)


@pytest.mark.parametrize("days", [0, 367, -1])
def test_drafts_live_a_day_to_a_year(days):
    with pytest.raises(ConfigError, match=r"four_eyes\.draft_days"):
        rules(f"[four_eyes]\ndraft_days = {days}")
