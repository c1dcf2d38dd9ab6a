"""What a build needs beside Snakemake: the configuration, one build at a time, progress, resources.

Nothing in here can alter a number: it is no part of what a result is identified by.
"""
