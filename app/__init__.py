"""The use cases of vret and their faces: the command line and the page. Everything heavy is imported where it is needed."""
