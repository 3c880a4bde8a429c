"""Who is who: names, certificates, seals, pairing documents, and what each caller may do."""
