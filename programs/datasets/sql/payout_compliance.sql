-- Payouts of [start, end) that break a rule of paying: how many and how much, a row a rule. What was clawed back in full
-- breaks none. A program without a smallest order has no minimum. A payout is held against its reward in the currency of
-- both; where they differ, the rates of two days would differ too, and it is not.
WITH paid AS (
    SELECT
        p.* EXCLUDE (undone_at), r.referral_id IS NOT NULL AS known, r.won_at, r.undone_at, r.stated AS promised, r.stated_in AS promised_in,
        r.gross_revenue AS revenue,
        r.referrer_id,
        count(*) OVER (PARTITION BY p.referral_id) AS times
    FROM referral_payouts p LEFT JOIN referrals r USING (referral_id)
    WHERE coalesce(p.status, 'paid') IN ('paid', 'released') AND NOT p.undone AND p.paid_at < CAST($end AS TIMESTAMPTZ)
),
broken AS (
    SELECT amount, paid_at, unnest(list_filter([
        CASE WHEN NOT known THEN 'unknown_referral' END,
        CASE WHEN times > 1 THEN 'paid_twice' END,
        CASE WHEN known AND won_at IS NULL OR won_at > paid_at THEN 'before_win' END,
        CASE WHEN won_at <= paid_at AND paid_at < won_at + to_days($holding_days) THEN 'before_holding' END,
        CASE WHEN undone_at <= paid_at THEN 'after_refund' END,
        CASE WHEN stated_in = promised_in AND stated * amount > promised * gross_amount THEN 'above_reward' END,
        CASE WHEN revenue < CAST($minimum_order AS DECIMAL(18, 4)) THEN 'below_minimum' END,
        CASE WHEN beneficiary_id <> referrer_id THEN 'other_beneficiary' END
    ], lambda rule: rule IS NOT NULL)) AS rule
    FROM paid
)
SELECT rule, count(*) AS payouts, CAST(sum(amount) AS DECIMAL(18, 4)) AS amount
FROM broken
WHERE paid_at >= CAST($start AS TIMESTAMPTZ)
GROUP BY rule
ORDER BY rule
