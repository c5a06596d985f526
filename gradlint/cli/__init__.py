"""The commands. They read arguments, call the pipeline and print; nothing is decided here about a source."""
