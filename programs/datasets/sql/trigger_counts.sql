-- How often each entry rule would have fired in the `days` days before as_of, and for how many members.
-- A rule fires at a moment, so that it is counted once however long its condition lasts.
WITH orders AS (
    SELECT
        member_id, purchased_at, amount,
        row_number() OVER running AS nth,
        lead(purchased_at) OVER running AS following,
        min(purchased_at) OVER (PARTITION BY member_id) AS first_at,
        (epoch_us(purchased_at) - epoch_us(min(purchased_at) OVER (PARTITION BY member_id)))
            / nullif(row_number() OVER running - 1, 0) AS mean_gap,
        sum(amount) OVER (
            PARTITION BY member_id ORDER BY purchased_at RANGE BETWEEN INTERVAL 365 DAYS PRECEDING AND CURRENT ROW
        ) AS year_spend
    FROM purchases WHERE purchased_at < CAST($as_of AS TIMESTAMPTZ)
    WINDOW running AS (PARTITION BY member_id ORDER BY purchased_at, amount)
),
silences AS (
    SELECT 'welcome' AS trigger, NULL AS threshold, member_id, purchased_at AS fired_at
    FROM orders WHERE nth = 1
    UNION ALL
    SELECT 'no_second_purchase', NULL, member_id, purchased_at + to_days($second_days)
    FROM orders
    WHERE nth = 1 AND (following IS NULL OR following > purchased_at + to_days($second_days))
    UNION ALL
    SELECT 'lapsing_frequent_buyer', NULL, member_id,
        purchased_at + to_microseconds(CAST($lapse_factor * mean_gap AS BIGINT))
    FROM orders
    WHERE nth >= $frequent_orders AND mean_gap > 0 AND (
        following IS NULL OR epoch_us(following) > epoch_us(purchased_at) + $lapse_factor * mean_gap
    )
    UNION ALL
    SELECT 'win_back', NULL, member_id, purchased_at + to_days($win_back_days)
    FROM orders WHERE following IS NULL OR following > purchased_at + to_days($win_back_days)
    UNION ALL
    SELECT 'anniversary', NULL, member_id, first_at + to_years(CAST(year AS INTEGER))
    FROM (
        SELECT *, unnest(range(1, date_diff('year', first_at, CAST($as_of AS TIMESTAMPTZ)) + 1)) AS year
        FROM orders WHERE nth = 1
    )
    UNION ALL
    SELECT 'near_tier', threshold, member_id, purchased_at
    FROM orders, (SELECT unnest($thresholds::DECIMAL(18, 4)[]) AS threshold)
    WHERE year_spend >= threshold * (1 - $near) AND year_spend < threshold
        AND year_spend - amount < threshold * (1 - $near)
)
SELECT trigger, threshold, count(*) AS fired, count(DISTINCT member_id) AS members
FROM silences
WHERE fired_at >= CAST($as_of AS TIMESTAMPTZ) - to_days($days) AND fired_at < CAST($as_of AS TIMESTAMPTZ)
GROUP BY trigger, threshold
ORDER BY trigger, threshold
