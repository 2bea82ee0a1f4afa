-- The segments that the member list names, and how many members are in each; a member counts by the latest row.
SELECT persona, count(*) AS members
FROM (
    SELECT member_id, trim(arg_max(persona, coalesce(updated_at, enrolled_at))) AS persona
    FROM members GROUP BY member_id
)
WHERE persona <> ''
GROUP BY persona
ORDER BY persona
