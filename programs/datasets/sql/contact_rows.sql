-- Contacts as each partner keeps them, for matching.
SELECT
    coalesce(nullif(owner, ''), partner, '') AS owner, contact_id, email, email_hash, given_name, family_name,
    company, phone, city, postcode, birth_date::VARCHAR AS birth_date
FROM contacts
ORDER BY owner, contact_id
