"""One truth, three judges: the claims in `fixtures/`, and the checks that every block goes through."""
