-- All referrals known at as_of in one row: how many, of how many referrers, over which span of seconds, and the sums
-- over referrers with orders that a prior of refunds is made of.
WITH known AS (
    SELECT referrer_id,
        coalesce(CASE WHEN submitted_at < CAST($as_of AS TIMESTAMPTZ) THEN submitted_at END, invited_at) AS referred_at,
        won_at < CAST($as_of AS TIMESTAMPTZ) AS was_won,
        refunded_at < CAST($as_of AS TIMESTAMPTZ) AS was_refunded
    FROM referrals
    WHERE invited_at < CAST($as_of AS TIMESTAMPTZ)
),
referrers AS (
    SELECT count(*) AS referrals, min(referred_at) AS first_at, max(referred_at) AS last_at,
        CAST(count(*) FILTER (was_won) AS DOUBLE) AS orders,
        CAST(count(*) FILTER (was_won AND was_refunded) AS DOUBLE) AS refunds
    FROM known GROUP BY referrer_id
)
SELECT
    CAST(coalesce(sum(referrals), 0) AS BIGINT) AS referrals,
    count(*) AS referrers,
    CAST(coalesce((epoch_us(max(last_at)) - epoch_us(min(first_at))) // 1000000, 0) AS BIGINT) AS span_seconds,
    coalesce(sum(refunds), 0) AS refunds,
    coalesce(sum(orders), 0) AS orders,
    coalesce(sum(orders * orders), 0) AS orders_squared,
    coalesce(sum(refunds * refunds / greatest(orders, 1)), 0) AS refunds_weighted,
    count(*) FILTER (orders > 0) AS referrers_with_orders
FROM referrers
