-- What happened in each window n [lows[n], highs[n]) per group of the dimensions asked for ('' elsewhere).
-- A member is known from the member list, else from the first purchase; a tier nobody recorded follows from the spend
-- of the 365 days before the first window ends. Rows of ids that are nobody's stand in a group without dimensions.
WITH windows AS (
    SELECT n - 1 AS n, CAST($lows[n] AS TIMESTAMPTZ) AS low, CAST($highs[n] AS TIMESTAMPTZ) AS high
    FROM range(1, len($lows) + 1) AS numbers (n)
),
horizon AS MATERIALIZED (SELECT max(high) AS high, max(high) - INTERVAL 365 DAY AS year FROM windows),
tiers_recorded AS (SELECT count(*) > 0 AS yes FROM members WHERE tier <> ''),
buyers AS (
    SELECT
        member_id, min(purchased_at) AS first_at,
        sum(amount) FILTER (purchased_at >= horizon.year) AS spend
    FROM purchases, horizon WHERE purchased_at < horizon.high GROUP BY member_id
),
people AS (
    SELECT
        coalesce(listed.member_id, buyers.member_id) AS member_id,
        coalesce(listed.enrolled_at, buyers.first_at) AS enrolled_at, listed.left_at,
        CASE WHEN NOT list_contains($dimensions, 'tier') THEN ''
            WHEN tiers_recorded.yes THEN coalesce(listed.tier, '')
            ELSE coalesce($tiers[len(list_filter($thresholds, lambda t: t <= coalesce(buyers.spend, 0)))], '') END AS tier,
        CASE WHEN list_contains($dimensions, 'region') THEN coalesce(listed.region, '') ELSE '' END AS region,
        CASE WHEN list_contains($dimensions, 'channel') THEN coalesce(listed.channel, '') ELSE '' END AS channel,
        CASE WHEN list_contains($dimensions, 'cohort')
            THEN strftime(coalesce(listed.enrolled_at, buyers.first_at) AT TIME ZONE 'UTC', '%Y-%m')
            ELSE '' END AS cohort
    FROM (SELECT members.* FROM members, horizon WHERE enrolled_at < horizon.high) AS listed
    FULL JOIN buyers USING (member_id), tiers_recorded
),
facts AS (
    SELECT
        n, tier, cohort, region, channel,
        1 AS members, CAST(enrolled_at >= low AS INT) AS enrolled,
        CAST(coalesce(left_at < high, false) AS INT) AS departed,
        0 AS active, 0 AS orders, 0 AS revenue, 0 AS lowered, 0 AS refunded, 0 AS earned, 0 AS redeemed, 0 AS expired,
        0 AS responses, 0 AS satisfied
    FROM people JOIN windows ON enrolled_at < high AND (left_at IS NULL OR left_at >= low)
    UNION ALL
    SELECT
        n, tier, cohort, region, channel, 0, 0, 0,
        CAST(coalesce(enrolled_at < high AND (left_at IS NULL OR left_at >= low), false) AS INT),
        orders, revenue, 0, 0, 0, 0, 0, 0, 0
    FROM (
        SELECT n, member_id, count(*) AS orders, sum(amount) AS revenue
        FROM purchases JOIN windows ON purchased_at >= low AND purchased_at < high GROUP BY n, member_id
    ) JOIN windows USING (n) LEFT JOIN people USING (member_id)
    UNION ALL
    SELECT n, tier, cohort, region, channel, 0, 0, 0, 0, 0, 0, sum(by_sale), sum(by_move), 0, 0, 0, 0, 0
    FROM (
        SELECT n, member_id, lowered AS by_sale, 0 AS by_move
        FROM order_changes JOIN windows ON purchased_at >= low AND purchased_at < high
        UNION ALL
        SELECT n, member_id, 0, refunded FROM order_changes JOIN windows ON moved_at >= low AND moved_at < high
    ) LEFT JOIN people USING (member_id) GROUP BY 1, 2, 3, 4, 5
    UNION ALL
    SELECT n, tier, cohort, region, channel, 0, 0, 0, 0, 0, 0, 0, 0, earned, redeemed, expired, 0, 0
    FROM (
        SELECT
            n, member_id,
            -- What was taken back was not earned; an adjustment is either.
            sum(CASE entry WHEN 'issue' THEN points WHEN 'adjust' THEN points WHEN 'reverse' THEN -points END) AS earned,
            sum(points) FILTER (entry = 'redeem') AS redeemed, sum(points) FILTER (entry = 'expire') AS expired
        FROM point_ledger JOIN windows ON posted_at >= low AND posted_at < high GROUP BY n, member_id
    ) LEFT JOIN people USING (member_id)
    UNION ALL
    SELECT n, tier, cohort, region, channel, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, responses, satisfied
    FROM (
        SELECT n, member_id, count(*) AS responses, count(*) FILTER (score >= 4) AS satisfied
        FROM survey_responses JOIN windows ON answered_at >= low AND answered_at < high
        WHERE survey = 'csat' GROUP BY n, member_id
    ) LEFT JOIN people USING (member_id)
)
SELECT
    n, coalesce(tier, '') AS tier, coalesce(cohort, '') AS cohort, coalesce(region, '') AS region,
    coalesce(channel, '') AS channel,
    CAST(coalesce(sum(members), 0) AS BIGINT) AS members, CAST(coalesce(sum(enrolled), 0) AS BIGINT) AS enrolled,
    CAST(coalesce(sum(departed), 0) AS BIGINT) AS departed, CAST(coalesce(sum(active), 0) AS BIGINT) AS active,
    CAST(coalesce(sum(orders), 0) AS BIGINT) AS orders, CAST(coalesce(sum(revenue), 0) AS DOUBLE) AS revenue,
    CAST(coalesce(sum(revenue), 0) + coalesce(sum(lowered), 0) AS DOUBLE) AS gross,
    CAST(coalesce(sum(refunded), 0) AS DOUBLE) AS refunded,
    CAST(coalesce(sum(earned), 0) AS DOUBLE) AS earned, CAST(coalesce(sum(redeemed), 0) AS DOUBLE) AS redeemed,
    CAST(coalesce(sum(expired), 0) AS DOUBLE) AS expired,
    CAST(coalesce(sum(responses), 0) AS BIGINT) AS responses,
    CAST(coalesce(sum(satisfied), 0) AS BIGINT) AS satisfied
FROM facts
GROUP BY 1, 2, 3, 4, 5
ORDER BY n, tier, cohort, region, channel
