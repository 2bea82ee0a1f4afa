-- NPS answers of [start, end) by partner, tier, channel and region: promoters 9-10, passives 7-8, detractors 0-6.
SELECT
    coalesce(partner_id, '') AS partner, coalesce(tier, '') AS tier, coalesce(channel, '') AS channel,
    coalesce(region, '') AS region,
    count(*) FILTER (score >= 9) AS promoters,
    count(*) FILTER (score BETWEEN 7 AND 8) AS passives,
    count(*) FILTER (score <= 6) AS detractors
FROM survey_responses
WHERE survey = 'nps' AND answered_at >= CAST($start AS TIMESTAMPTZ) AND answered_at < CAST($end AS TIMESTAMPTZ)
GROUP BY 1, 2, 3, 4
ORDER BY partner, tier, channel, region
