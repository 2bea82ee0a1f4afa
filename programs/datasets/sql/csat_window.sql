-- CSAT answers (1-5) of [start, end): how many, and how many are satisfied (4 or 5).
SELECT count(*) AS responses, count(*) FILTER (score >= 4) AS satisfied
FROM survey_responses
WHERE survey = 'csat' AND answered_at >= CAST($start AS TIMESTAMPTZ) AND answered_at < CAST($end AS TIMESTAMPTZ)
