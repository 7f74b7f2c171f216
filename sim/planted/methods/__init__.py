"""Methods side by side on the planted subsequence: one file each, at equal budgets."""
