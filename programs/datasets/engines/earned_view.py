"""SQL of the view ``earned``: referrals with what is owed for them, or was paid and not taken back."""

from __future__ import annotations

LEFT_OF = """
    -- What is left of a promise, given what was paid of it and taken back, all in one currency. Taken back in
    -- both files is taken back once.
    CREATE TEMP MACRO left_of(promise, promised, undone, sent, paid, taken, own_paid_at) AS CASE
        WHEN promise IS NULL THEN NULL
        WHEN NOT undone AND sent IS NULL THEN promise
        WHEN NOT undone THEN least(promise, greatest(promised - taken, least(paid, promised), 0))
        WHEN sent IS NOT NULL THEN least(greatest(paid, 0), promise)
        WHEN own_paid_at IS NOT NULL THEN promise
        ELSE 0 END;
    CREATE TEMP VIEW payout_rows AS
    SELECT *, coalesce(status, 'paid') IN ('paid', 'released') AS live,
        coalesce(status = 'reversed', false) AS back
    FROM referral_payouts;
"""
PAID_AND_TAKEN = """
    sum(CASE WHEN live THEN amount ELSE 0 END) AS paid,
    sum(CASE WHEN back THEN amount ELSE gross_amount - amount END) AS taken
"""
EARNED = f"""{LEFT_OF}
    CREATE TEMP VIEW payouts_of AS
    SELECT referral_id, {PAID_AND_TAKEN} FROM payout_rows GROUP BY referral_id;
    CREATE TEMP VIEW held_against AS
    SELECT r.*, p.paid AS sent, true AS in_one, false AS is_near
    FROM referrals r LEFT JOIN payouts_of p ON p.referral_id = r.referral_id;
    CREATE TEMP VIEW earned AS
    SELECT r.* REPLACE (CAST(
        left_of(r.reward, r.gross_reward, r.undone, p.referral_id, p.paid, p.taken, r.paid_at)
        AS DECIMAL(18, 4)) AS reward)
    FROM referrals r LEFT JOIN payouts_of p ON p.referral_id = r.referral_id
"""  # noqa: S608


def earned_in_currencies(digits: int, near: float) -> str:
    """``EARNED`` where amounts were converted, with ``digits`` after the point.

    What was paid is held against the promise in the currency of both, and what is left is converted as the
    promise is: at the rates of two days, a reward taken back in full would leave some cents. Where the
    currencies differ, the converted amounts are compared, and one that is no further from the promise than
    ``near``, a share of it, is all of it. The view ``held_against`` says what was held against what, and how.
    """
    return f"""{LEFT_OF}
        CREATE TEMP VIEW payouts_of AS
        SELECT referral_id, {PAID_AND_TAKEN},
            CASE WHEN min(stated_in) = max(stated_in) THEN min(stated_in) END AS paid_in,
            sum(CASE WHEN live THEN stated_left ELSE 0 END) AS stated_paid,
            sum(CASE WHEN back THEN stated_left ELSE stated - stated_left END) AS stated_taken,
            coalesce(nullif(sum(CASE WHEN live THEN gross_amount ELSE 0 END), 0), sum(gross_amount)) AS sent
        FROM payout_rows GROUP BY referral_id;
        CREATE TEMP VIEW held_against AS
        SELECT r.*, p.sent, coalesce(p.paid_in = r.stated_in, p.referral_id IS NULL) AS in_one,
            coalesce(abs(p.sent - r.gross_reward) <= {near!r} * r.gross_reward, false) AS is_near,
            left_of(r.stated_left, r.stated, r.undone, p.referral_id, p.stated_paid, p.stated_taken,
                r.paid_at) AS kept_stated,
            CASE WHEN is_near THEN CAST(r.gross_reward AS DOUBLE) / p.sent ELSE 1 END AS scale,
            round(left_of(r.reward, r.gross_reward, r.undone, p.referral_id, p.paid * scale,
                p.taken * scale, r.paid_at), {digits}) AS kept_here
        FROM referrals r LEFT JOIN payouts_of p ON p.referral_id = r.referral_id;
        CREATE TEMP VIEW earned AS
        SELECT * EXCLUDE (kept_stated, kept_here, in_one, scale, sent, is_near) REPLACE (CAST(CASE
                WHEN NOT in_one THEN kept_here
                WHEN kept_stated = stated_left OR kept_stated IS NULL THEN reward
                WHEN gross_reward = stated THEN kept_stated
                ELSE round(CAST(kept_stated * gross_reward AS DOUBLE) / CAST(stated AS DOUBLE), {digits})
            END AS DECIMAL(18, 4)) AS reward)
        FROM held_against
    """  # noqa: S608
