-- Points per member earned, redeemed and expired in [start, end) and in [previous, start).
SELECT
    member_id,
    CAST(coalesce(sum(points) FILTER (entry = 'issue' AND now), 0) AS DOUBLE) AS earned,
    CAST(coalesce(sum(points) FILTER (entry = 'redeem' AND now), 0) AS DOUBLE) AS redeemed,
    CAST(coalesce(sum(points) FILTER (entry = 'expire' AND now), 0) AS DOUBLE) AS expired,
    CAST(coalesce(sum(points) FILTER (entry = 'issue' AND NOT now), 0) AS DOUBLE) AS earned_before,
    CAST(coalesce(sum(points) FILTER (entry = 'redeem' AND NOT now), 0) AS DOUBLE) AS redeemed_before,
    CAST(coalesce(sum(points) FILTER (entry = 'expire' AND NOT now), 0) AS DOUBLE) AS expired_before
FROM (
    SELECT member_id, entry, points, posted_at >= CAST($start AS TIMESTAMPTZ) AS now
    FROM point_ledger
    WHERE posted_at >= CAST($previous AS TIMESTAMPTZ) AND posted_at < CAST($end AS TIMESTAMPTZ)
)
GROUP BY member_id
ORDER BY member_id
