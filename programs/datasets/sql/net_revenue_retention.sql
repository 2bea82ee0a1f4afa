-- Members who bought in the `days` days before the last `days` days: what they spent then and what they have spent since,
-- with the sums that an interval of the ratio takes.
WITH spent AS (
    SELECT
        member_id,
        coalesce(sum(amount) FILTER (purchased_at < CAST($as_of AS TIMESTAMPTZ) - to_days($days)), 0) AS earlier,
        coalesce(sum(amount) FILTER (purchased_at >= CAST($as_of AS TIMESTAMPTZ) - to_days($days)), 0) AS later,
        count(*) FILTER (purchased_at < CAST($as_of AS TIMESTAMPTZ) - to_days($days)) AS bought
    FROM purchases
    WHERE purchased_at >= CAST($as_of AS TIMESTAMPTZ) - to_days(2 * $days) AND purchased_at < CAST($as_of AS TIMESTAMPTZ)
    GROUP BY member_id
)
SELECT
    count(*) AS members,
    count(*) FILTER (later > 0) AS still_buying,
    CAST(coalesce(sum(earlier), 0) AS DOUBLE) AS earlier,
    CAST(coalesce(sum(later), 0) AS DOUBLE) AS later,
    CAST(coalesce(sum(CAST(earlier AS DOUBLE) * earlier ORDER BY member_id), 0) AS DOUBLE) AS earlier_squares,
    CAST(coalesce(sum(CAST(later AS DOUBLE) * later ORDER BY member_id), 0) AS DOUBLE) AS later_squares,
    CAST(coalesce(sum(CAST(earlier AS DOUBLE) * later ORDER BY member_id), 0) AS DOUBLE) AS products
FROM spent
WHERE bought > 0
