-- Per how many customers a referrer had won by then in the window (the nth): how many referrers won so many, and the
-- rewards and gross margin of those nth customers, net. Referrals in left_out are in no figure.
WITH won AS (
    SELECT
        reward, margin,
        row_number() OVER (PARTITION BY referrer_id ORDER BY won_at, referral_id) AS nth
    FROM earned
    WHERE won_at >= CAST($start AS TIMESTAMPTZ) AND won_at < CAST($end AS TIMESTAMPTZ)
        AND NOT undone AND reward > 0 AND referral_id NOT IN (SELECT referral_id FROM left_out)
)
SELECT
    nth, count(*) AS referrers,
    CAST(coalesce(sum(reward), 0) AS DOUBLE) AS reward, CAST(coalesce(sum(margin), 0) AS DOUBLE) AS margin
FROM won
GROUP BY nth
ORDER BY nth
