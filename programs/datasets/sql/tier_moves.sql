-- Moves between tiers by the program's own rule, spend of 365 days against thresholds, from the start of each window
-- (7d, 30d, quarter) to its end: window, before, after (index of the tier, -1 for no member then), members;
-- recorded and agreeing count the tiers of the member list at the end that the rule can be held against.
WITH moments AS (
    SELECT CAST($end AS TIMESTAMPTZ) AS at_end, CAST($week AS TIMESTAMPTZ) AS at_week,
        CAST($month AS TIMESTAMPTZ) AS at_month, CAST($quarter AS TIMESTAMPTZ) AS at_quarter
),
spend AS (
    SELECT
        member_id, min(purchased_at) AS first_at,
        sum(amount) FILTER (purchased_at >= at_end - INTERVAL 365 DAY) AS by_end,
        sum(amount) FILTER (purchased_at >= at_week - INTERVAL 365 DAY AND purchased_at < at_week) AS by_week,
        sum(amount) FILTER (purchased_at >= at_month - INTERVAL 365 DAY AND purchased_at < at_month) AS by_month,
        sum(amount) FILTER (purchased_at >= at_quarter - INTERVAL 365 DAY AND purchased_at < at_quarter) AS by_quarter
    FROM purchases, moments WHERE purchased_at < at_end GROUP BY member_id
),
people AS (
    SELECT
        coalesce(listed.enrolled_at, spend.first_at) AS enrolled_at, listed.left_at, coalesce(listed.tier, '') AS tier,
        by_end, by_week, by_month, by_quarter
    FROM (FROM members, moments WHERE enrolled_at < at_end) AS listed FULL JOIN spend USING (member_id)
),
pairs AS (
    SELECT '7d' AS span, at_week AS start, by_week AS spent_then, by_end AS spent_now, people.* FROM people, moments
    UNION ALL SELECT '30d', at_month, by_month, by_end, people.* FROM people, moments
    UNION ALL SELECT 'quarter', at_quarter, by_quarter, by_end, people.* FROM people, moments
),
placed AS (
    SELECT
        span, tier,
        CASE WHEN enrolled_at >= start OR left_at < start THEN -1
            ELSE len(list_filter($thresholds, lambda t: t <= coalesce(spent_then, 0))) - 1 END AS before,
        CASE WHEN left_at < at_end THEN -1
            ELSE len(list_filter($thresholds, lambda t: t <= coalesce(spent_now, 0))) - 1 END AS after
    FROM pairs, moments
)
SELECT
    span, before, after, count(*) AS members, count(*) FILTER (tier <> '') AS recorded,
    count(*) FILTER (after >= 0 AND tier = $tiers[after + 1]) AS agreeing
FROM placed
GROUP BY ALL
ORDER BY span, before, after
