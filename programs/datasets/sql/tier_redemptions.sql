-- By the tier of the member list: points issued until `mature` days before as_of and what members have redeemed of them,
-- as sums over members, and the points issued in the last `recent` days, with what their spread over members takes. A member's oldest points are used first.
WITH moves AS (
    SELECT member_id, posted_at, abs(CAST(points AS DOUBLE)) AS points,
        CASE WHEN entry = 'adjust' AND points > 0 THEN 'issue' WHEN entry = 'adjust' THEN 'reverse' ELSE entry END AS entry
    FROM point_ledger WHERE posted_at < CAST($as_of AS TIMESTAMPTZ)
),
of_member AS (
    SELECT
        member_id,
        coalesce(sum(points) FILTER (entry = 'issue' AND posted_at < CAST($as_of AS TIMESTAMPTZ) - to_days($mature)), 0)
            - coalesce(sum(points) FILTER (entry = 'reverse' AND posted_at < CAST($as_of AS TIMESTAMPTZ) - to_days($mature)), 0)
            AS issued,
        coalesce(sum(points) FILTER (entry = 'redeem'), 0) AS redeemed,
        coalesce(sum(points) FILTER (entry = 'issue' AND posted_at >= CAST($as_of AS TIMESTAMPTZ) - to_days($recent)), 0)
            AS recent
    FROM moves GROUP BY member_id
),
counted AS (
    SELECT coalesce(members.tier, '') AS tier, member_id, greatest(issued, 0) AS x,
        least(redeemed, greatest(issued, 0)) AS y, recent
    FROM of_member JOIN members USING (member_id)
)
SELECT
    tier, count(*) FILTER (x > 0) AS members,
    sum(x ORDER BY x) AS issued, sum(y ORDER BY y) AS redeemed, sum(x * x ORDER BY x) AS issued_squares,
    sum(y * y ORDER BY y) AS redeemed_squares, sum(x * y ORDER BY x, y) AS products, sum(recent ORDER BY recent) AS recent,
    sum(recent * recent ORDER BY recent) AS recent_squares, sum(x * recent ORDER BY x, recent) AS recent_products
FROM counted
GROUP BY tier
ORDER BY tier
