"""Tests of the rules as a whole: their table, and how findings of one mistake become one. Each rule's own test is its page."""
