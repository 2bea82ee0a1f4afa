-- Tier held and the one before as the member list records them, of members enrolled before end: tier, previous_tier
-- ('' where not recorded), gone ('' for a member, or when the member left: window or before), members.
SELECT
    coalesce(tier, '') AS tier, coalesce(previous_tier, '') AS previous_tier,
    CASE WHEN left_at < CAST($start AS TIMESTAMPTZ) THEN 'before'
        WHEN left_at < CAST($end AS TIMESTAMPTZ) THEN 'window' ELSE '' END AS gone,
    count(*) AS members
FROM members
WHERE enrolled_at < CAST($end AS TIMESTAMPTZ)
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3, 4
