"""Plants one mistake about gradients at a time into scripts that work, and counts how many gradlint finds."""
