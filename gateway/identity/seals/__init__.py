"""The keys by which a node signs, in files or in a token (PKCS#11), and whose they are."""
