-- Moves between tiers by the program's own rule, spend of 365 days against thresholds, from the start of each window
-- (7d, 30d, quarter) to its end: window, before, after (index of the tier, -1 for no member then), members;
-- recorded and agreeing count the tiers of the member list at the end that the rule can be held against.
-- A member is placed once at each moment; windows are told from the counts of those who were placed alike.
WITH moments AS MATERIALIZED (
    SELECT at_end, at_week, at_month, at_quarter, at_end - INTERVAL 365 DAY AS year_of_end,
        at_week - INTERVAL 365 DAY AS year_of_week, at_month - INTERVAL 365 DAY AS year_of_month,
        at_quarter - INTERVAL 365 DAY AS year_of_quarter
    FROM (
        SELECT CAST($end AS TIMESTAMPTZ) AS at_end, CAST($week AS TIMESTAMPTZ) AS at_week,
            CAST($month AS TIMESTAMPTZ) AS at_month, CAST($quarter AS TIMESTAMPTZ) AS at_quarter
    )
),
spend AS (
    SELECT
        member_id, min(purchased_at) AS first_at,
        sum(amount) FILTER (purchased_at >= year_of_end) AS by_end,
        sum(amount) FILTER (purchased_at >= year_of_week AND purchased_at < at_week) AS by_week,
        sum(amount) FILTER (purchased_at >= year_of_month AND purchased_at < at_month) AS by_month,
        sum(amount) FILTER (purchased_at >= year_of_quarter AND purchased_at < at_quarter) AS by_quarter
    FROM purchases, moments WHERE purchased_at < at_end GROUP BY member_id
),
people AS (
    SELECT
        coalesce(listed.enrolled_at, spend.first_at) AS enrolled_at, listed.left_at, coalesce(listed.tier, '') AS tier,
        by_end, by_week, by_month, by_quarter
    FROM (SELECT members.* FROM members, moments WHERE enrolled_at < at_end) AS listed FULL JOIN spend USING (member_id)
),
placed AS (
    SELECT
        tier,
        CASE WHEN left_at < at_end THEN -1
            ELSE len(list_filter($thresholds, lambda t: t <= coalesce(by_end, 0))) - 1 END AS after,
        CASE WHEN enrolled_at >= at_week OR left_at < at_week THEN -1
            ELSE len(list_filter($thresholds, lambda t: t <= coalesce(by_week, 0))) - 1 END AS in_week,
        CASE WHEN enrolled_at >= at_month OR left_at < at_month THEN -1
            ELSE len(list_filter($thresholds, lambda t: t <= coalesce(by_month, 0))) - 1 END AS in_month,
        CASE WHEN enrolled_at >= at_quarter OR left_at < at_quarter THEN -1
            ELSE len(list_filter($thresholds, lambda t: t <= coalesce(by_quarter, 0))) - 1 END AS in_quarter
    FROM people, moments
),
alike AS MATERIALIZED (
    SELECT tier, after, in_week, in_month, in_quarter, count(*) AS members FROM placed GROUP BY 1, 2, 3, 4, 5
),
pairs AS (
    SELECT '7d' AS span, in_week AS before, after, tier, members FROM alike
    UNION ALL SELECT '30d', in_month, after, tier, members FROM alike
    UNION ALL SELECT 'quarter', in_quarter, after, tier, members FROM alike
)
SELECT
    span, before, after, CAST(sum(members) AS BIGINT) AS members,
    CAST(coalesce(sum(members) FILTER (tier <> ''), 0) AS BIGINT) AS recorded,
    CAST(coalesce(sum(members) FILTER (after >= 0 AND tier = $tiers[after + 1]), 0) AS BIGINT) AS agreeing
FROM pairs
GROUP BY 1, 2, 3
ORDER BY span, before, after
