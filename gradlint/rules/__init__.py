"""Rules: small functions from an event to findings. One file a rule; `table.py` lists them."""
