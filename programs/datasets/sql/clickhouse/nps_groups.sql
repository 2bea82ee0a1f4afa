-- Made by make clickhouse-sql from the file of this name one folder up: change that one.
-- NPS answers of [start, end) by partner, tier, channel and region: promoters 9-10, passives 7-8, detractors 0-6.
SELECT
  CAST(COALESCE(partner_id, '') AS Nullable(String)) AS partner,
  CAST(COALESCE(tier, '') AS Nullable(String)) AS tier,
  CAST(COALESCE(channel, '') AS Nullable(String)) AS channel,
  CAST(COALESCE(region, '') AS Nullable(String)) AS region,
  CAST(COUNT(*) FILTER(WHERE
    score >= 9) AS Nullable(Int64)) AS promoters,
  CAST(COUNT(*) FILTER(WHERE
    score BETWEEN 7 AND 8) AS Nullable(Int64)) AS passives,
  CAST(COUNT(*) FILTER(WHERE
    score <= 6) AS Nullable(Int64)) AS detractors
FROM survey_responses
WHERE
  survey = 'nps'
  AND answered_at >= CAST({start:DateTime64(6, 'UTC')} AS Nullable(DateTime64(6, 'UTC')))
  AND answered_at < CAST({end:DateTime64(6, 'UTC')} AS Nullable(DateTime64(6, 'UTC')))
GROUP BY
  1,
  2,
  3,
  4
ORDER BY
  1,
  2,
  3,
  4
