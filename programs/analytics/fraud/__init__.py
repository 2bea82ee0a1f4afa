"""Referral fraud: heuristics that explain themselves, added as log-odds, gathered into cases.

A case is a proposal to a person (hold, review, release), never a ban.
Start at ``review.review``; each heuristic is declared in ``catalogue`` with its known false positives.
"""
