"""Roles as data. A command declares those that it needs, and ``establish`` makes the rows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RoleDefinition:
    """A function. ``handles_money_or_law``: its decisions ask for the password again.

    ``group`` is the group of accounts that people get who are entered in it with *Set up a program*.
    """

    slug: str
    name: str
    description: str
    handles_money_or_law: bool = False
    group: str = "Operations"


_R = RoleDefinition
STANDARD = {
    role.slug: role
    for role in (
        _R("loyalty-strategist", "Loyalty Strategist", "Leads the architecture of loyalty programs"),
        _R("member-insights-analyst", "Member Insights Analyst", "Owns analysis and insights", False, "Analysts"),
        _R("loyalty-ops", "Loyalty Operations", "Runs loyalty programs day by day"),
        _R("referral-architect", "Referral Architect", "Leads the design of referral programs"),
        _R("lifecycle-ops", "Lifecycle Operations", "Drives tooling and quality checks"),
        _R("partner-ops", "Partner Operations", "Keeps partner workflows and approvals"),
        _R("partner-manager", "Partner Manager", "Coordinates partners before and after launch"),
        _R("partner-marketer", "Partner Marketer", "Takes recommendations into the next sprint"),
        _R("co-marketing-analytics-lead", "Co-marketing Analytics Lead", "Validates data and insights", False, "Analysts"),
        _R("revops", "Revenue Operations", "Keeps pipeline and revenue data"),
        _R("governance-board", "Partner Governance Board", "Settles what partners dispute", False, "Approvers"),
        _R("creative", "Creative Studio", "Produces what the channels show"),
        _R("customer-success", "Customer Success", "Supports customers, keeps FAQ and help centre"),
        _R("sales", "Sales", "Speaks to customers of a launch"),
        _R("finance", "Finance", "Signs budgets and returns", True, "Approvers"),
        _R("legal", "Legal", "Signs terms and compliance", True, "Approvers"),
        _R("exec-sponsor", "Executive Sponsor", "The last rung of every ladder", True, "Approvers"),
    )
}  # fmt: skip
"""The roles of the house's own commands, by slug."""


def standard(*slugs: str) -> tuple[RoleDefinition, ...]:
    """Those of the standard roles that a command declares. Raises KeyError for one that is not there."""
    return tuple(STANDARD[slug] for slug in slugs)


def from_slug(slug: str) -> RoleDefinition:
    """What stands for a role that a command names and does not declare: its slug as words."""
    return RoleDefinition(slug, slug.replace("-", " ").title(), "Named by a command")
