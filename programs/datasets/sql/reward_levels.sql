-- Per reward promised: invitations of [start, end), those won by as_of, their rewards and gross margin, and how
-- many different people invited.
SELECT
    reward,
    count(*) AS invites,
    count(*) FILTER (won_at < CAST($as_of AS TIMESTAMPTZ)) AS won,
    CAST(coalesce(sum(reward) FILTER (won_at < CAST($as_of AS TIMESTAMPTZ)), 0) AS DECIMAL(18, 4)) AS payout,
    CAST(coalesce(sum(margin) FILTER (won_at < CAST($as_of AS TIMESTAMPTZ)), 0) AS DECIMAL(18, 4)) AS gross_margin
FROM referrals
WHERE invited_at >= CAST($start AS TIMESTAMPTZ) AND invited_at < CAST($end AS TIMESTAMPTZ) AND reward IS NOT NULL
GROUP BY reward
ORDER BY reward
