-- Referrals known at as_of with what had happened to them by then, and the account their reward went to.
-- Labels stay behind: what is known of fraud must not help to find it.
WITH accounts AS (
    SELECT referral_id, min(account_hash) AS payout_hash
    FROM referral_payouts
    WHERE paid_at < CAST($as_of AS TIMESTAMPTZ)
    GROUP BY referral_id
)
SELECT
    referrals.* EXCLUDE (fraud) REPLACE (
        CASE WHEN clicked_at < CAST($as_of AS TIMESTAMPTZ) THEN clicked_at END AS clicked_at,
        CASE WHEN submitted_at < CAST($as_of AS TIMESTAMPTZ) THEN submitted_at END AS submitted_at,
        CASE WHEN won_at < CAST($as_of AS TIMESTAMPTZ) THEN won_at END AS won_at,
        CASE WHEN paid_at < CAST($as_of AS TIMESTAMPTZ) THEN paid_at END AS paid_at,
        CASE WHEN refunded_at < CAST($as_of AS TIMESTAMPTZ) THEN refunded_at END AS refunded_at
    ),
    payout_hash
FROM referrals LEFT JOIN accounts USING (referral_id)
WHERE invited_at < CAST($as_of AS TIMESTAMPTZ)
ORDER BY referral_id
