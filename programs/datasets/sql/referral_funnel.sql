-- The invitations of [start, end) as they stood at as_of, per group: how many reached each stage or a later one
-- (so that stages nest where a time was not recorded), and the money of those won, net of what was refunded before
-- as_of. An order refunded in full is not won, nor is its reward paid. out_of_order counts rows that reached a stage
-- with an earlier one missing. priced are those won whose margin is known, priced_revenue their revenue. Referrals in
-- left_out are in no figure.
WITH later AS (
    SELECT referral_id, sum(lowered) AS lowered FROM referral_changes
    WHERE moved_at >= CAST($as_of AS TIMESTAMPTZ) GROUP BY referral_id
),
seen AS (
    SELECT
        CASE WHEN $by_channel THEN coalesce(channel, '') ELSE '' END AS channel,
        CASE WHEN $by_persona THEN coalesce(persona, '') ELSE '' END AS persona,
        CASE WHEN $by_partner_tier THEN coalesce(partner_tier, '') ELSE '' END AS partner_tier,
        CASE WHEN $by_region THEN coalesce(region, '') ELSE '' END AS region,
        clicked_at < CAST($as_of AS TIMESTAMPTZ) AS clicked,
        submitted_at < CAST($as_of AS TIMESTAMPTZ) AS submitted,
        qualified_at < CAST($as_of AS TIMESTAMPTZ) AS qualified,
        pipeline_at < CAST($as_of AS TIMESTAMPTZ) AS pipeline,
        won_at < CAST($as_of AS TIMESTAMPTZ) AS bought,
        coalesce(undone_at < CAST($as_of AS TIMESTAMPTZ), false) AS given_back,
        bought AND NOT given_back AS won,
        paid_at < CAST($as_of AS TIMESTAMPTZ) AND NOT given_back
            AND NOT coalesce(gross_reward > 0 AND reward <= 0, false) AS paid,
        pipeline_amount, reward, fraud,
        CASE WHEN lowered IS NULL THEN revenue ELSE coalesce(revenue, 0) + lowered END AS revenue,
        CASE
            WHEN lowered IS NULL THEN margin
            WHEN gross_revenue > 0 THEN gross_margin * (coalesce(revenue, 0) + lowered) / gross_revenue
            ELSE gross_margin
        END AS margin
    FROM earned LEFT JOIN later USING (referral_id)
    WHERE invited_at >= CAST($start AS TIMESTAMPTZ) AND invited_at < CAST($end AS TIMESTAMPTZ)
        AND referral_id NOT IN (SELECT referral_id FROM left_out)
),
staged AS (
    SELECT *, CASE
        WHEN paid THEN 7 WHEN won THEN 6 WHEN bought OR pipeline THEN 5 WHEN qualified THEN 4 WHEN submitted THEN 3
        WHEN clicked THEN 2 ELSE 1 END AS stage
    FROM seen
)
SELECT
    channel, persona, partner_tier, region,
    count(*) AS invites,
    count(*) FILTER (stage >= 2) AS clicks,
    count(*) FILTER (stage >= 3) AS referrals,
    count(*) FILTER (stage >= 4) AS qualified,
    count(*) FILTER (stage >= 5) AS pipeline,
    count(*) FILTER (stage >= 6) AS won,
    count(*) FILTER (stage >= 7) AS paid,
    CAST(coalesce(sum(pipeline_amount) FILTER (stage >= 5), 0) AS DECIMAL(18, 4)) AS pipeline_amount,
    CAST(coalesce(sum(revenue) FILTER (stage >= 6), 0) AS DECIMAL(18, 4)) AS revenue,
    CAST(coalesce(sum(margin) FILTER (stage >= 6), 0) AS DECIMAL(18, 4)) AS margin,
    count(margin) FILTER (stage >= 6) AS priced,
    CAST(coalesce(sum(revenue) FILTER (stage >= 6 AND margin IS NOT NULL), 0) AS DECIMAL(18, 4)) AS priced_revenue,
    CAST(coalesce(sum(reward) FILTER (stage >= 6 OR bought), 0) AS DECIMAL(18, 4)) AS reward,
    count(*) FILTER (
        stage > 1 + coalesce(clicked, false)::INT + coalesce(submitted, false)::INT + coalesce(qualified, false)::INT
            + coalesce(pipeline, false)::INT + coalesce(won, false)::INT + coalesce(paid, false)::INT
    ) AS out_of_order,
    count(fraud) AS labelled,
    count(*) FILTER (fraud) AS fraud
FROM staged
GROUP BY 1, 2, 3, 4
ORDER BY channel, persona, partner_tier, region
