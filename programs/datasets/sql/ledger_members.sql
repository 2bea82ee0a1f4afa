-- Everybody with an entry in the point ledger before as_of, and the tier that the member list says; '' where it says none.
SELECT member_id, coalesce(any_value(tier), '') AS tier
FROM point_ledger LEFT JOIN members USING (member_id)
WHERE posted_at < CAST($as_of AS TIMESTAMPTZ)
GROUP BY member_id
ORDER BY member_id
