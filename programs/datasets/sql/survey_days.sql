-- One row an NPS answer: its day (days since 1970, local) and score.
SELECT
    datediff('day', DATE '1970-01-01', CAST(answered_at AT TIME ZONE 'UTC' AS DATE)) AS day,
    score
FROM survey_responses
WHERE survey = 'nps' AND answered_at < CAST($as_of AS TIMESTAMPTZ)
ORDER BY day, score
