"""The policy: what people decide beforehand, read from one YAML file with every mistake reported in one go."""

from service.policy.effective import effective
from service.policy.limits import BatchRule, Budget, Cap, Planned, Quota, TierRule
from service.policy.loading import load
from service.policy.mistakes import Mistake, PolicyError
from service.policy.model import Detection, NamedDetector, Pauses, Policy, dump, parse_dumped
from service.policy.periods import Period
from service.policy.pricing import Currency, ModelPrice, OperationPrice, Prices
from service.policy.reports import Report as ReportEntry
from service.policy.schema import policy_schema
from service.policy.scopes import ALL, KINDS, Match, ScopePattern, matches
from service.policy.secret_references import secret_warnings
from service.policy.telling import (
    ConsoleReceiver,
    JiraReceiver,
    Owner,
    OwnerJira,
    Receiver,
    Route,
    SlackReceiver,
    Source,
    WebhookReceiver,
)

__all__ = [
    "ALL",
    "KINDS",
    "BatchRule",
    "Budget",
    "Cap",
    "ConsoleReceiver",
    "Currency",
    "Detection",
    "JiraReceiver",
    "Match",
    "Mistake",
    "ModelPrice",
    "NamedDetector",
    "OperationPrice",
    "Owner",
    "OwnerJira",
    "Pauses",
    "Period",
    "Planned",
    "Policy",
    "PolicyError",
    "Prices",
    "Quota",
    "Receiver",
    "ReportEntry",
    "Route",
    "ScopePattern",
    "SlackReceiver",
    "Source",
    "TierRule",
    "WebhookReceiver",
    "dump",
    "effective",
    "load",
    "matches",
    "parse_dumped",
    "policy_schema",
    "secret_warnings",
]
