-- How many different people invited in [start, end).
SELECT count(DISTINCT referrer_id) AS referrers
FROM referrals
WHERE invited_at >= CAST($start AS TIMESTAMPTZ) AND invited_at < CAST($end AS TIMESTAMPTZ)
ORDER BY referrers
