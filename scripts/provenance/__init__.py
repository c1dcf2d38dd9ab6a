"""Where results come from: identity of a step, store of results, records, and their verification.

Nothing in here can alter a number: it is no part of what a result is identified by.
"""
