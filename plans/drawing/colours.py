"""The colours of charts, on pages, on paper and in spreadsheets."""

COLOURS = ("#7c3aed", "#0891b2", "#d97706", "#16a34a", "#db2777", "#475569")
INK = "currentColor"  # of the page; see PAPER_INK for what is not part of one
PAPER_INK = "#1f2937"
