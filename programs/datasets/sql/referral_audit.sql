-- A random sample of the referrals won before as_of that are none of proposed, and that people can still act on: invited
-- since `since` or not paid (all of them where it is null). Those whose hash with the program's salt
-- is smallest, so that a later run draws the same ones again and adds to them. Beside them population, of how many they
-- are drawn, and of all referrals invited before as_of how many there are (known) and how many are labelled.
WITH told AS (
    SELECT count(*) AS known, count(fraud) AS labelled
    FROM referrals WHERE invited_at < CAST($as_of AS TIMESTAMPTZ)
),
drawn AS (
    SELECT referral_id, referrer_id,
        CASE WHEN undone_at < CAST($as_of AS TIMESTAMPTZ) OR paid_at < CAST($as_of AS TIMESTAMPTZ) THEN 0 ELSE greatest(coalesce(reward, 0), 0) END AS due,
        count(*) OVER () AS population, md5_number_lower($salt || referral_id) AS place
    FROM referrals
    WHERE won_at < CAST($as_of AS TIMESTAMPTZ) AND referral_id NOT IN (SELECT referral_id FROM proposed)
        AND ($since IS NULL OR invited_at >= CAST($since AS TIMESTAMPTZ) OR paid_at IS NULL OR paid_at >= CAST($as_of AS TIMESTAMPTZ))
)
SELECT referral_id, referrer_id, due, population, known, labelled
FROM told LEFT JOIN (SELECT * FROM drawn ORDER BY place, referral_id LIMIT $size) ON true
ORDER BY place, referral_id
