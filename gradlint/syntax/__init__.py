"""Parse and lower: source text becomes the nodes of `ir`. The only folder that knows libcst.

`unit.Unit` is the way in; `show` prints what it lowered to, `verify` says whether that is well formed.
"""
