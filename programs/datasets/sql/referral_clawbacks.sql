-- Payouts before as_of of referrals whose order was returned in full before as_of, and that were not taken back in full.
SELECT p.payout_id, p.referral_id, p.paid_at, r.undone_at, CAST(p.amount AS DECIMAL(18, 4)) AS amount
FROM referral_payouts p JOIN referrals r USING (referral_id)
WHERE coalesce(p.status, 'paid') IN ('paid', 'released') AND NOT p.undone AND p.amount > 0
    AND p.paid_at < CAST($as_of AS TIMESTAMPTZ) AND r.undone_at < CAST($as_of AS TIMESTAMPTZ)
ORDER BY p.paid_at, p.payout_id
