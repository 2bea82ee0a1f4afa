-- Sufficient statistics of what redemptions cost, by reward, over the `days` days before as_of: all redemptions and
-- their points, and sums over those that state a cost, which is of the whole redemption.
SELECT
    coalesce(reward, '') AS reward,
    count(*) AS redemptions,
    CAST(sum(points) AS DOUBLE) AS points,
    count(cost) AS stated,
    coalesce(sum(CAST(cost AS DOUBLE) ORDER BY entry_id), 0) AS cost,
    coalesce(sum(CAST(points AS DOUBLE) ORDER BY entry_id) FILTER (cost IS NOT NULL), 0) AS stated_points,
    coalesce(sum(CAST(cost AS DOUBLE) ** 2 ORDER BY entry_id), 0) AS cost_squares,
    coalesce(sum(CAST(points AS DOUBLE) ** 2 ORDER BY entry_id) FILTER (cost IS NOT NULL), 0) AS point_squares,
    coalesce(sum(CAST(cost AS DOUBLE) * CAST(points AS DOUBLE) ORDER BY entry_id), 0) AS cross_products
FROM point_ledger
WHERE entry = 'redeem' AND points > 0
    AND posted_at < CAST($as_of AS TIMESTAMPTZ) AND posted_at >= CAST($as_of AS TIMESTAMPTZ) - to_days($days)
GROUP BY 1
ORDER BY reward
