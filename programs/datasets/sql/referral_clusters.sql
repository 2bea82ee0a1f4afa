-- The invitations of [start, end) as they stood at as_of, by who sent them: per referrer, or per partner, how many
-- reached each stage in each group. Whoever did exactly the same is counted together: profile says which rows are of
-- one, clusters how many did that. Stages are those of referral_funnel. Referrals in left_out are in no figure.
WITH seen AS (
    SELECT
        CASE WHEN $by_partner THEN coalesce('p' || partner_id, 'r' || referrer_id) ELSE referrer_id END AS cluster,
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
            AND NOT coalesce(gross_reward > 0 AND reward <= 0, false) AS paid
    FROM earned
    WHERE invited_at >= CAST($start AS TIMESTAMPTZ) AND invited_at < CAST($end AS TIMESTAMPTZ)
        AND referral_id NOT IN (SELECT referral_id FROM left_out)
),
staged AS (
    SELECT cluster, channel, persona, partner_tier, region, CASE
        WHEN paid THEN 7 WHEN won THEN 6 WHEN bought OR pipeline THEN 5 WHEN qualified THEN 4 WHEN submitted THEN 3
        WHEN clicked THEN 2 ELSE 1 END AS stage
    FROM seen
),
counted AS (
    SELECT
        cluster, channel, persona, partner_tier, region,
        CAST(count(*) AS INTEGER) AS invites,
        CAST(count(*) FILTER (stage >= 2) AS INTEGER) AS clicks,
        CAST(count(*) FILTER (stage >= 3) AS INTEGER) AS referrals,
        CAST(count(*) FILTER (stage >= 4) AS INTEGER) AS qualified,
        CAST(count(*) FILTER (stage >= 5) AS INTEGER) AS pipeline,
        CAST(count(*) FILTER (stage >= 6) AS INTEGER) AS won,
        CAST(count(*) FILTER (stage >= 7) AS INTEGER) AS paid
    FROM staged
    GROUP BY 1, 2, 3, 4, 5
),
profiles AS (
    SELECT list({
        'channel': channel, 'persona': persona, 'partner_tier': partner_tier, 'region': region, 'invites': invites,
        'clicks': clicks, 'referrals': referrals, 'qualified': qualified, 'pipeline': pipeline, 'won': won, 'paid': paid
    } ORDER BY channel, persona, partner_tier, region) AS did
    FROM counted
    GROUP BY cluster
),
alike AS (
    SELECT did, count(*) AS clusters FROM profiles GROUP BY did
),
listed AS (
    SELECT row_number() OVER (ORDER BY did) AS profile, clusters, unnest(did, recursive := true) FROM alike
)
SELECT * FROM listed ORDER BY profile, channel, persona, partner_tier, region
