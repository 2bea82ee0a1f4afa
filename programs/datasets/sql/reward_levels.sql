-- Per reward promised, in the currency of the promise: invitations of [start, end), those won by as_of that were not
-- refunded in full, and the rewards and gross margin of those won, net of claw-backs and refunds; by_tier asks for each
-- tier of partners apart.
SELECT
    CASE WHEN $by_tier THEN coalesce(partner_tier, '') ELSE '' END AS tier,
    stated AS reward,
    coalesce(stated_in, '') AS currency,
    count(*) AS invites,
    count(*) FILTER (won_at < CAST($as_of AS TIMESTAMPTZ) AND NOT undone) AS won,
    CAST(coalesce(sum(reward) FILTER (won_at < CAST($as_of AS TIMESTAMPTZ)), 0) AS DECIMAL(18, 4)) AS payout,
    CAST(coalesce(sum(margin) FILTER (won_at < CAST($as_of AS TIMESTAMPTZ)), 0) AS DECIMAL(18, 4)) AS gross_margin
FROM earned
WHERE invited_at >= CAST($start AS TIMESTAMPTZ) AND invited_at < CAST($end AS TIMESTAMPTZ) AND stated IS NOT NULL
GROUP BY 1, 2, 3
ORDER BY tier, currency, reward
