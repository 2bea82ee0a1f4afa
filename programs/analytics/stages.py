"""The stages of a referral, in their order: what a funnel counts."""

from __future__ import annotations

STAGES = ("invites", "clicks", "referrals", "qualified", "pipeline", "won", "paid")
