"""Who exchanges: the document by which two nodes are paired, the parties that it makes, and its end."""
